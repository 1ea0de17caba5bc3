"""Decisions about figures: periods, shares, what is too small to be shown."""
