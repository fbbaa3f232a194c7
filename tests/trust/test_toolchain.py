"""R25: the faults of the libraries below us that have cost or would cost strokes (docs/adr/0001, 0002)."""

from __future__ import annotations

import sys
from importlib import metadata

import pytest

from tests.helpers import run_python

COUNTS = """
import sys
from PySide6.QtCore import QCoreApplication, QObject, QThread, Signal, Slot
app = QCoreApplication([])
def counts():
    return [sys.getrefcount(it) for it in (True, None, False)]
class Thread(QThread):
    ran = 0
    def run(self):
        Thread.ran += 1
class Ear(QObject):
    heard = 0
    said = Signal(object, bool)
    @Slot(object, bool)
    def hear(self, what, whether):
        self.heard += 1
ear = Ear()
ear.said.connect(ear.hear)
def use(emits, runs):
    for number in range(emits):
        ear.said.emit(None, number % 2 == 0)
    for _ in range(runs):
        thread = Thread()
        thread.start()
        thread.wait()
        {fault}
use(200, 5)
before = counts()
use(20_000, 500)
print(ear.heard, Thread.ran, *(now - then for now, then in zip(counts(), before)))
"""
SLACK = 200
"""References that caches may move, 55 at once have been seen; a leak is one with each of at least 500 calls."""


def drift(fault: str = "pass") -> list[int]:
    """How many references to True, None and False 20,000 signals and 500 threads have added or lost."""
    done = run_python(COUNTS.replace("{fault}", fault))
    assert done.returncode == 0, done.stderr
    heard, ran, *drifts = map(int, done.stdout.split())
    assert (heard, ran) == (20_200, 505)
    return drifts


def test_signals_and_threads_lose_no_reference() -> None:
    assert all(abs(by) < SLACK for by in drift()), "this PySide6 ends the interpreter after some thousand calls"


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="True, None and False are immortal from Python 3.12 on")
def test_the_count_sees_a_lost_reference() -> None:
    lose = "import ctypes; ctypes.pythonapi.Py_DecRef(ctypes.py_object(None))"
    assert drift(lose)[1] < -400


@pytest.mark.slow
def test_qt_and_then_torch_in_one_process() -> None:
    """As where a test or a plugin loads both; the libraries bring OpenMP and C++ runtimes of their own."""
    done = run_python(
        "import multiprocessing, threading\n"
        "from PySide6.QtWidgets import QApplication\n"
        "app = QApplication([])\n"
        "import cv2, numpy as np\n"
        "import torch, torchvision\n"
        "out = []\n"
        "def work():\n"
        "    boxes = torch.tensor([[0., 0., 10., 10.], [1., 1., 10., 10.], [20., 20., 30., 30.]])\n"
        "    out.append(torchvision.ops.nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5).tolist())\n"
        "    net = torch.nn.Conv2d(3, 8, 3, padding=1)\n"
        "    net(torch.ones(1, 3, 64, 64)).sum().backward()\n"
        "    out.append(cv2.resize(np.ones((64, 64, 3), np.uint8), (32, 32)).sum())\n"
        "worker = threading.Thread(target=work)\n"
        "worker.start()\n"
        "worker.join()\n"
        "print(*out)\n"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[0] == "[0, 2] 3072"


def cv2_distributions() -> list[str]:
    """The distributions that install a module cv2."""
    return sorted(
        dist.metadata["Name"]
        for dist in metadata.distributions()
        if any(file.parts[:2] == ("cv2", "__init__.py") for file in dist.files or ())
    )


def test_exactly_one_cv2() -> None:
    assert cv2_distributions() == ["opencv-python-headless"], "see `fcn-studio doctor`: two overwrite each other"
