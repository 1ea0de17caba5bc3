"""Suppliers, certificates, purchases and goods receipts: what was bought where, for how much, by whom.

Invariants: nobody approves a purchase they drafted or submitted; what was approved stays as it was approved;
receipts are added and never changed, and each posts its boxes to the ledger in the same transaction; buyer,
inspector and keeper of a receipt are three people; numbers of papers have no gaps.
"""
