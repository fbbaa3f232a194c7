"""The window and all that needs Qt.

No other room imports PySide6. May import everything below it. Widgets watch the `Session`; `MainWindow` only
assembles. Add an action to `actions.table`, a setting to `fcn_studio.settings`, a dock as a file in `docks`.
"""
