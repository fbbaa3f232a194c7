"""The layout of the window: first layout, visibility, saved state."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from PySide6.QtCore import QByteArray, QEvent, QObject, QSettings, QSize, Qt, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QDockWidget, QMainWindow, QSizePolicy, QTabWidget, QToolBar, QWidget

from fcn_studio import paths
from fcn_studio.ui.runtime.guard import guarded

VERSION = 2
"""Version of the saved state; of other versions only the geometry of the window is restored.

1: Training was a tab of the right column. 2: it is below the image.
"""

MAX_BYTES = 1 << 20
"""Largest size of the file; the program writes much smaller ones."""

COLUMN_WIDTH = 304
BELOW_HEIGHT = 252
"""First height of a dock below the image."""

MOST_SHARE = 0.58
"""Share of the column that the upper dock gets if its contents need more than half."""

FIRST_SIZE = QSize(1440, 900)
"""Size of the window at the first start, on a screen that has room for it."""

LEAST_SCREEN = 1024
"""Width of a screen that has room for bars and docks. On a narrower one, such as the offscreen one, nothing fits."""

LEAST_HEIGHT = 180
"""Height of the last dock of the column for a few rows; with less, the fixed dock becomes a tab beside it."""

TITLE_HEIGHT = 28
"""About the height of a dock's title, which a tab does not have."""


@dataclass(frozen=True)
class Docks:
    """Docks of the first layout.

    Attributes:
        half: gets half of the column on the right, and somewhat more if that saves scrolling.
        fixed: lies below it and gets the height that it needs.
        rest: gets the rest of the column.
        below: docks below the image, one at a time and only if the user asks for it.
    """

    half: QDockWidget
    fixed: QDockWidget
    rest: QDockWidget
    below: Sequence[QDockWidget]

    @property
    def column(self) -> tuple[QDockWidget, QDockWidget, QDockWidget]:
        """The docks on the right, top to bottom."""
        return self.half, self.fixed, self.rest


class Layout(QObject):
    """Arrangement of the docks of a window, saved for the next start.

    Until the user moves a dock or its border, the first layout follows the size of the window.

    Args:
        window: the window of the docks.
        docks: the docks.
        bars: tool bars that belong to a project.
        shown: action whose tick says that docks are shown.
        bare: action whose tick says that only the image is shown.
    """

    def __init__(
        self, window: QMainWindow, docks: Docks, bars: Sequence[QToolBar], shown: QAction, bare: QAction
    ) -> None:
        super().__init__(window)
        self._window, self._docks, self._bars, self._shown, self._bare = window, docks, bars, shown, bare
        self._below = list(docks.below)
        self._sized: set[QDockWidget] = set()
        self._tab_titles = {dock: QWidget() for dock in docks.column}  # empty: the tab has the title
        self._hidden_with_the_others: list[QDockWidget] = []
        self._front = docks.rest  # the tab that is seen, where two docks are tabs
        self._fresh = True
        self._wanted = True
        self._changed_by_user = False
        self._remembered: QByteArray | None = None
        self._arrange_soon = QTimer(self, singleShot=True, interval=0)
        self._arrange_soon.timeout.connect(self._arrange_first)
        window.setDockNestingEnabled(True)
        for area in (Qt.DockWidgetArea.RightDockWidgetArea, Qt.DockWidgetArea.BottomDockWidgetArea):
            window.setTabPosition(area, QTabWidget.TabPosition.North)
        window.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
        for dock in docks.column:
            dock.setFeatures(
                QDockWidget.DockWidgetFeature.DockWidgetMovable | QDockWidget.DockWidgetFeature.DockWidgetFloatable
            )
            dock.installEventFilter(self)
            dock.topLevelChanged.connect(self._keep_as_it_is)
            dock.visibilityChanged.connect(self._follow_tabs)

    def reset(self, *, shown: bool) -> None:
        """Restore the first layout of the docks."""
        for dock in (*self._docks.column, *self._below):
            dock.setFloating(False)
        for dock in self._docks.column:
            self._window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        for upper, lower in pairwise(self._docks.column):
            self._window.splitDockWidget(upper, lower, Qt.Orientation.Vertical)
        for dock in self._below:
            self._window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, dock)
            dock.hide()
        self._fresh = self._wanted = True
        self._changed_by_user = False
        self._place_docks(shown)

    def show_below(self, dock: QDockWidget) -> None:
        """Show a dock below the image in place of the one that is there; the user may close it."""
        new = dock not in self._below
        if new:
            self._below.append(dock)
            self._window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, dock)
        for other in self._below:
            if other is not dock and not other.isFloating():
                other.hide()
        dock.show()
        dock.raise_()
        if dock not in self._sized:
            self._sized.add(dock)
            self._window.resizeDocks([dock], [BELOW_HEIGHT], Qt.Orientation.Vertical)

    def show_docks(self, shown: bool) -> None:
        """Show or hide all docks from now on."""
        self._wanted = shown
        self._place_docks(shown)

    def _place_docks(self, shown: bool) -> None:
        self._shown.setChecked(shown)
        rest, fixed = self._docks.rest, self._docks.fixed
        if not shown and not rest.isHidden():
            self._front = fixed if rest.visibleRegion().isEmpty() and not fixed.visibleRegion().isEmpty() else rest
        for dock in self._docks.column:
            dock.setVisible(shown)
        if shown and rest in self._window.tabifiedDockWidgets(fixed):
            self._front.raise_()  # Qt raises the one that it shows first
        if shown:
            for dock in self._hidden_with_the_others:
                dock.show()
            self._hidden_with_the_others = []
        for dock in self._below if not shown else ():
            if not dock.isHidden():
                self._hidden_with_the_others.append(dock)
                dock.hide()
        if shown and self._fresh:
            self._fresh = False
            # Qt sizes docks by their contents once they are shown; our sizes are set after that. The width is
            # set before too, so that the first thing to be seen is no column of half the window.
            self._window.resizeDocks([self._docks.half], [COLUMN_WIDTH], Qt.Orientation.Horizontal)
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
        self.follow_window()

    # --- sizes ------------------------------------------------------------------------------------------------

    def follow_window(self) -> None:
        """Arrange the first layout for the size and the project of the window."""
        if not self._fresh:
            self._arrange_soon.start()

    def _arrange(self) -> None:
        """Restore places and sizes of the docks.

        They are those from last time, or the first ones.
        """
        remembered, self._remembered = self._remembered, None
        if remembered is not None and self._shown.isChecked() and self._window.restoreState(remembered, VERSION):
            self._changed_by_user = True
        self._arrange_first()

    def _arrange_first(self) -> None:
        """Give the docks of the column their first places and sizes, unless the user has given them others."""
        half, fixed, rest = column = self._docks.column
        if self._changed_by_user or not all(dock.isVisibleTo(self._window) for dock in column):
            return
        height = max(dock.geometry().bottom() for dock in column) - half.geometry().top()
        upper = max(height // 2, min(half.sizeHint().height(), round(MOST_SHARE * height)))
        lower, needed = height - upper, fixed.widget().sizeHint().height() + TITLE_HEIGHT
        tabbed = lower - needed < LEAST_HEIGHT
        if tabbed != (fixed in self._window.tabifiedDockWidgets(rest)):
            if tabbed:
                self._window.tabifyDockWidget(rest, fixed)
                rest.raise_()
            else:
                self._window.splitDockWidget(half, fixed, Qt.Orientation.Vertical)
            self._follow_tabs()
            self._arrange_soon.start()  # sizes take effect once the docks are in their new places
            return
        self._window.resizeDocks([half], [COLUMN_WIDTH], Qt.Orientation.Horizontal)
        heights = {half: upper, rest: lower} if tabbed else {half: upper, fixed: needed, rest: lower - needed}
        self._window.resizeDocks(list(heights), list(heights.values()), Qt.Orientation.Vertical)

    def _follow_tabs(self) -> None:
        """Show titles of docks that are no tabs, and let the fixed dock grow as a tab only."""
        for dock, empty in self._tab_titles.items():
            tabbed = bool(self._window.tabifiedDockWidgets(dock)) and not dock.isFloating()
            title = empty if tabbed else None
            if dock.titleBarWidget() is not title:
                dock.setTitleBarWidget(title)  # type: ignore[arg-type]  # None is Qt's own title
            content = dock.widget()
            if dock is self._docks.fixed and content is not None:
                policy = content.sizePolicy()
                wanted = QSizePolicy.Policy.Preferred if tabbed else QSizePolicy.Policy.Maximum
                policy.setVerticalPolicy(wanted)
                content.setSizePolicy(policy)

    def _keep_as_it_is(self) -> None:
        self._changed_by_user = True
        self._follow_tabs()

    @guarded(fallback=False)
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Notice that the user moves the border of a dock: its size changes while a button is down."""
        if event.type() == QEvent.Type.Resize and QApplication.mouseButtons() & Qt.MouseButton.LeftButton:
            self._changed_by_user = True
        return False

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
        room = self._window.screen().availableSize()
        self._window.resize(FIRST_SIZE.boundedTo(room) if room.width() >= LEAST_SCREEN else FIRST_SIZE)
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
