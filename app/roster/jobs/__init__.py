"""What becomes of imports by itself: reading in a process of its own, comparing, committing, forgetting."""
