"""The folder that PyInstaller makes: it starts without Python, labels and trains. Minutes, so only if asked for."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers import ROOT

ASKED = os.environ.get("FCN_STUDIO_TEST_PACKAGED", "")
"""Anything; the name of a folder keeps what is built there."""

pytestmark = [
    pytest.mark.timeout(0),  # none: the build takes minutes, or an hour beside other work
    pytest.mark.skipif(not ASKED, reason="takes minutes; FCN_STUDIO_TEST_PACKAGED=1 asks for it"),
    pytest.mark.skipif(not importlib.util.find_spec("PyInstaller"), reason="PyInstaller is not installed"),
]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("folder")
    dist = work / "dist" if ASKED == "1" else ROOT / ASKED
    words = ["--noconfirm", "--log-level", "WARN", "--distpath", dist, "--workpath", work / "build"]
    subprocess.run([sys.executable, "-m", "PyInstaller", *words, ROOT / "packaging" / "fcn-studio.spec"], check=True)
    return dist / "fcn-studio" / ("fcn-studio.exe" if sys.platform == "win32" else "fcn-studio")


def run(program: Path, home: Path, *words: str | Path) -> dict[str, object]:
    """Run a command where neither Python nor this environment is in reach, and return its result."""
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "TEMP", "TMPDIR") if name in os.environ}
    environment = {
        **kept,
        "PATH": "",
        "HOME": str(home),
        "USERPROFILE": str(home),
        "QT_QPA_PLATFORM": "offscreen",
        **{f"FCN_STUDIO_{name}_DIR": str(home / name) for name in ("CONFIG", "STATE", "NETWORKS")},
    }
    result = home / "result.json"
    result.unlink(missing_ok=True)
    options = ["--json", result] if words[0] != "demo" else []
    done = subprocess.run(
        [program, *words, *options], env=environment, cwd=home, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(result.read_text()) if result.exists() else {}


def test_it_starts_labels_and_trains(program: Path, tmp_path: Path) -> None:
    report = run(program, tmp_path, "doctor")
    assert report["missing"] == []

    # The window: its network's process trains on two pictures, and labels the next.
    run(program, tmp_path, "demo", tmp_path / "demo", "--offscreen", "--screenshot", tmp_path / "window.png")
    with Image.open(tmp_path / "window.png") as picture:
        assert picture.width > 800
    assert len(list((tmp_path / "demo" / ".fcn-studio" / "runs").glob("*/best.safetensors"))) == 1

    # The command line: the same in its own process, and the modules that only tables name.
    trained = tmp_path / "trained.safetensors"
    run(program, tmp_path, "train", tmp_path / "demo", "--steps", "2", "--out", trained)
    run(program, tmp_path, "segment", tmp_path / "demo", "--network", trained, "--out", tmp_path / "masks")
    masks = sorted((tmp_path / "masks").glob("*.png"))
    assert len(masks) > 20
    for mask in masks[:2]:
        with Image.open(mask) as indices:
            assert np.asarray(indices).ndim == 2
    run(program, tmp_path, "export", tmp_path / "demo", "--format", "coco", "--out", tmp_path / "coco")
