"""The dialog of networks.

The list is on the left, what is known of the chosen network on the right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal, SignalInstance
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

from fcn_studio.i18n import tr, tr_noop
from fcn_studio.jobs.network_list import ListedNetwork, Origin
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.iou_table import IouTable
from fcn_studio.ui.widgets.named import named
from fcn_studio.ui.widgets.network_card import NetworkCard

if TYPE_CHECKING:
    from fcn_studio.fcn.weights.published import PublishedNetwork
    from fcn_studio.ui.network.job_list import JobView
    from fcn_studio.ui.network.network_parts import NetworkParts
    from fcn_studio.ui.network.network_rows import NetworkRows, RowKey
    from fcn_studio.ui.runtime.user_messages import Messages
    from fcn_studio.ui.widgets.curves import Curves

GROUPS = {
    Origin.BUNDLED: tr_noop("Come with the program"),
    Origin.RUN: tr_noop("Trained in this project"),
    Origin.INSTALLED: tr_noop("Downloaded and imported"),
    Origin.ELSEWHERE: tr_noop("Used from another place"),
    Origin.PUBLISHED: tr_noop("To download"),
}


class NetworksDialog(Dialog):
    """Stays open beside the window, and asks for what its buttons say.

    Args:
        rows: what is known of each network.
        network: the parts that it follows.
        messages: what the window says meanwhile.
        parent: the window it belongs to.

    Signals:
        use_asked(ListedNetwork), download_asked(PublishedNetwork), remove_asked(ListedNetwork): do this to a network.
        label_asked(ListedNetwork): name a run, or write a note on it.
        compare_asked(ListedNetwork): compare a network with another.
        classes_asked(): say what the classes of the network in use mean.
        import_asked(): import a network from a file.
        back_asked(), forward_asked(): use the network before this one, or the one after it again.
    """

    use_asked = Signal(object)
    download_asked = Signal(object)
    remove_asked = Signal(object)
    label_asked = Signal(object)
    compare_asked = Signal(object)
    classes_asked = Signal()
    import_asked = Signal()
    back_asked = Signal()
    forward_asked = Signal()

    def __init__(
        self, rows: NetworkRows, network: NetworkParts, messages: Messages, parent: QWidget | None = None
    ) -> None:
        super().__init__(tr("Networks"), width=840, parent=parent)
        self._rows, self._current, self._library = rows, network.current, network.library
        self._choices: dict[RowKey, ListedNetwork | PublishedNetwork] = {}
        self.list = QTreeWidget()
        self.card = NetworkCard()
        self.figures = IouTable()
        self.card.add_figures(self.figures)
        self._curves: Curves | None = None
        self._make_buttons()
        self._lay_out()
        self.list.currentItemChanged.connect(lambda _now, _before: self._show_chosen())
        self.list.itemDoubleClicked.connect(lambda _item, _column: self._double_clicked())
        self._library.changed.connect(self.refresh)
        self._current.changed.connect(self.refresh)
        network.device.changed.connect(self._show_chosen)
        network.job_list.changed.connect(self._show_work)
        network.job_list.progress.connect(self._show_work)
        for said in (messages.notice, messages.problem):
            said.connect(self._show_said)
        self.resize(960, 640)
        self.refresh()
        self._library.refresh()

    # --- construction -----------------------------------------------------------------------------------------

    def _make_buttons(self) -> None:
        self.use_button = _button(tr("Use"), tr("Use this network in the project"))
        self.download_button = _button(tr("Download"), tr("Download this network"))
        self.remove_button = _button(tr("Remove…"), tr("Delete this network from this computer"))
        self.classes_button = _button(tr("Classes…"), tr("Say what its classes mean in this project"))
        self.import_button = _button(tr("Import file…"), tr("Import a network from a file"))
        self.back_button = _button(tr("Go back"), tr("Use the network before this one"))
        self.forward_button = _button(tr("Go forward"), tr("Use the network again that you went back from"))
        self.label_button = _button(tr("Name…"), tr("Name this network, write a note on it, or pin it to the top"))
        self.compare_button = _button(tr("Compare…"), tr("Compare this network with another"))
        self.cancel_button = _button(tr("Cancel"), tr("End the download"))
        for button, asked in (
            (self.use_button, self.use_asked),
            (self.download_button, self.download_asked),
            (self.remove_button, self.remove_asked),
            (self.label_button, self.label_asked),
            (self.compare_button, self.compare_asked),
        ):
            button.clicked.connect(lambda _checked=False, asked=asked: self._ask(asked))
        for button, asked in (
            (self.classes_button, self.classes_asked),
            (self.import_button, self.import_asked),
            (self.back_button, self.back_asked),
            (self.forward_button, self.forward_asked),
        ):
            button.clicked.connect(lambda _checked=False, asked=asked: asked.emit())
        self.cancel_button.clicked.connect(lambda _checked=False: self._library.stop())
        for button in (self.import_button, self.back_button, self.forward_button):
            self.buttons.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)

    def _ask(self, asked: SignalInstance) -> None:
        """Ask for something to be done to the chosen network."""
        if self.chosen is not None:
            asked.emit(self.chosen)

    def _lay_out(self) -> None:
        self.list.setAccessibleName(tr("Networks"))
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
        for button in (
            self.use_button, self.download_button, self.compare_button, self.label_button, self.classes_button,
            self.remove_button,
        ):  # fmt: skip
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
        self._work = named(QLabel(), tr("Download under way"))
        self._bar = named(QProgressBar(maximum=1000, textVisible=False), tr("Progress of the download"))
        self._bar.setFixedHeight(theme.GRID)
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
        """Show the networks as they are now.

        The chosen one stays chosen.
        """
        before = self._key()
        self._choices = self._rows.by_key()
        self.list.blockSignals(True)
        self.list.clear()
        for origin, heading in GROUPS.items():
            keys = [key for key in self._choices if key[0] is origin]
            if keys:
                self._add_heading(tr(heading))
                for key in keys:
                    self._add(key)
        self.list.blockSignals(False)
        current = next((key for key, row in self._choices.items() if self._rows.is_current(row)), None)
        self._choose(before if before in self._choices else current)
        self._show_chosen()

    def _add_heading(self, text: str) -> None:
        item = QTreeWidgetItem([text])
        item.setFlags(Qt.ItemFlag.NoItemFlags)  # the keys and the mouse pass it by
        item.setForeground(0, self.list.palette().text())
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
        item = QTreeWidgetItem([row.title, self._rows.mark(row)])
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
        """Show what is known of the chosen network and its actions.

        The actions are what can be done with it.
        """
        rows, chosen, here, there = self._rows, self.chosen, self._chosen_here, self._chosen_there
        is_current = here is not None and rows.is_current(here)
        if chosen is not None:
            known = rows.describe(chosen)
            self.card.show_facts(known.title, known.sentence, known.facts)
        else:
            words = tr("Choose a network from the list.") if self._choices else tr("Looking for networks…")
            self.card.show_facts("", words, [])
        if there is not None:
            self.download_button.setText(tr("Download {megabytes:,.0f} MB", megabytes=there.size / 1e6))
        self.use_button.setVisible(here is not None)
        self.use_button.setEnabled(here is not None and here.info is not None and rows.has_project and not is_current)
        self.classes_button.setVisible(is_current and rows.has_project)
        self.remove_button.setVisible(here is not None and here.origin is Origin.INSTALLED)
        self.download_button.setVisible(there is not None)
        self.compare_button.setVisible(here is not None and here in rows.comparable())
        self.label_button.setVisible(here is not None and here.origin is Origin.RUN)
        self.label_button.setEnabled(rows.can_label)
        self.back_button.setEnabled(self._current.can_go_back)
        self.forward_button.setEnabled(self._current.can_go_forward)
        self._show_history(here)
        self._show_work()

    def _show_history(self, row: ListedNetwork | None) -> None:
        """Show the figures and the curves of a run."""
        figures = self._rows.figures(row) if row is not None else None
        if figures is None:
            self.figures.clear_figures()
        else:
            self.figures.show_figures(self._rows.table, *figures)
        history = self._rows.log(row) if row is not None else []
        if history and self._curves is None:
            from fcn_studio.ui.widgets.curves import Curves  # costs 0.2 s

            self._curves = Curves()
            self.card.add_figures(self._curves)
        if self._curves is not None:
            self._curves.setVisible(bool(history))
            self._curves.show_history(history, self._rows.table)

    def _show_said(self, text: str) -> None:
        """Show what the window says meanwhile, since its strip may be covered."""
        self._said.setText(text)
        self._said.setVisible(bool(text))

    def _show_work(self, _view: JobView | None = None) -> None:
        """Show the download that runs."""
        coming = self._library.coming
        for widget in (self._work, self._bar, self.cancel_button):
            widget.setVisible(bool(coming))
        if coming:
            view = coming[0]
            self._work.setText(f"{view.title}   {view.words}")
            self._bar.setRange(0, 0 if view.fraction is None else 1000)
            if view.fraction is not None:
                self._bar.setValue(round(1000 * view.fraction))
        there = self._chosen_there
        self.download_button.setEnabled(there is not None and not self._library.is_coming(there))

    def _double_clicked(self) -> None:
        if self.use_button.isVisible() and self.use_button.isEnabled():
            self.use_button.click()


def _button(text: str, tip: str) -> QPushButton:
    button = named(QPushButton(text), text, tip)
    button.setAutoDefault(False)
    return button
