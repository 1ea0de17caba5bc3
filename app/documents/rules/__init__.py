"""Decisions about papers: what they hold, their numbers, their words and their hash."""
