"""The panel over the canvas that asks about one region."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt
from PySide6.QtWidgets import QLabel, QWidget

from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.review.hotspots import Hotspot, Reason
from fcn_studio.i18n import tr
from fcn_studio.ui.widgets.class_colours import on_screen
from fcn_studio.ui.widgets.named import named

MARGIN = 12
"""Logical pixels to the edges of its parent."""

_LOOKS = "background: rgba(28, 28, 28, 235); color: white; border-radius: 8px; padding: 8px 14px;"


class WalkPanel(QLabel):
    """Two lines at the edge of the canvas: what the network says of a region, and the keys that answer.

    The mouse goes through it.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._parent = parent
        self.setObjectName("walkPanel")
        self.setStyleSheet(_LOOKS)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._at_top = False
        self.hide()

    def ask(self, hotspot: Hotspot, place: tuple[int, int], table: ClassTable, later: str) -> None:
        """Show what is known of a region.

        Args:
            hotspot: the region.
            place: its number, and the number of all.
            table: the project's classes.
            later: key that goes to the next region.
        """
        number, total = place
        counter = tr("{number} of {total}", number=number, total=total)
        question = _question(hotspot, table)
        self.setText(f"<b>{counter}</b> &nbsp; {question}<br>{_keys(hotspot, table, later)}")
        named(self, f"{counter}. {_plain(hotspot, table)}")
        self.follow()
        self.show()

    def avoid(self, top: float, bottom: float) -> None:
        """Move to the upper edge if a region lies at the lower one.

        Args:
            top: upper edge of the region in logical pixels of the parent.
            bottom: its lower edge.
        """
        height = self.sizeHint().height() + 2 * MARGIN
        room = self._parent.height()
        self._at_top = bottom > room - height and top > height
        self.follow()

    def follow(self) -> None:
        """Follow the size of the parent."""
        room, size = self._parent.size(), self.sizeHint()
        width = min(size.width(), room.width() - 2 * MARGIN)
        top = MARGIN if self._at_top else room.height() - size.height() - MARGIN
        self.setGeometry(QRect((room.width() - width) // 2, top, width, size.height()))


def _question(hotspot: Hotspot, table: ClassTable) -> str:
    """Return what the network says of a region, as rich text."""
    name, percent = _shown(hotspot.class_index, table), round(100 * hotspot.probability)
    if hotspot.reason is Reason.DIFFERENCE:
        own = _shown(hotspot.own, table)
        return tr("You: {own} &nbsp; network: {name} {percent} %", own=own, name=name, percent=percent)
    return tr("Is this {name}? The network is {percent} % sure.", name=name, percent=percent)


def _plain(hotspot: Hotspot, table: ClassTable) -> str:
    """Return the same for a screen reader."""
    name, percent = table.name_of(hotspot.class_index), round(100 * hotspot.probability)
    if hotspot.reason is Reason.DIFFERENCE:
        own = table.name_of(hotspot.own)
        return tr("You: {own}. Network: {name} {percent} %", own=own, name=name, percent=percent)
    return tr("Is this {name}? The network is {percent} % sure.", name=name, percent=percent)


def _keys(hotspot: Hotspot, table: ClassTable, later: str) -> str:
    """Return the keys that answer, as rich text."""
    answers = [(tr("Enter"), _shown(hotspot.class_index, table))]
    if hotspot.second not in (VOID, hotspot.own):
        answers.append(("R", _shown(hotspot.second, table)))
    keys = f"1 … {min(9, len(table.active))}"
    answers += [(keys, tr("other class")), (tr("Backspace"), tr("leave as it is"))]
    answers += [(later, tr("later")), ("Esc", tr("end"))]
    return " &nbsp;&nbsp; ".join(f"<b>{key}</b> {words}" for key, words in answers)


def _shown(index: int, table: ClassTable) -> str:
    """Return a class with its colour, as rich text."""
    from html import escape  # its table of entities would cost the start of the window two milliseconds

    info = on_screen(table).get(index)
    red, green, blue = info.colour if info is not None else (128, 128, 128)
    colours = f"color: rgb({red}, {green}, {blue}); background-color: white"  # dark classes are seen too
    return f'<span style="{colours}">■</span> {escape(table.name_of(index))}'
