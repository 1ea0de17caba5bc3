"""What the papers and the boards say, read from the ledgers and never written by hand."""
