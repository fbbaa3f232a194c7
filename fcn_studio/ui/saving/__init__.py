"""TODO saving."""
