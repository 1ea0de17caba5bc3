"""What people do to close a campaign."""
