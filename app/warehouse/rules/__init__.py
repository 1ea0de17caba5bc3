"""Decisions of the warehouse: coverage, counts, states; pure functions."""
