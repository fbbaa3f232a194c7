"""Gesture -> edit: one file a tool, each a small state machine over pointer events in image pixels.

May import ``core`` only; no Qt, no files, and no tool knows another (import-linter holds it). Add a tool as a new
file with a class that follows `fcn_studio.tools.base.Tool`, list it in the independence contract, give it an action.
"""
