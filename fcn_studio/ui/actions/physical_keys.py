"""Keys by their place, for layouts that lack keys of shortcuts.

Source: numbers of places are those of linux/input-event-codes.h, which are scan code set 1. X11 and Wayland add 8,
and Windows uses them as they are.
"""

from __future__ import annotations

import sys
import unicodedata

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

_OFFSETS = {"linux": 8, "win32": 0}
"""What is added to the number of a place. On other systems places are not known."""

_KEY_1 = 2
_ROWS = ((16, "QWERTYUIOP[]"), (30, "ASDFGHJKL"), (44, "ZXCVBNM,"))
"""Number of the first place of a row, and its keys on a US keyboard."""

_LATIN = {first + number: Qt.Key(ord(key)) for first, keys in _ROWS for number, key in enumerate(keys)}
_BRACKETS = (Qt.Key.Key_BracketLeft, Qt.Key.Key_BracketRight)


def digit_at(event: QKeyEvent) -> int | None:
    """Return the digit in the place of a key on most layouts.

    None if there is none.
    """
    place = (_place(event) or 0) - _KEY_1
    return (place + 1) % 10 if 0 <= place < 10 else None


def latin_key(event: QKeyEvent) -> Qt.Key | None:
    """Return the key of a US keyboard in the place of a key.

    It is for keys that no shortcut names: letters of other scripts, and all but Latin letters in the places of the
    brackets. Other keys mean what is printed on them, and give None.
    """
    key = _LATIN.get(_place(event) or 0)
    if key in _BRACKETS:
        return None if event.key() in _BRACKETS or Qt.Key.Key_A <= event.key() <= Qt.Key.Key_Z else key
    return key if _is_foreign(event.key()) else None


def _is_foreign(key: int) -> bool:
    """Return whether a key has a letter of another script."""
    letter = chr(key) if 0x7F < key < 0x110000 else ""
    return letter.isalpha() and not unicodedata.name(letter, "LATIN").startswith("LATIN")


def _place(event: QKeyEvent) -> int | None:
    offset, code = _OFFSETS.get(sys.platform), event.nativeScanCode()
    return None if offset is None or not code else code - offset
