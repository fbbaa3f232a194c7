"""Full, read-only, vanished and slow folders under an open window (R17)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.helpers import ROOT
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.slow


@cache
def can_mount() -> bool:
    if sys.platform != "linux" or not shutil.which("unshare"):
        return False
    probe = "mount -t tmpfs tmpfs /tmp"
    return subprocess.run(["unshare", "-m", "sh", "-c", probe], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("case", ["full", "read_only", "vanished", "slow"])
def test_no_stroke_is_lost_and_the_window_goes_on(tmp_path: Path, case: str) -> None:
    own_mounts = [] if case == "slow" else ["unshare", "-m"]
    if own_mounts and not can_mount():
        pytest.skip("mounting small disks needs root, or a kernel that lets it")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "QT_QPA_PLATFORM": "offscreen",
        "FCN_STUDIO_STATE_DIR": str(tmp_path / "state"),
        "FCN_STUDIO_CONFIG_DIR": str(tmp_path / "config"),
    }
    command = [*own_mounts, sys.executable, "-m", "tests.trust.folders", case, str(tmp_path / "project")]
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=2 * PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("well\n")
