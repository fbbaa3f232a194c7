"""Between two images, sittings and windows nothing is lost: R4, R5, R16, and what comes back from journals."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from fcn_studio.core.document import Document
from fcn_studio.core.labels import Labels
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.project import Access
from fcn_studio.core.sample import Status
from fcn_studio.errors import FcnStudioError, ImageError, MaskError, ProjectError
from fcn_studio.formats.project.annotations import AnnotationStore
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.voc.masks import write_mask
from fcn_studio.jobs.snapshot import collect_now
from fcn_studio.settings import Settings
from fcn_studio.ui.commands.recover_strokes import apply_strokes
from fcn_studio.ui.dialogs.recovery_dialog import RecoveryDialog
from fcn_studio.ui.runtime.user_messages import ActionDoor, Messages
from fcn_studio.ui.saving.writer import Accept
from fcn_studio.ui.session.session import Session
from fcn_studio.ui.session.toolbox import Toolbox
from tests.helpers import ROOT, paint
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
        session = Session(Settings(), Toolbox())
        made.append(session)
        session.said = []  # type: ignore[attr-defined]
        session.problem.connect(session.said.append)  # type: ignore[attr-defined]
        session.refused.connect(lambda error: session.said.append(str(error)))  # type: ignore[attr-defined]
        return session

    yield new
    for session in made:
        session.close_project(discard=True)
        session.shut_down()


def document(session: Session) -> Document:
    assert session.document is not None, session.said  # type: ignore[attr-defined]
    return session.document


def same(one: Labels, other: Labels) -> bool:
    return np.array_equal(one.label_map, other.label_map) and np.array_equal(one.provenance, other.provenance)


def on_disk(folder: Path, row: int = 0) -> tuple[Labels, Status]:
    with ProjectFolder.open(folder, writable=False) as project:
        loaded = project.annotations.load(project.samples[row], (64, 48))
        return loaded.labels, loaded.status


# --- R4: undo, then leave -----------------------------------------------------------------------------------------


def leave_by_next(session: Session) -> None:
    session.step(+1)
    session.autosave.drain()


def leave_by_closing(session: Session) -> None:
    assert session.close_project()


def undo_last(session: Session) -> None:
    session.undo()


def undo_all(session: Session) -> None:
    while document(session).history.can_undo:
        session.undo()


def undo_and_redo(session: Session) -> None:
    session.undo()
    session.undo()
    session.redo()


def erase_and_undo(session: Session) -> None:
    with document(session).edit("Erase") as edit:
        edit.replace(Labels.unlabelled(48, 64))
    session.undo()


@pytest.mark.parametrize("saved_between", [True, False])
@pytest.mark.parametrize("leave", [leave_by_next, leave_by_closing])
@pytest.mark.parametrize("act", [undo_last, undo_all, undo_and_redo, erase_and_undo])
def test_what_was_undone_before_leaving_is_undone_on_disk(
    make: Make, folder: Path, act: Callable[[Session], None], leave: Callable[[Session], None], saved_between: bool
) -> None:
    session = make()
    session.open_folder(folder)
    for number in range(3):
        paint(document(session), 1 + number % 2, at=(10 + 15 * number, 10), size=9)
    if saved_between:
        session.autosave.save_soon()
        session.autosave.drain()
    act(session)
    left, status = document(session).labels_snapshot(), document(session).status
    leave(session)
    labels, found = on_disk(folder)
    assert same(labels, left)
    assert found is status


# --- R5: all or nothing -------------------------------------------------------------------------------------------


def break_image(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "picture-002.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")


def break_mask(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "SegmentationClass" / "picture-002.png"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\nno more")


def break_reading(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MaskError("picture-002: the disk does not answer")

    monkeypatch.setattr(AnnotationStore, "load", fail)


def break_journal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ImageError("picture-002: its journal makes no sense")

    monkeypatch.setattr("fcn_studio.ui.saving.autosave.Autosave.reopened", fail)


@pytest.mark.parametrize("damage", [break_image, break_mask, break_reading, break_journal])
def test_an_image_that_cannot_be_opened_leaves_the_open_one_to_the_byte(
    make: Make, folder: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path, pytest.MonkeyPatch], None]
) -> None:
    session = make()
    session.open_folder(folder)
    paint(document(session), 1)
    paint(document(session), 2, at=(30, 20))
    session.undo()
    before, left = document(session), document(session).labels_snapshot()
    damage(folder, monkeypatch)
    with pytest.raises(FcnStudioError, match="picture-002"):
        session.go_to(2)
    assert session.document is before
    assert session.index == 0
    assert same(before.labels_snapshot(), left)
    session.redo()
    assert before.label_map[20, 30] == 2, "the open document is still the one that is edited"
    assert before.dirty


def test_a_folder_that_cannot_be_opened_leaves_the_open_one(make: Make, folder: Path, tmp_path: Path) -> None:
    other = draw_project(tmp_path / "other")
    (other / "fcn-studio.toml").write_text("format = 1\nid = [")
    session = make()
    session.open_folder(folder)
    paint(document(session), 1)
    before = session.document
    with pytest.raises(ProjectError, match=r"fcn-studio\.toml"):
        session.open_folder(other)
    assert session.document is before
    assert session.project is not None
    assert session.project.folder == folder
    assert not (other / ".fcn-studio" / "lock").exists()


# --- R16: one writer ----------------------------------------------------------------------------------------------

HOLDER = """
import sys, os
from functools import partial
from pathlib import Path
from PySide6.QtCore import QCoreApplication
app = QCoreApplication([])
from fcn_studio.jobs.snapshot import collect_now
from fcn_studio.settings import Settings
from fcn_studio.ui.session.session import Session
from fcn_studio.ui.session.toolbox import Toolbox
session = Session(Settings(), Toolbox())
session.open_folder(Path(sys.argv[1]), break_lock=len(sys.argv) > 2)
print("read-only" if session.read_only else "writes", flush=True)
sys.stdin.read()
"""


def holder(folder: Path, *more: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "writes\n"
    return process


def test_a_second_window_looks_on_and_takes_over_at_once_when_the_first_is_killed(make: Make, folder: Path) -> None:
    with holder(folder) as first:
        second = make()
        second.open_folder(folder)
        assert second.read_only
        assert f"process {first.pid} on this host" in second.said[0]  # type: ignore[attr-defined]
        with pytest.raises(ProjectError, match="read-only"):
            second.editable()
        first.kill()
        first.wait()
        assert second.close_project()
        second.open_folder(folder)
    assert not second.read_only
    paint(document(second), 1)
    assert second.close_project()
    assert on_disk(folder)[1] is Status.IN_PROGRESS


def test_a_window_whose_folder_was_taken_over_writes_no_more_and_keeps_its_work(make: Make, folder: Path) -> None:
    first = make()
    first.open_folder(folder)
    paint(document(first), 1)
    first.autosave.drain()
    saved = on_disk(folder)[0]
    with holder(folder, "break the lock") as other:
        paint(document(first), 2, at=(50, 40))
        first.autosave.drain()
        assert first.save_state == "kept"
        assert f"is in use by process {other.pid}" in first.said[-1]  # type: ignore[attr-defined]
        assert same(on_disk(folder)[0], saved)
        other.kill()
    first.autosave.retry()
    first.autosave.drain()
    assert first.save_state == "saved", "the lock is free again"


# --- what comes back ----------------------------------------------------------------------------------------------


def crash(session: Session, folder: Path) -> None:
    """As if the process were gone: nothing of it is written any more, and its locks are those of the dead."""
    session.autosave.journal.flush()
    session.autosave._idle.stop()
    session.autosave._longest.stop()
    for book in session.autosave.journal._books.values():
        book.close()
    session.autosave.journal._books.clear()
    session.autosave.journal._folder = None
    assert session.project is not None
    session.project.access = Access.READ_ONLY
    session.project._lock = None
    state = Path(os.environ["FCN_STUDIO_STATE_DIR"])
    for lock in (folder / ".fcn-studio" / "lock", *state.glob("journals/*/lock")):
        lock.unlink(missing_ok=True)


def test_a_mask_that_was_changed_meanwhile_is_left_and_the_strokes_wait(
    make: Make, folder: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = make()
    session.open_folder(folder)
    paint(document(session), 1, at=(10, 10))
    painted = document(session).label_map == 1
    crash(session, folder)
    other = np.full((48, 64), 2, np.uint8)
    write_mask(folder / "SegmentationClass" / "picture-000.png", other)

    second = make()
    recovered: list[str] = []
    second.recovered.connect(recovered.append)
    second.open_folder(folder)
    assert recovered == ["Strokes of 1 image do not fit what is in the folder and wait for your decision."]
    second.go_to(0)
    assert (document(second).label_map == other).all(), "never applied silently"
    second.go_to(1)

    dialog = RecoveryDialog(second, partial(apply_strokes, second), ActionDoor(Messages()))
    qtbot.addWidget(dialog)
    item = dialog.table.topLevelItem(0)
    assert item is not None
    assert [item.text(column) for column in (0, 1)] == ["picture-000.png", "1"]
    assert "changed by another program" in item.text(3)
    assert dialog.table.columnWidth(0) > dialog.fontMetrics().horizontalAdvance("picture-000.png")
    assert dialog.apply_button.isEnabled()
    dialog.apply_button.click()
    assert document(second).image_id == "picture-000.png"
    assert (document(second).label_map[painted] == 1).all()
    assert (document(second).label_map[~painted] == 2).all()
    assert document(second).status is Status.IN_PROGRESS
    second.undo()
    assert (document(second).label_map == other).all()
    assert dialog.table.topLevelItemCount() == 0
    assert second.close_project()
    assert not any(Path(os.environ["FCN_STUDIO_STATE_DIR"]).glob("journals/*/*.journal"))


def test_strokes_of_an_image_that_is_gone_wait_until_it_is_back(make: Make, folder: Path) -> None:
    session = make()
    session.open_folder(folder)
    paint(document(session), 1)
    left = document(session).labels_snapshot()
    crash(session, folder)
    image = folder / "picture-000.png"
    image.rename(folder / "elsewhere")

    second = make()
    second.open_folder(folder)
    assert len(second.recovery.left_over) == 1
    assert "is not in the folder" in second.recovery.left_over[0].reason
    with pytest.raises(ProjectError, match="Put the image back"):
        apply_strokes(second, second.recovery.left_over[0])
    assert second.close_project()

    (folder / "elsewhere").rename(image)
    third = make()
    third.open_folder(folder)
    assert same(document(third).labels_snapshot(), left)


def test_another_picture_under_the_same_name_gets_no_strokes(make: Make, folder: Path) -> None:
    from fcn_studio.formats.images.images import write_png

    session = make()
    session.open_folder(folder)
    paint(document(session), 1)
    crash(session, folder)
    write_png(folder / "picture-000.png", np.zeros((30, 20, 3), np.uint8))
    second = make()
    second.open_folder(folder)
    assert second.recovery.came_back == []
    assert "was another picture" in second.recovery.left_over[0].reason
    second.go_to(0)
    assert document(second).status is Status.NEW
    with pytest.raises(ProjectError, match="cannot be applied"):
        apply_strokes(second, second.recovery.left_over[0])


def test_several_images_come_back_and_are_saved_without_being_opened(make: Make, folder: Path) -> None:
    session = make()
    session.open_folder(folder)
    monkey = pytest.MonkeyPatch()

    def refuse(*_: object, **__: object) -> None:
        raise ProjectError("the disk is full")

    monkey.setattr(AnnotationStore, "encode", refuse)
    left = {}
    for row in range(3):
        session.go_to(row)
        paint(document(session), 1 + row % 2, at=(10 + 10 * row, 20))
        left[row] = document(session).labels_snapshot()
    session.autosave.drain()
    crash(session, folder)
    monkey.undo()

    second = make()
    second.open_folder(folder)
    assert second.index == 2, "the image worked on last"
    second.autosave.drain()
    for row in range(3):
        assert same(on_disk(folder, row)[0], left[row])
    second.go_to(0)
    assert document(second).history.can_undo
    assert not document(second).dirty
    assert second.close_project()


def test_a_state_folder_that_cannot_be_written_is_told_and_the_window_works(
    make: Make, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "no folder").write_text("a file")
    monkeypatch.setenv("FCN_STUDIO_STATE_DIR", str(tmp_path / "no folder"))
    session = make()
    session.open_folder(folder)
    assert "strokes are safe only once they are saved" in session.said[0]  # type: ignore[attr-defined]
    paint(document(session), 1)
    assert session.close_project()
    assert on_disk(folder)[1] is Status.IN_PROGRESS


def test_a_journal_that_fails_is_told_once_and_begun_anew_after_the_next_save(
    make: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fcn_studio.formats.journal.journal import JournalFile

    session = make()
    session.open_folder(folder)
    real = JournalFile.append

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(JournalFile, "append", full)
    for number in range(3):
        paint(document(session), 1, at=(10 + 10 * number, 20))
    session.autosave.journal.flush()
    session.autosave.drain()
    said = [text for text in session.said if "journal" in text]  # type: ignore[attr-defined]
    assert len(said) == 1
    assert "your work is safe only once it is saved" in said[0]
    monkeypatch.setattr(JournalFile, "append", real)
    paint(document(session), 2, at=(40, 30))
    left = document(session).labels_snapshot()
    assert session.autosave.journal.holds("picture-000.png")
    crash(session, folder)
    second = make()
    second.open_folder(folder)
    assert same(document(second).labels_snapshot(), left)


def test_strokes_wait_when_their_class_indices_mean_other_classes_now(make: Make, folder: Path) -> None:
    session = make()
    session.open_folder(folder)
    paint(document(session), 1)
    crash(session, folder)
    file = folder / "fcn-studio.toml"
    file.write_text(file.read_text().replace('name = "cell"', 'name = "aeroplane"'))
    second = make()
    second.open_folder(folder)
    assert second.recovery.came_back == []
    assert "class 1 was 'cell' and is 'aeroplane' now" in second.recovery.left_over[0].reason


def test_a_class_renamed_or_added_while_painting_is_the_same_class_afterwards(make: Make, folder: Path) -> None:
    session = make()
    session.open_folder(folder)
    paint(document(session), 1)
    session.classes.rename(1, "nucleus")
    new = session.classes.add("vessel")
    paint(document(session), new, at=(40, 30))
    left = document(session).labels_snapshot()
    crash(session, folder)
    second = make()
    second.open_folder(folder)
    assert second.recovery.left_over == []
    assert same(document(second).labels_snapshot(), left)


# --- what a review found ------------------------------------------------------------------------------------------

OTHER = """
import sys
from functools import partial
from pathlib import Path
import numpy as np
from fcn_studio.core.labels import made_by_human
from fcn_studio.core.project import Access
from fcn_studio.core.sample import Status
from fcn_studio.formats.project.project_folder import ProjectFolder
with ProjectFolder.open(Path(sys.argv[1]), writable=True, break_lock=True) as project:
    if sys.argv[2] == "classes":
        project.set_table(project.config.table.added("tree", None))
    project.annotations.save(project.samples[0], made_by_human(np.full((48, 64), 2, np.uint8)), Status.VERIFIED)
"""


def someone_else(folder: Path, what: str) -> None:
    """Another process breaks the lock, works in the folder, and is gone."""
    subprocess.run(
        [sys.executable, "-c", OTHER, str(folder), what],
        check=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


@pytest.mark.parametrize(("what", "words"), [("masks", "meanwhile and is left as it is"), ("classes", "fcn-studio")])
def test_what_another_wrote_while_the_lock_was_lost_is_not_written_over(
    make: Make, folder: Path, what: str, words: str
) -> None:
    session = make()
    session.open_folder(folder)
    paint(document(session), 1)
    session.autosave.drain()
    someone_else(folder, what)
    theirs = on_disk(folder)
    paint(document(session), 1, at=(40, 30))
    session.autosave.drain()
    assert session.save_state == "kept"
    assert words in session.said[-1]  # type: ignore[attr-defined]
    if what == "classes":
        with pytest.raises(ProjectError, match="open the folder again"):
            session.classes.add("car")
    assert same(on_disk(folder)[0], theirs[0])
    assert on_disk(folder)[1] is Status.VERIFIED
    assert session.close_project(discard=True)
    session.open_folder(folder)
    assert "changed by another program" in session.recovery.left_over[0].reason


def test_a_look_at_all_masks_does_not_make_anothers_mask_ours(make: Make, folder: Path) -> None:
    session = make()
    session.open_folder(folder)
    paint(document(session), 1)
    session.autosave.drain()
    someone_else(folder, "masks")
    theirs = on_disk(folder)
    paint(document(session), 1, at=(40, 30))
    session.autosave.drain()
    assert session.project is not None
    collect_now(session.project)  # as a fine-tune does
    paint(document(session), 1, at=(50, 40))
    session.autosave.drain()
    assert session.save_state == "kept"
    assert same(on_disk(folder)[0], theirs[0])
    assert session.close_project(discard=True)


def test_a_mask_that_vanished_with_its_disk_is_not_taken_for_none(make: Make, folder: Path) -> None:
    session = make()
    session.open_folder(folder)
    session.go_to(1)
    paint(document(session), 1)
    session.go_to(0)
    session.autosave.drain()
    mask = folder / "SegmentationClass" / "picture-001.png"
    away = mask.rename(folder / "away")
    with pytest.raises(MaskError, match="is gone"):
        session.go_to(1)
    assert session.index == 0
    away.rename(mask)
    session.go_to(1)
    assert document(session).status is Status.IN_PROGRESS


def test_a_prediction_does_not_overtake_a_failed_save_whose_news_is_still_on_its_way(
    make: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = make()
    session.open_folder(folder)
    real, fails = AnnotationStore.write, [True]

    def save_labels(self: AnnotationStore, *arguments: object, **options: object) -> object:
        if fails[0]:
            raise ProjectError("full")
        return real(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(AnnotationStore, "write", save_labels)
    paint(document(session), 1)
    left = document(session).labels_snapshot()
    sample = session.samples[0]
    session.go_to(1)
    session.autosave._writer.flush()  # it has failed, and autosave does not know yet
    fails[0] = False
    assert session.project is not None
    twos = np.full((48, 64), 2, np.uint8)
    session.autosave.write_other(
        Accept(session.project, sample, Prediction(sample.image_id, twos, twos, "c0" * 32), True)
    )
    session.autosave.finish()
    assert same(on_disk(folder)[0], left)


def test_strokes_are_applied_by_the_names_of_their_classes(make: Make, folder: Path) -> None:
    session = make()
    session.open_folder(folder)
    paint(document(session), 1)
    painted = document(session).label_map == 1
    crash(session, folder)
    file = folder / "fcn-studio.toml"
    text = file.read_text()
    file.write_text(text.replace('"cell"', '"x"').replace('"debris"', '"cell"').replace('"x"', '"debris"'))
    second = make()
    second.open_folder(folder)
    apply_strokes(second, second.recovery.left_over[0])
    assert (document(second).label_map[painted] == 2).all(), "cell is class 2 now"
    second.undo()
    assert second.close_project()

    third = make()
    third.open_folder(folder)
    paint(document(third), 2)
    crash(third, folder)
    file.write_text(file.read_text().replace('"cell"', '"vessel"'))
    fourth = make()
    fourth.open_folder(folder)
    with pytest.raises(ProjectError, match="no longer has"):
        apply_strokes(fourth, fourth.recovery.left_over[-1])


def test_journals_of_a_folder_without_project_file_are_found_when_it_has_one(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = draw_project(tmp_path / "plain")
    table_file = (folder / "fcn-studio.toml").read_text()
    for path in (
        folder / "fcn-studio.toml",
        *(folder / ".fcn-studio").rglob("*.toml*"),
        folder / ".fcn-studio" / "adopted_masks",
    ):
        path.unlink(missing_ok=True)
    (folder / "class_names.txt").write_text("background\ncell\ndebris\n")
    session = make()
    session.open_folder(folder)
    monkeypatch.setattr("fcn_studio.formats.project.first_opening.socket.gethostname", lambda: "renamed")
    paint(document(session), 1)
    left = document(session).labels_snapshot()
    crash(session, folder)
    (folder / "fcn-studio.toml").write_text(table_file)  # a colleague's, with an id of its own
    second = make()
    second.open_folder(folder)
    assert same(document(second).labels_snapshot(), left)


def test_a_fault_on_the_journals_thread_is_no_promise_kept(
    make: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fcn_studio.formats.journal.journal import JournalFile

    def fault(*_: object) -> None:
        raise MemoryError

    reported: list[object] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, *_: reported.append(kind))
    monkeypatch.setattr(JournalFile, "append", fault)
    session = make()
    session.open_folder(folder)
    paint(document(session), 1)
    session.autosave.journal.flush()
    assert not session.autosave.journal.holds("picture-000.png")
    assert reported == [MemoryError]
    session.autosave.drain()
    assert on_disk(folder)[1] is Status.IN_PROGRESS
