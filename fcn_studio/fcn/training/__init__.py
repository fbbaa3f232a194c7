"""Training of networks.

It has the loop, its data, losses, recipes, calibration, and going on after a stop.
"""
