"""Decisions about aid projects and their results: what is counted in which unit, and what may be added."""
