"""Division of a project's images into train, val and test."""
