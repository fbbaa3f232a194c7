"""The text of a report: versions, platform, device, and what the user was told. torch is not loaded for it."""

from __future__ import annotations

import platform
import sys
from importlib import metadata

from PySide6.QtGui import QGuiApplication

import fcn_studio
from fcn_studio import paths
from fcn_studio.ui.messages import Messages

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
    return "\n".join(lines) + "\n"
