"""Every `select` about aid projects, shares and origin cards."""
