"""Aid projects, their results with evidence, and where a box comes from: as stated, and nothing added twice."""
