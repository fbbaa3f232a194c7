"""The bar of the active tool's options: class, size, shape, where it paints, what is protected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QButtonGroup, QLabel, QSizePolicy, QToolBar, QToolButton, QWidget

from fcn_studio.core.classes import VOID, voc_colour
from fcn_studio.i18n import tr, tr_n
from fcn_studio.ui.actions.table import BY_NAME
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.fields import Choice
from fcn_studio.ui.widgets.named import named, with_role
from fcn_studio.ui.widgets.size_box import SizeBox

if TYPE_CHECKING:
    from fcn_studio.ui.session.session import Session

MAX_BRUSH = 2000
SIZED = ("brush", "eraser")
_EVERYWHERE, _ONLY_UNLABELLED = range(2)


class OptionsBar(QToolBar):
    """Follows the toolbox and sets it.

    Signals:
        done(): the user finished typing here; the keyboard belongs to the canvas again.
    """

    done = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(tr("Tool options"), parent)
        self.setObjectName("optionsBar")
        self.setMovable(False)
        self.setIconSize(QSize(20, 20))
        self._session, self._toolbox = session, session.toolbox
        self._tool = with_role(QLabel(), "strong")
        self._swatch, self._class_name = QLabel(), QLabel()
        self._size = SizeBox(tr("Brush size"), MAX_BRUSH, tr("Brush size in image pixels ([ and ], Shift+wheel)"))
        self._size.changed.connect(self._toolbox.set_brush_size)
        self._size.done.connect(self.done)
        self._shapes: dict[str, QToolButton] = {}
        self._where = named(Choice(), tr("Paint"), tr("Pixels that painting may change"))
        self._where.addItems([tr("Paint everywhere"), tr("Paint only unlabelled")])
        self._where.activated.connect(lambda row: self._toolbox.set_only_unlabelled(row == _ONLY_UNLABELLED))
        self._protected = with_role(QLabel(), "dim")
        self._fill()
        for signal in (self._toolbox.tool_changed, self._toolbox.options_changed, self._toolbox.class_changed,
                       self._toolbox.rules_changed, session.table_changed, session.project_changed):  # fmt: skip
            signal.connect(self.refresh)
        self.retheme()

    def _fill(self) -> None:
        self.addWidget(self._tool)
        self._class_parts = [self.addWidget(self._swatch), self.addWidget(self._class_name)]
        self._sized_parts: list[QAction] = [self.addSeparator(), self.addWidget(self._size)]
        group = QButtonGroup(self)
        for shape, tip in (("round", tr("Round brush")), ("square", tr("Square brush"))):
            button = named(QToolButton(), tip, tip)
            button.setCheckable(True)
            button.clicked.connect(lambda _on, shape=shape: self._toolbox.set_brush_shape(shape))
            group.addButton(button)
            self._shapes[shape] = button
            self._sized_parts.append(self.addWidget(button))
        self._pressure = named(QToolButton(), tr("Pen pressure"), tr("Press the pen harder for a larger brush"))
        self._pressure.setText(tr("Pen pressure"))
        self._pressure.setCheckable(True)
        self._pressure.clicked.connect(self._toolbox.set_pen_pressure)
        self._pen_part = self.addWidget(self._pressure)
        self._paint_parts = [self.addSeparator(), self.addWidget(self._where), self.addWidget(self._protected)]
        spacer = QWidget()
        spacer.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.addWidget(spacer)

    def add_button(self, action: QAction) -> None:
        """Offer an action with its words at the right end."""
        self.addAction(action)
        button = self.widgetForAction(action)
        if isinstance(button, QToolButton):
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def retheme(self) -> None:
        """Draw icons in the colours of the theme."""
        for shape, button in self._shapes.items():
            button.setIcon(theme.icon(shape))
        self.refresh()

    def refresh(self) -> None:
        """Show what the toolbox holds."""
        toolbox = self._toolbox
        there, name = self._session.project is not None, toolbox.tool_name
        self.setVisible(there)
        self._tool.setText(BY_NAME[name].plain_text)
        info = self._session.table.get(toolbox.class_index)
        self._swatch.setPixmap(theme.swatch(info.colour if info else voc_colour(VOID)))
        class_name = self._session.table.name_of(toolbox.class_index)
        hidden = toolbox.class_index in toolbox.hidden
        self._class_name.setText(tr("{name} (hidden)", name=class_name) if hidden else class_name)
        self._size.set_value(toolbox.brush_size)
        self._shapes[toolbox.brush_shape].setChecked(True)
        self._where.setCurrentIndex(_ONLY_UNLABELLED if toolbox.only_unlabelled else _EVERYWHERE)
        self._protected.setText(self._protected_words())
        for part in self._class_parts:
            part.setVisible(name not in ("eraser", "picker"))
        for part in self._sized_parts:
            part.setVisible(name in SIZED)
        self._pressure.setChecked(toolbox.pen_pressure)
        self._pen_part.setVisible(toolbox.pen_seen and name in SIZED)
        for part in self._paint_parts:
            part.setVisible(name != "picker")

    def _protected_words(self) -> str:
        """Which classes painting leaves alone, in words: what cannot be painted must be said."""
        names = [self._session.table.name_of(i) for i in sorted(self._toolbox.hidden | self._toolbox.locked)]
        if not names:
            return ""
        shown, more = ", ".join(names[:3]), len(names) - 3
        if more > 0:
            return tr_n("Protected: {shown} and {n} more", "Protected: {shown} and {n} more", more, shown=shown)
        return tr("Protected: {shown}", shown=shown)
