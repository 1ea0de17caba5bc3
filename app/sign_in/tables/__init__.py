"""What proofs of identity are checked against; nothing in it can be read back."""
