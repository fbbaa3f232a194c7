"""The docks: Classes, Layers, Files, Training. Each watches the session and toolbox and edits neither's innards."""
