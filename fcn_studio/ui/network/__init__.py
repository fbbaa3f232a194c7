"""TODO network."""
