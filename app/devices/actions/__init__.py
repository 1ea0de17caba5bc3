"""What people do with devices, and devices themselves."""
