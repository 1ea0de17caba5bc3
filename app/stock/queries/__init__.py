"""Every `select` about lots, movements and balances."""
