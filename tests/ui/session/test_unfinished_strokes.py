"""A stroke that lasts when the program is killed comes back as one step, but for its last half second."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fcn_studio.core.document import Document
from fcn_studio.core.sample import Status
from fcn_studio.ui.session.session import Session
from tests.fork_server import WINDOW, fork_server, run_forked
from tests.ui.conftest import draw_project

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be killed by signal here")

Kill = Callable[..., dict[str, Any]]

KILLED = """
import json, os, signal, sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from fcn_studio.settings import Settings
from fcn_studio.tools.base import PointerEvent
from fcn_studio.tools.options import BRUSH_SIZE
from fcn_studio.ui.saving import stroke_parts
from fcn_studio.ui.session.session import Session
from fcn_studio.ui.session.toolbox import Toolbox
from tests.helpers import paint
from tests.patience import wait_until

stroke_parts.PART_S = 0.02
application = QCoreApplication([])
session = Session(Settings(), Toolbox())
session.open_folder(Path(sys.argv[1]))
document, toolbox = session.document, session.toolbox
toolbox.use("brush")
toolbox.set_class(1)
toolbox.set_option(BRUSH_SIZE, 7)
parts = []
real = session.autosave.journal._note_part
def note(*arguments):
    parts.append(real(*arguments))
    return parts[-1]
session.autosave.journal._parts._write = lambda tiles: note(document, tiles)

def pixels():
    return int((document.provenance == 2).sum())

def drawn(*columns):
    for x in columns:  # one part of the journal each, written while the hand rests
        count = sum(parts)
        toolbox.tool.move(PointerEvent(x, y))
        wait_until(lambda: application.processEvents() or sum(parts) > count)
        session.autosave.journal.flush()

paint(document, 2, at=(50, 40), size=5)
before = pixels()
act, y = sys.argv[2], float(sys.argv[3])
toolbox.tool.press(PointerEvent(10.0, y, button="left"))
drawn(20.0, 30.0, 40.0)
if act == "cancel":
    toolbox.tool.cancel()
elif act == "release":
    toolbox.tool.release(PointerEvent(40.0, y, button="left"))
elif act == "renew":  # a save is done while the stroke lasts, and the journal begins anew
    session.autosave.journal._books[document.image_id].broken = True
    session.autosave.journal.renew(document)
    drawn(45.0)
print(json.dumps({"before": before, "pixels": pixels(), "parts": sum(parts)}), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return draw_project(tmp_path / "project")


@pytest.fixture(scope="module")
def method() -> Iterator[str]:
    with fork_server(WINDOW, "tests.helpers") as method:
        yield method


@pytest.fixture
def killed(folder: Path, method: str) -> Kill:
    """Paints a dot, then a stroke, and is killed; returns the human pixels after each."""

    def kill(act: str = "", y: float = 20.0) -> dict[str, Any]:
        done = run_forked(method, KILLED, str(folder), act, str(y))
        assert done.returncode == -signal.SIGKILL, done.stderr
        said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        assert said["parts"] >= 3
        return said

    return kill


def document(session: Session) -> Document:
    assert session.document is not None
    return session.document


def pixels(session: Session) -> int:
    return int((document(session).provenance == 2).sum())


@pytest.fixture
def reopened(make_session: Callable[[], Session], folder: Path) -> Callable[[], Session]:
    def reopen() -> Session:
        session = make_session()
        session.open_folder(folder)
        return session

    return reopen


@pytest.mark.parametrize("act", ["", "release", "renew"])
def test_a_stroke_comes_back_as_one_step(killed: Kill, reopened: Callable[[], Session], act: str) -> None:
    said = killed(act)
    assert said["pixels"] > said["before"] > 0
    session = reopened()
    assert pixels(session) == said["pixels"]
    assert document(session).status is Status.IN_PROGRESS
    session.undo()
    assert document(session).history.redo_title == "Brush stroke"
    assert pixels(session) == said["before"]
    session.redo()
    assert pixels(session) == said["pixels"]


def test_a_cancelled_stroke_leaves_nothing(killed: Kill, reopened: Callable[[], Session]) -> None:
    said = killed("cancel")
    assert said["pixels"] == said["before"]
    session = reopened()
    assert pixels(session) == said["before"]
    session.undo()
    assert pixels(session) == 0


def test_a_stroke_that_came_back_outlives_the_next_crash(killed: Kill, reopened: Callable[[], Session]) -> None:
    first = killed()
    second = killed(y=30.0)
    assert second["before"] == first["pixels"], "the second window went on where the first had been killed"
    session = reopened()
    found = [pixels(session)]
    while document(session).history.can_undo:
        session.undo()
        found.append(pixels(session))
    assert found == [second["pixels"], first["pixels"], first["before"], 0]
