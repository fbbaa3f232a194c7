"""The command that lists, merges, deletes and retires classes."""
