"""Every `select` about suppliers, purchases and receipts."""
