"""Decisions of closing a campaign: who is counted as what, and what contradicts what."""
