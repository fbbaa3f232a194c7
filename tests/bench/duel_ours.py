"""Our side of the comparison: ``python -m tests.bench.duel_ours SIZE BRUSH EVENTS STROKES`` prints JSON."""

from __future__ import annotations

import gc
import json
import sys

from PySide6.QtWidgets import QApplication

from tests.bench.canvas import ZOOMS, Cases, Effort
from tests.bench.figures import Times
from tests.bench.stage import Stage


def main(size: int, brush: int, events: int, strokes: int) -> None:
    """Paint, undo, weigh the history."""
    app = QApplication([])
    stage = Stage(app)
    gc.disable()  # as in the program
    cases = Cases(stage, size, Effort(kept=strokes, undos=min(20, strokes)))
    found: dict[str, float] = {}
    for zoom in ZOOMS:
        times = Times()
        cases.painting(zoom, brush, events, times)
        figures = times.figures()
        found[f"{zoom} event"], found[f"{zoom} cpu"] = figures["wall p50"], figures["cpu p50"]
        found[f"{zoom} floor"] = cases.in_turns(zoom, brush, events).figures()["floor wall"]
    memory, undo, _ = cases.undo(["1:1"])
    found["undo"], found["history"] = undo.figures["wall p50"], 1e6 * memory.figures["MB"]
    cases.close()
    stage.close()
    print(json.dumps(found))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
