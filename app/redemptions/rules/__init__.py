"""Decisions about pickup codes: pure, without database, network or clock."""
