"""Quits the real program at chosen moments, and looks at what is left.

A warm parent (`python -m tests.trust.quitting`) has imported everything but made no application; it forks one process
a moment, which runs ``fcn-studio open FOLDER`` from `cli.main` to the end of its interpreter. The parent sends the
signals, counts what lives on, and compares the files with what was seen on the canvas. `Quitter` drives the parent.
"""

from __future__ import annotations

import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from tests.patience import PATIENCE_S

if TYPE_CHECKING:  # the network's process imports this module too; it must not load Qt for it
    from fcn_studio.ui.app import Studio
    from fcn_studio.ui.dialogs.questions import QuitDialog

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "FCN_STUDIO_QUIT_TOKEN"
LEFT_AFTER_S = 30.0
"""Seconds that the processes of a program may outlive it: none waits for anything, but a busy machine is slow."""
NOISE = (
    "Traceback",
    "QThread",
    "Exception ignored",
    "terminate called",
    "leaked",
    "Fatal Python",
    " ERROR ",
    "CRITICAL",
)

LIGHT = ("start", "loading", "decoding", "painting", "saving", "collecting", "exporting", "question", "settings")
LIGHT += ("file dialog", "report")
HEAVY = ("warming", "inferring", "training")
DIALOGS = ("question", "settings", "file dialog")
"""A window below a modal dialog cannot be closed by its owner, only by signals."""
LATEST = {"start": 0.15, "collecting": 0.05, "exporting": 0.05, "warming": 2.0, "training": 1.0}
"""Seconds after which some are over, or others become something else."""
HOWS = ("close", "term", "int", "int twice", "hup")


@dataclass(frozen=True)
class Moment:
    """When and how to quit.

    Attributes:
        kind: what the program is doing, one of `LIGHT` and `HEAVY`.
        how: "close" (the window's button), "term", "int" (Ctrl+C, to the whole group), "int twice", "hup".
        delay: seconds from when the program has begun to do it.
        control: how the program is broken for it: "", "engine" (nobody ends it), "saving" (nobody waits for it),
            "handler" (Ctrl+C raises wherever it meets the program).
    """

    kind: str
    how: str
    delay: float
    control: str = ""


@dataclass
class Outcome:
    """What came of it.

    Attributes:
        code: exit code of the process; negative: the signal that ended it; None: it never ended.
        returned: what `cli.main` returned; None: it never did.
        threads: names of threads that were there when it had returned.
        left: command lines of processes that lived on.
        lost: what was on the canvas and is not on disk.
        noise: lines on standard error and in the log that nobody should see.
        seconds: from asking to the end.
    """

    code: int | None = None
    returned: int | None = None
    threads: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    noise: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def faults(self) -> list[str]:
        """What is wrong with it, in words; empty is well."""
        found = [] if self.code == 0 else [f"exit code {self.code}"]
        if self.returned != 0:
            found.append(f"returned {self.returned}")
        for name in ("threads", "left", "lost", "noise"):
            found += [f"{name}: {what}" for what in getattr(self, name)]
        return found


def moments(count: int, seed: int, *, heavy: int) -> list[Moment]:
    """Moments of every kind in turn, ``heavy`` of them with the network's process at work, by every way in turn."""
    rng = random.Random(seed)
    kinds = [LIGHT[n % len(LIGHT)] for n in range(count - heavy)] + [HEAVY[n % len(HEAVY)] for n in range(heavy)]
    found = []
    for number, kind in enumerate(kinds):
        ways = [how for how in HOWS if how != "close" or kind not in DIALOGS]
        delay = rng.uniform(0, LATEST.get(kind, 0.3))
        found.append(Moment(kind, ways[(number + number // len(LIGHT)) % len(ways)], delay))
    rng.shuffle(found)
    return found


class Quitter:
    """Runs moments in a parent of its own; a context manager."""

    def __enter__(self) -> Quitter:
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "tests.trust.quitting"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1"},
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.close()
        self._parent.wait(60)
        self._parent.stdout.close()

    def quit(self, moment: Moment) -> Outcome:
        """Start the program, quit it at the moment, and look around."""
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(json.dumps(asdict(moment)) + "\n")
        self._parent.stdin.flush()
        return Outcome(**json.loads(self._parent.stdout.readline()))

    def cpu_seconds(self) -> float:
        """CPU time of all moments so far, those of the network's processes that were killed left out."""
        times = psutil.Process(self._parent.pid).cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)


# --- the parent -----------------------------------------------------------------------------------------------


def serve() -> int:
    """Take moments from standard input, one a line, until it ends; the exit code (of a forked process too)."""
    import cv2  # noqa: F401

    import fcn_studio.formats.project.project_folder
    import fcn_studio.jobs.export
    import fcn_studio.jobs.process.supervisor
    import fcn_studio.ui.app
    import fcn_studio.ui.commands.report  # noqa: F401

    home = Path(tempfile.mkdtemp(prefix="fcn-studio-quit-"))
    for number, line in enumerate(iter(sys.stdin.readline, "")):
        moment = Moment(**json.loads(line))
        work = home / str(number)
        folder = make_project(home, work, moment.kind)
        (work / "seen").mkdir()
        token = uuid.uuid4().hex
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            os.setsid()
            return _Child(moment, folder, work, token, writing).run()
        os.close(writing)
        outcome = _attend(child, reading, moment, work, token)
        outcome.lost = list(missing(folder, work / "seen"))
        print(json.dumps(asdict(outcome)), flush=True)
        shutil.rmtree(work)
    shutil.rmtree(home)
    return 0


def make_project(home: Path, work: Path, kind: str) -> Path:
    """A project of the moment's own, copied from one that is drawn once."""
    style = {"decoding": "large", "saving": "large", "question": "strange", "loading": "many"}.get(kind, "few")
    if kind in HEAVY:
        style = "plain"
    template = home / style
    if not template.exists():
        _draw(template, style)
    return Path(shutil.copytree(template, work / "project"))


def _draw(folder: Path, style: str) -> None:
    import cv2
    import numpy as np

    from fcn_studio.core.classes import ClassTable
    from fcn_studio.formats.images.images import write_png
    from fcn_studio.formats.project.project_folder import ProjectFolder

    folder.mkdir()
    count, size = {"many": (300, (48, 36)), "large": (5, (3000, 2000))}.get(style, (12, (320, 240)))
    rng = np.random.default_rng(5)
    for number in range(count):
        small = rng.integers(0, 255, (12, 16, 3), np.uint8)
        write_png(folder / f"picture {number:03}.png", cv2.resize(small, size))
    if style == "plain":  # its classes are known to the bundled network
        (folder / "class_names.txt").write_text("Sky\nBuilding\nRoad\nTree\nCar\n")
        return
    if style == "strange":  # a mask whose indices nothing explains: opening asks
        (folder / "SegmentationClass").mkdir()
        from PIL import Image

        odd = Image.fromarray(np.full((size[1], size[0]), 77, np.uint8)).convert("P")
        odd.putdata(np.full(size[0] * size[1], 77).tolist())
        odd.save(folder / "SegmentationClass" / "picture 000.png")
        return
    table = ClassTable.from_names(("background", "cell", "debris"))
    with ProjectFolder.open(folder, writable=True, table=table) as project:
        project.set_table(table)


def _attend(child: int, reading: int, moment: Moment, work: Path, token: str) -> Outcome:
    """Wait for the word of the child, quit it, and see what is left."""
    outcome = Outcome()
    with os.fdopen(reading, "rb") as pipe:
        # Nothing to read: it ended before, or never came to the moment and is killed below.
        ready = select.select([pipe], [], [], PATIENCE_S)[0] and pipe.read(1)
    started = time.monotonic()
    if ready:
        time.sleep(moment.delay)
        _ask(child, moment.how)
    outcome.code = _wait(child, started + moment.delay + PATIENCE_S)
    outcome.seconds = time.monotonic() - started - moment.delay
    deadline = time.monotonic() + LEFT_AFTER_S
    left = _bearing(token)
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = _bearing(token)
    for process in left:
        with suppress(psutil.Error):
            outcome.left.append(" ".join(process.cmdline()))
            process.kill()
    with suppress(OSError, ValueError):
        said = json.loads((work / "returned").read_text())
        outcome.returned, outcome.threads = said["code"], said["threads"]
    outcome.noise = list(_noise(work))
    return outcome


def _ask(child: int, how: str) -> None:
    number = {"term": signal.SIGTERM, "int": signal.SIGINT, "int twice": signal.SIGINT, "hup": signal.SIGHUP}
    for pause in (0.0, 0.02, 0.1) if how == "int twice" else (0.0,):
        time.sleep(pause)
        with suppress(ProcessLookupError):
            if how in ("int", "int twice"):
                os.killpg(child, number[how])
            elif how != "close":  # that one closes itself
                os.kill(child, number[how])


def _wait(child: int, deadline: float) -> int | None:
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _bearing(token: str) -> list[psutil.Process]:
    """The processes that inherited a token: those of one moment, whoever is their parent now."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(TOKEN) == token:
                found.append(process)
    return found


def _noise(work: Path) -> Iterator[str]:
    for path in [work / "output", *(work / "state" / "logs").glob("*.log")]:
        text = path.read_text(errors="replace")
        if any(word in text for word in NOISE):
            yield f"{path.name}: {text[-3000:]}"
    for path in (work / "state" / "logs").glob("*.alive"):
        yield f"{path.name}: the next start will take this for a crash"
    for path in (work / "state" / "logs").glob("*.crash"):
        yield f"{path.name}: {path.read_text()[:2000]}"


def missing(folder: Path, seen: Path) -> Iterator[str]:
    """What was painted by a human and seen, and is not in the files of the project."""
    import numpy as np

    from fcn_studio.core.labels import Provenance
    from fcn_studio.formats.project.project_folder import ProjectFolder

    files = sorted(seen.glob("*.npz"))
    if not files:
        return
    with ProjectFolder.open(folder, writable=False) as project:
        for file in files:
            then = np.load(file)
            sample = project.samples[int(file.stem)]
            height, width = then["label_map"].shape
            now = project.annotations.load(sample, (width, height)).labels
            human = then["provenance"] == Provenance.HUMAN
            kept = (now.label_map == then["label_map"]) & (now.provenance == then["provenance"])
            if not kept[human].all():
                yield f"{sample.image_id}: {int((~kept[human]).sum())} of {int(human.sum())} painted pixels"


# --- the forked process ---------------------------------------------------------------------------------------


class _Child:
    """The program, with a script in it that does what the moment wants to interrupt."""

    def __init__(self, moment: Moment, folder: Path, work: Path, token: str, writing: int) -> None:
        self.moment, self.folder, self.work, self._writing = moment, folder, work, writing
        os.environ[TOKEN] = token
        os.environ["FCN_STUDIO_CONFIG_DIR"] = str(work / "config")
        os.environ["FCN_STUDIO_STATE_DIR"] = str(work / "state")

    def run(self) -> int:
        """Run the program; its exit code."""
        import threading

        from fcn_studio import cli

        output = os.open(self.work / "output", os.O_CREAT | os.O_WRONLY)
        os.dup2(output, 1)
        os.dup2(output, 2)
        for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
            signal.signal(number, handler)  # whatever the shell around the tests made of them
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        self._prepare()
        code = cli.main(["open"] if self.moment.kind == "start" else ["open", str(self.folder)])
        # Not the dummies: of a thread of Qt's in which Python once ran, Python is never told that it has ended.
        ours = [t for t in threading.enumerate() if not isinstance(t, threading._DummyThread)]
        threads = [t.name for t in ours if t is not threading.main_thread()]
        (self.work / "returned").write_text(json.dumps({"code": code, "threads": threads}))
        return code

    def _prepare(self) -> None:
        """Put the script, and the fault of a negative control, into the program."""
        from fcn_studio.ui import app
        from fcn_studio.ui.network import network_process
        from fcn_studio.ui.runtime import unix_signals
        from fcn_studio.ui.saving import autosave

        real_build = app.build

        def build(*arguments: Any) -> Studio:
            studio = real_build(*arguments)
            self._script = _Script(studio, self)
            return studio

        app.build = build
        app.WARM_UP_MS = 0 if self.moment.kind in HEAVY else 3_600_000
        if self.moment.kind == "start":
            armed = unix_signals.QuitSignals.__init__

            def arm(signals: unix_signals.QuitSignals) -> None:
                armed(signals)
                self.go()

            unix_signals.QuitSignals.__init__ = arm
        if self.moment.control == "engine":
            network_process.NetworkProcess.shut_down = lambda _: None
        elif self.moment.control == "saving":
            autosave.Autosave.finish = lambda _: []
            autosave.Autosave.save = lambda _, **__: None
        elif self.moment.control == "handler":
            unix_signals._note = signal.default_int_handler

    def go(self) -> None:
        """Tell the parent that the program is at it."""
        if self._writing >= 0:
            os.write(self._writing, b"!")
            os.close(self._writing)
            self._writing = -1


def _stop_and_quit(dialog: QuitDialog) -> bool:
    """What the user answers who closes the window while jobs run."""
    dialog.at_once = True
    return True


class _Script:
    """Does one thing in the window, again and again, until the program is quit."""

    def __init__(self, studio: Studio, child: _Child) -> None:
        from PySide6.QtCore import QTimer

        self.studio, self._child, self._turn = studio, child, 0
        self._kind = child.moment.kind
        self._act: Callable[[], None] = getattr(self, f"_{self._kind.replace(' ', '_')}")
        self._timer = QTimer(studio.window, interval=5)
        self._timer.timeout.connect(self._tick)
        self._timer.start()
        if self._kind == "loading":
            self._go()

    def _go(self) -> None:
        """The program is at it now: be quit after the delay."""
        from PySide6.QtCore import QTimer

        from fcn_studio.ui.dialogs.questions import QuitDialog

        if self._child._writing >= 0:
            self._child.go()
            if self._child.moment.how == "close":
                QuitDialog.asked = _stop_and_quit
                delay = round(1000 * self._child.moment.delay)
                QTimer.singleShot(delay, self.studio.window, self.studio.window.close)

    def _tick(self) -> None:
        if self._kind in ("start", "question") or self.studio.session.document is not None:
            self._act()
            self._turn += 1

    def _start(self) -> None:
        if self._child.moment.how == "close":
            self._timer.stop()
            self.studio.window.close()

    def _loading(self) -> None:
        self.studio.session.step(+1)

    def _decoding(self) -> None:
        session = self.studio.session
        session.step(+1 if session.index < len(session.samples) - 1 else -session.index)
        self._go()

    def _painting(self) -> None:
        """One event of a stroke a turn, so that most moments lie within a stroke."""
        self._stroke(self._turn, events=12)
        self._note()
        self._go()

    def _saving(self) -> None:
        """Strokes on a large image, and the next image after each: something is always being written."""
        session = self.studio.session
        for turn in range(13):
            self._stroke(turn, events=12)
        self._note()
        session.step(+1 if session.index < len(session.samples) - 1 else -session.index)
        self._go()

    def _stroke(self, turn: int, *, events: int) -> None:
        from PySide6.QtCore import QPoint, Qt
        from PySide6.QtTest import QTest

        canvas, within = self.studio.window.canvas, turn % (events + 1)
        if within == 0:
            self.studio.toolbox.set_class(1 + turn // (events + 1) % 2)
        at = QPoint(canvas.width() // 4 + 23 * within, canvas.height() // 3 + 7 * (turn % 31))
        if within == 0:
            QTest.mousePress(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)
        elif within < events:
            QTest.mouseMove(canvas, at)
        else:
            QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)

    def _note(self) -> None:
        """Write down what the canvas shows, as `missing` compares it."""
        import numpy as np

        session = self.studio.session
        assert session.document is not None
        document, unfinished = session.document, self._child.work / "unfinished.npz"
        np.savez(unfinished, label_map=document.label_map, provenance=document.provenance)
        os.replace(unfinished, self._child.work / "seen" / f"{session.index}.npz")

    def _collecting(self) -> None:
        from fcn_studio.core.training import TrainConfig

        self._timer.stop()
        self._paint_and_verify(6)
        self._go()
        self.studio.network.fine_tuning.start(TrainConfig())

    def _exporting(self) -> None:
        from fcn_studio.core.sample import Split, Status
        from fcn_studio.ui.dialogs.data_sets.export_dialog import ExportChoice

        self._timer.stop()
        self._paint_and_verify(8)
        out = self._child.work / "export"
        choice = ExportChoice(out=out, statuses=frozenset(Status), splits=frozenset(Split))
        self._go()
        self.studio.window._commands.start_export(choice)

    def _paint_and_verify(self, count: int) -> None:
        for row in range(count):
            self.studio.session.go_to(row)
            for turn in range(13):
                self._stroke(turn, events=12)
            self._note()
            self.studio.window.actions_["verify"].trigger()

    def _in_dialog(self, name: str) -> None:
        self._timer.stop()
        for turn in range(13):
            self._stroke(turn, events=12)
        self._note()
        self._go()
        self.studio.window.actions_[name].trigger()

    def _settings(self) -> None:
        self._in_dialog("settings")

    def _file_dialog(self) -> None:
        self._in_dialog("open_folder")

    def _report(self) -> None:
        self._in_dialog("report")

    def _question(self) -> None:
        from PySide6.QtWidgets import QApplication

        if QApplication.activeModalWidget() is not None:
            self._timer.stop()
            self._go()

    def _warming(self) -> None:
        if getattr(self.studio.network.process, "pid", None) is not None:
            self._go()
        self._painting_quietly()

    def _inferring(self) -> None:
        if self._turn == 0:
            self.studio.network.job_list.progress.connect(lambda view: self._go() if view.fraction else None)
            self.studio.network.auto_segment.segment_folder()
        self._painting_quietly()

    def _training(self) -> None:
        from fcn_studio.core.training import Level, TrainConfig

        if self._turn == 0:
            self._paint_and_verify(6)
            self.studio.network.fine_tuning.training.connect(lambda news: self._go())
            self.studio.network.fine_tuning.start(TrainConfig(Level.FULL, minutes=5))
        self._painting_quietly()

    def _painting_quietly(self) -> None:
        self._stroke(self._turn, events=12)
        self._note()


if __name__ == "__main__":
    sys.exit(serve())
