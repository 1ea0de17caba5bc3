"""Suppliers, certificates, purchases and goods receipts: what was bought from where, for how much, by whom."""
