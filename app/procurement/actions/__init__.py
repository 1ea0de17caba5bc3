"""What people do with suppliers, purchases and receipts."""
