"""Painting while something else wants the processor: a plain loop, or the program's own training."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtWidgets import QApplication

from fcn_studio.core.training import Level, TrainConfig
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.jobs.demo import make_demo
from fcn_studio.jobs.protocol import Failed, FineTuneJob, Progress, Reply
from fcn_studio.jobs.snapshot import collect_now
from fcn_studio.ui.network.network_process import NetworkProcess
from tests.bench.canvas import Cases
from tests.bench.figures import Row, Times

ROOT = Path(__file__).resolve().parents[2]
RATIO, LONGEST_MS = 2.0, 150.0
PATIENCE_S = 180.0
MAKE_NETWORK = """
import sys
from pathlib import Path
from tests.helpers import tiny_checkpoint
tiny_checkpoint(Path(sys.argv[1]))
"""
COMPANIONS = ("nothing", "cpu", "training")


def beside_rows(cases: Cases, size: int, companions: list[str], events: int) -> Iterator[Row]:
    """The brush of 500 pixels at 1:1 beside each; cpu comes before and after the training, for loads drift."""
    times = {name: Times() for name in companions}
    order = list(companions)
    if "cpu" in order and "training" in order:
        order.append("cpu")
    for name in order:
        share = events // order.count(name)
        with _COMPANIONS[name]():
            cases.painting("1:1", 500, len(times[name]) + share, times[name])
    figures = {name: found.figures() for name, found in times.items()}
    for name in companions:
        bars: dict[str, float] = {}
        if name == "training":
            bars["wall max"] = LONGEST_MS
            if "cpu" in figures:
                figures[name]["x cpu's p99"] = figures[name]["wall p99"] / figures["cpu"]["wall p99"]
                bars["x cpu's p99"] = RATIO
        row = {**figures[name], "p99": figures[name]["wall p99"], "longest": figures[name]["wall max"]}
        yield Row(size, "1:1", f"brush 500 beside {name}", row, bars)


@contextmanager
def nothing() -> Iterator[None]:
    """No companion."""
    yield


@contextmanager
def plain_loop() -> Iterator[None]:
    """A process that counts."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def training() -> Iterator[None]:
    """A fine-tune of a tiny network, run by the engine as the program starts it."""
    with tempfile.TemporaryDirectory() as folder:
        job = _job(Path(folder))
        process = NetworkProcess()
        replies: list[Reply] = []
        process.replied.connect(replies.append)
        process.submit(job)
        try:
            _wait_for_steps(replies)
            before = len(replies)
            yield
            failed = [reply for reply in replies if isinstance(reply, Failed)]
            assert not failed, failed[0].sentence
            assert any(isinstance(reply, Progress) for reply in replies[before:]), "the training stood still"
        finally:
            process.shut_down()


_COMPANIONS = {"nothing": nothing, "cpu": plain_loop, "training": training}


def _job(folder: Path) -> FineTuneJob:
    network = folder / "tiny.safetensors"
    subprocess.run([sys.executable, "-c", MAKE_NETWORK, str(network)], check=True, cwd=ROOT)
    with ProjectFolder.open(make_demo(folder / "demo", count=6), writable=False) as project:
        snapshot = collect_now(project)
        table = project.config.table
    config = TrainConfig(Level.FULL, minutes=30)
    out = str(folder / "out.safetensors")
    return FineTuneJob(config, table, snapshot.train, snapshot.val, str(network), "", out, "cpu")


def _wait_for_steps(replies: list[Reply]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not any(isinstance(reply, Progress) for reply in replies):
        assert time.monotonic() < end, f"the training does not begin: {replies}"
        QApplication.processEvents()
        time.sleep(0.01)
