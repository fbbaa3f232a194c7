"""The check of a data set, its safe fixes, and the command ``fcn-studio check``."""
