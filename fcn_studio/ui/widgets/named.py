"""Accessible names, tool tips, focus and roles of widgets."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QSlider, QToolButton, QWidget

W = TypeVar("W", bound=QWidget)


def named(widget: W, name: str, tip: str = "") -> W:
    """Give a control its accessible name and tool tip.

    A click on a button, slider or combo box does not take the keyboard from the canvas; Tab still reaches it.
    """
    widget.setAccessibleName(name)
    if tip:
        widget.setToolTip(tip)
    if isinstance(widget, (QToolButton, QSlider, QComboBox)):
        widget.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return widget


def with_role(widget: W, role: str) -> W:
    """Give a label or button a role of the style sheet.

    Roles are "dim", "strong", "title", "choice", "button" and "main".
    """
    widget.setProperty("role", role)
    return widget
