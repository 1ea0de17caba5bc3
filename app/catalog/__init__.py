"""Products and gift boxes: what is in a box, how heavy it is, where it comes from.

Weights are integer grams, volumes integer millilitres, money integer fen.
"""
