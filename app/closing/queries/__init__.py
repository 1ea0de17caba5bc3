"""Every `select` of closing a campaign."""
