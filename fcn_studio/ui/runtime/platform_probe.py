"""Facts about display and system libraries, without loading Qt."""

from __future__ import annotations

import os
import sys

PACKAGES = ("PySide6-Essentials", "torch", "torchvision", "numpy", "opencv-python-headless", "pillow", "safetensors")
"""Distributions whose versions a report names."""

DEBIAN_PACKAGES = (
    "libegl1", "libgl1", "libopengl0", "libxkbcommon-x11-0", "libdbus-1-3", "libfontconfig1", "libfreetype6",
    "libglib2.0-0", "libxcb-cursor0", "libxcb-icccm4", "libxcb-image0", "libxcb-keysyms1", "libxcb-randr0",
    "libxcb-render-util0", "libxcb-shape0", "libxcb-xinerama0", "libxcb-xkb1", "fonts-dejavu-core",
)  # fmt: skip
"""Debian packages that Qt's wheels need."""


def has_display() -> bool:
    """Return whether a window can be opened.

    True if a Qt platform is named or, on Linux, a display server.
    """
    if os.environ.get("QT_QPA_PLATFORM") or sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
