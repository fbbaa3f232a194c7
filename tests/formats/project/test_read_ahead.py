"""Annotations decoded ahead are what loading would give, and never older than the files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.labels import Labels, Provenance
from fcn_studio.core.sample import Status
from fcn_studio.errors import MaskDamaged
from fcn_studio.formats.project import annotations
from fcn_studio.formats.project.loaded import LoadedLabels, Reading
from fcn_studio.formats.project.project_folder import ProjectFolder
from tests.helpers import save_half
from tests.ui.conftest import draw_project

SIZE = (64, 48)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[ProjectFolder]:
    with ProjectFolder.open(draw_project(tmp_path / "project"), writable=True) as opened:
        save_half(opened, opened.samples[0], Provenance.HUMAN, Status.IN_PROGRESS)
        yield opened


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Paths of the masks that were decoded."""
    paths: list[Path] = []
    real = Reading.decoded

    def counted(self: Reading, data: bytes, path: Path) -> object:
        paths.append(path)
        return real(self, data, path)

    monkeypatch.setattr(Reading, "decoded", counted)
    return paths


def same(one: LoadedLabels, other: LoadedLabels) -> bool:
    arrays = zip(
        (one.labels.label_map, one.labels.provenance), (other.labels.label_map, other.labels.provenance), strict=True
    )
    return all(np.array_equal(a, b) for a, b in arrays) and (one.status, one.mask_sha256, one.prelabelled_by) == (
        other.status,
        other.mask_sha256,
        other.prelabelled_by,
    )


def test_what_was_read_ahead_is_not_decoded_again_and_is_nobody_elses(
    project: ProjectFolder, decoded: list[Path]
) -> None:
    sample = project.samples[0]
    project.annotations.read_ahead(sample, SIZE)
    project.annotations.read_ahead(sample, SIZE)
    assert len(decoded) == 1
    found = project.annotations.load(sample, SIZE)
    assert len(decoded) == 1
    found.labels.label_map[:] = 0
    again = project.annotations.load(sample, SIZE)
    assert len(decoded) == 2
    assert (again.labels.label_map[0] == 1).all()


def spoil_mask(project: ProjectFolder) -> None:
    mask = project.annotations.mask_path(project.samples[0])
    mask.write_bytes(mask.read_bytes()[:-20])


def remove_record(project: ProjectFolder) -> None:
    (project.folder / ".fcn-studio" / "provenance" / "picture-000.png").unlink()


def save_other(project: ProjectFolder) -> None:
    save_half(project, project.samples[0], Provenance.NETWORK, Status.PRELABELLED, 2)


def change_table(project: ProjectFolder) -> None:
    project.set_table(ClassTable.from_names(["background"]))


@pytest.mark.parametrize("change", [spoil_mask, remove_record, save_other, change_table])
def test_it_counts_only_while_nothing_has_changed(
    project: ProjectFolder, change: Callable[[ProjectFolder], None]
) -> None:
    sample = project.samples[0]
    before = project.annotations.load(sample, SIZE)
    project.annotations.read_ahead(sample, SIZE)
    change(project)
    try:
        found = project.annotations.load(sample, SIZE)
    except MaskDamaged:
        assert change in (spoil_mask, change_table)
    else:
        assert not same(found, before)
        assert same(found, project.annotations.load(sample, SIZE))


def test_the_check_sees_what_is_taken_whatever_has_changed(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = project.samples[0]
    before = project.annotations.load(sample, SIZE)
    monkeypatch.setattr(annotations, "record_sha256", lambda path: "any")
    project.annotations.read_ahead(sample, SIZE)
    monkeypatch.setattr(annotations.ReadAhead, "take", lambda self, mask_id, source: self._found[mask_id][1])
    save_other(project)
    assert same(project.annotations.load(sample, SIZE), before)


def test_a_look_at_the_masks_leaves_it_for_the_window(project: ProjectFolder, decoded: list[Path]) -> None:
    sample = project.samples[0]
    project.annotations.read_ahead(sample, SIZE)
    project.annotations.load(sample, SIZE, peek=True)
    project.annotations.load(sample, SIZE)
    assert len(decoded) == 2


def test_unlabelled_images_and_unwanted_ones_are_not_kept(project: ProjectFolder, decoded: list[Path]) -> None:
    sample = project.samples[0]
    project.annotations.read_ahead(project.samples[1], SIZE)
    assert decoded == []
    project.annotations.read_ahead(sample, SIZE)
    project.annotations.forget_ahead([project.samples[1]])
    project.annotations.load(sample, SIZE)
    assert len(decoded) == 2


def test_pairs_that_are_never_written_are_of_unknown_origin(project: ProjectFolder) -> None:
    sample = project.samples[0]
    label_map = np.full(SIZE[::-1], 1, np.uint8)
    provenance = np.full_like(label_map, Provenance.HUMAN)
    provenance[0], provenance[1], label_map[2], provenance[2] = Provenance.NOBODY, 9, 255, Provenance.NOBODY
    project.annotations.save(sample, Labels(label_map, provenance), Status.IN_PROGRESS)
    found = project.annotations.load(sample, SIZE).labels.provenance
    assert [int(row[0]) for row in found[:4]] == [
        Provenance.UNKNOWN,
        Provenance.UNKNOWN,
        Provenance.NOBODY,
        Provenance.HUMAN,
    ]
