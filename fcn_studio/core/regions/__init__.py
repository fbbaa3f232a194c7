"""Finding of regions in labels and predictions."""
