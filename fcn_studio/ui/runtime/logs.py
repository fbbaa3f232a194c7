"""Where the program says what it does: a file for each life, in the state folder, without image content."""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

from PySide6.QtCore import QtMsgType, qInstallMessageHandler

LONGEST = 8000
"""Characters of one entry; of a longer one its begin and its end are kept."""

_NUMBERS = re.compile(r"\d+(?:[\s,.\[\]()]+\d+){15,}")
_BYTES = re.compile(r"""\b(b(['"]))(?:\\.|(?!\2)[^\\\n]){48,}\2""")


def without_content(text: str) -> str:
    """The text without what may be a piece of an image: rows of numbers, and long bytes. Of a long text both ends."""
    if len(text) > LONGEST:
        left_out = f"\n[... {len(text) - LONGEST} characters left out ...]\n"
        text = text[: LONGEST // 4] + left_out + text[-(LONGEST * 3 // 4) :]
    return _BYTES.sub("[bytes left out]", _NUMBERS.sub("[numbers left out]", text))


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return without_content(super().format(record))


class _LogFile(RotatingFileHandler):
    """A log that cannot be written any more costs the log, and is tried anew with the next entry."""

    def handleError(self, record: logging.LogRecord) -> None:
        stream, self.stream = self.stream, None
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.close()


def log_to(path: Path | None) -> None:
    """Log to a file, or without one to standard error what went wrong; Qt's messages too."""
    logging.raiseExceptions = False  # an entry that cannot be written or formatted is lost in silence
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
