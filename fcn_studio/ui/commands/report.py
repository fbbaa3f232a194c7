"""Text of a problem report.

It has versions, platform, device, messages, and how the program ended. It contains no image content; it may name
files. torch is not loaded for it.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from importlib import metadata

from PySide6.QtGui import QGuiApplication

import fcn_studio
from fcn_studio import paths
from fcn_studio.i18n import tr
from fcn_studio.ui.runtime.crash_marker import UnexpectedEnd
from fcn_studio.ui.runtime.logs import without_content
from fcn_studio.ui.runtime.user_messages import Messages

SHOWN_ENDS, LOG_LINES = 3, 30
PACKAGES = ("PySide6-Essentials", "torch", "torchvision", "numpy", "opencv-python-headless", "pillow", "safetensors")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return tr("not installed")


def report_text(messages: Messages, device_words: str) -> str:
    """Return versions, platform and folders, then the last messages."""
    screen = QGuiApplication.primaryScreen()
    lines = [
        f"FCN Studio {fcn_studio.__version__}",
        tr("Python {version} on {system}", version=sys.version.split()[0], system=platform.platform()),
        tr(
            "Qt platform: {platform}, screen scale {scale}",
            platform=QGuiApplication.platformName(),
            scale=screen.devicePixelRatio() if screen else 1,
        ),
        tr("Network runs on: {device}", device=device_words),
        tr("Settings: {folder}", folder=paths.config_dir()),
        tr("Logs and journals: {folder}", folder=paths.state_dir()),
        "",
        *(f"{package} {_version(package)}" for package in PACKAGES),
        "",
        tr("Messages:"),
        *(said.line() for said in messages.history),
    ]
    return _without_home("\n".join(lines) + "\n")


def unexpected_ends_text(ends: Sequence[UnexpectedEnd]) -> str:
    """Return what is known of unexpected ends of the program.

    The last one comes first.
    """
    parts = []
    for end in ends[:SHOWN_ENDS]:
        trace = end.trace.strip() or tr("Nothing was written. The program was killed, or the computer stopped.")
        last = "\n".join(end.log.splitlines()[-LOG_LINES:]) or tr("There is no log.")
        how = tr("FCN Studio, started as {stem}, ended unexpectedly.", stem=end.stem)
        parts.append("\n\n".join([how, trace, tr("The end of its log:") + "\n" + last + "\n"]))
    return _without_home(without_content("\n".join(parts)))


def _without_home(text: str) -> str:
    """Replace the user's home folder, which names them, by ``~``."""
    home = str(paths.expanded("~"))
    return text.replace(home, "~") if len(home) > 1 else text
