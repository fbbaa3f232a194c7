"""The bar with the options of the active tool."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QComboBox, QLabel, QSizePolicy, QToolBar, QToolButton, QWidget

from fcn_studio.core.colours.screen_colours import VOID_COLOUR
from fcn_studio.core.rules import Where
from fcn_studio.i18n import listed, tr, tr_n
from fcn_studio.tools import TOOLS
from fcn_studio.tools.options import AnyOption
from fcn_studio.ui.actions.table import BY_NAME
from fcn_studio.ui.runtime.guard import guarded
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.class_colours import on_screen
from fcn_studio.ui.widgets.fields import Choice
from fcn_studio.ui.widgets.named import named, with_role
from fcn_studio.ui.widgets.option_controls import Controls, controls_for

if TYPE_CHECKING:
    from fcn_studio.ui.session.session import Session

_SHOWN_NAMES = 3
_PLACE_LETTERS = 16
"""Letters for which the box has room that says where to paint; its list shows longer ones in full."""


class OptionsBar(QToolBar):
    """Tool bar that shows and sets the options of the toolbox.

    Signals:
        done(): the user has finished typing here.
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
        self._where = named(Choice(), tr("Paint"), tr("Pixels that painting may change"))
        self._where.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._where.setMinimumContentsLength(_PLACE_LETTERS)
        self._where.activated.connect(self._set_where)
        self._places: list[Where] = []  # what each row of it means
        self._selection = named(
            QToolButton(),
            tr("Clear the selection"),
            tr("Tools change only what is inside the selection. Click to clear it."),
        )
        self._selection.setText(tr("Only inside the selection"))
        self._selection.setCheckable(True)
        self._selection.clicked.connect(lambda: self._toolbox.select(None))
        self._protected = with_role(QLabel(), "dim")
        self._controls: dict[AnyOption, Controls] = {}
        self._option_parts: dict[AnyOption, list[QAction]] = {}
        self._short: list[QToolButton] = []
        self._saved = 0
        self._fill()
        for signal in (self._toolbox.tool_changed, self._toolbox.options_changed, self._toolbox.class_changed,
                       self._toolbox.rules_changed, session.table_changed, session.project_changed):  # fmt: skip
            signal.connect(self.refresh)
        self.retheme()

    def _fill(self) -> None:
        self.addWidget(self._tool)
        self._class_parts = [self.addWidget(self._swatch), self.addWidget(self._class_name)]
        self._option_separator = self.addSeparator()
        for option in dict.fromkeys(option for spec in TOOLS for option in spec.tool.options):
            controls = controls_for(option, partial(self._toolbox.set_option, option), self.done)
            self._controls[option] = controls
            self._option_parts[option] = [self.addWidget(widget) for widget in controls.widgets]
        self._paint_parts = [self.addSeparator(), self.addWidget(self._where), self.addWidget(self._protected)]
        self._selection_part = self.addWidget(self._selection)
        spacer = QWidget()
        spacer.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.addWidget(spacer)

    @guarded
    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self.refresh()
        super().changeEvent(event)

    def add_button(self, action: QAction, *, main: bool = False) -> None:
        """Add a button with text for an action at the right end; the main one stands out."""
        self.addAction(action)
        button = self.widgetForAction(action)
        if isinstance(button, QToolButton):
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            with_role(button, "main" if main else "button")
            if not main:
                self._short.append(button)

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Leave out texts of buttons where there is no room.

        Qt would leave out whole buttons, and the main one first.
        """
        wide = self.sizeHint().width() + self._saved <= self.width()
        if wide == (self._saved == 0):
            return
        before = sum(button.sizeHint().width() for button in self._short)
        style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon if wide else Qt.ToolButtonStyle.ToolButtonIconOnly
        for button in self._short:
            button.setToolButtonStyle(style)
        self._saved = 0 if wide else before - sum(button.sizeHint().width() for button in self._short)

    def retheme(self) -> None:
        """Draw icons in the colours of the theme."""
        for controls in self._controls.values():
            for button, icon in controls.icons:
                button.setIcon(theme.icon(icon))
        self.refresh()

    def refresh(self) -> None:
        """Show the values of the toolbox."""
        toolbox, tool = self._toolbox, self._toolbox.tool
        self.setVisible(self._session.project is not None)
        self._tool.setText(BY_NAME[toolbox.tool_name].plain_text)
        self._show_class()
        self._show_options()
        self._show_where()
        self._protected.setText(self._protected_words())
        for part in self._class_parts:
            part.setVisible(tool.uses_class)
        for part in self._paint_parts:
            part.setVisible(tool.writes and tool.paints)
        self._selection_part.setVisible(tool.writes and toolbox.selection is not None)
        self._selection.setChecked(True)
        self._fit()

    def _show_where(self) -> None:
        where, classes = self._toolbox.where, [info.index for info in self._session.table.active]
        self._places = [Where(), Where("unlabelled")]
        self._places += [Where(only, index) for only in ("over", "predicted") for index in classes]
        if where not in self._places:  # void
            self._places.append(where)
        texts = [self._place_words(place) for place in self._places]
        if texts != [self._where.itemText(row) for row in range(self._where.count())]:
            self._where.clear()
            self._where.addItems(texts)
            self._where.view().setMinimumWidth(self._where.view().sizeHintForColumn(0) + 2 * theme.GRID)
        self._where.setCurrentIndex(self._places.index(where))

    def _place_words(self, place: Where) -> str:
        name = self._session.table.name_of(place.index)
        match place.only:
            case "unlabelled":
                return tr("Paint only unlabelled")
            case "over":
                return tr("Paint only over {name}", name=name)
            case "predicted":
                return tr("Paint only where {name} is predicted", name=name)
        return tr("Paint everywhere")

    def _set_where(self, row: int) -> None:
        self._toolbox.set_where(self._places[row])

    def _show_class(self) -> None:
        index, table = self._toolbox.class_index, on_screen(self._session.table)
        info, name = table.get(index), table.name_of(index)
        self._swatch.setPixmap(theme.swatch(info.colour if info else VOID_COLOUR))
        self._class_name.setText(tr("{name} (hidden)", name=name) if index in self._toolbox.hidden else name)

    def _show_options(self) -> None:
        toolbox = self._toolbox
        self._option_separator.setVisible(bool(toolbox.tool.options))
        for option, parts in self._option_parts.items():
            self._controls[option].show(toolbox.option(option))
            for part in parts:
                part.setVisible(option in toolbox.tool.options and (toolbox.pen_seen or not option.for_pen))

    def _protected_words(self) -> str:
        """Say what painting leaves alone."""
        if self._toolbox.where.only == "predicted" and self._toolbox.prediction is None:
            return tr("Without a prediction, nothing can be painted.")
        names = [self._session.table.name_of(i) for i in sorted(self._toolbox.hidden | self._toolbox.locked)]
        if not names:
            return ""
        shown, rest = listed(names[:_SHOWN_NAMES]), len(names) - _SHOWN_NAMES
        if rest <= 0:
            return tr("Protected: {names}", names=shown)
        return tr_n("Protected: {names} and {n} more", "Protected: {names} and {n} more", rest, names=shown)
