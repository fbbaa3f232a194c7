"""Tests with the readers of others, in an environment of their own: ``python -m tests.clients``."""
