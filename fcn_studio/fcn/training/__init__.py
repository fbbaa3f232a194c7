"""Training: the loop, its data, losses, recipes, calibration, and going on after a stop."""
