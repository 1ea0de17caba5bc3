"""Divisions of the country and the partner regions that goods come from.

Codes are those of the National Bureau of Statistics' table of 2023: 6 digits to the county,
9 to the township, 12 to the village.
"""
