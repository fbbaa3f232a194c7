"""The look of the window: colours, style sheet, icons and fonts.

Greys are neutral and the class colours are the only strong colours on screen. Icons are SVG files in one colour,
which is replaced here, so that light and dark share them.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QByteArray, QLineF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QIcon, QPainter, QPalette, QPen, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

from fcn_studio import paths

GRID = 8
"""Pixels of the layout grid; margins and gaps are its multiples or halves."""


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of an appearance, as ``#rrggbb``.

    Text on its background has a contrast of at least 4.5:1; borders of controls and the focus ring have 3:1.
    """

    name: str
    window: str
    panel: str
    field: str
    raised: str
    line: str
    border: str
    text: str
    dim: str
    disabled: str
    accent: str
    pressed: str
    on_accent: str
    selected: str
    focus: str
    canvas: str
    warning: str


LIGHT = Theme(
    "light", window="#f0f0f0", panel="#f7f7f7", field="#ffffff", raised="#fafafa", line="#d4d4d4", border="#8a8a8a",
    text="#1f1f1f", dim="#5f5f5f", disabled="#a0a0a0", accent="#2563c9", pressed="#1d4fa3", on_accent="#ffffff",
    selected="#d6e3f8", focus="#c2410c", canvas="#b8b8b8", warning="#fdf0d0",
)  # fmt: skip
DARK = Theme(
    "dark", window="#262626", panel="#2d2d2d", field="#1e1e1e", raised="#383838", line="#444444", border="#858585",
    text="#e6e6e6", dim="#b6b6b6", disabled="#6e6e6e", accent="#6ea4f5", pressed="#8fb9f8", on_accent="#10141a",
    selected="#2f4463", focus="#ffb454", canvas="#1a1a1a", warning="#4a3d1c",
)  # fmt: skip


class Appearance(StrEnum):
    """Values of the setting ``theme``."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


_current = LIGHT


def current() -> Theme:
    """Return the colours in use."""
    return _current


def wanted(appearance: str) -> Theme:
    """Return the colours for a value of the setting.

    "system" follows the desktop.
    """
    if appearance == Appearance.SYSTEM:
        dark = QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
        return DARK if dark else LIGHT
    return DARK if appearance == Appearance.DARK else LIGHT


def apply(app: QApplication, appearance: str) -> Theme:
    """Apply an appearance to the program and return its colours.

    Must be called again when the setting or the desktop's colour scheme changes.
    """
    global _current
    _current = wanted(appearance)
    if app.style().name().casefold() != "fusion":
        app.setStyle("fusion")
    app.setPalette(palette(_current))
    _pixmap.cache_clear()
    swatch_icon.cache_clear()
    return _current


def palette(theme: Theme) -> QPalette:
    """Return the Qt palette of a theme."""
    role, result = QPalette.ColorRole, QPalette()
    for where, colour in (
        (role.Window, theme.window), (role.WindowText, theme.text), (role.Base, theme.field),
        (role.AlternateBase, theme.panel), (role.Text, theme.text), (role.Button, theme.raised),
        (role.ButtonText, theme.text), (role.BrightText, theme.on_accent), (role.ToolTipBase, theme.raised),
        (role.ToolTipText, theme.text), (role.PlaceholderText, theme.dim), (role.Highlight, theme.accent),
        (role.HighlightedText, theme.on_accent), (role.Link, theme.accent), (role.Accent, theme.accent),
        (role.Light, theme.raised), (role.Midlight, theme.line), (role.Mid, theme.line), (role.Dark, theme.line),
        (role.Shadow, theme.line),
    ):  # fmt: skip
        result.setColor(where, QColor(colour))
    for where in (role.WindowText, role.Text, role.ButtonText, role.PlaceholderText):
        result.setColor(QPalette.ColorGroup.Disabled, where, QColor(theme.disabled))
    return result


def style_sheet(theme: Theme) -> str:
    """Return the style sheet for what the palette cannot set."""
    return f"{_bars(theme)}{_fields(theme)}{_lists(theme)}"


def focus_ring(theme: Theme) -> str:
    """Return the style sheet of the frame around what has the keyboard."""
    return f"QFocusFrame {{ border: 2px solid {theme.focus}; border-radius: 5px; background: transparent; }}"


def _mark(name: str) -> str:
    """Return the address of a picture for a style sheet, which cannot recolour it."""
    return f'url("{paths.resource("marks", f"{name}.svg").as_posix()}")'


def _bars(theme: Theme) -> str:
    return f"""
    QToolBar {{ background: {theme.window}; border: 0; padding: 4px; spacing: 2px; }}
    QToolBar#optionsBar {{ border-bottom: 1px solid {theme.line}; padding: 4px 8px; spacing: 6px; }}
    QToolBar QToolButton {{ border: 1px solid transparent; border-radius: 4px; padding: 4px; }}
    QToolBar QToolButton:hover {{ background: {theme.raised}; }}
    QToolBar QToolButton:checked {{ background: {theme.selected}; border-color: {theme.accent}; }}
    QToolBar QToolButton[role="button"], QToolBar QToolButton[role="main"] {{
        background: {theme.raised}; border: 1px solid {theme.border}; padding: 4px 8px; }}
    QToolBar QToolButton[role="button"]:hover {{ background: {theme.field}; }}
    QToolBar QToolButton[role="button"]:checked {{ background: {theme.selected}; border-color: {theme.accent}; }}
    QToolBar QToolButton[role="button"]:disabled {{ color: {theme.disabled}; border-color: {theme.line}; }}
    QToolBar QToolButton[role="main"] {{
        background: {theme.accent}; border-color: {theme.accent}; color: {theme.on_accent}; font-weight: 600; }}
    QToolBar QToolButton[role="main"]:hover, QToolBar QToolButton[role="main"]:pressed {{
        background: {theme.pressed}; border-color: {theme.pressed}; }}
    QToolBar QToolButton[role="main"]:disabled {{
        background: {theme.window}; border-color: {theme.line}; color: {theme.disabled}; }}
    QToolBar::separator {{ background: {theme.line}; width: 1px; height: 1px; margin: 4px; }}
    QMainWindow::separator {{ background: {theme.line}; width: 1px; height: 1px; }}
    QDockWidget::title {{ background: {theme.window}; padding: 6px 8px 2px 8px; text-align: left; }}
    QDockWidget QToolButton, QStatusBar QToolButton {{ border: 0; border-radius: 4px; padding: 3px; }}
    QDockWidget QToolButton:hover, QStatusBar QToolButton:hover {{ background: {theme.raised}; }}
    QDockWidget QToolButton[role="choice"] {{ border: 1px solid transparent; padding: 2px 4px; }}
    QDockWidget QToolButton[role="choice"]:checked {{
        background: {theme.selected}; border-color: {theme.accent}; }}
    QMenuBar {{ background: {theme.window}; padding: 2px 4px; }}
    QStatusBar {{ background: {theme.window}; border-top: 1px solid {theme.line}; }}
    QStatusBar::item {{ border: 0; }}
    QStatusBar QLabel {{ padding: 2px 6px; }}
    QLabel[role="dim"] {{ color: {theme.dim}; }}
    QLabel[role="title"] {{ font-size: 22px; font-weight: 600; }}
    QLabel[role="strong"] {{ font-weight: 600; }}
    QLabel[role="key"] {{ background: {theme.raised}; border: 1px solid {theme.line}; border-radius: 4px;
        padding: 1px 6px; }}
    QDialog#palette {{ border: 1px solid {theme.accent}; }}
    QFrame#messageStrip {{ background: {theme.raised}; border-bottom: 1px solid {theme.line}; }}
    QFrame#messageStrip[kind="problem"] {{ background: {theme.warning}; }}
    """


def _fields(theme: Theme) -> str:
    return f"""
    QLineEdit, QComboBox, QAbstractSpinBox, QPlainTextEdit {{
        background: {theme.field}; border: 1px solid {theme.border}; border-radius: 4px; padding: 3px 6px;
        selection-background-color: {theme.accent}; selection-color: {theme.on_accent}; }}
    QComboBox {{ background: {theme.raised}; }}
    QLineEdit:disabled, QComboBox:disabled, QAbstractSpinBox:disabled {{
        background: {theme.window}; border-color: {theme.line}; color: {theme.disabled}; }}
    QAbstractSpinBox {{ padding-right: 20px; }}
    QAbstractSpinBox[buttonSymbols="2"] {{ padding-right: 6px; }}
    QAbstractSpinBox QLineEdit {{ border: 0; background: transparent; }}
    QComboBox::drop-down {{ border: 0; width: 20px; }}
    QComboBox::down-arrow {{ image: {_mark("down")}; width: 10px; height: 10px; }}
    QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{
        subcontrol-origin: border; width: 18px; border: 0; background: transparent; }}
    QAbstractSpinBox::up-button {{ subcontrol-position: top right; margin-top: 1px; }}
    QAbstractSpinBox::down-button {{ subcontrol-position: bottom right; margin-bottom: 1px; }}
    QAbstractSpinBox::up-arrow {{ image: {_mark("up")}; width: 8px; height: 8px; }}
    QAbstractSpinBox::down-arrow {{ image: {_mark("down")}; width: 8px; height: 8px; }}
    QCheckBox, QRadioButton {{ spacing: 8px; }}
    QCheckBox::indicator, QAbstractItemView::indicator, QRadioButton::indicator {{
        width: 14px; height: 14px; border: 1px solid {theme.border}; background: {theme.field}; }}
    QCheckBox::indicator, QAbstractItemView::indicator {{ border-radius: 3px; }}
    QCheckBox::indicator:checked, QAbstractItemView::indicator:checked {{
        background: {theme.accent}; border-color: {theme.accent}; image: {_mark(f"tick-{theme.name}")}; }}
    QRadioButton::indicator {{ border-radius: 8px; }}
    QRadioButton::indicator:checked {{ border: 5px solid {theme.accent}; width: 6px; height: 6px; }}
    QCheckBox::indicator:disabled, QRadioButton::indicator:disabled {{ border-color: {theme.line}; }}
    QCheckBox::indicator:checked:disabled {{ background: {theme.disabled}; border-color: {theme.disabled}; }}
    QCheckBox:disabled, QRadioButton:disabled {{ color: {theme.disabled}; }}
    QSlider::groove:horizontal {{ height: 4px; border-radius: 2px; background: {theme.line}; }}
    QSlider::sub-page:horizontal {{ border-radius: 2px; background: {theme.accent}; }}
    QSlider::handle:horizontal {{
        width: 12px; margin: -5px 0; border: 1px solid {theme.border}; border-radius: 7px;
        background: {theme.raised}; }}
    QSlider::sub-page:horizontal:disabled {{ background: {theme.disabled}; }}
    QSlider::handle:horizontal:disabled {{ border-color: {theme.line}; background: {theme.window}; }}
    QPushButton {{
        background: {theme.raised}; border: 1px solid {theme.border}; border-radius: 4px; padding: 5px 14px; }}
    QPushButton:hover {{ background: {theme.field}; }}
    QPushButton:pressed, QPushButton:checked {{ background: {theme.selected}; }}
    QPushButton:default {{ border-color: {theme.accent}; }}
    QPushButton[role="main"] {{
        background: {theme.accent}; border-color: {theme.accent}; color: {theme.on_accent}; font-weight: 600; }}
    QPushButton[role="main"]:hover {{ background: {theme.pressed}; }}
    QPushButton:disabled {{
        background: {theme.window}; border-color: {theme.line}; color: {theme.disabled}; font-weight: normal; }}
    """


def _lists(theme: Theme) -> str:
    return f"""
    QAbstractItemView {{ selection-background-color: {theme.selected}; selection-color: {theme.text}; }}
    QAbstractItemView#classList, QAbstractItemView#fileList {{
        border: 0; background: {theme.panel}; }}
    QHeaderView {{ background: {theme.window}; }}
    QHeaderView::section {{
        background: {theme.window}; color: {theme.dim}; padding: 3px 6px; border: 0;
        border-bottom: 1px solid {theme.line}; border-right: 1px solid {theme.line}; }}
    QHeaderView::section:last {{ border-right: 0; }}
    QHeaderView::down-arrow {{ image: {_mark("down")}; width: 8px; height: 8px; margin-right: 4px; }}
    QHeaderView::up-arrow {{ image: {_mark("up")}; width: 8px; height: 8px; margin-right: 4px; }}
    QTabBar {{ qproperty-drawBase: 0; }}
    QTabBar::tab {{
        background: transparent; color: {theme.dim}; padding: 6px 12px; border: 0;
        border-bottom: 2px solid transparent; }}
    QTabBar::tab:selected {{ color: {theme.text}; border-bottom-color: {theme.accent}; }}
    QTabBar::tab:hover {{ color: {theme.text}; }}
    QTabWidget::pane {{ border: 0; border-top: 1px solid {theme.line}; }}
    QProgressBar {{ background: {theme.line}; border: 0; border-radius: 4px; text-align: center; }}
    QProgressBar::chunk {{ background: {theme.accent}; border-radius: 4px; }}
    QScrollBar {{ background: transparent; border: 0; margin: 0; }}
    QScrollBar:vertical {{ width: 10px; }}
    QScrollBar:horizontal {{ height: 10px; }}
    QScrollBar::handle {{ background: {theme.border}; border-radius: 3px; margin: 2px; }}
    QScrollBar::handle:vertical {{ min-height: 24px; }}
    QScrollBar::handle:horizontal {{ min-width: 24px; }}
    QScrollBar::handle:hover {{ background: {theme.dim}; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
    QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
    """


@functools.cache
def _svg(name: str) -> str:
    return paths.resource("icons", f"{name}.svg").read_text(encoding="utf-8")


@functools.lru_cache(maxsize=512)
def _pixmap(name: str, colour: str, pixels: int) -> QPixmap:
    renderer = QSvgRenderer(QByteArray(_svg(name).replace("currentColor", colour).encode()))
    result = QPixmap(pixels, pixels)
    result.fill(Qt.GlobalColor.transparent)
    painter = QPainter(result)
    renderer.render(painter, QRectF(0, 0, pixels, pixels))
    painter.end()
    return result


def icon(name: str, colour: str | None = None, size: int = 20) -> QIcon:
    """Return an icon in the text colour or another.

    It is for pixel ratios 1 and 2.

    Raises:
        FileNotFoundError: if there is no such icon.
    """
    return _icon(name, colour or _current.text, _current.disabled, size)


@functools.lru_cache(maxsize=512)
def _icon(name: str, colour: str, disabled: str, size: int) -> QIcon:
    result = QIcon()
    for mode, ink in ((QIcon.Mode.Normal, colour), (QIcon.Mode.Disabled, disabled)):
        for ratio in (1, 2):
            pixmap = QPixmap(_pixmap(name, ink, size * ratio))
            pixmap.setDevicePixelRatio(ratio)
            result.addPixmap(pixmap, mode)
    return result


def swatch(rgb: tuple[int, int, int], size: int = 16) -> QPixmap:
    """Return a square of a class colour with a thin neutral border."""
    pixmap = QPixmap(size * 2, size * 2)
    pixmap.fill(QColor(*rgb))
    painter = QPainter(pixmap)
    painter.setPen(QColor(_current.line))
    painter.drawRect(0, 0, size * 2 - 1, size * 2 - 1)
    painter.end()
    pixmap.setDevicePixelRatio(2)
    return pixmap


@functools.lru_cache(maxsize=512)
def swatch_icon(rgb: tuple[int, int, int]) -> QIcon:
    """Return a swatch as an icon.

    Its colour is exact in selected rows too.
    """
    return untinted(swatch(rgb))


def line_icon(rgb: tuple[int, int, int], dashes: Qt.PenStyle, size: QSize) -> QIcon:
    """Return a swatch, and beside it the line that a plot draws in the colour."""
    square = swatch(rgb, size.height())
    pixmap = QPixmap(size * 2)
    pixmap.fill(Qt.GlobalColor.transparent)
    pixmap.setDevicePixelRatio(2)
    painter = QPainter(pixmap)
    painter.drawPixmap(0, 0, square)
    painter.setPen(QPen(QColor(_current.text), 1.5, dashes))
    painter.drawLine(QLineF(size.height() + 4, size.height() / 2, size.width(), size.height() / 2))
    painter.end()
    return untinted(pixmap)


def untinted(pixmap: QPixmap) -> QIcon:
    """Return an icon that looks the same in selected and disabled rows."""
    result = QIcon()
    for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected, QIcon.Mode.Disabled):
        result.addPixmap(pixmap, mode)
    return result


_ALIASES = {"Monospace", "Sans Serif", "Serif"}
"""Families that Qt lists on Linux even without any font; they draw boxes."""


def install_fonts() -> list[str]:
    """Install the bundled font if needed, and return its families.

    It is needed if the system has none.
    """
    if set(QFontDatabase.families()) - _ALIASES:
        return []
    families: list[str] = []
    for file in sorted(paths.resource("fonts").glob("*.otf")):
        families += QFontDatabase.applicationFontFamilies(QFontDatabase.addApplicationFont(str(file)))
    if families:
        QApplication.setFont(QFont(families[0], 10))
    return families
