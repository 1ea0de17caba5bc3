"""Grainline: gift boxes from procurement to the last hand-over."""
