"""Decisions of the roster: what a file is, what its cells say, who is meant, what would change."""
