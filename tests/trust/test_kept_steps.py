"""Undo across image switches: through the session, its files and its journals, a crash among them."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from fcn_studio.core.document import Document, verify
from fcn_studio.core.history import AnnotationState
from fcn_studio.core.history_cache import fingerprint
from fcn_studio.core.journal import Replayed
from fcn_studio.core.labels import Labels
from fcn_studio.core.sample import Status
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.settings import Settings
from fcn_studio.ui.session.session import Session
from fcn_studio.ui.session.toolbox import Toolbox
from tests.fork_server import WINDOW, fork_server, run_forked
from tests.helpers import paint
from tests.ui.conftest import draw_project

Make = Callable[[], Session]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return draw_project(tmp_path / "project")


@pytest.fixture
def make(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.setenv("FCN_STUDIO_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("FCN_STUDIO_CONFIG_DIR", str(tmp_path / "config"))
    made: list[Session] = []

    def new() -> Session:
        made.append(Session(Settings(), Toolbox()))
        return made[-1]

    yield new
    for session in made:
        session.close_project(discard=True)
        session.shut_down()


def document(session: Session) -> Document:
    assert session.document is not None
    return session.document


def state(session: Session) -> str:
    now = document(session)
    return fingerprint(now.labels_snapshot(), AnnotationState(now.status, now.prelabelled_by)).hex()


def strokes(session: Session, count: int) -> list[str]:
    states = [state(session)]
    for number in range(count):
        paint(document(session), 1 + number % 2, at=(10 + 12 * number, 12), size=9)
        states.append(state(session))
    return states


@pytest.mark.parametrize("saved_before", [True, False])
def test_undo_goes_on_where_it_was_when_the_image_is_opened_again(
    make: Make, folder: Path, saved_before: bool
) -> None:
    session = make()
    session.open_folder(folder)
    states = strokes(session, 3)
    session.undo()
    session.go_to(1)
    if saved_before:
        session.autosave.drain()
    strokes(session, 1)
    session.go_to(0)
    assert state(session) == states[2]
    session.redo()
    assert state(session) == states[3]
    for expected in reversed(states[:3]):
        session.undo()
        assert state(session) == expected
    assert not document(session).history.can_undo
    session.go_to(1)
    session.autosave.drain()
    with ProjectFolder.open(folder, writable=False) as project:
        assert project.annotations.status(project.samples[0]) is Status.NEW, (
            "what was undone after the switch is undone on disk"
        )


def test_a_mask_that_something_else_wrote_meanwhile_has_no_steps(make: Make, folder: Path) -> None:
    session = make()
    session.open_folder(folder)
    strokes(session, 2)
    session.go_to(1)
    session.autosave.drain()
    mask = folder / "SegmentationClass" / "picture-000.png"
    strokes(session, 1)
    session.go_to(2)
    session.autosave.drain()
    mask.write_bytes((folder / "SegmentationClass" / "picture-001.png").read_bytes())
    session.go_to(0)
    assert not document(session).history.can_undo
    assert not document(session).history.can_redo


def test_a_record_that_something_else_wrote_meanwhile_has_no_steps(make: Make, folder: Path) -> None:
    session = make()
    session.open_folder(folder)
    strokes(session, 2)
    session.go_to(1)
    session.autosave.drain()
    (folder / ".fcn-studio" / "provenance" / "picture-000.png").unlink()
    session.go_to(0)
    assert not document(session).history.can_undo


def test_steps_end_with_the_project(make: Make, folder: Path) -> None:
    session = make()
    session.open_folder(folder)
    strokes(session, 2)
    session.go_to(1)
    assert session.close_project()
    session.open_folder(folder)
    session.go_to(0)
    assert not document(session).history.can_undo


def test_open_and_kept_steps_share_one_budget(make: Make, folder: Path) -> None:
    session = make()
    session.open_folder(folder)
    states = strokes(session, 2)
    session.go_to(1)
    session.go_to(0)
    held = document(session).history.bytes
    session.go_to(1)
    session.autosave.undo_bytes = held + 100
    verify(document(session), 0)  # these steps leave no memory for those of the other image
    while document(session).history.bytes_now <= 100:
        paint(document(session), 1, at=(20, 20), size=9 + document(session).revision)
    session.go_to(0)
    assert state(session) == states[2]
    assert not document(session).history.can_undo


# --- a crash ------------------------------------------------------------------------------------------------------

CRASHES = """
import json, os, signal, sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from fcn_studio.settings import Settings
from fcn_studio.ui.session.session import Session
from fcn_studio.ui.session.toolbox import Toolbox
from tests.trust.test_kept_steps import state, strokes

application = QCoreApplication([])
session = Session(Settings(), Toolbox())
session.open_folder(Path(sys.argv[1]))
states = strokes(session, 4)
session.undo()                       # the fourth is undone before the image is left
session.go_to(1)
session.autosave.drain()
session.autosave.journal.flush()
assert not list(Path(os.environ["FCN_STUDIO_STATE_DIR"]).glob("journals/*/*.journal")), "all is on disk"
session.go_to(0)
for act in sys.argv[2].split(","):
    getattr(session, act)()
print(json.dumps({"states": states, "now": state(session)}), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def method() -> Iterator[str]:
    with fork_server(WINDOW, __name__) as method:
        yield method


def crashed(method: str, folder: Path, acts: str) -> tuple[list[str], str]:
    """Reopen an image with kept steps, act, and be killed; all states, and the last."""
    done = run_forked(method, CRASHES, str(folder), acts)
    assert done.returncode == -signal.SIGKILL, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    return said["states"], said["now"]


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be killed by signal here")
@pytest.mark.parametrize(("acts", "at", "undone"), [("undo", 2, 1), ("undo,undo,undo", 0, 3), ("undo,redo", 3, 0)])
def test_kept_steps_undone_before_a_crash_are_undone_after_it(
    make: Make, folder: Path, acts: str, at: int, undone: int, method: str
) -> None:
    states, now = crashed(method, folder, acts)
    assert now == states[at]
    session = make()
    session.open_folder(folder)
    session.go_to(0)
    assert state(session) == now
    for number in range(undone):
        session.redo()
        assert state(session) == states[at + 1 + number]
    assert not document(session).history.can_redo


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be killed by signal here")
def test_the_harness_sees_an_undo_that_is_not_journalled(
    make: Make, folder: Path, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, now = crashed(method, folder, "undo")

    def blind(entries: object, labels: Labels, state: AnnotationState, budget_bytes: int) -> Replayed:
        from fcn_studio.core.journal import replay

        return replay((), labels, state, budget_bytes)

    monkeypatch.setattr("fcn_studio.formats.journal.recovery.replay", blind)
    session = make()
    session.open_folder(folder)
    session.go_to(0)
    assert state(session) != now
