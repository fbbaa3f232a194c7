"""Dialogs of keys and commands: shortcuts, keys that work now, command palette."""
