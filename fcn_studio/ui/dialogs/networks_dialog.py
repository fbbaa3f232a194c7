"""The dialog of networks: all there are on the left, what is known of the chosen one on the right."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from fcn_studio.jobs.network_list import ListedNetwork, Origin
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.named import named
from fcn_studio.ui.widgets.network_card import NetworkCard, facts_of, published_facts, sentence_of

if TYPE_CHECKING:
    from fcn_studio.fcn.weights.published import PublishedNetwork
    from fcn_studio.ui.commands.network_commands import NetworkDesk
    from fcn_studio.ui.network.job_list import JobView

GROUPS = {
    Origin.BUNDLED: "Come with the program",
    Origin.RUN: "Trained in this project",
    Origin.INSTALLED: "Downloaded and imported",
    Origin.ELSEWHERE: "Used from another place",
    Origin.PUBLISHED: "To download",
}


class NetworksDialog(Dialog):
    """Stays open beside the window while one works on.

    Args:
        desk: does what the buttons say.
        parent: the window it belongs to.
    """

    def __init__(self, desk: NetworkDesk, parent: QWidget | None = None) -> None:
        super().__init__("Networks", width=840, parent=parent)
        self._desk = desk
        self._choices: dict[tuple[Origin, str], ListedNetwork | PublishedNetwork] = {}
        self.list = QTreeWidget()
        self.card = NetworkCard()
        self._make_buttons()
        self._lay_out()
        self.list.currentItemChanged.connect(lambda _now, _before: self._show_chosen())
        self.list.itemDoubleClicked.connect(lambda _item, _column: self._double_clicked())
        library, learning = desk.learning.library, desk.learning
        library.changed.connect(self.refresh)
        learning.network_changed.connect(self.refresh)
        learning.device_changed.connect(self._show_chosen)
        learning.jobs_changed.connect(self._show_work)
        learning.progress.connect(self._show_work)
        for said in (desk.messages.notice, desk.messages.problem):
            said.connect(self._show_said)
        self.resize(960, 640)
        self.refresh()
        library.refresh()

    # --- construction -----------------------------------------------------------------------------------------

    def _make_buttons(self) -> None:
        desk = self._desk
        self.use_button = self._button("Use", "Use this network in the project", self._use)
        self.download_button = self._button("Download", "Download this network", self._download)
        self.remove_button = self._button("Remove…", "Delete this network from this computer", self._remove)
        self.classes_button = self._button("Classes…", "Say what its classes mean in this project", desk.show_classes)
        role = QDialogButtonBox.ButtonRole.ActionRole
        self.import_button = self._button("Import file…", "Bring a network in from a file", desk.ask_for_file)
        self.back_button = self._button("Go back", "Use the network before this one", desk.learning.go_back)
        for button in (self.import_button, self.back_button):
            self.buttons.addButton(button, role)

    def _button(self, text: str, tip: str, act: Callable[[], object]) -> QPushButton:
        button = named(QPushButton(text), text, tip)
        button.setAutoDefault(False)
        behind_door = self._desk.door(act)
        button.clicked.connect(lambda _checked=False: behind_door())
        return button

    def _lay_out(self) -> None:
        self.list.setAccessibleName("Networks")
        self.list.setHeaderHidden(True)
        self.list.setColumnCount(2)
        self.list.setRootIsDecorated(False)
        self.list.setIndentation(theme.GRID)
        self.list.header().setStretchLastSection(False)
        self.list.header().setSectionResizeMode(0, self.list.header().ResizeMode.Stretch)
        self.list.header().setSectionResizeMode(1, self.list.header().ResizeMode.ResizeToContents)
        self.list.setMinimumWidth(320)
        acts = QHBoxLayout()
        acts.setSpacing(theme.GRID)
        for button in (self.use_button, self.download_button, self.classes_button, self.remove_button):
            acts.addWidget(button)
        acts.addStretch(1)
        right = QVBoxLayout()
        right.setSpacing(theme.GRID)
        right.addWidget(self.card, 1)
        right.addLayout(acts)
        both = QHBoxLayout()
        both.setSpacing(2 * theme.GRID)
        both.addWidget(self.list, 2)
        both.addLayout(right, 3)
        self.column.addLayout(both, 1)
        self._work = named(QLabel(), "Download under way")
        self._bar = named(QProgressBar(maximum=1000, textVisible=False), "Progress of the download")
        self._bar.setFixedHeight(theme.GRID)
        self.cancel_button = self._button("Cancel", "End the download", self._desk.learning.library.stop)
        work = QHBoxLayout()
        work.setSpacing(theme.GRID)
        work.addWidget(self._work)
        work.addWidget(self._bar, 1)
        work.addWidget(self.cancel_button)
        self.column.addLayout(work)
        self._said = self.add_words("", "dim")
        self._said.hide()

    # --- the list ---------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the networks as they are now; the chosen one stays chosen."""
        before = self._key()
        library = self._desk.learning.library
        self._choices = {row.key: row for row in library.networks}
        self._choices |= {(Origin.PUBLISHED, row.name): row for row in library.published}
        self.list.blockSignals(True)
        self.list.clear()
        for origin, heading in GROUPS.items():
            keys = [key for key in self._choices if key[0] is origin]
            if keys:
                self._add_heading(heading)
                for key in keys:
                    self._add(key)
        self.list.blockSignals(False)
        in_use = next((key for key, row in self._choices.items() if self._desk.is_in_use(row)), None)
        self._choose(before if before in self._choices else in_use)
        self._show_chosen()

    def _add_heading(self, text: str) -> None:
        item = QTreeWidgetItem([text])
        item.setFlags(Qt.ItemFlag.ItemIsEnabled)
        font = QFont(item.font(0))
        font.setBold(True)
        item.setFont(0, font)
        item.setTextAlignment(0, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom)
        first = self.list.topLevelItemCount() == 0
        item.setSizeHint(0, QSize(0, (3 if first else 4) * theme.GRID))
        self.list.addTopLevelItem(item)
        item.setFirstColumnSpanned(True)

    def _add(self, key: tuple[Origin, str]) -> None:
        row = self._choices[key]
        item = QTreeWidgetItem([row.title, self._desk.mark_of(row)])
        item.setToolTip(0, row.title)
        item.setSizeHint(0, QSize(0, 3 * theme.GRID))
        item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        item.setData(0, Qt.ItemDataRole.UserRole, key)
        self.list.addTopLevelItem(item)

    def _key(self) -> tuple[Origin, str] | None:
        item = self.list.currentItem()
        key = item.data(0, Qt.ItemDataRole.UserRole) if item is not None else None
        return (Origin(key[0]), str(key[1])) if key else None

    def _choose(self, key: tuple[Origin, str] | None) -> None:
        for number in range(self.list.topLevelItemCount()):
            item = self.list.topLevelItem(number)
            found = item.data(0, Qt.ItemDataRole.UserRole) if item is not None else None
            if item is not None and found and (key is None or tuple(found) == key):
                self.list.setCurrentItem(item)
                return

    @property
    def chosen(self) -> ListedNetwork | PublishedNetwork | None:
        """The network that is chosen in the list."""
        key = self._key()
        return self._choices.get(key) if key is not None else None

    @property
    def _chosen_here(self) -> ListedNetwork | None:
        return self.chosen if isinstance(self.chosen, ListedNetwork) else None

    @property
    def _chosen_there(self) -> PublishedNetwork | None:
        return self.chosen if not isinstance(self.chosen, ListedNetwork) else None

    # --- the chosen one ---------------------------------------------------------------------------------------

    def _show_chosen(self) -> None:
        """Show what is known of the chosen one, and offer what can be done with it."""
        desk, learning = self._desk, self._desk.learning
        here, there = self._chosen_here, self._chosen_there
        in_use = here is not None and desk.is_in_use(here)
        if here is not None:
            class_map = learning.in_use.class_map if in_use else desk.remembered(here)
            facts = facts_of(here, desk.table, class_map, learning.device_words)
            self.card.show_facts(here.title, sentence_of(here, in_use=in_use), facts)
        elif there is not None:
            self.card.show_facts(there.title, desk.warning_of(there), published_facts(there, desk.table))
            self.download_button.setText(f"Download {there.size / 1e6:,.0f} MB")
        else:
            self.card.show_facts("", "Looking for networks…", [])
        self.use_button.setVisible(here is not None)
        self.use_button.setEnabled(here is not None and here.info is not None and desk.has_project and not in_use)
        self.classes_button.setVisible(in_use and desk.has_project)
        self.remove_button.setVisible(here is not None and here.origin is Origin.INSTALLED)
        self.download_button.setVisible(there is not None)
        self.back_button.setEnabled(learning.can_go_back)
        self._show_work()

    def _show_said(self, text: str) -> None:
        """What the window says meanwhile: its strip may be covered."""
        self._said.setText(text)
        self._said.setVisible(bool(text))

    def _show_work(self, _view: JobView | None = None) -> None:
        """Show the download that runs."""
        coming = self._desk.learning.library.coming
        for widget in (self._work, self._bar, self.cancel_button):
            widget.setVisible(bool(coming))
        if coming:
            view = coming[0]
            self._work.setText(f"{view.title}   {view.words}")
            self._bar.setRange(0, 0 if view.fraction is None else 1000)
            if view.fraction is not None:
                self._bar.setValue(round(1000 * view.fraction))
        there = self._chosen_there
        self.download_button.setEnabled(there is not None and not self._desk.learning.library.is_coming(there))

    def _use(self) -> None:
        if self._chosen_here is not None:
            self._desk.use(self._chosen_here, self)

    def _download(self) -> None:
        if self._chosen_there is not None:
            self._desk.download(self._chosen_there, self)

    def _remove(self) -> None:
        if self._chosen_here is not None:
            self._desk.remove(self._chosen_here, self)

    def _double_clicked(self) -> None:
        if self.use_button.isVisible() and self.use_button.isEnabled():
            self.use_button.click()
