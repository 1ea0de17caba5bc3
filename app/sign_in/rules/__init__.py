"""Decisions about passwords and codes."""
