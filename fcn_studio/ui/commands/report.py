"""The text of a report: versions, platform, device, what the user was told, and how the last life ended.

It holds nothing of images; it may name files. torch is not loaded for it.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from PySide6.QtGui import QGuiApplication

import fcn_studio
from fcn_studio import paths
from fcn_studio.ui.runtime.crash_marker import UnexpectedEnd
from fcn_studio.ui.runtime.logs import without_content
from fcn_studio.ui.runtime.user_messages import Messages

SHOWN_LIVES, LOG_LINES = 3, 30
PACKAGES = ("PySide6-Essentials", "torch", "torchvision", "numpy", "opencv-python-headless", "pillow", "safetensors")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def report_text(messages: Messages, device_words: str) -> str:
    """What a reader of the report wants to know first, then the last sentences."""
    screen = QGuiApplication.primaryScreen()
    lines = [
        f"FCN Studio {fcn_studio.__version__}",
        f"Python {sys.version.split()[0]} on {platform.platform()}",
        f"Qt platform: {QGuiApplication.platformName()}, screen scale {screen.devicePixelRatio() if screen else 1}",
        f"Network runs on: {device_words}",
        f"Settings: {paths.config_dir()}",
        f"Logs and journals: {paths.state_dir()}",
        "",
        *(f"{package} {_version(package)}" for package in PACKAGES),
        "",
        "Messages:",
        *(said.line() for said in messages.history),
    ]
    return _without_home("\n".join(lines) + "\n")


def unexpected_ends_text(lives: Sequence[UnexpectedEnd]) -> str:
    """What is known of lives that ended unexpectedly, the last one first."""
    parts = []
    for life in lives[:SHOWN_LIVES]:
        trace = life.trace.strip() or "Nothing was written: it was killed, or the machine stopped."
        last = "\n".join(life.log.splitlines()[-LOG_LINES:]) or "There is none."
        how = f"Life {life.stem} of the program ended unexpectedly."
        parts.append(f"{how}\n\n{trace}\n\nThe end of its log:\n{last}\n")
    return _without_home(without_content("\n".join(parts)))


def _without_home(text: str) -> str:
    """The text without the user's name, where that is the name of their folder."""
    home = str(Path.home())
    return text.replace(home, "~") if len(home) > 1 else text
