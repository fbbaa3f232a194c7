"""A stroke that was seen to land survives the death of the window. The long run is in benchmarks/kill.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import ROOT
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(os, "fork"), reason="forks windows and kills them")]


def run(folder: Path, kills: int, *options: str) -> dict[str, Any]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "QT_QPA_PLATFORM": "offscreen",
        "FCN_STUDIO_STATE_DIR": str(folder / "state"),
        "FCN_STUDIO_CONFIG_DIR": str(folder / "config"),
    }
    arguments = [str(folder / "pictures"), "--kills", str(kills), *options]
    done = subprocess.run(
        [sys.executable, "-m", "tests.trust.window_kills", *arguments],
        env=environment, cwd=ROOT, capture_output=True, text=True, timeout=4 * PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_no_stroke_is_lost(tmp_path: Path) -> None:
    # A loaded machine is late with the parts of a stroke; benchmarks/kill.py holds them to half a second.
    report = run(tmp_path, 16, "--missing", "5")
    assert report["kills"] == 16
    assert report["acts"] > 32, "at least two acts a window, and more in most"
    assert report["lost"] == []
    assert report["problems"] == []


@pytest.mark.parametrize("sabotage", ["journal", "order", "parts"])
def test_the_harness_sees_strokes_lost_by_a_broken_program(tmp_path: Path, sabotage: str) -> None:
    missing = "0.5" if sabotage == "parts" else "60"
    arguments = ("--sabotage", sabotage, "--until-lost", "--missing", missing)
    assert run(tmp_path, 200, *arguments)["lost"]  # at which kill is chance
