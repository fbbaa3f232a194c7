"""Runs, the rule of adoption, networks, export and the demo."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fcn_studio import i18n
from fcn_studio.core.classes import ClassTable
from fcn_studio.core.metrics import Uncertainty
from fcn_studio.core.sample import Split, Status
from fcn_studio.core.training import Level, TrainConfig, TrainProgress, Verdict, advice, judge
from fcn_studio.errors import CheckpointError, ProjectError
from fcn_studio.fcn.weights.catalogue import read_info
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.project.training_lock import TrainingLock
from fcn_studio.jobs import runs
from fcn_studio.jobs.demo import is_demo, make_demo, truth_snapshot
from fcn_studio.jobs.export import export_project, to_export
from fcn_studio.jobs.networks import all_networks, class_map_of, default_network, needed, network_of
from tests.helpers import contents, tiny_checkpoint
from tests.jobs.helpers import figures, outcome

NAMES = {0: "background", 1: "cell", 2: "debris"}


# --- the rule of adoption -----------------------------------------------------------------------------------------


def test_a_better_network_is_adopted() -> None:
    adoption = judge(outcome("x"), NAMES)
    assert adoption.verdict is Verdict.ADOPTED
    assert adoption.adopted
    assert [str(reason) for reason in adoption.reasons] == ["mean IoU 0.500 to 0.600"]


def test_an_equal_one_is_adopted_and_a_worse_one_kept_as_a_candidate() -> None:
    same = figures(0.5, c1=0.5)
    assert judge(outcome("x", figures=same, baseline=same), NAMES).verdict is Verdict.ADOPTED
    worse = judge(outcome("x", figures=figures(0.499, c1=0.499), baseline=same), NAMES)
    assert worse.verdict is Verdict.CANDIDATE
    assert not worse.adopted
    assert "mean IoU fell from 0.500 to 0.499" in map(str, worse.reasons)


def test_a_class_that_loses_more_than_five_points_forbids_adoption() -> None:
    old = figures(0.5, c1=0.50, c2=0.50)
    kept = judge(outcome("x", figures=figures(0.6, c1=0.46, c2=0.74), baseline=old), NAMES)
    assert kept.verdict is Verdict.ADOPTED
    lost = judge(outcome("x", figures=figures(0.6, c1=0.44, c2=0.76), baseline=old), NAMES)
    assert lost.verdict is Verdict.CANDIDATE
    assert [str(reason) for reason in lost.reasons] == ["cell fell from 0.500 to 0.440"]


def test_a_class_of_few_pixels_does_not_count() -> None:
    old, new = figures(0.5, c1=0.5, c2=0.5), figures(0.6, c1=0.1, c2=0.9)
    few = replace(new, pixels={1: 999, 2: 5000})
    assert judge(outcome("x", figures=few, baseline=old), NAMES).verdict is Verdict.ADOPTED


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"figures": None, "val_ids": ()}, "no verified image was held back"),
        ({"baseline": None}, "no earlier network"),
        ({"baseline": None, "baseline_knows_all": True, "folds": 4}, "has learned from all verified images"),
    ],
)
def test_without_anything_to_compare_it_is_adopted_and_marked(changes: dict[str, object], reason: str) -> None:
    adoption = judge(outcome("x", **changes), NAMES)
    assert adoption.verdict is Verdict.NOT_COMPARED
    assert adoption.adopted
    assert reason in str(adoption.reasons[0])


def test_a_verdict_says_so_where_it_comes_from_folds_or_few_images() -> None:
    folds = judge(outcome("x", val_ids=tuple("abcde"), folds=4), NAMES)
    assert [str(r) for r in folds.reasons] == ["mean IoU 0.500 to 0.600", "compared on 4 folds of your 5 images"]
    few = judge(outcome("x", val_ids=("a",), figures=figures(0.4, c1=0.4)), NAMES)
    assert few.verdict is Verdict.CANDIDATE
    assert str(few.reasons[-1]) == "compared on 1 image that was held back"


def test_on_folds_a_network_may_be_worse_by_what_chance_can_do() -> None:
    old, new = figures(0.5, c1=0.5, c2=0.5), figures(0.47, c1=0.4, c2=0.54)
    folds = outcome("x", figures=new, baseline=old, folds=4)
    kept = judge(replace(folds, uncertainty=Uncertainty(0.02, {1: 0.06})), NAMES)
    assert kept.verdict is Verdict.ADOPTED
    assert [str(reason) for reason in kept.reasons[:2]] == [
        "mean IoU 0.500 to 0.470", "the difference is uncertain by 0.040"
    ]  # fmt: skip
    lost = judge(replace(folds, uncertainty=Uncertainty(0.014, {1: 0.04})), NAMES)
    assert lost.verdict is Verdict.CANDIDATE
    assert [str(reason) for reason in lost.reasons[:2]] == [
        "mean IoU fell from 0.500 to 0.470", "cell fell from 0.500 to 0.400"
    ]  # fmt: skip
    assert judge(folds, NAMES).verdict is Verdict.CANDIDATE


def test_advice_is_about_the_weakest_class_that_has_an_image() -> None:
    scored = figures(0.6, c0=0.95, c1=0.41, c2=0.1)
    found = advice(scored, {0: 6, 1: 2}, NAMES)
    assert str(found) == "cell: 2 images, IoU 0.41; label 3 more"
    assert str(advice(scored, {0: 6, 1: 9, 2: 1}, NAMES)) == "debris: 1 image, IoU 0.10; label 4 more"
    assert advice(scored, {0: 6}, NAMES) is None
    assert advice(scored, {1: 2}, {0: "background"}) is None, "a retired class"


# --- runs ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def project(micrograph_project: Path) -> ProjectFolder:
    with ProjectFolder.open(micrograph_project, writable=True) as opened:
        yield opened  # type: ignore[misc]


def begun(project: ProjectFolder, network: Path) -> runs.Run:
    run = runs.begin(project, TrainConfig(Level.QUICK, steps=3))
    shutil.copy(network, run.checkpoint)
    return run


def test_a_run_is_a_numbered_folder_with_its_settings_and_log(project: ProjectFolder, tiny_network: Path) -> None:
    run = begun(project, tiny_network)
    assert run.name == "run 0001"
    assert json.loads((run.folder / "config.json").read_text())["level"] == "quick"
    run.log(TrainProgress(0, 3, 0.0, math.nan, 0.1, 0.1))
    run.log(TrainProgress(1, 3, 0.3, 0.5, 0.2, 0.2, figures(0.5, c1=0.5)))
    lines = (run.folder / "log.jsonl").read_text().splitlines()
    rows = [json.loads(line, parse_constant=pytest.fail) for line in lines]
    assert [row["loss"] for row in rows] == [None, 0.5]
    assert rows[1]["figures"]["mean_iou"] == 0.5
    with (run.folder / "log.jsonl").open("a") as file:
        file.write(f"{lines[1][:40]}\n{lines[1].replace('0.3', '1e999')}\n")
    first, second = runs.read_log(run.folder)
    assert math.isnan(first.loss)
    assert second.figures is not None
    assert (second.figures.mean_iou, second.figures.iou) == (0.5, {1: 0.5})
    assert replace(second, figures=None) == TrainProgress(1, 3, 0.3, 0.5, 0.2, 0.2)
    assert runs.begin(project, TrainConfig()).name == "run 0002"
    assert runs.read_log(project.runs.folder / "0002") == []


@pytest.mark.parametrize(
    ("changes", "verdict", "in_use", "compared"),
    [
        ({}, Verdict.ADOPTED, True, True),
        ({"figures": figures(0.4, c1=0.4)}, Verdict.CANDIDATE, False, None),
        ({"val_ids": ("a",)}, Verdict.ADOPTED, True, True),
        ({"baseline": None}, Verdict.NOT_COMPARED, True, False),
        ({"val_ids": ("a",), "steps": 22, "steps_wanted": 200}, Verdict.CANDIDATE, False, None),
        ({"figures": None, "steps": 49, "steps_wanted": 200}, Verdict.CANDIDATE, False, None),
        ({"figures": None, "steps": 50, "steps_wanted": 200}, Verdict.NOT_COMPARED, True, False),
        ({"steps": 22, "steps_wanted": 200}, Verdict.ADOPTED, True, True),
    ],
)
def test_finishing_a_run_puts_its_network_in_use_by_the_rule(
    project: ProjectFolder,
    tiny_network: Path,
    changes: dict[str, object],
    verdict: Verdict,
    in_use: bool,
    compared: bool,
) -> None:
    run = begun(project, tiny_network)
    assert runs.finish(project, run, outcome(run.checkpoint, **changes)).verdict is verdict
    current = project.runs.current()
    assert (current is not None) is in_use
    if current is not None:
        assert current.checkpoint == ".fcn-studio/runs/0001/best.safetensors"
        assert current.sha256 == read_info(tiny_network).sha256
        assert current.compared is compared
    result = json.loads((run.folder / "result.json").read_text())
    assert result["verdict"] == verdict.value
    assert result["trained_on"] == 2


def test_the_reasons_on_disk_are_english_in_every_language(
    project: ProjectFolder, tiny_network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(i18n.ENVIRONMENT, "en")
    i18n.use(i18n.PSEUDO)
    try:
        run = begun(project, tiny_network)
        adoption = runs.finish(project, run, outcome(run.checkpoint, val_ids=(), figures=None))
        assert adoption.reasons[0].translated().startswith("⟦")
    finally:
        i18n.use("en")
    assert json.loads((run.folder / "result.json").read_text())["reasons"] == [
        "no verified image was held back to compare on"
    ]


def test_a_run_without_a_checkpoint_is_not_adopted(project: ProjectFolder) -> None:
    run = runs.begin(project, TrainConfig())
    with pytest.raises(CheckpointError, match="cannot be read"):
        runs.finish(project, run, outcome(run.checkpoint))
    assert project.runs.current() is None


def test_a_run_that_is_being_trained_did_not_break_off_and_keeps_its_state(project: ProjectFolder) -> None:
    running, *others = [runs.begin(project, TrainConfig()) for _ in range(3)]
    for run in (running, *others):
        run.state.touch()
    with TrainingLock(running.checkpoint):
        assert runs.broken_off(project) == others
        runs.begin(project, TrainConfig())
        assert [run.state.exists() for run in (running, *others)] == [True, False, True]
    assert runs.broken_off(project) == [running, others[1]]
    runs.begin(project, TrainConfig())
    assert runs.broken_off(project) == others[1:]


def test_only_a_run_of_which_nothing_has_come_is_discarded(project: ProjectFolder) -> None:
    for name in ("best.safetensors", "best.safetensors.state", ""):
        run = runs.begin(project, TrainConfig())
        run.log(TrainProgress(0, 3, 0.0, math.nan, 0.1, 0.1))
        with TrainingLock(run.checkpoint):
            runs.discard(run)
            assert run.folder.exists()
        if name:
            (run.folder / name).touch()
        runs.discard(run)
        assert run.folder.exists() is bool(name)


def test_a_run_whose_beginning_cannot_be_written_leaves_nothing(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise ProjectError("no space left")

    monkeypatch.setattr(runs, "_write_json", full)
    with pytest.raises(ProjectError, match="no space left"):
        runs.begin(project, TrainConfig())
    assert list(project.runs.folder.iterdir()) == []


def test_a_run_that_cannot_be_written_says_so(project: ProjectFolder, tiny_network: Path) -> None:
    run = begun(project, tiny_network)
    (run.folder / "log.jsonl").mkdir()
    with pytest.raises(ProjectError, match=r"log\.jsonl cannot be written"):
        run.log(TrainProgress(1, 3, 0.3, 0.5, 0.2, 0.2))


# --- networks -----------------------------------------------------------------------------------------------------


def test_the_network_of_a_project_is_the_asked_one_else_its_own_else_the_default(
    project: ProjectFolder, tiny_network: Path, bundled: dict[str, Path]
) -> None:
    assert network_of(None) == default_network()
    assert needed(network_of(project)).path == tiny_network
    run = begun(project, tiny_network)
    runs.finish(project, run, outcome(run.checkpoint))
    assert needed(network_of(project)).path == run.checkpoint
    assert needed(network_of(project, "street")).path == tiny_network
    assert needed(network_of(project, str(tiny_network))).path == tiny_network
    bundled.clear()
    assert network_of(None) is None
    with pytest.raises(CheckpointError, match="There is no network yet"):
        needed(network_of(None))
    with pytest.raises(CheckpointError, match="no network 'street'"):
        network_of(project, "street")


def classes(*names: str) -> ClassTable:
    return ClassTable.from_names(names)


@pytest.fixture
def three_bundled(bundled: dict[str, Path], tmp_path: Path) -> dict[str, Path]:
    """A network of streets, the default, one of animals, and a trunk without classes."""
    bundled["general"] = tiny_checkpoint(tmp_path / "general.safetensors", classes())
    bundled["street"] = tiny_checkpoint(tmp_path / "street.safetensors", classes("road", "Car", "sky"))
    bundled["voc"] = tiny_checkpoint(tmp_path / "voc.safetensors", classes("background", "car", "dog", "cat"))
    return bundled


@pytest.mark.parametrize(
    ("names", "network"),
    [
        (("Road", "sky", "dog"), "street"),
        (("background", "DOG", "cat", "car"), "voc"),
        (("background", "car"), "street"),
        ((), "street"),
        (("background", "cell"), "general"),
        (("cell", "nucleus"), "general"),
    ],
    ids=["most of them", "most of the others", "a tie", "no class yet", "the background counts for nothing", "none"],
)
def test_a_project_begins_with_the_network_that_knows_most_of_its_classes(
    three_bundled: dict[str, Path], names: tuple[str, ...], network: str
) -> None:
    chosen = default_network(classes(*names))
    assert chosen is not None
    assert chosen.path == three_bundled[network]


def test_where_none_fits_and_the_trunk_is_missing_it_is_the_default(three_bundled: dict[str, Path]) -> None:
    del three_bundled["general"]
    chosen = default_network(classes("cell", "nucleus"))
    assert chosen is not None
    assert chosen.path == three_bundled["street"]


def test_a_project_without_a_network_in_use_has_the_one_that_fits_its_classes(
    three_bundled: dict[str, Path], project: ProjectFolder
) -> None:
    assert needed(network_of(None)).path == three_bundled["street"]
    assert needed(network_of(project)).path == three_bundled["general"], "it knows none of cell and debris"
    project.set_table(project.config.table.added("Sky"))
    assert needed(network_of(project)).path == three_bundled["street"]


def test_what_was_said_of_a_network_is_found_by_its_file_or_by_its_name(
    three_bundled: dict[str, Path], project: ProjectFolder, tiny_network: Path
) -> None:
    street = read_info(three_bundled["street"])
    assert class_map_of(project, street) == {}
    project.runs.set_current("street", "of an earlier version", compared=False, class_map={"Car": 1})
    project.runs.set_current(tiny_network, read_info(tiny_network).sha256, compared=False, class_map={"cell": 2})
    assert class_map_of(project, street) == {"Car": 1}
    moved = tiny_network.parent / "moved.safetensors"
    shutil.copy(tiny_network, moved)
    assert class_map_of(project, read_info(moved)) == {"cell": 2}
    assert class_map_of(project, read_info(three_bundled["voc"])) == {}
    three_bundled.clear()
    assert class_map_of(project, street) == {}


def test_all_networks_lists_the_damaged_ones_as_paths(
    project: ProjectFolder, tiny_network: Path, bundled: dict[str, Path]
) -> None:
    run = begun(project, tiny_network)
    damaged = begun(project, tiny_network)
    damaged.checkpoint.write_bytes(b"\xff" * 100)
    found = all_networks(project)
    assert [origin for origin, _ in found] == ["bundled", "run", "run"]
    assert [n if isinstance(n, Path) else n.path for _, n in found] == [
        tiny_network,
        run.checkpoint,
        damaged.checkpoint,
    ]
    assert isinstance(found[2][1], Path)


# --- export and demo ----------------------------------------------------------------------------------------------


def test_export_takes_the_chosen_statuses_and_splits(project: ProjectFolder, tmp_path: Path) -> None:
    verified = to_export(project, {Status.VERIFIED}, {Split.TRAIN})
    assert len(verified) == 2
    assert not to_export(project, {Status.VERIFIED}, {Split.VAL})
    steps = []
    work = export_project(project, tmp_path / "out", {Status.VERIFIED}, set(Split))
    while True:
        try:
            steps.append(next(work))
        except StopIteration as end:
            result = end.value
            break
    assert steps == [(1, 2), (2, 2)]
    assert (result.counts[Split.TRAIN], result.images) == (2, 2)
    assert not project.splits.pending(project.samples[:1])
    assert (tmp_path / "out" / "VOCdevkit" / "VOC2012" / "SegmentationClass").is_dir()
    with pytest.raises(ProjectError, match="no image to export with status Skipped"):
        next(export_project(project, tmp_path / "none", {Status.SKIPPED}, set(Split)))
    assert not (tmp_path / "none").exists()


def test_the_demo_has_two_verified_training_images_and_the_truth_of_the_others(project: ProjectFolder) -> None:
    assert is_demo(project)
    assert project.counts() == {**dict.fromkeys(Status, 0), Status.NEW: 6, Status.VERIFIED: 2}
    given = [s for s in project.samples if project.annotations.status(s) is Status.VERIFIED]
    truth = truth_snapshot(project)
    assert {i.image_id for i in truth} == {s.image_id for s in project.samples} - {s.image_id for s in given}
    assert all(set(np.unique(i.label_map())) <= {0, 1, 2, 3} for i in truth)
    assert len(np.unique(np.concatenate([i.label_map().ravel() for i in truth]))) == 4


def test_the_demo_is_made_in_an_empty_folder_only(micrograph_project: Path, tmp_path: Path) -> None:
    before = contents(micrograph_project)
    with pytest.raises(ProjectError, match="is not empty"):
        make_demo(micrograph_project)
    assert contents(micrograph_project) == before
    (tmp_path / "file").touch()
    with pytest.raises(ProjectError, match="cannot be used for the demo"):
        make_demo(tmp_path / "file")


def test_a_plain_project_is_no_demo(project: ProjectFolder) -> None:
    shutil.rmtree(project.folder / ".fcn-studio" / "demo")
    assert not is_demo(project)
    assert truth_snapshot(project) == ()
