"""Full, read-only, vanished and slow folders under an open window (R17)."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.fork_server import WINDOW, fork_server, run_forked

pytestmark = pytest.mark.slow

CASE = """
import ctypes, os, subprocess, sys
if sys.argv[1] != "slow":  # mounts of its own, as `unshare -m` gives them
    if ctypes.CDLL(None, use_errno=True).unshare(0x00020000):
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
from tests.trust.folders import main
main()
"""


@cache
def can_mount() -> bool:
    if sys.platform != "linux" or not shutil.which("unshare"):
        return False
    probe = "mount -t tmpfs tmpfs /tmp"
    return subprocess.run(["unshare", "-m", "sh", "-c", probe], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def method() -> Iterator[str]:
    with fork_server(WINDOW, "tests.trust.folders") as method:
        yield method


@pytest.mark.parametrize("case", ["full", "read_only", "vanished", "slow"])
def test_no_stroke_is_lost_and_the_window_goes_on(
    tmp_path: Path, case: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if case != "slow" and not can_mount():
        pytest.skip("mounting small disks needs root, or a kernel that lets it")
    monkeypatch.setenv("FCN_STUDIO_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("FCN_STUDIO_CONFIG_DIR", str(tmp_path / "config"))
    done = run_forked(method, CASE, case, str(tmp_path / "project"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("well\n")
