"""Merging and deleting classes changes all masks or none, and can be taken back byte for byte."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fcn_studio.core.class_changes.change import ClassChange
from fcn_studio.core.classes import UNLABELLED, VOID
from fcn_studio.core.labels import Labels, Provenance
from fcn_studio.core.sample import Status
from fcn_studio.core.with_result import result_of
from fcn_studio.errors import ProjectError
from fcn_studio.formats import transaction
from fcn_studio.formats.class_changes.change import ChangeResult, change_classes, last_change, take_back
from fcn_studio.formats.class_changes.usage import class_usage
from fcn_studio.formats.project.loaded import LoadedLabels
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.voc.masks import write_mask
from tests.formats.helpers import SIZE, filled, fingerprint, make_project, painted

CELL, DEBRIS = 1, 2
NAMES = [f"{number}.png" for number in range(4)]
OURS = ("SegmentationClass/", ".fcn-studio/provenance/", ".fcn-studio/originals/", "fcn-studio.toml")


def changed(folder: Path, targets: dict[int, int]) -> ChangeResult:
    with ProjectFolder.open(folder, writable=True) as project:
        return result_of(change_classes(project, ClassChange(targets)))


def taken_back(folder: Path) -> ChangeResult:
    with ProjectFolder.open(folder, writable=True) as project:
        return result_of(take_back(project))


def annotation(folder: Path, name: str) -> LoadedLabels:
    with ProjectFolder.open(folder, writable=False) as project:
        return project.annotations.load(project.sample(name), SIZE)


def save(folder: Path, name: str, labels: Labels, status: Status = Status.IN_PROGRESS) -> None:
    with ProjectFolder.open(folder, writable=True) as project:
        project.annotations.save(project.sample(name), labels, status)


def files(folder: Path) -> dict[str, tuple[str, int]]:
    """What a change may replace, as `fingerprint`, without folders."""
    return {n: f for n, f in fingerprint(folder).items() if n.startswith(OURS) and f[0] != "folder"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with a mask that was there before, two of ours, and one image without."""
    made = make_project(tmp_path / "made", NAMES, {"0": CELL})
    save(made, "1.png", painted(CELL))
    save(made, "2.png", painted(DEBRIS, Provenance.NETWORK), Status.PRELABELLED)
    return made


@st.composite
def annotations(draw: st.DrawFn) -> tuple[Labels, Status]:
    random = np.random.default_rng(draw(st.integers(0, 1 << 16)))
    provenance = random.choice(np.array([0, 1, 2, 3], np.uint8), SIZE[::-1])
    label_map = random.choice(np.array([0, CELL, DEBRIS, VOID], np.uint8), SIZE[::-1])
    label_map[provenance == Provenance.NOBODY] = VOID
    return Labels(label_map, provenance), draw(st.sampled_from(list(Status)))


@settings(max_examples=8, deadline=None)
@given(st.lists(annotations(), min_size=2, max_size=2), st.sampled_from([0, DEBRIS, VOID, UNLABELLED]))
def test_a_change_replaces_its_class_alone_and_is_taken_back_byte_for_byte(
    made: list[tuple[Labels, Status]], target: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = make_project(Path(name, "made"), NAMES, {"3": CELL})
        for image, (labels, status) in zip(NAMES, made, strict=False):
            save(folder, image, labels, status)
        before = {n: f for n, f in fingerprint(folder).items() if f[0] != "folder"}
        changed(folder, {CELL: target})
        for image, (labels, _) in zip(NAMES, made, strict=False):
            hit = labels.label_map == CELL
            found = annotation(folder, image).labels
            assert (found.label_map[hit] == (VOID if target == UNLABELLED else target)).all()
            owners = {VOID: Provenance.HUMAN, UNLABELLED: Provenance.NOBODY}
            assert (found.provenance[hit] == owners.get(target, labels.provenance[hit])).all()
            assert np.array_equal(found.label_map[~hit], labels.label_map[~hit])
            assert np.array_equal(found.provenance[~hit], labels.provenance[~hit])
        taken_back(folder)
        assert {n: f for n, f in fingerprint(folder).items() if f[0] != "folder"} == before


def recorded(
    folder: Path, copies: Path, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]
) -> tuple[list[Path], int]:
    """Copies of a project as it is on disk before each thing that an act does there, and the number of moves."""
    made: list[Path] = []
    moves, replace = 0, os.replace

    def spied(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal moves
            copy()
            moves += real is replace
            return real(*arguments, **options)

        return call

    def copy() -> None:
        made.append(copies / str(len(made)))
        shutil.copytree(folder, made[-1])
        (made[-1] / ".fcn-studio" / "lock").unlink(missing_ok=True)

    with monkeypatch.context() as patch:
        for name in ("_write", "_keep", "_remove", "sync_folder"):
            patch.setattr(transaction, name, spied(getattr(transaction, name)))
        patch.setattr("fcn_studio.formats.transaction.os.rename", spied(os.rename))
        patch.setattr("fcn_studio.formats.transaction.os.replace", spied(replace))
        act()
    copy()
    return made, moves


@pytest.mark.parametrize("act", [changed, taken_back])
def test_wherever_it_is_killed_all_files_are_old_or_all_are_new(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: Callable[..., object]
) -> None:
    arguments: tuple[Any, ...] = ({CELL: DEBRIS},)
    if act is taken_back:
        changed(folder, *arguments)
        arguments = ()
    old = files(folder)
    made, moves = recorded(folder, tmp_path, monkeypatch, lambda: act(folder, *arguments))
    new = files(folder)
    assert moves >= 4
    half_way = 0
    seen = []
    for copy in made:
        half_way += files(copy) not in (old, new)
        with ProjectFolder.open(copy, writable=True):
            seen.append(files(copy) == new)
        assert files(copy) in (old, new)
        assert not (copy / ".fcn-studio" / "class_change" / transaction.COMMITTED).exists()
    assert half_way, "no copy was made while files were moved: the test sees nothing"
    assert seen == sorted(seen)
    assert set(seen) == {False, True}


def test_what_was_painted_since_survives_taking_back(folder: Path) -> None:
    changed(folder, {CELL: DEBRIS})
    found = annotation(folder, "1.png").labels
    found.label_map[0, 0] = 0
    found.label_map[3:] = DEBRIS
    found.provenance[3:] = Provenance.HUMAN
    save(folder, "1.png", found, Status.VERIFIED)
    with ProjectFolder.open(folder, writable=True) as project:
        project.set_table(project.config.table.added("dust"))
    assert "2.png" not in taken_back(folder).images
    now = annotation(folder, "1.png")
    assert now.labels.label_map[0, 0] == 0
    assert (now.labels.label_map[0, 1:] == CELL).all()
    assert (now.labels.label_map[5] == DEBRIS).all()
    assert now.status is Status.VERIFIED
    assert annotation(folder, "0.png").status is Status.VERIFIED
    with ProjectFolder.open(folder, writable=False) as project:
        active = project.config.table.active
    assert [info.name for info in active] == ["background", "cell", "debris", "dust"]
    assert len({info.key for info in active}) == len(active)


def test_a_mask_from_before_a_change_is_read_with_what_replaced_its_class(folder: Path) -> None:
    old = (folder / "SegmentationClass" / "1.png").read_bytes()
    record = (folder / ".fcn-studio" / "provenance" / "1.png").read_bytes()
    changed(folder, {CELL: DEBRIS})
    save(folder, "1.png", painted(0))  # makes an earlier version
    changed(folder, {DEBRIS: UNLABELLED})
    (folder / "SegmentationClass" / "1.png").write_bytes(old)
    (folder / ".fcn-studio" / "provenance" / "1.png").write_bytes(record)
    found = annotation(folder, "1.png")
    assert not found.labels.provenance.any()
    assert (found.labels.label_map == VOID).all()
    assert any("merged or deleted" in notice for notice in found.notices)
    with ProjectFolder.open(folder, writable=False) as project:
        (earlier,) = project.annotations.earlier(project.sample("1.png"), SIZE)
        assert not earlier.found.labels.provenance.any()


def test_nothing_changes_where_it_is_impossible_cancelled_or_the_disk_is_full(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fingerprint(folder)
    for targets in ({CELL: CELL}, {CELL: 9}, {9: CELL}, {CELL: DEBRIS, DEBRIS: CELL}, {0: CELL}):
        with pytest.raises(ProjectError):
            changed(folder, targets)
    with ProjectFolder.open(folder, writable=True) as project:
        steps = change_classes(project, ClassChange({CELL: DEBRIS}))
        next(steps)
        steps.close()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(transaction, "_write", full)
        with pytest.raises(ProjectError, match="nothing has changed: No space left"):
            changed(folder, {CELL: DEBRIS})
    with pytest.raises(ProjectError, match="no change of classes"):
        taken_back(folder)
    assert {n: f for n, f in fingerprint(folder).items() if f[0] != "folder"} == {
        n: f for n, f in before.items() if f[0] != "folder"
    }


def test_usage_and_what_is_said_of_a_damaged_mask(folder: Path) -> None:
    (folder / "SegmentationClass" / "0.png").write_bytes(b"no picture")
    with ProjectFolder.open(folder, writable=True) as project:
        usage = result_of(class_usage(project))
        assert dict(usage.images) == {CELL: 1, DEBRIS: 1}
        assert dict(usage.pixels) == {CELL: 24, DEBRIS: 24}
        assert (usage.masks, usage.unlabelled, list(usage.unreadable)) == (2, 48, ["0.png"])
        result = result_of(change_classes(project, ClassChange({CELL: VOID})))
    assert result.images == ("1.png",)
    assert list(result.left_out) == ["0.png"]
    write_mask(folder / "SegmentationClass" / "0.png", filled(CELL))  # brought back from a copy
    assert (annotation(folder, "0.png").labels.label_map == VOID).all()
    assert annotation(folder, "0.png").status is Status.VERIFIED
    with ProjectFolder.open(folder, writable=False) as project:
        change = last_change(project)
        assert change is not None
        assert change.targets == {CELL: VOID}


def test_a_file_changed_by_another_program_half_way_is_left_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(transaction.TransactionFolder, "finish", lambda _: False)
        with ProjectFolder.open(folder, writable=True) as project:
            result_of(change_classes(project, ClassChange({CELL: DEBRIS})))
    write_mask(folder / "SegmentationClass" / "1.png", filled(0))
    with ProjectFolder.open(folder, writable=False) as project:  # one who only reads finishes it too
        (found,) = project.opening.findings
        assert found.sentence == "A change of classes that was interrupted is finished now."
        assert (project.annotations.load(project.sample("1.png"), SIZE).labels.label_map == 0).all()
        assert (project.annotations.load(project.sample("0.png"), SIZE).labels.label_map == DEBRIS).all()
    assert not (folder / ".fcn-studio" / "lock").exists()
