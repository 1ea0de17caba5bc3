"""Decisions about orders: pure functions, enumerations, state tables."""
