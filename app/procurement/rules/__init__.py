"""Decisions about buying: states, quantities and money, numbers of papers, certificates."""
