"""The session: opening, navigation, verify, classes, and what must never be lost."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.document import Document
from fcn_studio.core.labels import Provenance
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.sample import Status
from fcn_studio.errors import ClassTableNeeded, ImageError, MaskError, ProjectError, ProjectReadOnly
from fcn_studio.formats.project.annotations import AnnotationStore
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.voc.masks import read_mask
from fcn_studio.tools.base import PointerEvent
from fcn_studio.ui.session.cursor_info import cursor_info
from fcn_studio.ui.session.session import Session
from tests.helpers import contents, paint, save_half
from tests.ui.conftest import draw_project

TABLE = ClassTable.from_names(["background", "cell", "debris"])
SIZE = (64, 48)


class Heard:
    """The sentences that a session said."""

    def __init__(self, session: Session) -> None:
        self.notices: list[str] = []
        self.problems: list[str] = []
        self.recovered: list[str] = []
        session.recovered.connect(self.recovered.append)
        session.notice.connect(self.notices.append)
        session.problem.connect(self.problems.append)
        session.refused.connect(lambda error: self.problems.append(str(error)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return draw_project(tmp_path / "project", images=6)


@pytest.fixture
def session(make_session: Callable[[], Session], folder: Path) -> Session:
    made = make_session()
    made.open_folder(folder)
    return made


@pytest.fixture
def heard(session: Session) -> Heard:
    return Heard(session)


def document(session: Session) -> Document:
    assert session.document is not None
    return session.document


def on_disk(folder: Path, row: int) -> tuple[Status, int | None]:
    """Status of an image by its files, and the class index at (10, 10); None without a mask."""
    with ProjectFolder.open(folder, writable=False) as project:
        sample = project.samples[row]
        path = project.annotations.mask_path(sample)
        value = int(read_mask(path, SIZE, TABLE).label_map[10, 10]) if path.exists() else None
        return project.annotations.status(sample), value


def saved(session: Session) -> Callable[[], bool]:
    return lambda: session.save_state == "saved"


# --- saving -------------------------------------------------------------------------------------------------------


def test_a_stroke_is_saved_after_a_pause(session: Session, folder: Path, qtbot: QtBot) -> None:
    assert session.save_state == "saved"
    assert session.settings.autosave_delay == 0.5
    session.settings.autosave_delay = 0.1
    paint(document(session), 2)
    assert session.save_state == "unsaved"
    assert on_disk(folder, 0) == (Status.NEW, None)
    qtbot.waitUntil(saved(session))
    assert on_disk(folder, 0) == (Status.IN_PROGRESS, 2)
    assert not document(session).dirty
    assert session.autosave.saved_at is not None


def test_undo_then_leave_is_saved(session: Session, folder: Path) -> None:
    paint(document(session), 2)
    session.autosave.save_soon()
    paint(document(session), 1)
    session.undo()
    session.go_to(1)
    session.go_to(0)
    session.autosave.drain()
    assert on_disk(folder, 0) == (Status.IN_PROGRESS, 2)
    assert document(session).label_map[10, 10] == 2
    paint(document(session), 1)
    session.undo()
    session.redo()
    session.go_to(1)
    session.autosave.drain()
    assert on_disk(folder, 0) == (Status.IN_PROGRESS, 1)


def test_undo_then_close_is_saved(session: Session, folder: Path) -> None:
    paint(document(session), 2)
    session.autosave.save_soon()
    session.undo()
    assert session.close_project()
    assert on_disk(folder, 0) == (Status.NEW, VOID)


def test_a_half_done_stroke_is_finished_before_leaving(session: Session, folder: Path) -> None:
    session.toolbox.set_class(2)
    session.toolbox.tool.press(PointerEvent(10, 10, "left"))
    assert document(session).editing
    session.go_to(1)
    session.autosave.drain()
    assert on_disk(folder, 0) == (Status.IN_PROGRESS, 2)


def test_the_undo_memory_follows_the_settings(session: Session) -> None:
    session.settings.undo_budget_mb = 16
    session.go_to(1)
    assert document(session).history._budget == 16 << 20


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """While it holds True, nothing can be saved."""
    full = [True]
    real = AnnotationStore.write

    def save_labels(self: AnnotationStore, *arguments: object, **options: object) -> object:
        if full[0]:
            raise ProjectError("the mask cannot be written: no space left on device")
        return real(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(AnnotationStore, "write", save_labels)
    return full


def test_what_cannot_be_saved_is_kept_through_navigation_and_comes_back(
    session: Session, heard: Heard, folder: Path, full_disk: list[bool]
) -> None:
    paint(document(session), 2)
    session.go_to(1)
    paint(document(session), 1)
    session.go_to(2)
    session.autosave.drain()
    assert session.save_state == "kept"
    assert session.status_scan.status(0) is Status.IN_PROGRESS
    assert heard.problems == [  # one for a run of failures
        "the mask cannot be written: no space left on device. Your work is kept on this computer and saved as soon "
        "as possible."
    ]
    session.go_to(0)
    assert document(session).label_map[10, 10] == 2
    assert document(session).dirty
    full_disk[0] = False
    session.go_to(3)
    assert session.close_project()
    assert on_disk(folder, 0) == (Status.IN_PROGRESS, 2)
    assert on_disk(folder, 1) == (Status.IN_PROGRESS, 1)


def test_closing_is_refused_while_work_cannot_be_saved(
    session: Session, heard: Heard, folder: Path, full_disk: list[bool]
) -> None:
    paint(document(session), 2)
    assert not session.close_project()
    assert session.project is not None
    assert document(session).label_map[10, 10] == 2
    assert "The project was not closed because 1 image cannot be saved: picture-000.png." in heard.problems[-1]
    assert session.close_project(discard=True)
    assert session.project is None
    assert on_disk(folder, 0) == (Status.NEW, None)


def test_opening_another_folder_is_refused_while_work_cannot_be_saved(
    session: Session, folder: Path, tmp_path: Path, full_disk: list[bool]
) -> None:
    other = draw_project(tmp_path / "other")
    paint(document(session), 2)
    session.open_folder(other)
    assert session.project is not None
    assert session.project.folder == folder
    assert not (other / ".fcn-studio" / "lock").exists()


def test_a_reopened_image_whose_old_save_succeeds_late_is_not_taken_for_saved(
    session: Session, folder: Path, full_disk: list[bool]
) -> None:
    """The revisions of a reopened document begin anew; those of the kept save must not be mixed up with them."""
    paint(document(session), 2)
    session.go_to(1)
    session.autosave.drain()
    session.go_to(0)
    full_disk[0] = False
    session.autosave.retry()  # the retry timer
    session.autosave._drain()
    paint(document(session), 1)
    assert document(session).dirty
    session.autosave.drain()
    assert on_disk(folder, 0) == (Status.IN_PROGRESS, 1)


# --- navigation ---------------------------------------------------------------------------------------------------


def break_image(folder: Path, row: int) -> None:
    (folder / f"picture-{row:03}.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")


def break_mask(folder: Path, row: int) -> Path:
    path = folder / "SegmentationClass" / f"picture-{row:03}.png"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\nno more")
    return path


def test_a_broken_image_leaves_the_open_one_as_it_is(session: Session, folder: Path) -> None:
    paint(document(session), 2)
    before = document(session)
    break_image(folder, 3)
    session.go_to(1)
    session.go_to(0)
    before = document(session)
    with pytest.raises(ImageError, match=r"picture-003\.png"):
        session.go_to(3)
    assert session.document is before
    assert session.index == 0
    assert session.toolbox.document is before


def test_a_broken_mask_blocks_and_is_not_overwritten(make_session: Callable[[], Session], folder: Path) -> None:
    mask = break_mask(folder, 2)
    session = make_session()
    session.open_folder(folder)
    with pytest.raises(MaskError, match=r"picture-002\.png"):
        session.go_to(2)
    assert session.index == 0
    assert session.close_project()
    assert mask.read_bytes().endswith(b"no more")


def test_steps_pass_by_what_cannot_be_opened(session: Session, heard: Heard, folder: Path) -> None:
    session.go_to(5)
    break_image(folder, 3)
    break_image(folder, 2)
    session.go_to(4)
    session.step(-1)
    assert session.index == 1
    assert len(heard.problems) == 2
    session.step(-1)
    session.step(-1)
    assert session.index == 0


def test_the_next_waiting_image_is_neither_finished_nor_broken(
    make_session: Callable[[], Session], folder: Path
) -> None:
    with ProjectFolder.open(folder, writable=True) as project:
        for row, status in ((1, Status.VERIFIED), (3, Status.SKIPPED), (4, Status.VERIFIED)):
            save_half(project, project.samples[row], Provenance.HUMAN, status)
    break_image(folder, 2)
    session = make_session()
    session.open_folder(folder)
    heard = Heard(session)
    assert session.index == 0
    session.step_unverified(+1)
    assert session.index == 5
    assert len(heard.problems) == 1
    session.step_unverified(+1)
    assert session.index == 5
    assert heard.notices[-1] == "No further image is waiting in this direction."


def test_verify_and_next_finishes_the_image_in_one_undo_step(session: Session, folder: Path) -> None:
    paint(document(session), 2)
    session.verify_and_next()
    assert session.index == 1
    assert session.status_scan.counts()[Status.VERIFIED] == 1
    session.autosave.drain()
    assert on_disk(folder, 0) == (Status.VERIFIED, 2)
    session.go_to(0)
    assert (document(session).provenance == Provenance.HUMAN).all()
    assert document(session).label_map[0, 0] == 0  # background
    session.go_to(1)
    session.verify()
    session.undo()
    assert document(session).status is Status.NEW
    assert not document(session).provenance.any()


def test_skip_is_taken_back_by_the_same_key(session: Session, folder: Path) -> None:
    session.toggle_skip()
    session.autosave.drain()
    assert on_disk(folder, 0)[0] is Status.SKIPPED
    session.toggle_skip()
    session.autosave.drain()
    assert on_disk(folder, 0)[0] is Status.NEW


def test_counts_and_status_follow_the_open_image_at_once(session: Session) -> None:
    paint(document(session), 1)
    assert session.status_scan.status(0) is Status.IN_PROGRESS
    assert session.status_scan.counts()[Status.IN_PROGRESS] == 1
    assert sum(session.status_scan.counts().values()) == 6


# --- opening ------------------------------------------------------------------------------------------------------


def test_the_first_waiting_image_is_shown(make_session: Callable[[], Session], folder: Path) -> None:
    with ProjectFolder.open(folder, writable=True) as project:
        for sample in project.samples[:2]:
            save_half(project, sample, Provenance.HUMAN, Status.VERIFIED)
    session = make_session()
    session.open_folder(folder)
    assert session.index == 2
    assert session.toolbox.class_index == 1


def test_a_folder_that_cannot_be_opened_leaves_the_open_one(session: Session, tmp_path: Path, folder: Path) -> None:
    other = draw_project(tmp_path / "other")
    (other / "fcn-studio.toml").write_text("format = ")
    before = session.document
    for wrong in (other, tmp_path / "none"):
        with pytest.raises(ProjectError):
            session.open_folder(wrong)
    assert session.document is before
    assert not (other / ".fcn-studio" / "lock").exists()
    foreign = tmp_path / "foreign"
    draw_project(foreign)
    (foreign / "fcn-studio.toml").unlink()
    shutil.rmtree(foreign / ".fcn-studio")
    (foreign / "SegmentationClass").mkdir()
    from fcn_studio.formats.voc.masks import write_mask
    from tests.helpers import black

    write_mask(foreign / "SegmentationClass" / "picture-000.png", black()[..., 0] + 77)
    with pytest.raises(ClassTableNeeded):
        session.open_folder(foreign)
    assert session.document is before


def test_a_second_session_is_read_only(session: Session, make_session: Callable[[], Session], folder: Path) -> None:
    second = make_session()
    heard = Heard(second)
    before = contents(folder)
    second.open_folder(folder)
    assert second.read_only
    assert second.save_state == "read-only"
    assert "in use by process" in heard.problems[0]
    assert second.toolbox.document is None
    second.toolbox.tool.press(PointerEvent(10, 10, "left"))
    assert not document(second).dirty
    for act in (second.verify, second.toggle_skip, second.editable, lambda: second.classes.add("new")):
        with pytest.raises(ProjectError, match=r"read-only|to read only"):
            act()
    second.go_to(3)
    assert second.close_project()
    assert contents(folder) == before
    assert session.close_project()
    second.open_folder(folder)
    assert not second.read_only


def test_a_read_only_folder_is_tried_again_when_it_is_opened_again(
    session: Session, make_session: Callable[[], Session], folder: Path
) -> None:
    second = make_session()
    second.open_folder(folder)
    assert session.close_project()
    second.open_folder(folder)
    assert not second.read_only
    assert second.document is not None


@pytest.mark.parametrize("how", ["no permission", "read-only disk"])
def test_a_folder_that_cannot_be_written_is_labelled_all_the_same_and_saved_once_it_can_be(
    make_session: Callable[[], Session], folder: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    # Not by chmod: the tests may run as root, whom no permission stops.
    with monkeypatch.context() as protected:
        if how == "no permission":
            access = os.access
            protected.setattr(
                "fcn_studio.formats.project.project_folder.os.access",
                lambda path, mode: Path(path) != folder and access(path, mode),
            )
        else:
            real_open = os.open

            def refuse(path: object, flags: int, *arguments: object) -> int:
                if str(path).startswith(str(folder)) and flags & (os.O_WRONLY | os.O_RDWR):
                    raise OSError(30, "Read-only file system")
                return real_open(path, flags, *arguments)  # type: ignore[arg-type]

            protected.setattr("fcn_studio.formats.project.lock.os.open", refuse)
        with pytest.raises(ProjectReadOnly):
            ProjectFolder.open(folder, writable=True)
        session = make_session()
        heard = Heard(session)
        session.open_folder(folder)
        assert not session.read_only
        assert len(heard.problems) == 1
        assert "cannot be written. You can still label" in heard.problems[0]
        paint(document(session), 2)
        session.go_to(1)
        session.autosave.drain()
        assert session.save_state == "kept"
        assert on_disk(folder, 0) == (Status.NEW, None)
        assert not session.close_project()
        assert "Your work is kept on this computer" in heard.problems[-1]

        # Another window may look, not edit: both would journal the same images.
        other = make_session()
        other.open_folder(folder)
        assert other.read_only

        assert session.close_project(discard=True)
        session.open_folder(folder)
        assert document(session).image_id == "picture-000.png"
        assert document(session).label_map[10, 10] == 2
        assert heard.recovered == ["Unsaved work in 1 image was recovered, with its undo steps."]
        session.undo()
        assert document(session).status is Status.NEW
        session.redo()
    session.autosave.save_soon()
    assert session.close_project()
    assert on_disk(folder, 0) == (Status.IN_PROGRESS, 2)
    session.open_folder(folder)
    assert len(heard.recovered) == 1


def test_an_index_that_cannot_be_written_does_not_stop_closing(
    session: Session, heard: Heard, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: object) -> None:
        raise ProjectError("the index cannot be written")

    monkeypatch.setattr("fcn_studio.formats.project.statuses.Statuses.save_index", refuse)
    assert session.close_project()
    assert session.project is None
    assert "the index cannot be written" in heard.notices
    assert not (folder / ".fcn-studio" / "lock").exists()


# --- classes and cursor -------------------------------------------------------------------------------------------


def test_classes_are_added_renamed_and_recoloured_on_disk(session: Session, folder: Path) -> None:
    assert session.classes.add(" vessel ") == 3
    assert session.toolbox.class_index == 3
    session.classes.rename(1, "nucleus")
    session.classes.recolour(1, (1, 2, 3))
    with pytest.raises(ProjectError, match="occurs twice"):
        session.classes.rename(1, "Debris")
    with ProjectFolder.open(folder, writable=False) as project:
        assert [c.name for c in project.config.table] == ["background", "nucleus", "debris", "vessel"]
        assert project.config.table.classes[1].colour == (1, 2, 3)


def test_the_cursor_says_what_is_there_and_who_said_so(session: Session) -> None:
    paint(document(session), 2)
    info = cursor_info(session, 10, 10)
    assert info is not None
    assert (info.class_index, info.class_name, info.who, info.predicted) == (2, "debris", "you", "")
    empty = cursor_info(session, 0, 0)
    assert empty is not None
    assert (empty.class_name, empty.who) == ("", "unlabelled")
    nothing = np.full((48, 64), VOID, np.uint8)
    session.set_prediction(Prediction("picture-000.png", nothing, nothing, "a" * 64))
    unused = cursor_info(session, 10, 10)
    assert unused is not None
    assert (unused.predicted, unused.probability) == ("a class that is not used here", None)
    assert cursor_info(session, 64, 0) is None
    assert cursor_info(session, -1, 0) is None
