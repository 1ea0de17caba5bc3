"""A campaign ends: both sides of its books agree, or what stands in the way is listed by name."""
