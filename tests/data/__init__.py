"""Real photographs and masks for tests: a folder beside the repository, or the one that FCN_STUDIO_DATA names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def shared_root() -> Path:
    """The folder of the shared data, whether it is there or not."""
    return Path(os.environ.get("FCN_STUDIO_DATA") or Path(__file__).parents[3] / "shared" / "data")


def shared_data(*parts: str) -> Path:
    """A folder or file of the shared data; the test is skipped where it is absent."""
    path = shared_root().joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs the shared data: {path} is absent (FCN_STUDIO_DATA names its folder)")
    return path
