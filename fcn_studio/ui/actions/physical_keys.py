"""Keys by their place, for layouts that lack keys of shortcuts.

Source: numbers of places are those of linux/input-event-codes.h, which are scan code set 1. X11 and Wayland add 8,
and Windows uses them as they are.
"""

from __future__ import annotations

import sys
import unicodedata

from PySide6.QtCore import QKeyCombination, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence

_OFFSETS = {"linux": 8, "win32": 0}
"""What is added to the number of a place. On other systems places are not known."""

_KEY_1 = 2
_ROWS = ((16, "QWERTYUIOP[]"), (30, "ASDFGHJKL;'`"), (43, "\\ZXCVBNM,."))
"""Number of the first place of a row, and its keys on a US keyboard."""

_LATIN = {first + number: Qt.Key(ord(key)) for first, keys in _ROWS for number, key in enumerate(keys)}
_SIGNS = (Qt.Key.Key_BracketLeft, Qt.Key.Key_BracketRight, Qt.Key.Key_QuoteLeft)
"""Keys of shortcuts that have no letter: their places count whatever is printed on them, but for Latin letters."""


def digit_at(event: QKeyEvent) -> int | None:
    """Return the digit in the place of a key on most layouts.

    None if there is none.
    """
    place = (_place(event) or 0) - _KEY_1
    return (place + 1) % 10 if 0 <= place < 10 else None


def latin_key(event: QKeyEvent) -> Qt.Key | None:
    """Return the key of a US keyboard in the place of a key.

    It is for keys that no shortcut names: letters of other scripts, and all but Latin letters in the places of the
    brackets and of the key left of 1. Other keys mean what is printed on them, and give None.
    """
    key = _LATIN.get(_place(event) or 0)
    if key in _SIGNS:
        return None if event.key() in _SIGNS or Qt.Key.Key_A <= event.key() <= Qt.Key.Key_Z else key
    return key if _is_foreign(event.key()) else None


_MODIFIER_KEYS = (
    Qt.Key.Key_Shift, Qt.Key.Key_Control, Qt.Key.Key_Alt, Qt.Key.Key_Meta, Qt.Key.Key_AltGr, Qt.Key.Key_CapsLock,
    Qt.Key.Key_NumLock, Qt.Key.Key_unknown, 0,
)  # fmt: skip


def pressed_key(event: QKeyEvent) -> str:
    """Return the key that was pressed, with its modifiers, in Qt's portable spelling.

    It is the one that a shortcut would name: letters of other scripts and digits are found by their place. Returns ""
    for a modifier alone.
    """
    modifiers = event.modifiers() & ~(Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.GroupSwitchModifier)
    key, place = event.key(), latin_key(event)
    digit = None if event.text().isdigit() else digit_at(event)
    if key in _MODIFIER_KEYS:
        return ""
    if key == Qt.Key.Key_Backtab:
        key = Qt.Key.Key_Tab
    elif place is not None:
        key = place
    elif digit is not None and modifiers in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier):
        key = Qt.Key.Key_0 + digit
    elif 0x20 < key < 0x7F and not chr(key).isalpha():  # Shift was needed to type it
        modifiers &= ~Qt.KeyboardModifier.ShiftModifier
    sequence = QKeySequence(QKeyCombination(modifiers, Qt.Key(key)))
    return sequence.toString(QKeySequence.SequenceFormat.PortableText)


def _is_foreign(key: int) -> bool:
    """Return whether a key has a letter of another script."""
    letter = chr(key) if 0x7F < key < 0x110000 else ""
    return letter.isalpha() and not unicodedata.name(letter, "LATIN").startswith("LATIN")


def _place(event: QKeyEvent) -> int | None:
    offset, code = _OFFSETS.get(sys.platform), event.nativeScanCode()
    return None if offset is None or not code else code - offset
