"""Qt: the window, the session, the engine's thread, canvas, docks, dialogs. PySide6 lives here and only here.

May import everything below it. Widgets watch the `Session`; `MainWindow` only assembles. Add an action to
`actions.table`, a setting to `fcn_studio.settings`, a dock as a file in `docks`.
"""
