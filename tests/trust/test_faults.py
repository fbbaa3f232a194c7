"""A saved mask is old or new, never half, whichever call fails (R2); and the window keeps what could not be saved."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from fcn_studio import paths
from fcn_studio.core.classes import ClassTable
from fcn_studio.core.labels import Labels, Provenance
from fcn_studio.core.sample import Status
from fcn_studio.errors import FcnStudioError
from fcn_studio.formats.images.images import write_png
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.voc.masks import write_mask
from fcn_studio.settings import Settings
from fcn_studio.ui.session.session import Session
from fcn_studio.ui.session.toolbox import Toolbox
from tests.helpers import paint
from tests.trust.faults import disk_faults

SIZE = (40, 30)
TABLE = ClassTable.from_names(["background", "one", "two", "three"])

ERRORS: dict[str, Callable[[], BaseException]] = {
    "full": lambda: OSError(errno.ENOSPC, "No space left on device"),
    "forbidden": lambda: PermissionError(errno.EACCES, "Permission denied"),
    "broken": lambda: OSError(errno.EIO, "Input/output error"),
    "killed": KeyboardInterrupt,
}


def labels_of(index: int) -> Labels:
    labels = Labels.unlabelled(SIZE[1], SIZE[0])
    labels.label_map[:20] = index
    labels.provenance[:10] = Provenance.HUMAN
    labels.provenance[10:20] = Provenance.NETWORK
    return labels


def make(folder: Path, kind: str) -> None:
    """A project whose one image has no mask yet, a mask of others, or one of ours."""
    folder.mkdir()
    write_png(folder / "a.png", np.zeros((SIZE[1], SIZE[0], 3), np.uint8))
    if kind == "adopted":
        write_mask(folder / "SegmentationClass" / "a.png", labels_of(1).label_map)
    with ProjectFolder.open(folder, writable=True, table=TABLE) as project:
        if kind == "ours":
            project.annotations.save(project.samples[0], labels_of(1), Status.IN_PROGRESS)


def found(folder: Path, known: tuple[str | None, ...]) -> Labels:
    with ProjectFolder.open(folder, writable=False, table=TABLE) as project:
        return project.annotations.load(project.samples[0], SIZE, known_masks=known).labels


def same(one: Labels, other: Labels) -> bool:
    return np.array_equal(one.label_map, other.label_map) and np.array_equal(one.provenance, other.provenance)


def save(folder: Path, announced: list[str | None]) -> None:
    with ProjectFolder.open(folder, writable=True, table=TABLE) as project:
        sample = project.samples[0]
        announced.append(project.annotations.load(sample, SIZE).mask_sha256)
        encoded = project.annotations.encode(sample, labels_of(2), Status.IN_PROGRESS)
        assert encoded is not None
        announced.append(encoded.sha256)
        project.annotations.write(encoded)


def torn(folder: Path, kind: str, at: int, error: Callable[[], BaseException]) -> str:
    """What is wrong after the call number ``at`` failed in a save; "" if nothing."""
    make(folder, kind)
    before = found(folder, ())
    announced: list[str | None] = []
    with disk_faults(at, error), pytest.raises((FcnStudioError, OSError, KeyboardInterrupt)):
        save(folder, announced)
    for left in folder.rglob("lock*"):
        left.unlink()  # of a process that was killed
    try:
        # The journal knows the masks of before and after, and lays over what was painted between them.
        now = found(folder, tuple(announced) or (None,))
        plain = found(folder, ())
    except FcnStudioError as problem:
        return f"unreadable: {problem}"
    old = np.array_equal(plain.label_map, before.label_map)
    new = np.array_equal(plain.label_map, labels_of(2).label_map)
    if not (old or new):
        return "the mask is neither old nor new"
    known = (now.provenance != Provenance.UNKNOWN).all() if kind != "new" else True
    if not known:
        return "with the journal's help it would be known who labelled what"
    save(folder, [])
    return "" if same(found(folder, ()), labels_of(2)) else "the next save did not mend it"


def calls(tmp_path: Path, kind: str) -> int:
    make(tmp_path / "count", kind)
    with disk_faults() as faults:
        save(tmp_path / "count", [])
    return faults.count


@pytest.mark.parametrize("kind", ["new", "adopted", "ours"])
@pytest.mark.parametrize("how", list(ERRORS))
def test_a_mask_is_old_or_new_whichever_call_fails(tmp_path: Path, kind: str, how: str) -> None:
    count = calls(tmp_path, kind)
    assert count > 15
    wrong, quiet = {}, 0
    tried = range(0, count, 1 if how in ("full", "killed") else 3)  # the others differ in their number alone
    for at in tried:
        folder = tmp_path / f"{at}"
        try:
            what = torn(folder, kind, at, ERRORS[how])
        except pytest.fail.Exception:  # the failure was of no importance to the save, as of flushing a folder's names
            quiet += 1
            what = "" if same(found(folder, ()), labels_of(2)) else "a failure was not told"
        if what:
            wrong[at] = what
        shutil.rmtree(folder)
    assert wrong == {}
    assert quiet < 0.6 * len(tried)


def test_the_harness_sees_a_mask_that_is_written_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def in_place(path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)

    for module in (paths, __import__("fcn_studio.formats.atomic", fromlist=["atomic"])):
        monkeypatch.setattr(module, "replace_file", in_place)
    count = calls(tmp_path, "ours")
    broken = 0
    for at in range(count):
        try:
            broken += bool(torn(tmp_path / f"{at}", "ours", at, ERRORS["full"]))
        except (pytest.fail.Exception, FcnStudioError):
            continue
    assert broken > 0


# --- through the session ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["fsync", "replace", "write", "open"])
def test_a_failed_save_keeps_the_dirty_mark_and_says_so_once(
    tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("FCN_STUDIO_STATE_DIR", str(tmp_path / "state"))
    make(tmp_path / "project", "ours")
    session = Session(Settings(), Toolbox())
    problems: list[str] = []
    session.problem.connect(problems.append)
    session.refused.connect(lambda error: problems.append(str(error)))
    session.open_folder(tmp_path / "project")
    document = session.document
    assert document is not None
    paint(document, 3)
    session.autosave.journal.flush()
    real, failing = paths.replace_file, [True]

    def replace_file(path: Path, data: bytes) -> None:
        if not failing[0] or not path.is_relative_to(tmp_path / "project"):
            real(path, data)
            return
        with disk_faults() as count:
            real(path.with_name("count"), data)
        os.unlink(path.with_name("count"))
        with disk_faults(count.names.index(name), ERRORS["full"]):
            real(path, data)

    monkeypatch.setattr("fcn_studio.formats.atomic.replace_file", replace_file)
    for _ in range(3):
        session.autosave.drain()
        session.autosave.retry()
        session.autosave.drain()
    assert document.dirty
    assert session.save_state == "kept"
    assert len(problems) == 1
    assert "No space left" in problems[0]
    assert not list((tmp_path / "project").rglob("*.tmp"))
    failing[0] = False
    assert session.close_project()
    assert found(tmp_path / "project", ()).label_map[10, 10] == 3
    session.shut_down()
