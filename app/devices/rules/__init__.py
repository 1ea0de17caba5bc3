"""Decisions about devices."""
