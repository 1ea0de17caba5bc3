"""Every `select` of the warehouse."""
