"""The benchmark of the tools drives each of them, and yields figures. Its bars are for large images."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks import tools as benchmark
from tests.bench.tool_window import ToolWindow, draw_objects
from tests.ui.conftest import IdleProcess

SIDE = 750


@pytest.mark.usefixtures("qapp")
def test_every_tool_shows_something_and_is_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG", "STATE"):
        monkeypatch.setenv(f"FCN_STUDIO_{name}_DIR", str(tmp_path / name))
    window = ToolWindow(draw_objects(tmp_path / "project", SIDE, SIDE), IdleProcess(), rest_s=0)
    try:
        benchmark.run(window, 1, SIDE, SIDE, first=1.5)
    finally:
        window.close()
    assert not window.problems
    assert {"wand, press", "GrabCut, small", "clean, preview"} <= set(window.times)
    assert all(
        len(values) == 1 and values[0] > 0 for times in window.times.values() for values in asdict(times).values()
    )
