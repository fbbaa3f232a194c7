"""Every control has a name, is reached by Tab and then has a ring, and nothing is told by colour alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QHeaderView,
    QLineEdit,
    QPlainTextEdit,
    QSlider,
    QTabBar,
    QWidget,
)

from fcn_studio.core.sample import Status
from fcn_studio.ui.canvas.canvas import Canvas
from fcn_studio.ui.docks.file_model import status_dot
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.focus_ring import FocusRing
from tests.ui.conftest import Studio
from tests.ui.test_pseudo_locale import DIALOGS

CONTROLS = (QAbstractButton, QLineEdit, QComboBox, QAbstractSpinBox, QSlider, QAbstractItemView, QPlainTextEdit)


PARENTS = (QAbstractSpinBox, QComboBox, QLineEdit, QTabBar)
"""Qt makes controls in these."""


def controls(root: QWidget) -> Iterator[QWidget]:
    """The enabled controls that are seen, without the parts that Qt makes of them and buttons in dock titles."""
    for widget in root.findChildren(QWidget):
        inner = isinstance(widget, QHeaderView) or isinstance(widget.parent(), PARENTS)
        of_qt = widget.objectName().startswith("qt_") or widget.window() is not root.window()
        if isinstance(widget, CONTROLS) and widget.isVisible() and widget.isEnabled() and not inner and not of_qt:
            yield widget


def name_of(widget: QWidget) -> str:
    found = QAccessible.queryAccessibleInterface(widget)
    return found.text(QAccessible.Text.Name)


def said(widget: QWidget) -> str:
    return f"{type(widget).__name__} {name_of(widget)!r} in {type(widget.parent()).__name__}"


def by_tab(root: QWidget) -> list[QWidget]:
    """The widgets that get the keyboard one after another, until the first one gets it again."""
    reached: list[QWidget] = []
    while (widget := root.focusWidget()) is not None and widget not in reached:
        reached.append(widget)
        if isinstance(widget, Canvas):  # Tab has a meaning of its own there; F6 leaves it
            break
        QTest.keyClick(widget, Qt.Key.Key_Tab)
    return reached


def unreached(root: QWidget, reached: list[QWidget]) -> list[str]:
    """What Tab leaves out; of buttons that exclude each other it reaches one, and arrows the others."""
    return [said(widget) for widget in controls(root) if widget not in reached and not by_arrow(widget, reached)]


def by_arrow(widget: QWidget, reached: list[QWidget]) -> bool:
    if not isinstance(widget, QAbstractButton):
        return False
    group = widget.group()
    if group is not None and group.exclusive():
        return any(button in reached for button in group.buttons())
    return widget.autoExclusive() and any(type(other) is type(widget) for other in reached)


def test_tab_goes_to_everything_in_the_window_and_a_ring_goes_with_it(studio: Studio) -> None:
    window = studio.window
    window.resize(1800, 1100)
    window.activateWindow()
    ring = window.findChild(FocusRing)
    assert ring is not None
    for page in (window.actions_["training"], window.actions_["check"]):
        page.trigger()
        for _ in range(5):
            QApplication.processEvents()
        assert not (nameless := [said(widget) for widget in controls(window) if not name_of(widget)]), nameless
        window.canvas.setFocus()
        window.actions_["next_part"].trigger()
        reached = by_tab(window)
        assert not (left := unreached(window, reached)), "\n".join(left)
        window.classes_dock._filter.setFocus()
        assert ring.around is window.classes_dock._filter
        window.canvas.setFocus()
        assert ring.around is None, "the image has none"


def test_tab_goes_to_everything_in_each_dialog(studio: Studio, tmp_path: Path) -> None:
    found: list[str] = []
    for name, make in DIALOGS.items():
        dialog: QDialog = make(studio, tmp_path)
        dialog.show()
        dialog.activateWindow()
        for _ in range(3):
            QApplication.processEvents()
        found += [f"{name}: no name: {said(widget)}" for widget in controls(dialog) if not name_of(widget)]
        found += [f"{name}: not reached: {words}" for words in unreached(dialog, by_tab(dialog))]
        dialog.close()
        dialog.deleteLater()
    assert not found, "\n".join(found)


def test_statuses_differ_without_colour(qapp: QApplication) -> None:
    for appearance in ("dark", "light"):
        theme.apply(qapp, appearance)
        shapes = []
        for status in Status:
            image = status_dot(status).pixmap(16, 16).toImage().convertToFormat(QImage.Format.Format_Alpha8)
            shapes.append(bytes(image.constBits()))
        assert len(set(shapes)) == len(Status)
