"""What a training is given: human pixels by split, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import Labels, Provenance
from fcn_studio.core.sample import Split, Status
from fcn_studio.core.with_result import result_of
from fcn_studio.errors import NetworkCannotHelp
from fcn_studio.fcn.weights.catalogue import read_info
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.jobs import batch
from fcn_studio.jobs.micrographs import CLASSES
from fcn_studio.jobs.snapshot import collect, collect_now
from fcn_studio.ui.network.live_labels import gathered
from tests.helpers import contents, half_painted, save_half, tiny_checkpoint

HUMAN, NETWORK, UNKNOWN = Provenance.HUMAN, Provenance.NETWORK, Provenance.UNKNOWN


@pytest.fixture
def project(micrograph_project: Path) -> ProjectFolder:
    with ProjectFolder.open(micrograph_project, writable=True) as opened:
        yield opened  # type: ignore[misc]


def splits(project: ProjectFolder) -> dict[Split, list[str]]:
    return {split: [s.image_id for s in project.samples if project.splits.of(s) is split] for split in Split}


def test_only_human_pixels_are_collected(project: ProjectFolder) -> None:
    sample = project.sample(splits(project)[Split.TRAIN][3])
    labels = half_painted(sample)
    labels.label_map[100:110], labels.provenance[100:110] = 2, NETWORK
    labels.label_map[110:120], labels.provenance[110:120] = 3, UNKNOWN
    labels.label_map[0, :9] = VOID  # painted void
    project.annotations.save(sample, labels, Status.IN_PROGRESS)
    item = {i.image_id: i for i in collect_now(project).train}[sample.image_id]
    seen = item.label_map()
    expected = np.where(labels.provenance == HUMAN, labels.label_map, VOID)
    np.testing.assert_array_equal(seen, expected)
    assert set(np.unique(seen)) == {1, VOID}
    assert Path(item.image_path) == sample.image_path


def test_what_no_human_worked_on_is_left_out(project: ProjectFolder) -> None:
    before = {i.image_id for i in collect_now(project).train}
    new = [project.sample(i) for i in splits(project)[Split.TRAIN] if i not in before]
    save_half(project, new[0], NETWORK, Status.PRELABELLED)
    save_half(project, new[1], HUMAN, Status.SKIPPED)
    save_half(project, new[2], UNKNOWN, Status.IN_PROGRESS)
    assert {i.image_id for i in collect_now(project).train} == before


def test_validation_is_one_in_five_of_the_verified_images(project: ProjectFolder) -> None:
    name = project.samples[7].image_id
    for sample in project.samples[:4]:
        save_half(project, sample, HUMAN, Status.VERIFIED)
    save_half(project, project.sample(name), HUMAN, Status.IN_PROGRESS)
    snapshot = collect_now(project)
    assert not snapshot.val
    assert name in {i.image_id for i in snapshot.train}
    assert snapshot.classes.keys() == {sample.image_id for sample in project.samples[:4]}
    assert snapshot.classes[project.samples[0].image_id] == {1}
    save_half(project, project.sample(name), HUMAN, Status.VERIFIED)
    assert [i.image_id for i in collect_now(project).val] == [name], "the others were trained on"
    save_half(project, project.sample(name), HUMAN, Status.IN_PROGRESS)
    snapshot = collect_now(project)
    assert not snapshot.val
    assert name not in {i.image_id for i in snapshot.train}, "it never moves"


def test_test_images_are_neither_trained_nor_validated_on(project: ProjectFolder) -> None:
    for sample in project.samples[:6]:
        save_half(project, sample, HUMAN, Status.VERIFIED)
    tested = [sample.image_id for sample in project.samples[:3]]
    project.splits.choose(dict.fromkeys(tested, Split.TEST))
    snapshot = collect_now(project)
    assert [item.image_id for item in snapshot.test] == tested
    used = {item.image_id for item in (*snapshot.train, *snapshot.val)}
    assert used == set(snapshot.classes) == {sample.image_id for sample in project.samples[3:6]}
    opened = project.samples[3]
    live = result_of(gathered(project, 3, half_painted(opened), {}, look=True))
    assert live.others.keys() == {sample.image_id for sample in project.samples[4:6]}


def test_a_broken_mask_is_a_sentence_and_the_others_are_collected(project: ProjectFolder) -> None:
    first, second = (s for s in project.samples if project.annotations.status(s) is Status.VERIFIED)
    path = project.annotations.mask_path(first)
    path.write_bytes(path.read_bytes()[:40])
    work = collect(project)
    steps = []
    while True:
        try:
            steps.append(next(work))
        except StopIteration as end:
            snapshot = end.value
            break
    assert steps == [(1, 2), (2, 2)]
    assert [i.image_id for i in snapshot.train] == [second.image_id]
    assert len(snapshot.problems) == 1
    assert first.mask_id in snapshot.problems[0]


def test_collecting_writes_nothing(micrograph_project: Path) -> None:
    before = contents(micrograph_project)
    with ProjectFolder.open(micrograph_project, writable=False) as project:
        collect_now(project)
    assert contents(micrograph_project) == before


# --- the rule of batches ------------------------------------------------------------------------------------------


def test_a_batch_asks_for_new_images_and_with_all_for_pre_labelled_ones(project: ProjectFolder) -> None:
    touched = [s for s in project.samples if project.annotations.status(s) is Status.VERIFIED]
    new = [s for s in project.samples if s not in touched]
    save_half(project, new[0], NETWORK, Status.PRELABELLED)
    save_half(project, new[1], HUMAN, Status.IN_PROGRESS)
    project.annotations.save(new[2], Labels.unlabelled(*half_painted(new[2]).shape), Status.SKIPPED)
    assert batch.waiting(project, include_prelabelled=False) == new[3:]
    assert batch.waiting(project, include_prelabelled=True) == [new[0], *new[3:]]


def test_a_network_that_knows_no_class_says_so(project: ProjectFolder, tmp_path: Path) -> None:
    from fcn_studio.core.classes import ClassTable

    stranger = read_info(tiny_checkpoint(tmp_path / "stranger.safetensors", ClassTable.from_names(["road", "sky"])))
    with pytest.raises(NetworkCannotHelp, match="'stranger' knows none"):
        batch.index_map(stranger, project)
    shifted = ClassTable.from_names(["debris", "Cell"])
    known = read_info(tiny_checkpoint(tmp_path / "known.safetensors", shifted))
    by_name = {c.name: c.index for c in CLASSES}
    assert batch.index_map(known, project) == {0: by_name["debris"], 1: by_name["cell"]}
