"""Benchmarks: ratios to a reference in the same run, never bare figures."""
