"""Bodies of suppliers, purchases and receipts."""
