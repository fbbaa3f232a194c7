"""Tool tips that name the key in force of an action."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtWidgets import QWidget

from fcn_studio.i18n import again
from fcn_studio.ui.actions.keys import with_key

W = TypeVar("W", bound=QWidget)

_SENTENCE, _ACTION = "tipSentence", "tipAction"


def tip_with_key(widget: W, sentence: str, action: str) -> W:
    """Give a widget a translated tool tip with the key of an action behind it.

    `refresh_tips` follows changes of the keys.
    """
    widget.setProperty(_SENTENCE, sentence)
    widget.setProperty(_ACTION, action)
    widget.setToolTip(with_key(sentence, action))
    return widget


def refresh_tips(root: QWidget) -> None:
    """Put the keys in force into the tool tips below a widget."""
    for widget in root.findChildren(QWidget):
        if isinstance(action := widget.property(_ACTION), str):
            widget.setToolTip(with_key(again(widget.property(_SENTENCE)), action))
