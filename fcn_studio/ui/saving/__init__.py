"""Saving: when, what and in which thread annotations, journals and exports are written."""
