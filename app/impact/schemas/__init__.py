"""Bodies of aid projects, totals, shares and origin cards."""
