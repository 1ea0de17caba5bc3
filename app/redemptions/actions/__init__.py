"""What people do at the pickup table, and with the keys that sign codes."""
