"""Where the program says what it does: a rotating file in the state folder, without image content."""

from __future__ import annotations

import faulthandler
import logging
from logging.handlers import RotatingFileHandler

from PySide6.QtCore import QtMsgType, qInstallMessageHandler

from fcn_studio import paths

log = logging.getLogger(__name__)


def start_logs() -> None:
    """Log to a rotating file in the state folder, Qt's messages and hard crashes too; no image content goes there."""
    folder = paths.state_dir() / "logs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = RotatingFileHandler(folder / "fcn-studio.log", maxBytes=1 << 20, backupCount=3)
        crash_file = (folder / "crash.log").open("a")  # kept open for the life of the process, as faulthandler asks
    except OSError as error:
        logging.basicConfig(level=logging.WARNING)
        log.warning("no log file in %s: %s", folder, error)
        return
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    faulthandler.enable(crash_file)
    qInstallMessageHandler(_log_qt)


def _log_qt(kind: QtMsgType, context: object, message: str) -> None:
    level = logging.INFO if kind in (QtMsgType.QtDebugMsg, QtMsgType.QtInfoMsg) else logging.WARNING
    logging.getLogger("qt").log(level, message)
