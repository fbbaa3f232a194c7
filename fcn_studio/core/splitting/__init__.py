"""Division of images into train, val and test, as a person asks for it."""
