"""Controls for the options that tools declare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QEvent, SignalInstance
from PySide6.QtWidgets import QButtonGroup, QToolButton, QWidget

from fcn_studio.i18n import tr
from fcn_studio.i18n.columns import columns
from fcn_studio.tools.options import AnyOption, Choice, Size, Toggle
from fcn_studio.ui.runtime.guard import guarded
from fcn_studio.ui.widgets import fields, theme
from fcn_studio.ui.widgets.named import named, with_role
from fcn_studio.ui.widgets.size_box import SizeBox

_MOST_LETTERS = 16
"""Letters for which a list has room; opened it shows longer ones in full."""

Chosen = Callable[[Any], object]


@dataclass(frozen=True)
class Controls:
    """The controls of one option.

    Attributes:
        widgets: the controls, left to right.
        show: shows a value without reporting it.
        icons: (button, name of its icon) of each button with one.
    """

    widgets: list[QWidget]
    show: Callable[[Any], object]
    icons: list[tuple[QToolButton, str]] = field(default_factory=list)


def controls_for(option: AnyOption, chosen: Chosen, done: SignalInstance) -> Controls:
    """Make the controls of an option.

    Args:
        option: the option.
        chosen: called with the new value when the user has chosen one.
        done: emitted when the user has finished typing.

    Raises:
        TypeError: if there is no control for this type of option.
    """
    if isinstance(option, Size):
        return _size_box(option, chosen, done)
    if isinstance(option, Toggle):
        return _toggle(option, chosen)
    if isinstance(option, Choice):
        return _buttons(option, chosen) if option.choices[0][2] else _list(option, chosen)
    raise TypeError(f"no control for {option!r}")


def _size_box(option: Size, chosen: Chosen, done: SignalInstance) -> Controls:
    box = SizeBox(tr(option.title), option.maximum, tr(option.tip), tr(option.unit) if option.unit else "")
    box.changed.connect(chosen)
    box.done.connect(done)
    return Controls([box], box.set_value)


def _toggle(option: Toggle, chosen: Chosen) -> Controls:
    button = named(QToolButton(), tr(option.title), tr(option.tip))
    with_role(button, "button")  # without a border it would look like a label
    button.setText(tr(option.title))
    button.setCheckable(True)
    button.clicked.connect(lambda on: chosen(on))
    return Controls([button], button.setChecked)


def _buttons(option: Choice[Any], chosen: Chosen) -> Controls:
    group = QButtonGroup()
    buttons: dict[Any, QToolButton] = {}
    for value, title, _icon in option.choices:
        button = buttons[value] = named(QToolButton(), tr(title), tr(title))
        button.setCheckable(True)
        button.clicked.connect(lambda _on, value=value: chosen(value))
        group.addButton(button)
    group.setParent(next(iter(buttons.values())))
    icons = [(buttons[value], icon) for value, _title, icon in option.choices]
    return Controls(list(buttons.values()), lambda value: buttons[value].setChecked(True), icons)


class _Titles(fields.Choice):
    """Combo box as wide as its longest title in any language, up to a limit."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizeAdjustPolicy(fields.Choice.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)

    def fit(self) -> None:
        """Take the width of the titles, of which Chinese letters are twice as wide."""
        longest = max(columns(self.itemText(row)) for row in range(self.count()))
        self.setMinimumContentsLength(min(_MOST_LETTERS, longest))
        self.view().setMinimumWidth(self.view().sizeHintForColumn(0) + 2 * theme.GRID)

    @guarded
    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange and self.count():
            self.fit()
        super().changeEvent(event)


def _list(option: Choice[Any], chosen: Chosen) -> Controls:
    box = named(_Titles(), tr(option.title), tr(option.tip))
    values = [value for value, _title, _icon in option.choices]
    titles = [tr(title) for _value, title, _icon in option.choices]
    box.addItems(titles)
    box.fit()
    box.activated.connect(lambda row: chosen(values[row]))
    return Controls([box], lambda value: box.setCurrentIndex(values.index(value)))
