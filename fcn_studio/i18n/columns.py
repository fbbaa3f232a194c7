"""Texts in columns of a terminal, where a Chinese, Japanese or Korean character takes two."""

from __future__ import annotations

import re
from unicodedata import east_asian_width

_PIECE = re.compile(r"\s+|[^\s\u2e80-\uffef]+[，。、；：！？）”』」…]*|[\u2e80-\uffef][，。、；：！？）”』」]*")
"""What stays on one line: a space, a word, a wide character; closing punctuation stays with what it follows."""


def columns(text: str) -> int:
    """Return the columns that a text takes."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Return a text with spaces up to a number of columns, before it with ``right``, else behind it."""
    spaces = " " * (width - columns(text))
    return f"{spaces}{text}" if right else f"{text}{spaces}"


def wrapped(text: str, width: int) -> list[str]:
    """Return the lines of a text of at most ``width`` columns; longer words have a line of their own."""
    lines = [""]
    for piece in _PIECE.findall(" ".join(text.split())):
        if columns(lines[-1] + piece.rstrip()) > width and lines[-1]:
            lines[-1] = lines[-1].rstrip()
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
    return lines
