"""The layout of the window: first layout, visibility, saved state."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from PySide6.QtCore import QByteArray, QObject, QSettings, QSize, Qt, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDockWidget, QMainWindow, QTabWidget, QToolBar, QWidget

from fcn_studio import paths

VERSION = 1
"""Version of the saved state; states of other versions are ignored."""

MAX_BYTES = 1 << 20
"""Largest size of the file; the program writes much smaller ones."""

DOCK_WIDTH = 304
FIRST_SIZE = QSize(1440, 900)


@dataclass(frozen=True)
class DockStack:
    """Docks on the right.

    Attributes:
        above: docks one below the other, with their first heights.
        tabbed: docks as tabs below them, the first one in front.
        height: first height of the tabs.
    """

    above: Sequence[tuple[QDockWidget, int]]
    tabbed: Sequence[QDockWidget]
    height: int


class Layout(QObject):
    """Arrangement of the docks of a window, saved for the next start.

    Args:
        window: the window of the docks.
        stack: the docks.
        bars: tool bars that belong to a project.
        shown: action whose tick says that docks are shown.
        bare: action whose tick says that only the image is shown.
    """

    def __init__(
        self, window: QMainWindow, stack: DockStack, bars: Sequence[QToolBar], shown: QAction, bare: QAction
    ) -> None:
        super().__init__(window)
        self._window, self._stack, self._bars, self._shown, self._bare = window, stack, bars, shown, bare
        self._docks = [dock for dock, _ in stack.above] + list(stack.tabbed)
        self._added: list[QDockWidget] = []
        self._hidden_with_the_others: list[QDockWidget] = []
        self._fresh = True
        self._wanted = True
        self._remembered: QByteArray | None = None
        window.setDockNestingEnabled(True)
        window.setTabPosition(Qt.DockWidgetArea.RightDockWidgetArea, QTabWidget.TabPosition.North)
        for dock in self._docks:
            dock.setFeatures(
                QDockWidget.DockWidgetFeature.DockWidgetMovable | QDockWidget.DockWidgetFeature.DockWidgetFloatable
            )
        for dock in stack.tabbed:
            dock.setTitleBarWidget(QWidget())  # the tab has the title

    def reset(self, *, shown: bool) -> None:
        """Restore the first layout of the docks."""
        for dock in self._docks:
            dock.setFloating(False)
            self._window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        stacked = [dock for dock, _ in self._stack.above] + [self._stack.tabbed[0]]
        for upper, lower in pairwise(stacked):
            self._window.splitDockWidget(upper, lower, Qt.Orientation.Vertical)
        for behind in self._stack.tabbed[1:]:
            self._window.tabifyDockWidget(self._stack.tabbed[0], behind)
        self._fresh = self._wanted = True
        self._place_docks(shown)

    def show_added(self, dock: QDockWidget) -> None:
        """Show a dock that is not of the stack, in front of its tabs; the user may close it."""
        if dock not in self._added:
            self._added.append(dock)
            self._window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
            self._window.tabifyDockWidget(self._stack.tabbed[-1], dock)
        dock.show()
        dock.raise_()

    def show_docks(self, shown: bool) -> None:
        """Show or hide all docks from now on."""
        self._wanted = shown
        self._place_docks(shown)

    def _place_docks(self, shown: bool) -> None:
        self._shown.setChecked(shown)
        for dock in self._docks:
            dock.setVisible(shown)
        if shown:
            for dock in self._hidden_with_the_others:
                dock.show()
            self._hidden_with_the_others = []
        for dock in self._added if not shown else ():
            if not dock.isHidden():
                self._hidden_with_the_others.append(dock)
                dock.hide()
        if shown and self._fresh:
            self._fresh = False
            self._stack.tabbed[0].raise_()
            # Qt sizes docks by their contents once they are shown; our sizes are set after that.
            QTimer.singleShot(0, self, self._arrange)

    def show_parts(self, project: bool) -> None:
        """Show the parts that belong to a project.

        Parts that the user has hidden stay hidden.
        """
        bare = self._bare.isChecked()
        for bar in self._bars:
            bar.setVisible(project and not bare)
        self._place_docks(project and not bare and self._wanted)
        self._window.menuBar().setVisible(not bare)
        self._window.statusBar().setVisible(not bare)

    def _arrange(self) -> None:
        """Restore places and sizes of the docks.

        They are those from last time, or the first ones.
        """
        remembered, self._remembered = self._remembered, None
        if remembered is not None and self._shown.isChecked() and self._window.restoreState(remembered, VERSION):
            return
        upper = [dock for dock, _ in self._stack.above]
        heights = [height for _, height in self._stack.above]
        self._window.resizeDocks(upper[:1], [DOCK_WIDTH], Qt.Orientation.Horizontal)
        self._window.resizeDocks(
            [*upper, self._stack.tabbed[0]], [*heights, self._stack.height], Qt.Orientation.Vertical
        )

    # --- from one start to the next ---------------------------------------------------------------------------

    def save(self) -> None:
        """Save the window's geometry, and the docks' state while they are shown."""
        store = _Store.at(paths.config_dir() / "window.ini")
        if store is None:
            return
        store.put("geometry", self._window.saveGeometry())
        if self._shown.isChecked():
            store.put("state", self._window.saveState(VERSION))

    def restore(self) -> None:
        """Restore the saved layout.

        An unreadable one is ignored.
        """
        self._window.resize(FIRST_SIZE)
        store = _Store.at(paths.config_dir() / "window.ini")
        if store is None:
            return
        geometry = store.get("geometry")
        if geometry is not None:
            self._window.restoreGeometry(geometry)
        self._remembered = store.get("state")  # sizes take effect only once the docks are shown


class _Store:
    """Named values of Qt in a file, checked by their hash.

    Qt crashes on damaged states, and would do so at every start.
    """

    def __init__(self, path: Path) -> None:
        self._settings = QSettings(str(path), QSettings.Format.IniFormat)

    @staticmethod
    def at(path: Path) -> _Store | None:
        """Return the store of a file that may not exist yet.

        None if the path is no regular file; Qt might wait for it.
        """
        try:
            found = path.stat()
        except OSError:
            return _Store(path)
        return _Store(path) if stat.S_ISREG(found.st_mode) and found.st_size <= MAX_BYTES else None

    def put(self, name: str, value: QByteArray) -> None:
        """Store a value and its hash."""
        self._settings.setValue(name, value)
        self._settings.setValue(f"{name}_sha256", hashlib.sha256(value.data()).hexdigest())

    def get(self, name: str) -> QByteArray | None:
        """Return a value, or None if it is missing or damaged."""
        value, expected = self._settings.value(name), self._settings.value(f"{name}_sha256")
        whole = isinstance(value, QByteArray) and hashlib.sha256(value.data()).hexdigest() == expected
        return value if whole else None
