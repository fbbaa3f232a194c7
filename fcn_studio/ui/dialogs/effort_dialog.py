"""Dialog with the labelling effort of a project."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialogButtonBox, QFileDialog, QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.effort.gestures import Effort, Gesture, effort_by
from fcn_studio.errors import ProjectError
from fcn_studio.formats.effort_log import write_csv
from fcn_studio.i18n import tr, tr_n
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.dialogs.effort_chart import EffortChart
from fcn_studio.ui.widgets.fields import Choice

_MOST_BARS = 10
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class EffortDialog(Dialog):
    """Dialog with a chart and a table of the seconds that labelling took.

    Args:
        gestures: of the project, the oldest first.
        table: the class table.
        parent: the window it belongs to.
    """

    def __init__(self, gestures: Sequence[Gesture], table: ClassTable, parent: QWidget | None = None) -> None:
        super().__init__(tr("Labelling effort"), width=560, parent=parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._gestures, self._table = gestures, table
        whole = effort_by(gestures, lambda _: "").get("", Effort())
        words = tr_n("{n} gesture in {time}.", "{n:,} gestures in {time}.", whole.gestures, time=_time(whole.seconds))
        self.add_words(words, "strong")
        note = tr("Pauses of more than 10 seconds are not counted. These figures stay on this computer.")
        self._note = self.add_words(note, "dim")
        self.by = Choice()
        self.by.setAccessibleName(tr("Group by"))
        for name, key in self._keys():
            self.by.addItem(name, key)
        self.column.addWidget(self.by)
        self.chart = EffortChart()
        self.column.addWidget(self.chart)
        self.rows = QTreeWidget()
        self.rows.setAccessibleName(tr("Effort"))
        self.rows.setRootIsDecorated(False)
        self.rows.setHeaderLabels([tr("Name"), tr("Time"), tr("Gestures"), tr("Changed pixels")])
        header = self.rows.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for number in range(1, self.rows.columnCount()):
            self.rows.headerItem().setTextAlignment(number, _RIGHT)
        self.column.addWidget(self.rows)
        save = self.buttons.addButton(tr("Save as CSV…"), QDialogButtonBox.ButtonRole.ActionRole)
        save.setEnabled(bool(gestures))
        save.clicked.connect(self._ask_where)
        self.by.currentIndexChanged.connect(self._show)
        self._show()
        self.resize(640, 640)

    def save(self, path: Path) -> None:
        """Write all gestures as a table."""
        try:
            write_csv(path, self._gestures, self._table.name_of)
        except ProjectError as error:
            self._note.setText(str(error))
        else:
            self._note.setText(tr("Saved as {path}.", path=path))

    def _keys(self) -> list[tuple[str, Callable[[Gesture], str]]]:
        return [
            (tr("By tool"), lambda gesture: tr(gesture.act)),
            (tr("By class"), self._class_of),
            (tr("By image"), lambda gesture: gesture.image_id),
            (tr("By network"), lambda g: tr("Run {number:04}", number=g.run) if g.run else tr("Before training")),
        ]

    def _class_of(self, gesture: Gesture) -> str:
        return tr("No class") if gesture.class_index is None else self._table.name_of(gesture.class_index)

    def _show(self) -> None:
        sums = effort_by(self._gestures, self.by.currentData())
        self.chart.show_bars([(name, effort.seconds / 60) for name, effort in list(sums.items())[:_MOST_BARS]])
        self.rows.clear()
        for name, effort in sums.items():
            cells = [name, _time(effort.seconds), f"{effort.gestures:,}", f"{effort.pixels:,}"]
            item = QTreeWidgetItem(cells)
            for column in range(1, len(cells)):
                item.setTextAlignment(column, _RIGHT)
            self.rows.addTopLevelItem(item)

    def _ask_where(self) -> None:
        chosen, _ = QFileDialog.getSaveFileName(self, tr("Save as CSV"), "effort.csv", tr("Tables (*.csv)"))
        if chosen:
            self.save(Path(chosen))


def _time(seconds: float) -> str:
    """Return a time in minutes and seconds, or hours and minutes."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return tr("{seconds} s", seconds=rest)
    if minutes < 60:
        return tr("{minutes} min {seconds} s", minutes=minutes, seconds=rest)
    return tr("{hours} h {minutes} min", hours=minutes // 60, minutes=minutes % 60)
