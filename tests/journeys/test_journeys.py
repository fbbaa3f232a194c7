"""Journeys through the real entry point, each in a process of its own, under Xvfb where there is one."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from ctypes.util import find_library
from pathlib import Path

import cv2
import numpy as np
import pytest

from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.labels import Provenance
from fcn_studio.core.sample import Status
from fcn_studio.fcn.weights.catalogue import DEFAULT, GENERAL, bundled, read_info
from fcn_studio.formats.images.images import write_png
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.voc.class_files import write_class_files
from fcn_studio.jobs.micrographs import micrographs
from tests.helpers import tiny_checkpoint
from tests.patience import PATIENCE_S, wait_until

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
XVFB = shutil.which("xvfb-run") is not None and shutil.which("xauth") is not None


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    own = {f"FCN_STUDIO_{name.upper()}_DIR": str(tmp_path / name) for name in ("config", "state", "networks")}
    return {**os.environ, **own, "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for number, picture in enumerate(micrographs(12, seed=3, size=(1024, 768))):
        write_png(folder / f"photo {number}.png", picture.image_rgb)
    names = [info.name for info in read_info(bundled()[DEFAULT]).table] if DEFAULT in bundled() else ["a", "b"]
    write_class_files(folder, ClassTable.from_names(names))
    return folder


@pytest.fixture
def photos(drawn: Path, tmp_path: Path) -> Path:
    """Twelve pictures of photo size in a plain folder of the test's own, with classes and without masks."""
    return Path(shutil.copytree(drawn, tmp_path / "photos"))


def command(module: str, *arguments: object) -> list[str]:
    """A Python process under Xvfb, or offscreen where there is none."""
    python = [sys.executable, "-X", "faulthandler", "-m", module, *map(str, arguments)]
    if XVFB:
        return ["xvfb-run", "-a", "-s", "-screen 0 1600x1000x24", *python]
    return python


def run(module: str, *arguments: object, environment: dict[str, str]) -> str:
    """Run a script to its end; its output."""
    platform = {} if XVFB else {"QT_QPA_PLATFORM": "offscreen"}
    env = {**environment, **platform}
    if not platform:
        env.pop("QT_QPA_PLATFORM", None)
    done = subprocess.run(
        command(module, *arguments),
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def fingerprint(folder: Path) -> dict[str, tuple[str, int]]:
    """sha256 and mtime of every image file."""
    return {
        path.name: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in folder.glob("*.png")
    }


@pytest.mark.skipif(DEFAULT not in bundled(), reason="this checkout has no bundled network")
def test_the_whole_loop_and_every_pixel_as_left(photos: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    before = fingerprint(photos)
    run("tests.journeys.loop", "loop", photos, tmp_path, environment=environment)
    assert (tmp_path / "window.png").stat().st_size > 20_000
    run("tests.journeys.loop", "reopen", photos, tmp_path, environment=environment)
    assert fingerprint(photos) == before
    kept = np.load(tmp_path / "first.npz")
    assert (kept["provenance"] == Provenance.HUMAN).all()


@pytest.mark.skipif(DEFAULT not in bundled(), reason="this checkout has no bundled network")
def test_a_network_is_imported_and_its_classes_mean_what_was_said(
    photos: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    write_class_files(photos, ClassTable.from_names(["background", "thing"]))
    network = tiny_checkpoint(tmp_path / "roads.safetensors", ClassTable.from_names(["road", "sky"]))
    before = fingerprint(photos)
    run("tests.journeys.networks", "use", photos, network, environment=environment)
    run("tests.journeys.networks", "reopen", photos, network, environment=environment)
    assert fingerprint(photos) == before


@pytest.mark.skipif(not XVFB or find_library("Xtst") is None, reason="needs Xvfb and its mouse")
def test_a_line_by_mouse_is_straight_while_messages_and_docks_come_and_go(
    photos: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    run("tests.journeys.steady_stroke", photos, tmp_path, environment=environment)
    assert (tmp_path / "message.png").stat().st_size > 20_000


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.skipif(DEFAULT not in bundled(), reason="this checkout has no bundled network")
def test_the_window_outlives_its_network(photos: Path, environment: dict[str, str]) -> None:
    run("tests.journeys.engine_dies", photos, environment=environment)


def field(number: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture of soil with two plants and two stones, uint8 (160, 240, 3), and its classes."""
    rng = np.random.default_rng(number)
    truth = np.zeros((160, 240), np.uint8)
    for place, (index, shade) in enumerate([(1, 0), (2, 0), (1, 25), (2, 25)]):
        x, y = 30 + 60 * place + int(rng.integers(-6, 7)), int(rng.integers(45, 116))
        cv2.ellipse(truth, (x, y), (20 + shade // 5, 26), int(rng.integers(180)), 0, 360, index, -1)
    colours = np.array([[120, 90, 70], [60, 140, 60], [130, 135, 150]], np.int16)
    noise = cv2.GaussianBlur(rng.normal(0, 90, (160, 240, 3)).astype(np.float32), (0, 0), 2)
    return np.clip(colours[truth] + noise, 0, 255).astype(np.uint8), truth


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.skipif(GENERAL not in bundled(), reason="this checkout has no bundled network")
def test_an_unseen_folder_is_labelled_with_live_and_the_walk(tmp_path: Path, environment: dict[str, str]) -> None:
    (pictures := tmp_path / "pictures").mkdir()
    truths = {}
    for number in range(6):
        image_rgb, truths[f"field {number}"] = field(number)
        write_png(pictures / f"field {number}.png", image_rgb)
    np.savez(tmp_path / "truth.npz", **truths)
    before, painted = fingerprint(pictures), tmp_path / "painted.npz"
    environment |= {"QT_QPA_PLATFORM": "offscreen"}
    words = [sys.executable, "-m", "tests.journeys.live"]
    process = subprocess.Popen([*words, "begin", str(pictures), str(tmp_path)], env=environment, cwd=ROOT)
    try:
        wait_until(lambda: process.poll() is not None or painted.exists())
        assert process.poll() is None, "the program ended by itself"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run([*words, "go on", str(pictures), str(tmp_path)], env=environment, cwd=ROOT, check=True)
    end = np.load(tmp_path / "end.npz")
    assert end["right"] > 0.9
    assert end["answers"] >= 1
    assert fingerprint(pictures) == before
    with ProjectFolder.open(pictures, writable=False) as project:
        statuses = [project.annotations.status(sample) for sample in project.samples]
    assert statuses == [*[Status.VERIFIED] * 5, Status.PRELABELLED]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_stroke_is_saved_without_being_asked_for(photos: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    marker = tmp_path / "painted"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.journeys.paint_and_wait", str(photos), str(marker)],
        env={**environment, "QT_QPA_PLATFORM": "offscreen"},
        cwd=ROOT,
    )
    try:
        records = photos / ".fcn-studio" / "provenance"
        wait_until(lambda: process.poll() is not None or (marker.exists() and any(records.glob("*.png"))))
        assert process.poll() is None, "the program ended by itself"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    painted = np.load(marker)
    with ProjectFolder.open(photos, writable=True) as project:
        sample = project.samples[0]
        loaded = project.annotations.load(sample, (1024, 768))
        assert np.array_equal(loaded.labels.label_map, painted["label_map"])
        assert np.array_equal(loaded.labels.provenance, painted["provenance"])
        assert (painted["label_map"] != VOID).any()
        assert loaded.status is Status.IN_PROGRESS
