"""Merging and deleting of classes: what becomes of labels, statuses and the class table."""
