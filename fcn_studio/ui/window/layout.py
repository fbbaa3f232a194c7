"""Where the parts of the window are: the first layout, hiding and showing, and remembering it."""

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
"""Version of the saved state; another one is ignored."""

MAX_BYTES = 1 << 20
"""No file of ours comes near it."""

DOCK_WIDTH = 304
FIRST_SIZE = QSize(1440, 900)


@dataclass(frozen=True)
class DockStack:
    """The docks on the right.

    Attributes:
        above: docks one below the other, with the heights they start with.
        tabbed: docks that share the place below them, the first one in front.
        height: what that place starts with.
    """

    above: Sequence[tuple[QDockWidget, int]]
    tabbed: Sequence[QDockWidget]
    height: int


class Layout(QObject):
    """Arranges the docks of a window and remembers how the user did.

    Args:
        window: whose docks these are.
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
            dock.setTitleBarWidget(QWidget())  # the tab is title enough

    def reset(self, *, shown: bool) -> None:
        """Put the docks where they were at first."""
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

    def show_docks(self, shown: bool) -> None:
        """Show or hide all docks, as the user wants from now on."""
        self._wanted = shown
        self._place_docks(shown)

    def _place_docks(self, shown: bool) -> None:
        self._shown.setChecked(shown)
        for dock in self._docks:
            dock.setVisible(shown)
        if shown and self._fresh:
            self._fresh = False
            self._stack.tabbed[0].raise_()
            # Qt sizes docks by their contents once they are shown; ours come after that.
            QTimer.singleShot(0, self, self._arrange)

    def show_parts(self, project: bool) -> None:
        """Show what belongs to a project, unless the user wants the bare image, or has hidden the docks."""
        bare = self._bare.isChecked()
        for bar in self._bars:
            bar.setVisible(project and not bare)
        self._place_docks(project and not bare and self._wanted)
        self._window.menuBar().setVisible(not bare)
        self._window.statusBar().setVisible(not bare)

    def _arrange(self) -> None:
        """Give the docks the places and sizes of last time, or those they start with."""
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
        """Remember the window; the docks only as they are while shown."""
        store = _Store.at(paths.config_dir() / "window.ini")
        if store is None:
            return
        store.put("geometry", self._window.saveGeometry())
        if self._shown.isChecked():
            store.put("state", self._window.saveState(VERSION))

    def restore(self) -> None:
        """Put the window where it was; anything unreadable leaves the first layout."""
        self._window.resize(FIRST_SIZE)
        store = _Store.at(paths.config_dir() / "window.ini")
        if store is None:
            return
        geometry = store.get("geometry")
        if geometry is not None:
            self._window.restoreGeometry(geometry)
        self._remembered = store.get("state")  # sizes hold only once the docks are shown


class _Store:
    """Bytes of Qt's by name, in a file; only those come back that are as they were put.

    Qt crashes on states that were damaged, and would do so at every start.
    """

    def __init__(self, path: Path) -> None:
        self._settings = QSettings(str(path), QSettings.Format.IniFormat)

    @staticmethod
    def at(path: Path) -> _Store | None:
        """The store in a file that may not be there yet; None if something else is there, which Qt might wait for."""
        try:
            found = path.stat()
        except OSError:
            return _Store(path)
        return _Store(path) if stat.S_ISREG(found.st_mode) and found.st_size <= MAX_BYTES else None

    def put(self, name: str, value: QByteArray) -> None:
        """Keep a value, and a sum to know it by."""
        self._settings.setValue(name, value)
        self._settings.setValue(f"{name}_sha256", hashlib.sha256(value.data()).hexdigest())

    def get(self, name: str) -> QByteArray | None:
        """The value, or None if there is none or it is not as it was put."""
        value, expected = self._settings.value(name), self._settings.value(f"{name}_sha256")
        whole = isinstance(value, QByteArray) and hashlib.sha256(value.data()).hexdigest() == expected
        return value if whole else None
