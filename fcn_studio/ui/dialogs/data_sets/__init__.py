"""Dialogs that bring data sets in and out."""
