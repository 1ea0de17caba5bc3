"""Decisions about stock: accounts, movements, which lot goes first."""
