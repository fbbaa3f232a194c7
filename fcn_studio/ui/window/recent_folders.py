"""The folders opened last, in the menu and on the start page."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMenu

from fcn_studio.settings import Settings
from fcn_studio.ui.widgets.welcome import Welcome


class RecentFolders(QObject):
    """Fills the menu and the start page, and opens what is chosen there."""

    def __init__(self, menu: QMenu, page: Welcome, settings: Settings, open_folder: Callable[[Path], object]) -> None:
        super().__init__(page)
        self._menu, self._page, self._settings, self._open_folder = menu, page, settings, open_folder
        page.recent.chosen.connect(open_folder)
        page.recent.forgotten.connect(self._forget)

    def show(self) -> None:
        """Show the folders as they are now."""
        recent = self._settings.recent
        if not self._page.isHidden():  # else it is filled when the project is closed
            self._page.show_recent(recent)
        self._menu.clear()
        self._menu.setEnabled(bool(recent))
        for folder in recent:
            self._menu.addAction(str(folder).replace("&", "&&"), partial(self._open_folder, folder))

    def _forget(self, folder: Path) -> None:
        self._settings.forget_recent(folder)
        self._page.recent.forget(folder)
        self.show()
