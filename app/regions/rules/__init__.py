"""Decisions about regions: what they are called."""
