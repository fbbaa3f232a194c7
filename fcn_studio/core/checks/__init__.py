"""Checks of label maps, and the search for images that show the same picture."""
