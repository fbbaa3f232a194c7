"""Kills the window while somebody paints, again and again, and looks at what is there afterwards.

A parent that has imported the program forks a window a round: it opens the folder, compares every image with what the
killed one before it had said was done, then paints, undoes, fills, saves and changes images through real mouse events
until it is killed, too. After each act the window tells the parent what the image looks like; what it told is what a
person has seen land, so nothing less may come back. Some kills come in the middle of a stroke: then all of it but its
last half second must come back, as one step.

Usage: python -m tests.trust.window_kills FOLDER [--kills 40] [--seed 0] [--until-lost]
       [--sabotage journal|order|impatience|parts] [--missing 0.5]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_threads] = "1"  # the parent forks, so it must have no thread

import numpy as np  # noqa: E402

from fcn_studio.core.classes import ClassTable  # noqa: E402
from fcn_studio.core.labels import Labels  # noqa: E402
from fcn_studio.formats.images.images import write_png  # noqa: E402
from fcn_studio.formats.project.project_folder import ProjectFolder  # noqa: E402

if TYPE_CHECKING:
    from fcn_studio.core.document import Document
    from fcn_studio.ui.app import Studio

SIZE = (640, 480)
IMAGES = 4
ACTS = (2, 12)
"""Fewest and most acts before a window is killed."""
LONGEST_DELAY_S = 0.03
"""Seconds from the last of them to the kill, at most: about as long as an act and its journal take."""
SABOTAGE = ("", "journal", "order", "impatience", "parts")
LONG_STROKE_S = (0.3, 1.6)
"""Seconds that a long stroke lasts, at least and at most."""
MISSING_S = 0.5
"""Seconds of an unfinished stroke that may be missing."""


@dataclass
class Stroke:
    """What a window told of the stroke in which it was killed.

    Attributes:
        told: (time, pixels changed so far, hash of the labels), one after each move.
        cancelled: whether it was about to be cancelled.
        killed_at: time of the kill.
    """

    told: list[tuple[float, int, str]] = field(default_factory=list)
    cancelled: bool = False
    killed_at: float = 0.0

    def missing_s(self, pixels: int, digest: str) -> float | None:
        """Return the seconds of it that are missing; None if what came back never was a part of it."""
        if pixels > self.told[-1][1]:
            return 0.0  # a move that was made, and not told any more
        seen = [at for at, count, known in self.told if count == pixels and (known == digest or not count)]
        return self.killed_at - seen[-1] if seen else None


@dataclass
class Report:
    """What came of all kills.

    Attributes:
        kills: how often the window was killed.
        acts: strokes and other acts that had been seen to land.
        lost: sentences on images that were not as they had been left.
        problems: sentences that a window said of its own accord.
        missing_s: seconds that are missing of each stroke in which a window was killed.
        started_s: seconds from fork to the first stroke, a window each; recovery and comparison included.
    """

    kills: int = 0
    acts: int = 0
    lost: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    missing_s: list[float] = field(default_factory=list)
    started_s: list[float] = field(default_factory=list)


def draw(folder: Path) -> None:
    """A project of some noisy pictures with four classes."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for number in range(IMAGES):
        coarse = rng.integers(0, 255, (SIZE[1] // 8, SIZE[0] // 8, 3), np.uint8)
        write_png(folder / f"picture-{number}.png", coarse.repeat(8, 0).repeat(8, 1))
    table = ClassTable.from_names(["background", "one", "two", "three"])
    with ProjectFolder.open(folder, writable=True, table=table) as project:
        project.set_table(table)


def kill_windows(
    folder: Path,
    kills: int,
    seed: int = 0,
    sabotage: str = "",
    tell: Callable[[Report], object] = lambda _: None,
    *,
    until_lost: bool = False,
    missing_s: float = MISSING_S,
) -> Report:
    """Kill so many windows on a folder that `draw` made; ``tell`` is called after each.

    With ``until_lost`` it ends at the first loss. ``missing_s`` of a stroke may be missing.
    """
    import cv2

    import tests.journeys.driver  # noqa: F401

    cv2.setNumThreads(1)
    report, random = Report(), Random(seed)
    state: dict[str, str] = {}
    last, stroke = "", Stroke()
    for number in range(kills + 1):  # the last one only looks
        reading, writing = os.pipe()
        born = time.perf_counter()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            left = Left(state, last, stroke, missing_s)
            _be_killed(folder, left, seed * 100_003 + number, sabotage, writing, paint=number < kills)
        os.close(writing)
        stroke, kill_at, killed_at = Stroke(), 0.0, 0.0
        acts_left = random.randint(*ACTS) if number < kills else -1
        looked = False
        with os.fdopen(reading, "rb") as pipe:
            while (line := pipe.readline()).endswith(b"\n"):  # all that it told before it was killed, too
                news = json.loads(line)
                report.lost += news.get("lost", [])
                report.problems += news.get("problems", [])
                if news.get("looked"):
                    looked = True
                    report.started_s.append(time.perf_counter() - born)
                report.missing_s += news.get("missing", [])
                state.update(news["state"])
                last = news["last"]
                if "stroke" in news:
                    stroke.told.append(tuple(news["stroke"]))
                    stroke.cancelled = news["cancelled"]
                    kill_at = kill_at or time.monotonic() + random.uniform(0.05, 2 * LONG_STROKE_S[1])  # half of them
                if news.get("acted", 0):
                    stroke, kill_at = Stroke(), 0.0
                report.acts += news.get("acted", 0)
                acts_left -= news.get("acted", 0)
                within = acts_left > 0 and bool(stroke.told) and time.monotonic() > kill_at
                if acts_left == 0 or within:
                    acts_left = -1
                    time.sleep(random.uniform(0, LONGEST_DELAY_S))
                    killed_at = time.monotonic()
                    os.kill(pid, signal.SIGKILL)
                    report.kills += 1
        os.waitpid(pid, 0)
        stroke.killed_at = killed_at  # what it told between the last line that was read and the kill is in it by now
        if not looked or acts_left > 0:
            raise RuntimeError(f"window {number} ended by itself; problems: {report.problems}")
        tell(report)
        if until_lost and report.lost:
            break
    return report


# --- the window's process -----------------------------------------------------------------------------------------


@dataclass
class Left:
    """What the killed window had told.

    Attributes:
        state: hash of every image.
        last: the image painted last.
        stroke: the one in which it was killed; empty if it was in none.
        missing_s: seconds of it that may be missing.
    """

    state: dict[str, str]
    last: str
    stroke: Stroke
    missing_s: float


def _be_killed(folder: Path, left: Left, seed: int, sabotage: str, pipe: int, *, paint: bool) -> None:
    """Look, then paint until killed; never returns."""
    code = 3
    try:
        _sabotage(sabotage)
        studio = _window()
        problems: list[str] = []
        studio.session.problem.connect(problems.append)
        studio.session.refused.connect(lambda error: problems.append(str(error)))
        studio.window.messages.bug.connect(problems.append)

        def tell(**news: object) -> None:
            if problems:
                news["problems"] = problems[:]
                problems.clear()
            os.write(pipe, json.dumps(news).encode() + b"\n")

        studio.session.open_folder(folder)
        missing: list[float] = []
        lost = _compare(studio, left, missing) if left.state else []
        tell(lost=lost, missing=missing, looked=True, state=_states(studio), last=_image_id(studio))
        if paint:
            _paint(studio, Random(seed), tell)
        studio.session.close_project()
        studio.session.shut_down()
        code = 0
    finally:
        sys.stdout.flush()
        os._exit(code)


def _window() -> Studio:
    from PySide6.QtCore import qInstallMessageHandler

    from fcn_studio.settings import Settings
    from fcn_studio.tools.options import BRUSH_SIZE
    from fcn_studio.ui import app
    from tests.ui.conftest import IdleProcess

    qInstallMessageHandler(lambda *_: None)  # the offscreen platform says at every start what it cannot do
    app.application([])
    settings = Settings()
    settings.autosave_delay = 0.1
    studio = app.build(settings, IdleProcess())  # type: ignore[arg-type]
    studio.window.resize(1000, 700)
    studio.window.show()
    studio.toolbox.set_option(BRUSH_SIZE, 30)
    return studio


def _sabotage(what: str) -> None:
    """Break the program on purpose, so that it can be seen that this harness notices."""
    from fcn_studio.ui.saving import journal_writer
    from fcn_studio.ui.saving.journal_writer import JournalWriter

    if what == "journal":
        JournalWriter._note = lambda *_: None  # type: ignore[method-assign,assignment]
    elif what == "impatience":  # the next event does not wait for the journal at all
        journal_writer.LONGEST_WAIT_S = 0.0
    elif what == "order":  # the journal goes as soon as a save is asked for, not when it is done
        real = JournalWriter.announce

        def announce(self: JournalWriter, image_id: str, mask_sha256: str) -> None:
            real(self, image_id, mask_sha256)
            self.forget(image_id)

        JournalWriter.announce = announce  # type: ignore[method-assign]
    elif what == "parts":  # a stroke is journalled at its end only
        JournalWriter._note_part = lambda *_: True  # type: ignore[method-assign,assignment]


def _hash(studio: Studio) -> str:
    document = studio.session.document
    assert document is not None
    digest = hashlib.sha256(document.label_map.tobytes())
    digest.update(document.provenance.tobytes())
    digest.update(f"{document.status} {document.prelabelled_by}".encode())
    return digest.hexdigest()[:24]


def _image_id(studio: Studio) -> str:
    document = studio.session.document
    assert document is not None
    return document.image_id


def _states(studio: Studio) -> dict[str, str]:
    """The state of every image, the open one last."""
    here = studio.session.index
    states = {}
    for row in (*(r for r in range(IMAGES) if r != here), here):
        studio.session.go_to(row)
        states[_image_id(studio)] = _hash(studio)
    return states


def _compare(studio: Studio, left: Left, missing: list[float]) -> list[str]:
    """What is not as it had been left. The image painted last may be one act ahead: made, and not told any more.

    ``missing`` receives the seconds that are missing of the stroke in which the window was killed.
    """
    session, lost, state, last = studio.session, [], left.state, left.last
    rows = {sample.image_id: row for row, sample in enumerate(session.samples)}
    for image_id in sorted(state, key=lambda i: i != last):  # first the last one, whose history is at stake
        session.go_to(rows[image_id])
        if image_id == last and left.stroke.told:
            lost += _stroke_lost(studio, left, missing)
        elif _hash(studio) != state[image_id] and not (image_id == last and _one_ahead(studio, state[image_id])):
            lost.append(f"{image_id}: not as it was left")
    return lost


def _stroke_lost(studio: Studio, left: Left, missing: list[float]) -> list[str]:
    """Say what is wrong with the stroke in which the window was killed."""
    document, before = studio.session.document, left.state[left.last]
    assert document is not None
    now = _labels(document)
    if _hash(studio) == before:
        pixels = 0
        if left.stroke.cancelled:
            return []
    else:
        if document.undo() is None or _hash(studio) != before:
            return [f"{left.last}: the stroke did not come back as one step"]
        pixels = _changed(_labels(document), now)
        document.redo()
    seconds = left.stroke.missing_s(pixels, _digest(now))
    if seconds is None:
        return [f"{left.last}: what came back of the stroke never was a part of it"]
    missing.append(seconds)
    return [f"{left.last}: {seconds:.2f} s of the stroke are missing"] if seconds > left.missing_s else []


def _labels(document: Document) -> Labels:
    return Labels(document.label_map.copy(), document.provenance.copy())


def _changed(before: Labels, now: Labels) -> int:
    return int(((before.label_map != now.label_map) | (before.provenance != now.provenance)).sum())


def _digest(labels: Labels) -> str:
    return hashlib.sha256(labels.label_map.tobytes() + labels.provenance.tobytes()).hexdigest()[:24]


def _one_ahead(studio: Studio, expected: str) -> bool:
    document = studio.session.document
    assert document is not None
    for there, back in ((document.undo, document.redo), (document.redo, document.undo)):
        if there() is not None:
            found = _hash(studio) == expected
            back()
            if found:
                return True
    return False


def _paint(studio: Studio, random: Random, tell: Callable[..., None]) -> None:
    """Paint for ever."""
    from PySide6.QtWidgets import QApplication

    from fcn_studio.tools.base import PointerEvent
    from tests.journeys.driver import drag

    session, toolbox = studio.session, studio.toolbox

    def point() -> tuple[float, float]:
        return random.uniform(5, SIZE[0] - 5), random.uniform(5, SIZE[1] - 5)

    def stroke() -> None:
        toolbox.use(random.choice(["brush", "brush", "brush", "eraser"]))
        toolbox.set_class(random.randrange(4))
        start = point()
        drag(studio, [start, *((start[0] + random.uniform(-60, 60), start[1]) for _ in range(2))])

    def long_stroke() -> None:
        document = session.document
        assert document is not None
        toolbox.use(random.choice(["brush", "brush", "eraser"]))
        toolbox.set_class(random.randrange(4))
        before, (x, y) = _labels(document), point()
        ends, rests = time.monotonic() + random.uniform(*LONG_STROKE_S), random.random() < 0.3
        stroke_told(document, before, cancelled=False)
        toolbox.tool.press(PointerEvent(x, y, button="left"))
        while time.monotonic() < ends:
            if not rests or random.random() < 0.05:  # a hand that rests with the button down
                x, y = x + random.uniform(-9, 14), y + random.uniform(-9, 9)
                toolbox.tool.move(PointerEvent(x, y))
            stroke_told(document, before, cancelled=False)
            QApplication.processEvents()
            time.sleep(0.01)
        cancelled = random.random() < 0.3
        stroke_told(document, before, cancelled=cancelled)
        if cancelled:
            toolbox.tool.cancel()
        else:
            toolbox.tool.release(PointerEvent(x, y, button="left"))

    def stroke_told(document: Document, before: Labels, *, cancelled: bool) -> None:
        now = _labels(document)
        told = time.monotonic(), _changed(before, now), _digest(now)
        tell(state={}, last=document.image_id, stroke=told, cancelled=cancelled)

    def fill() -> None:
        toolbox.use("fill")
        drag(studio, [point()])

    acts: list[tuple[Callable[[], object], int]] = [
        (stroke, 60),
        (long_stroke, 15),
        (fill, 4),
        (session.undo, 8),
        (session.redo, 4),
        (session.autosave.save_soon, 6),
        (session.verify, 1),
        (session.toggle_skip, 1),
        (lambda: session.go_to(random.randrange(IMAGES)), 6),
    ]
    while True:
        (act,) = random.choices([a for a, _ in acts], [weight for _, weight in acts])
        act()
        tell(state={_image_id(studio): _hash(studio)}, last=_image_id(studio), acted=1)
        QApplication.processEvents()


def main() -> int:
    """Run it; the report as JSON on standard output."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sabotage", choices=SABOTAGE, default="")
    parser.add_argument("--until-lost", action="store_true")
    parser.add_argument("--missing", type=float, default=MISSING_S)
    options = parser.parse_args()
    draw(options.folder)

    def tell(report: Report) -> None:
        if report.kills % 50 == 0:
            print(f"{report.kills} kills, {len(report.lost)} lost, {report.acts} acts", file=sys.stderr, flush=True)

    report = kill_windows(
        options.folder,
        options.kills,
        options.seed,
        options.sabotage,
        tell,
        until_lost=options.until_lost,
        missing_s=options.missing,
    )
    print(json.dumps(asdict(report)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
