"""One large image through the real window: when its pixels come, what it takes, and how long the window stands."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from PySide6.QtCore import QCoreApplication, QObject, QTimer

from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import LabelMap
from fcn_studio.core.prediction import Prediction
from fcn_studio.ui.app import Studio
from tests.helpers import paint

PATIENCE_S = 300


def draw(path: Path, side: int) -> None:
    """Write a picture of soft blobs of ``side`` x ``side`` pixels as JPEG, PNG or flat TIFF, by its suffix."""
    rng = np.random.default_rng(1)
    small = rng.integers(0, 256, (side // 64 + 1, side // 64 + 1, 3), np.uint8)
    picture = Image.fromarray(cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC))
    options = {".jpg": {"quality": 88}, ".png": {"compress_level": 1}, ".tif": {}}[path.suffix]
    picture.save(path, **options)  # type: ignore[arg-type]


def memory_gb(key: str = "VmRSS") -> float:
    """What this process takes, or with "VmHWM" took at most since `forget_peak`; GB of 10**9 bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) * 1024 / 1e9
    raise LookupError(key)


def forget_peak() -> None:
    """Let "VmHWM" begin anew."""
    Path("/proc/self/clear_refs").write_text("5")


class Pulse(QObject):
    """Notices how long the event loop was kept from running."""

    def __init__(self) -> None:
        super().__init__()
        self.longest = 0.0
        self._last = time.monotonic()
        self._timer = QTimer(self, interval=10)
        self._timer.timeout.connect(self._beat)
        self._timer.start()

    def _beat(self) -> None:
        now = time.monotonic()
        self.longest, self._last = max(self.longest, now - self._last), now

    def taken(self) -> float:
        """The longest pause in seconds since this was asked last."""
        self._beat()
        longest, self.longest = self.longest, 0.0
        return longest


class Sitting:
    """A window with one large image.

    Args:
        studio: a window that is shown.
        folder: with the image alone, and a class table.
    """

    def __init__(self, studio: Studio, folder: Path) -> None:
        self.studio, self.folder = studio, folder
        self.pulse = Pulse()
        self.figures: dict[str, float] = {}

    def run(self) -> dict[str, float]:
        """Open, paint, take a prediction, verify, save and undo; figures in seconds and GB."""
        self._open()
        self._paint()
        self._predict()
        self._step("verify", self.studio.session.verify)
        self._save("save")
        self._step("undo", self.studio.session.undo)
        return self.figures

    def _open(self) -> None:
        session, begun = self.studio.session, time.monotonic()
        first: list[float] = []
        session.pictures.arrived.connect(lambda: self.studio.window.canvas.grab())  # painted, not only asked for
        session.pictures.arrived.connect(lambda: first.append(time.monotonic() - begun))
        session.pictures.too_large.disconnect()
        session.pictures.too_large.connect(self._allow)
        self.studio.window.open_folder(self.folder)
        self.figures["labels can be painted"] = time.monotonic() - begun
        self._until(lambda: session.picture is not None and session.picture.image_rgb is not None)
        self.figures["first pixels"] = first[0] if first else self.figures["labels can be painted"]
        self.figures["whole picture"] = first[-1] if first else self.figures["labels can be painted"]
        self._note("open")

    def _allow(self, _: Path, question: object) -> None:
        project = self.studio.session.project
        assert project is not None
        project.max_pixels = question.pixels  # type: ignore[attr-defined]

    def _paint(self) -> None:
        document = self.studio.session.document
        assert document is not None
        size = min(document.width, document.height)
        self._step("stroke of 1/16", lambda: paint(document, 1, at=(size / 2, size / 2), size=size // 16))
        self._save("first save")

    def _predict(self) -> None:
        document, network = self.studio.session.document, self.studio.network
        assert document is not None
        labels, doubt = blocks(document.height, document.width)
        prediction = Prediction(document.image_id, labels, doubt, "c" * 64)
        del labels, doubt
        arrived = [prediction]
        del prediction
        self._note("wire")
        same = {index: index for index in range(VOID)}

        def arrive() -> None:
            mapped = arrived.pop().mapped(same)
            network.predictions.keep(mapped)
            network.predictions.offer(mapped)

        self._step("auto-segment", arrive)
        self._save("save of the prediction")

    def _step(self, name: str, act: Callable[[], object]) -> None:
        """Do something on the GUI thread and note how long it takes."""
        begun = time.monotonic()
        act()
        self.figures[name] = time.monotonic() - begun
        self._until(lambda: True)
        self._note(name)

    def _save(self, name: str) -> None:
        session, begun = self.studio.session, time.monotonic()
        session.autosave.save_soon()
        self._until(lambda: session.save_state == "saved")
        self.figures[name] = time.monotonic() - begun
        self._note(name)

    def _note(self, name: str) -> None:
        self.figures[f"{name}: GB"] = memory_gb()
        self.figures[f"{name}: GB at most"] = memory_gb("VmHWM")
        self.figures[f"{name}: longest pause"] = self.pulse.taken()
        document = self.studio.session.document
        if document is not None:
            self.figures["undo: MB"] = document.history.bytes / 1e6
        forget_peak()

    def _until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while True:
            QCoreApplication.processEvents()
            if condition():
                return
            assert time.monotonic() < end, "it never came"
            time.sleep(0.002)


def blocks(height: int, width: int) -> tuple[LabelMap, LabelMap]:
    """A label map of the classes 1 and 2 in blobs, and an uncertainty, uint8 (H, W)."""
    rng = np.random.default_rng(2)
    small = rng.integers(0, 256, (height // 128 + 1, width // 128 + 1), np.uint8)
    smooth = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    labels = cv2.LUT(smooth, np.where(np.arange(256) < 128, 1, 2).astype(np.uint8))
    return np.asarray(labels), np.asarray(smooth)
