"""The log, a file for each start in the state folder.

It has no image content.
"""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

from PySide6.QtCore import QtMsgType, qInstallMessageHandler

LONGEST = 8000
"""Largest number of characters of an entry; longer ones lose their middle."""

_NUMBERS = re.compile(r"\d+(?:[\s,.\[\]()]+\d+){15,}")
_BYTES = re.compile(r"""\b(b(['"]))(?:\\.|(?!\2)[^\\\n]){48,}\2""")


def without_content(text: str) -> str:
    """Return the text without what may be image content.

    Rows of numbers and long bytes are removed, and the middle of a long text.
    """
    if len(text) > LONGEST:
        left_out = f"\n[... {len(text) - LONGEST} characters left out ...]\n"
        text = text[: LONGEST // 4] + left_out + text[-(LONGEST * 3 // 4) :]
    return _BYTES.sub("[bytes left out]", _NUMBERS.sub("[numbers left out]", text))


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return without_content(super().format(record))


class _LogFile(RotatingFileHandler):
    """Log file that is reopened after an error.

    It is opened again with the next entry.
    """

    def handleError(self, record: logging.LogRecord) -> None:
        stream, self.stream = self.stream, None
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.close()


def log_to(path: Path | None) -> None:
    """Log to a file, or without one log warnings to standard error.

    Qt's messages are logged too.
    """
    logging.raiseExceptions = False  # an entry that cannot be written or formatted is dropped
    handler: logging.Handler = logging.StreamHandler()
    level = logging.WARNING
    if path is not None:
        with suppress(OSError):
            handler, level = _LogFile(path, maxBytes=1 << 20, backupCount=1, encoding="utf-8"), logging.INFO
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
    qInstallMessageHandler(_log_qt)


def _log_qt(kind: QtMsgType, context: object, message: str) -> None:
    level = logging.INFO if kind in (QtMsgType.QtDebugMsg, QtMsgType.QtInfoMsg) else logging.WARNING
    logging.getLogger("qt").log(level, message)
