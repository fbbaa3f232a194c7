"""Changes of classes over a whole project: how often each is used, and merging and deleting them."""
