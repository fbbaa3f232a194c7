"""What the canvas is measured by: strokes, pans, zooms, undo, polygon and fill on one document."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF

from fcn_studio.core.document import Document, PaintRules
from fcn_studio.tools.brush import Brush
from fcn_studio.tools.fill import Fill
from fcn_studio.tools.polygon import Polygon
from tests.bench.figures import Row, Times, Turns
from tests.bench.paths import STROKE, Path, ellipse, straight
from tests.bench.scene import CLASSES, blobs, dotted, picture, show_document
from tests.bench.stage import MIDDLE, Stage

ZOOMS = ("fit", "1:1")
BRUSHES = (10, 100, 500, 2000)
LOCKED = frozenset({3, 7})
SMALL_BRUSH_MS, LARGE_BRUSH_MS, FLOORS = 3.0, 6.0, 4.0
PAN_MS, ZOOM_MS, UNDO_MS = 8.3, 16.6, 3.0
HISTORY_MB, POLYGON_MS, FILL_MS, SILENT_MS = 5.4, 300.0, 1300.0, 150.0


@dataclass
class Effort:
    """How much is measured.

    Attributes:
        events: of each brush, pan and zoom.
        undos: strokes that are undone and redone.
        kept: strokes whose memory is counted.
    """

    events: int = 100
    undos: int = 30
    kept: int = 100


class Cases:
    """Runs the cases on one size of image. Each gives its rows as they come.

    Args:
        stage: the window.
        size: edge of the image in pixels.
        effort: how much is measured.
    """

    def __init__(self, stage: Stage, size: int, effort: Effort) -> None:
        self._stage = stage
        self._size = size
        self._effort = effort
        self._strokes = 0
        self._image = picture(size)
        self._document = show_document(stage.canvas, stage.desk, self._image, blobs(size))
        stage.rest()

    def run(self, name: str) -> Iterator[Row]:
        """The rows of one case: "brush", "pan", "zoom", "undo", "polygon" or "fill"."""
        cases: dict[str, Callable[[], Iterator[Row]]] = {
            "brush": self.brush,
            "pan": self.pan,
            "zoom": self.zoom,
            "undo": self.undo,
            "polygon": self.polygon,
            "fill": self.fill,
        }
        return cases[name]()

    def close(self) -> None:
        """Show nothing, and forget the document."""
        self._stage.canvas.set_tool(None)
        self._stage.canvas.set_document(None)
        self._stage.desk.document = None
        self._document.history.close()

    # --- cases

    def brush(self) -> Iterator[Row]:
        """Every brush at every zoom, with and without locked classes."""
        for zoom in ZOOMS:
            for locked in (frozenset[int](), LOCKED):
                self._document.rules = PaintRules(locked=locked)
                for diameter in BRUSHES:
                    yield self._brush_row(zoom, diameter, locked)
        self._document.rules = PaintRules()

    def pan(self) -> Iterator[Row]:
        """Dragging the image about."""
        for zoom in ZOOMS:
            self._look(zoom)
            times = Times()
            path = [QPointF(*at) for at in ellipse(self._effort.events)]
            self._stage.press(path[0], MIDDLE)
            for at in path[1:]:
                self._stage.timed(lambda at=at: self._stage.move(at, MIDDLE), times)  # type: ignore[misc]
            self._stage.release(path[-1], MIDDLE)
            yield Row(self._size, zoom, "pan", times.figures(), {"cpu p50": PAN_MS})

    def zoom(self) -> Iterator[Row]:
        """Notches of the wheel, in and out again, until the first frame."""
        for zoom in ZOOMS:
            self._look(zoom)
            times = Times()
            for number in range(self._effort.events):
                notch = 1 if number % 8 < 4 else -1
                self._stage.timed(lambda notch=notch: self._stage.wheel(notch), times)  # type: ignore[misc]
                self._stage.rest(0.2)
            yield Row(self._size, zoom, "zoom step", times.figures(), {"wall p50": ZOOM_MS})

    def undo(self, zooms: Sequence[str] = ZOOMS) -> Iterator[Row]:
        """Strokes of 500 pixels taken back and brought back, and the memory of a hundred of them."""
        for zoom in zooms:
            self._fresh(blobs(self._size))
            self._look(zoom)
            rng = np.random.default_rng(self._size)
            for _ in range(self._effort.kept):
                self._stroke(500, straight(rng), lambda move: self._stage.timed(move, Times()))
            held = self._document.history.bytes / 1e6
            steps = {"strokes": float(self._effort.kept)}
            yield Row(self._size, zoom, "undo memory, d=500", {"MB": held, **steps}, {"MB": HISTORY_MB})
            for what, move in (("undo d=500", self._document.undo), ("redo d=500", self._document.redo)):
                times = Times()
                for _ in range(min(self._effort.undos, self._effort.kept)):
                    self._document.history.settle()
                    self._stage.timed(move, times)
                yield Row(self._size, zoom, what, times.figures(), {"cpu p50": UNDO_MS})

    def polygon(self) -> Iterator[Row]:
        """Two hundred corners round 40 % of the image."""
        self._look("fit")
        tool = Polygon(self._stage.desk)
        self._stage.canvas.set_tool(tool)
        view = self._stage.canvas.view
        assert view is not None
        times = Times()
        for attempt in range(3):
            self._stage.desk.class_index = 1 + attempt
            for x, y in star(self._size):
                at = QPointF(*view.to_device(x, y))
                self._stage.press(at)
                self._stage.release(at)
            self._stage.rest()
            self._once(self._stage.enter, times)
        yield self._slow_row("polygon 40 %, 200 corners", times, POLYGON_MS)

    def fill(self) -> Iterator[Row]:
        """The 89 % of a dotted mask that lie between the dots."""
        self._fresh(dotted(self._size))
        self._look("fit")
        self._stage.canvas.set_tool(Fill(self._stage.desk))
        view = self._stage.canvas.view
        assert view is not None
        times = Times()
        for attempt in range(2):
            self._stage.desk.class_index = 2 + attempt
            at = QPointF(*view.to_device(self._size / 2, self._size / 2))
            self._once(lambda at=at: self._stage.press(at), times)
            self._stage.release(at)
        assert int(self._document.label_map[0, 0]) == 3, "the fill did not fill"
        yield self._slow_row("fill 89 %", times, FILL_MS)

    # --- what they do

    def painting(self, zoom: str, diameter: int, events: int, times: Times) -> None:
        """Paint strokes until so many events are timed."""
        self._look(zoom)
        while len(times) < events:
            path = ellipse(STROKE, phase=len(times))
            self._stroke(diameter, path, lambda move: self._stage.timed(move, times))

    def in_turns(self, zoom: str, diameter: int, events: int) -> Turns:
        """The same in turn with the floor."""
        self._look(zoom)
        turns = Turns()
        while len(turns.ours) < events:
            path = ellipse(STROKE, phase=len(turns.ours))
            self._stroke(diameter, path, lambda move: self._in_turn(move, turns))
        return turns

    def _brush_row(self, zoom: str, diameter: int, locked: frozenset[int]) -> Row:
        what, events = f"brush {diameter}{', 2 locked' if locked else ''}", self._effort.events
        if diameter > 500:
            self.painting(zoom, diameter, events, times := Times())
            return Row(self._size, zoom, what, times.figures(), {"cpu p95": LARGE_BRUSH_MS})
        bars = {"cpu p95": SMALL_BRUSH_MS, "x cpu": FLOORS, "x wall": FLOORS}
        return Row(self._size, zoom, what, self.in_turns(zoom, diameter, events).figures(), bars)

    def _stroke(self, diameter: int, way: Path, each: Callable[[Callable[[], None]], object]) -> None:
        """One stroke with the next class; ``each`` makes the moves."""
        stage = self._stage
        self._strokes += 1
        stage.desk.brush_size = diameter
        stage.desk.class_index = _paintable(self._strokes)
        stage.canvas.set_tool(Brush(stage.desk))
        path = [QPointF(*at) for at in way]
        stage.press(path[0])  # a dab smaller than a device pixel may show nothing
        stage.rest(0.1)
        for at in path[1:]:
            each(lambda at=at: stage.move(at))  # type: ignore[misc]
        stage.release(path[-1])
        self._document.history.settle()

    def _in_turn(self, act: Callable[[], object], turns: Turns) -> None:
        """Time an event, and the copying of what it repainted."""
        self._stage.copied(self._stage.timed(act, turns.ours), turns.floor)

    def _once(self, act: Callable[[], None], times: Times) -> None:
        """Do what makes one step, timed until the step is made and painted."""
        revision = self._document.revision
        self._stage.timed(act, times, done=lambda: self._document.revision > revision)
        self._document.history.settle()
        self._stage.rest()

    def _fresh(self, label_map: np.ndarray) -> Document:
        """The same picture with another mask."""
        self.close()
        self._document = show_document(self._stage.canvas, self._stage.desk, self._image, label_map)
        self._stage.rest()
        return self._document

    def _look(self, zoom: str) -> None:
        canvas = self._stage.canvas
        canvas.fit()
        if zoom == "1:1":
            canvas.one_to_one()
        self._stage.rest()

    # --- rows

    def _slow_row(self, what: str, times: Times, bar_ms: float) -> Row:
        figures = {**times.figures(), "no answer": max(times.silent)}
        return Row(self._size, "fit", what, figures, {"cpu p50": bar_ms, "no answer": SILENT_MS})


def _paintable(number: int) -> int:
    free = [index for index in range(CLASSES) if index not in LOCKED]
    return free[number % len(free)]


def star(size: int) -> list[tuple[float, float]]:
    """200 corners of a wavy ring round 40 % of an image, in its pixels."""
    turns = np.linspace(0, 2 * math.pi, 200, endpoint=False)
    radius = size * math.sqrt(0.4 / math.pi / 1.02) * (1 + 0.2 * np.sin(7 * turns))
    return [(size / 2 + r * math.cos(t), size / 2 + r * math.sin(t)) for r, t in zip(radius, turns, strict=True)]
