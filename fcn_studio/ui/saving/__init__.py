"""Saving of annotations, journals and exports.

It decides when, what and in which thread they are written.
"""
