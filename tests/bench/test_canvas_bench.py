"""The benchmark of the canvas yields figures, and sees a canvas that is slow. Its bars are for the long run."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from math import isfinite

import pytest
from PySide6.QtGui import QPaintEvent
from pytestqt.qtbot import QtBot

from fcn_studio.ui.canvas.surface import Surface
from tests.bench.beside import beside_rows
from tests.bench.canvas import Cases, Effort
from tests.bench.figures import Row, misses
from tests.bench.memory import highest_memory
from tests.bench.program import PATIENCE_S, ROOT, program_rows
from tests.bench.stage import Stage

SIZE = 1024


@pytest.fixture
def cases(qtbot: QtBot, qapp: object) -> Iterator[Cases]:
    stage = Stage(qapp, quiet_s=0.01)  # type: ignore[arg-type]
    cases = Cases(stage, SIZE, Effort(events=4, undos=2, kept=2))
    yield cases
    cases.close()
    stage.close()


def timed(rows: list[Row]) -> None:
    for row in rows:
        for name in ("cpu p50", "cpu p95", "wall p50", "wall max"):
            assert isfinite(row.figures[name]), row
            assert row.figures[name] > 0, row


def test_every_case_yields_figures(cases: Cases) -> None:
    brush, pan, zoom = list(cases.brush()), list(cases.pan()), list(cases.zoom())
    assert len(brush) == 16
    assert len(pan) == len(zoom) == 2
    for row in brush:
        for figure in () if "2000" in row.what else ("floor cpu", "floor wall", "x cpu", "x wall"):
            assert row.figures[figure] > 0
    assert all(row.bars for row in (*brush, *pan, *zoom))
    undo = list(cases.undo())
    timed([*brush, *pan, *zoom, *(row for row in undo if "MB" not in row.figures), *cases.polygon(), *cases.fill()])
    assert [row.figures["strokes"] for row in undo if "MB" in row.figures] == [2, 2]


def test_a_canvas_that_paints_slowly_misses_its_bars(cases: Cases, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = Surface.paintEvent

    def slow(surface: Surface, event: QPaintEvent) -> None:
        end = time.process_time() + 0.02
        while time.process_time() < end:
            pass
        quick(surface, event)

    monkeypatch.setattr(Surface, "paintEvent", slow)
    rows = [next(cases.brush()), next(cases.pan()), next(cases.zoom())]
    assert len(list(misses(rows))) == 5, [row.line() for row in rows]


def test_painting_beside_another_process_yields_figures(cases: Cases) -> None:
    rows = list(beside_rows(cases, SIZE, ["nothing", "cpu"], 4))
    timed(rows)
    assert [row.what for row in rows] == ["brush 500 beside nothing", "brush 500 beside cpu"]


def test_the_whole_program_yields_figures() -> None:
    rows = program_rows(1024, files=50, images=2)
    timed(rows)
    assert all(row.figures["wall p50"] < 1000 * PATIENCE_S for row in rows)
    assert highest_memory() > 1e7


def test_napari_is_left_out_with_a_sentence_where_it_is_not_installed() -> None:
    script = str(ROOT / "benchmarks" / "canvas_vs_napari.py")
    done = subprocess.run([sys.executable, script, "--napari", ""], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "skipped" in done.stdout
