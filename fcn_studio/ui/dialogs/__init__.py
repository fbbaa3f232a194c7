"""Dialogs off the common path: export, class questions, reports."""
