"""Bodies of the warehouse."""
