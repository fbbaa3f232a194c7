"""Checkpoints: reading, writing, cataloguing, and converting those of others."""
