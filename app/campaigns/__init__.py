"""Campaigns and their offers: who may order what, when, and how many there are.

Invariant: `0 <= promised_count <= quota` for every offer at every instant, kept by a CHECK; the
count is the sum of the quantities of the orders that hold a box.
"""
