"""Papers with a number and a hash: rendered in the background, sealed, and confirmed to anybody who asks."""
