"""What people do in the warehouse, and what the service notices."""
