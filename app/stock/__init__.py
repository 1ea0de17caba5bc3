"""Boxes by lot and place, as a ledger: every movement takes from one account and gives to another.

Invariants: a movement is one row with both sides, so nothing is ever posted by half; movements are never
changed or deleted; a balance is the sum of its movements (`prove_balances` compares); no balance but that of
the variance account is below zero; the balances of a lot add up to what was consigned of it.
"""
