"""TODO voc."""
