"""Asking for papers, and what is done with those that are there."""
