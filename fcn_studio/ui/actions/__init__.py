"""The table of actions, and the Qt actions made from it."""
