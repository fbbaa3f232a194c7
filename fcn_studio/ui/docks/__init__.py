"""The docks Classes, Layers, Files and Training.

Each watches the session and toolbox, and edits neither's innards.
"""
