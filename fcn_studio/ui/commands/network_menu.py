"""The part of the Network menu that changes.

It has the networks at hand, and the one in use is ticked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from fcn_studio.i18n import tr
from fcn_studio.ui.network.network_library import NetworkLibrary

if TYPE_CHECKING:  # start-up: what only those need who look at networks is imported where it is used
    from fcn_studio.jobs.network_list import ListedNetwork
    from fcn_studio.ui.network.network_rows import NetworkRows

AT_HAND = 6
"""Networks that the menu offers; the dialog has them all."""


class NetworkMenu(QObject):
    """Keeper of the networks at hand in a menu.

    They stand above one of the menu's entries.

    Args:
        menu: the menu.
        before: the entry above which the networks stand.
        rows: returns what is known of the networks; called when the entries are shown.
        library: the networks that there are.
        use: puts a network in use; called behind the door of actions.
    """

    def __init__(
        self,
        menu: QMenu,
        before: QAction,
        rows: Callable[[], NetworkRows],
        library: NetworkLibrary,
        use: Callable[[ListedNetwork], None],
    ) -> None:
        super().__init__(menu)
        self._menu, self._before, self._rows, self._library, self._use = menu, before, rows, library, use
        self.entries: list[QAction] = []
        self._offered: list[ListedNetwork] = []
        menu.aboutToShow.connect(self._about_to_show)
        library.changed.connect(self._show_entries)

    def _about_to_show(self) -> None:
        self._show_entries()
        self._library.refresh()

    def _show_entries(self) -> None:
        """Show the networks at hand in the menu.

        Entries stay where they are if they are the same, since the menu may be open.
        """
        known = self._rows()
        if self._offered != (rows := known.at_hand(AT_HAND)):
            for action in self.entries:
                self._menu.removeAction(action)
                action.deleteLater()
            self._offered, self.entries = rows, [self._entry(row) for row in rows]
            separator = QAction(self._menu)
            separator.setSeparator(True)
            self.entries += [separator] if rows else []
            self._menu.insertActions(self._before, self.entries)
        for row, action in zip(self._offered, self.entries, strict=False):
            action.setChecked(known.is_current(row))
            action.setEnabled(known.has_project)

    def _entry(self, row: ListedNetwork) -> QAction:
        title = tr("{title} (candidate)", title=row.title) if row.is_candidate else row.title
        action = QAction(title.replace("&", "&&"), self._menu)
        action.setCheckable(True)
        action.setStatusTip(tr("Use {title} in this project", title=row.title))
        action.triggered.connect(lambda _checked=False: self._chosen(row))
        return action

    def _chosen(self, row: ListedNetwork) -> None:
        self._use(row)
        self._show_entries()  # the click has changed its tick, whatever came of it
