"""What people do with aid projects and origin cards."""
