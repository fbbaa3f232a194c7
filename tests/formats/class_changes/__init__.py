"""Tests of `fcn_studio.formats.class_changes`."""
