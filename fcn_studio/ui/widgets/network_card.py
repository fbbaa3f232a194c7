"""What is known of one network, as the dialog of networks shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import QDateTime, QLocale, Qt
from PySide6.QtWidgets import QFormLayout, QFrame, QLabel, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from fcn_studio.core.class_map import ClassMap, map_classes
from fcn_studio.core.classes import ClassTable
from fcn_studio.jobs.network_list import ListedNetwork, Origin
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.named import named, with_role

if TYPE_CHECKING:
    from fcn_studio.fcn.weights.published import PublishedNetwork

Fact = tuple[str, str]
"""What it is, and the words for it."""

_LONGEST_WORD = 40


class NetworkCard(QScrollArea):
    """A heading, a sentence, and a form of facts; all of it text to read and to copy."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, theme.GRID, 0)
        column.setSpacing(theme.GRID)
        self._title = with_role(_words(), "strong")
        self._sentence = _words()
        self._form = QFormLayout(horizontalSpacing=2 * theme.GRID, verticalSpacing=theme.GRID)
        self._form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        column.addWidget(self._title)
        column.addWidget(self._sentence)
        column.addLayout(self._form)
        column.addStretch(1)
        self.setWidget(content)

    def show_facts(self, title: str, sentence: str, facts: list[Fact]) -> None:
        """Show a network; facts without words are left out."""
        self._title.setText(title)
        self._sentence.setText(sentence)
        self._sentence.setVisible(bool(sentence))
        while self._form.rowCount():
            self._form.removeRow(0)
        for name, words in facts:
            if words:
                heading = with_role(QLabel(name), "dim")
                heading.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
                self._form.addRow(heading, _line(name, words) if _is_one_word(words) else _words(words))

    def text(self) -> str:
        """All of it, for tests and screen readers."""
        rows = [self._title.text(), self._sentence.text()]
        for number in range(self._form.rowCount()):
            for role in (QFormLayout.ItemRole.LabelRole, QFormLayout.ItemRole.FieldRole):
                item = self._form.itemAt(number, role)
                widget = item.widget() if item is not None else None
                rows.append(widget.text() if isinstance(widget, QLabel | QLineEdit) else "")
        return "\n".join(rows)


def _is_one_word(words: str) -> bool:
    """Whether it is too long for a line and cannot be wrapped, as a path or an address."""
    return len(words) > _LONGEST_WORD and " " not in words


def _line(name: str, words: str) -> QLineEdit:
    """A line to copy from, of which the end may not be seen."""
    line = named(QLineEdit(words, readOnly=True), name, words)
    line.setFrame(False)
    line.setStyleSheet("background: transparent; padding: 0; margin: 0 0 0 -2px;")
    line.setCursorPosition(0)
    line.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
    return line


def _words(text: str = "") -> QLabel:
    label = QLabel(text, wordWrap=True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return label


# --- words --------------------------------------------------------------------------------------------------------


def sentence_of(row: ListedNetwork, *, in_use: bool) -> str:
    """What there is to say of a network on this computer before all else."""
    if row.note:
        return row.note
    used = "In use in this project. " if in_use else ""
    if row.info is not None and row.info.trunk_only:
        return f"{used}It knows no class yet: it cannot label, it is a start for fine-tuning."
    if row.result is not None:
        head = "Kept as a candidate" if row.is_candidate else row.result.verdict.capitalize()
        return f"{used}{head}: {'; '.join(row.result.reasons)}."
    if row.origin is Origin.RUN:
        return f"{used}The training that makes it has not ended, or was broken off."
    return used.strip()


def facts_of(row: ListedNetwork, table: ClassTable, class_map: ClassMap, device: str) -> list[Fact]:
    """What is known of a network on this computer.

    Args:
        row: the network.
        table: the project's classes; empty without one.
        class_map: what the user said that the network's classes mean in the project.
        device: where networks run, in words.
    """
    info = row.info
    if info is None:
        return [("File", str(row.path))]
    names = [c.name for c in info.table.active]
    known = sorted(set(map_classes(info.table, table, class_map).values()))
    timing = row.timing
    took = f"{_seconds(timing.seconds)} for {timing.width} x {timing.height}, {timing.device}" if timing else ""
    return [
        ("Knows here", _known([table.name_of(index) for index in known], table)),
        ("Its classes", _listed(names)),
        ("Architecture", row.architecture),
        ("Runs on", f"CPU or graphics card; here: {device.removeprefix('device: ')}"),
        ("Last took", took),
        ("Size", _megabytes(info.size)),
        ("Figures", "\n".join(_figures(row))),
        ("Learned from", f"{info.trained_on:,} images" if info.trained_on else ""),
        ("Made", _date(row.changed_at) if row.origin is Origin.RUN else ""),
        ("Licence", info.licence),
        ("Source", info.source),
        ("Note", info.note),
        ("File", str(info.path)),
        ("sha256", info.sha256),
    ]


def published_facts(network: PublishedNetwork, table: ClassTable) -> list[Fact]:
    """What is known of a network before it is downloaded."""
    theirs = ClassTable.from_names(network.classes)
    known = sorted(set(map_classes(theirs, table).values()))
    return [
        ("Knows here", _known([table.name_of(index) for index in known], table) if network.classes else ""),
        ("Its classes", _listed(list(network.classes))),
        ("Runs on", network.where_it_runs),
        ("Size", _megabytes(network.size)),
        ("Figures", network.figures),
        ("Licence", network.licence),
        ("Source", network.url),
    ]


def _known(names: list[str], table: ClassTable) -> str:
    if not len(table.active):
        return ""
    if not names:
        return f"none of this project's {len(table.active)} classes by name"
    return f"{len(names)} of this project's {len(table.active)} classes: {', '.join(names)}"


def _listed(names: list[str]) -> str:
    return f"{len(names)}: {', '.join(names)}" if names else "none"


def _figures(row: ListedNetwork) -> Iterator[str]:
    """Its validation figures, a line each."""
    result, validation = row.result, row.info.validation if row.info is not None else None
    if result is not None and result.mean_iou is not None:
        before = f", {result.baseline_mean_iou:.3f} before" if result.baseline_mean_iou is not None else ""
        yield f"mean IoU {result.mean_iou:.3f}{before} on {result.validated_on} images of this project"
        return
    for key, words in (("mean_iou", "mean IoU"), ("pixel_accuracy", "pixel accuracy")):
        value = (validation or {}).get(key)
        if isinstance(value, float):
            yield f"{words} {value:.3f}"
    images = (validation or {}).get("images")
    if isinstance(images, int):
        yield f"on {images:,} validation images"


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size >= 10e6 else f"{size / 1e6:.1f} MB"


def _date(seconds: float) -> str:
    return QLocale().toString(QDateTime.fromSecsSinceEpoch(int(seconds)), "d MMM yyyy, HH:mm")
