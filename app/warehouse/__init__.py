"""Boxes between the receipt and the table: transfers, stocktakes, disposals, recalls, and what is short tomorrow."""
