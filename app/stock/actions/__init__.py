"""What people and the pickup table do with stock."""
