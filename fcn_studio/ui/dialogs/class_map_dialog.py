"""Dialog that maps a network's classes to the project.

The user says what each class of the network means in the project.
"""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QPushButton, QTreeWidget, QTreeWidgetItem, QWidget

from fcn_studio.core.class_map import ClassMap, map_classes, suggestions
from fcn_studio.core.classes import VOID, ClassInfo, ClassTable, map_by_name
from fcn_studio.i18n import as_text, listed, tr, tr_n
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.class_colours import on_screen
from fcn_studio.ui.widgets.fields import Choice
from fcn_studio.ui.widgets.named import named

_MOST_NAMES = 8
"""Names of missing classes that are listed."""

NEW = -1
"""In place of a class index: a class that is still to be added."""


def _in_cell(widget: QWidget) -> QWidget:
    """Put a control into a cell of the list, with a margin."""
    cell = QWidget()
    room = QHBoxLayout(cell)
    room.setContentsMargins(2, 2, 2, 2)
    room.addWidget(widget)
    return cell


class _Row:
    """One class of the network, and the choice of what it means."""

    def __init__(self, info: ClassInfo, by_name: int | None, suggested: int | None) -> None:
        self.info, self.by_name, self.suggested = info, by_name, suggested
        self.choice = named(Choice(), tr("What {name} means", name=info.name))
        self.item = QTreeWidgetItem([info.name])
        self.take: QPushButton | None = None

    @property
    def index(self) -> int:
        """The project class index chosen, `VOID` for none, or `NEW`."""
        return int(self.choice.currentData())

    def choose(self, index: int) -> None:
        """Choose what the class means."""
        self.choice.setCurrentIndex(max(0, self.choice.findData(index)))


class ClassMapDialog(Dialog):
    """Dialog where the user says what a network's classes mean.

    Classes of the same name are chosen already.

    Args:
        network: name of the network.
        source: the network's classes.
        target: the project's classes.
        chosen: what the user said before.
        accept: text of the button that accepts, "" for OK.
        can_add: whether classes may be added to the project.
        parent: the window it belongs to.
    """

    def __init__(
        self,
        network: str,
        source: ClassTable,
        target: ClassTable,
        chosen: ClassMap,
        *,
        accept: str = "",
        can_add: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(tr("Classes of {network}", network=network), accept or tr("OK"), width=560, parent=parent)
        self._target = on_screen(target)
        self._colours = {info.index: info.colour for info in on_screen(source)}
        self.add_words(
            tr(
                "What the classes of {network} mean in this project. Classes of the same name are matched already; "
                "pixels of classes that are not used stay unlabelled.",
                network=network,
            )
        )
        by_name, alike = map_by_name(source, target), suggestions(source, target)
        self.rows = [_Row(info, by_name.get(info.index), alike.get(info.index)) for info in source.active]
        self.table = QTreeWidget()
        self._fill(map_classes(source, target, chosen), can_add)
        self.column.addWidget(self.table, 1)
        self._summary = self.add_words("", "dim")
        offered = sum(row.take is not None for row in self.rows)
        self.take_all = self.buttons.addButton(tr("Take all suggestions"), self.buttons.ButtonRole.ResetRole)
        self.take_all.setVisible(offered > 1)
        self.take_all.clicked.connect(self._take_all)
        self.resize(640, min(720, 264 + 4 * theme.GRID * len(self.rows)))
        self._show()

    def _fill(self, index_map: dict[int, int], can_add: bool) -> None:
        self.table.setAccessibleName(tr("Classes of the network"))
        self.table.setRootIsDecorated(False)
        self.table.setSelectionMode(QTreeWidget.SelectionMode.NoSelection)
        self.table.setHeaderLabels([tr("The network's class"), tr("means here"), ""])
        header = self.table.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Fixed)
        header.resizeSection(2, 24 * theme.GRID)
        for row in self.rows:
            self._add(row, index_map.get(row.info.index, VOID), can_add)

    def _add(self, row: _Row, index: int, can_add: bool) -> None:
        theirs = theme.swatch_icon(self._colours[row.info.index])
        row.item.setIcon(0, theirs)
        row.item.setSizeHint(1, QSize(0, 4 * theme.GRID))  # the column that stretches
        row.choice.addItem(tr("not used"), VOID)
        for info in self._target.active:
            row.choice.addItem(theme.swatch_icon(info.colour), info.name, info.index)
        if can_add and self._target.find(row.info.name) is None:
            row.choice.addItem(theirs, tr("new class “{name}”", name=row.info.name), NEW)
        row.choose(index)
        row.choice.currentIndexChanged.connect(self._show)
        self.table.addTopLevelItem(row.item)
        self.table.setItemWidget(row.item, 1, _in_cell(row.choice))
        if row.suggested is not None and index == VOID:
            name = self._target.name_of(row.suggested)
            row.take = QPushButton(tr("Suggested: {name}", name=name))
            named(
                row.take,
                tr("Take {name} for {theirs}", name=name, theirs=row.info.name),
                tr("The names look alike: press to take it"),
            )
            row.take.setAutoDefault(False)
            row.take.clicked.connect(lambda _checked=False, row=row: row.choose(row.suggested or 0))
            self.table.setItemWidget(row.item, 2, _in_cell(row.take))

    # --- what is chosen ---------------------------------------------------------------------------------------

    def new_classes(self) -> list[ClassInfo]:
        """Return the network's classes that are to be added to the project."""
        return [row.info for row in self.rows if row.index == NEW]

    def class_map(self, table: ClassTable) -> dict[str, int]:
        """Return the class map that the user chose.

        It is for a table that has the new classes by now. A class that is not used is in it only if it would be
        matched by its name otherwise.
        """
        result: dict[str, int] = {}
        for row in self.rows:
            made = table.find(row.info.name) if row.index == NEW else None
            if made is not None:
                result[row.info.name] = made.index
            elif row.index not in (NEW, VOID) or (row.index == VOID and row.by_name is not None):
                result[row.info.name] = row.index
        return result

    def _take_all(self) -> None:
        for row in self.rows:
            if row.suggested is not None and row.index == VOID:
                row.choose(row.suggested)

    def _show(self) -> None:
        """Show how each was matched, and what the network will know."""
        for row in self.rows:
            if row.take is not None:
                row.take.setVisible(row.index == VOID)
            row.item.setText(2, tr("same name") if row.by_name is not None and row.index == row.by_name else "")
        used = {row.index for row in self.rows} - {VOID, NEW}
        missing = [info.name for info in self._target.active if info.index not in used]
        added = len(self.new_classes())
        sentences = [_used_sentence(len(used), len(self._target.active))]
        if added:
            sentences.append(tr_n("{n} class will be added.", "{n} classes will be added.", added))
        if missing:
            sentences.append(_missing_sentence(missing))
        self._summary.setText(as_text(sentences))
        self.take_all.setEnabled(any(row.take is not None and row.index == VOID for row in self.rows))


def _used_sentence(used: int, total: int) -> str:
    return tr_n(
        "{used} of the project's classes ({n}) is pre-labelled.",
        "{used} of the project's {n} classes are pre-labelled.",
        total,
        used=used,
    )


def _missing_sentence(missing: list[str]) -> str:
    more = len(missing) - _MOST_NAMES
    if more <= 0:
        return tr("Still unknown to the network: {names}.", names=listed(missing))
    return tr(
        "Still unknown to the network: {names} and {more} more.", names=listed(missing[:_MOST_NAMES]), more=more
    )
