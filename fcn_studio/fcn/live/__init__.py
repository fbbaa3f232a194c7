"""Learning from strokes while they are painted: features kept, scores fitted, the image predicted."""
