"""TODO window."""
