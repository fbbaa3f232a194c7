"""Where things lie outside the project folder: bundled resources, settings, state, logs.

Qt-free, so that the command line and the network's process find the same places.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

_APP = "fcn-studio"


def resource(*parts: str) -> Path:
    """Path of a bundled file, in a checkout (``resources/``) and in an installed wheel (``_resources``) alike.

    Raises:
        FileNotFoundError: if the installation lacks it.
    """
    package = Path(__file__).resolve().parent
    for root in (package / "_resources", package.parent / "resources"):
        candidate = root.joinpath(*parts)
        if candidate.exists():
            return candidate
    raise FileNotFoundError(f"bundled resource {'/'.join(parts)} is missing: reinstall fcn-studio")


def _folder(override: str, default: str) -> Path:
    """The folder named by an environment variable, else the platform's default."""
    return Path(os.environ.get(override) or default)


def config_dir() -> Path:
    """Folder of the settings file (``FCN_STUDIO_CONFIG_DIR`` overrides)."""
    return _folder("FCN_STUDIO_CONFIG_DIR", platformdirs.user_config_dir(_APP, appauthor=False))


def state_dir() -> Path:
    """Folder of logs, journals and edits kept locally (``FCN_STUDIO_STATE_DIR`` overrides)."""
    return _folder("FCN_STUDIO_STATE_DIR", platformdirs.user_state_dir(_APP, appauthor=False))
