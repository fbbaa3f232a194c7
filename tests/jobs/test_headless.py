"""The jobs on the command line, on the micrographs, with a tiny network and few steps."""

from __future__ import annotations

import _thread
import csv
import json
import shutil
import signal
import threading
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.labels import Provenance
from fcn_studio.core.sample import Status
from fcn_studio.core.training import Level, RecipeName, TrainConfig, TrainOutcome, TrainProgress
from fcn_studio.errors import CheckpointError, NetworkCannotHelp, ProjectLocked, TrainingError, UsageError
from fcn_studio.fcn.weights.catalogue import read_info
from fcn_studio.formats.images.images import image_size
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.project.training_lock import TrainingLock
from fcn_studio.formats.voc.masks import read_mask
from fcn_studio.jobs import headless, runs
from fcn_studio.jobs.commands import library, trainings
from fcn_studio.jobs.commands.graceful_interrupt import graceful_interrupt
from fcn_studio.jobs.micrographs import CLASSES
from fcn_studio.jobs.protocol import FineTuneJob
from fcn_studio.jobs.run import JobRunner
from tests.helpers import contents, save_half, tiny_checkpoint

pytestmark = pytest.mark.usefixtures("bundled")

QUICK = TrainConfig(Level.QUICK, steps=2, batch_size=2)


def states(folder: Path) -> dict[str, Status]:
    with ProjectFolder.open(folder, writable=False) as project:
        return {s.image_id: project.annotations.status(s) for s in project.samples}


# --- segment ------------------------------------------------------------------------------------------------------


def test_segment_labels_new_images_and_leaves_touched_ones_byte_equal(micrograph_project: Path) -> None:
    with ProjectFolder.open(micrograph_project, writable=True) as project:
        touched, older = [s for s in project.samples if project.annotations.status(s) is Status.NEW][:2]
        save_half(project, touched, Provenance.HUMAN, Status.IN_PROGRESS)
        save_half(project, older, Provenance.NETWORK, Status.PRELABELLED)
        kept = [
            project.annotations.mask_path(s)
            for s in project.samples
            if project.annotations.status(s) is not Status.NEW
        ]
    before = {path: path.read_bytes() for path in kept}
    result = headless.segment(micrograph_project, device="cpu")
    assert (result["images"], result["written"], result["failed"]) == (8, 4, [])
    assert {path: path.read_bytes() for path in kept} == before
    assert states(micrograph_project)[touched.image_id] is Status.IN_PROGRESS
    assert list(states(micrograph_project).values()).count(Status.PRELABELLED) == 5
    with ProjectFolder.open(micrograph_project, writable=False) as project:  # as the window finds them
        sizes = {s: image_size(s.image_path) for s in project.samples}
        found = [project.predictions.read(s, result["checkpoint"], sizes[s]) for s in project.samples]
    assert sum(prediction is not None for prediction in found) == 4

    result = headless.segment(micrograph_project, device="cpu", include_prelabelled=True)
    assert result["written"] == 5
    del before[kept[[p.stem for p in kept].index(older.mask_id)]]
    assert {path: path.read_bytes() for path in before} == before
    assert not (micrograph_project / ".fcn-studio" / "lock").exists()


def test_segment_with_out_writes_raw_indices_and_leaves_the_folder_alone(
    micrograph_project: Path, tmp_path: Path
) -> None:
    before = contents(micrograph_project)
    result = headless.segment(micrograph_project, device="cpu", out=tmp_path / "deep" / "out")
    assert contents(micrograph_project) == before
    assert result["written"] == 8
    masks = sorted((tmp_path / "deep" / "out").glob("*.png"))
    assert [m.stem for m in masks] == [f"micrograph-{n:02}" for n in range(1, 9)]
    for mask in masks:
        size = image_size(micrograph_project / mask.name)
        assert read_mask(mask, size, CLASSES).label_map.max() < 4
    assert (tmp_path / "deep" / "out" / "class_names.txt").read_text().splitlines() == [c.name for c in CLASSES]


def test_segment_refuses_to_write_raw_predictions_into_the_folder(micrograph_project: Path, tmp_path: Path) -> None:
    before = contents(micrograph_project)
    for out in (micrograph_project, micrograph_project / "predictions"):
        with pytest.raises(UsageError, match="is to be left alone"):
            headless.segment(micrograph_project, device="cpu", out=out)
    assert contents(micrograph_project) == before


def test_segment_never_writes_over_an_image_that_is_a_link(micrograph_project: Path, tmp_path: Path) -> None:
    links = tmp_path / "links"
    links.mkdir()
    for image in micrograph_project.glob("*.png"):
        (links / image.name).symlink_to(image)
    before = contents(micrograph_project)
    with pytest.raises(UsageError, match="write over the image"):
        headless.segment(links, device="cpu", out=micrograph_project)
    assert contents(micrograph_project) == before


def test_segment_goes_on_after_a_broken_image(micrograph_project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (micrograph_project / "micrograph-04.png").write_bytes(b"\x89PNG no more")
    result = headless.segment(micrograph_project, device="cpu")
    assert result["written"] == 5
    assert len(result["failed"]) == 1
    assert "micrograph-04.png" in result["failed"][0]
    assert "micrograph-04.png" in capsys.readouterr().err


def test_a_network_of_other_classes_helps_only_with_out(micrograph_project: Path, tmp_path: Path) -> None:
    stranger = tiny_checkpoint(tmp_path / "stranger.safetensors", ClassTable.from_names(["road", "sky"]))
    before = contents(micrograph_project)
    with pytest.raises(NetworkCannotHelp):
        headless.segment(micrograph_project, network=str(stranger), device="cpu")
    assert contents(micrograph_project) == before
    result = headless.segment(micrograph_project, network=str(stranger), device="cpu", out=tmp_path / "out")
    assert result["written"] == 8


def indices(folder: Path) -> set[int]:
    """The class indices of all masks in a folder for predictions."""
    masks = [read_mask(m, image_size(m), ClassTable.from_names(map(str, range(9)))) for m in folder.glob("*.png")]
    return {int(index) for mask in masks for index in np.unique(mask.label_map)}


def test_map_says_what_the_classes_of_a_network_mean(
    micrograph_project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = tiny_checkpoint(tmp_path / "stranger.safetensors", ClassTable.from_names(["road", "sky"]))
    names, out = [c.name for c in CLASSES], tmp_path / "out"
    for command in (headless.segment, headless.evaluate):
        with pytest.raises(NetworkCannotHelp, match=f'--map "sky={names[-1]}".*Its classes: road, sky. Yours: '):
            command(micrograph_project, network=str(stranger), device="cpu")
    said = [f"road={names[1]},sky={names[3]}"]
    headless.segment(micrograph_project, network=str(stranger), device="cpu", out=out, class_map=said)
    assert indices(out) <= {1, 3}
    assert (out / "class_names.txt").read_text().splitlines() == names
    assert "class indices of the project" in capsys.readouterr().out
    scored = headless.evaluate(micrograph_project, network=str(stranger), device="cpu", split="train", class_map=said)
    assert scored["iou"][names[1]] + scored["iou"][names[3]] > 0
    assert headless.segment(micrograph_project, network=str(stranger), device="cpu", class_map=said)["written"] == 6
    with ProjectFolder.open(micrograph_project, writable=False) as project:
        for sample in project.samples:
            if project.annotations.status(sample) is Status.PRELABELLED:
                label_map = project.annotations.load(
                    sample, image_size(sample.image_path), peek=True
                ).labels.label_map
                assert set(np.unique(label_map)) <= {1, 3}


def test_out_has_the_indices_of_the_network_where_the_project_does_not_know_them(
    micrograph_project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = tiny_checkpoint(tmp_path / "stranger.safetensors", ClassTable.from_names(["road", "sky", "cell"]))
    plain = tmp_path / "plain"
    plain.mkdir()
    shutil.copy(micrograph_project / "micrograph-01.png", plain)
    headless.segment(plain, network=str(stranger), device="cpu", out=tmp_path / "raw")
    assert (tmp_path / "raw" / "class_names.txt").read_text().splitlines() == ["road", "sky", "cell"]
    assert "class indices of the network 'stranger'" in capsys.readouterr().out

    (plain / "class_names.txt").write_text("nothing\nCell\n")
    headless.segment(plain, network=str(stranger), device="cpu", out=tmp_path / "mapped")
    assert indices(tmp_path / "mapped") <= {1, 255}
    assert (tmp_path / "mapped" / "class_names.txt").read_text().splitlines() == ["nothing", "Cell"]
    assert "2 classes of 'stranger' mean nothing in this project" in capsys.readouterr().err


def test_map_names_what_the_start_of_a_training_means(
    micrograph_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = tiny_checkpoint(tmp_path / "stranger.safetensors", ClassTable.from_names(["road", "sky"]))
    said = [f"sky={CLASSES.name_of(1)}"]
    for config, more in ((TrainConfig(Level.SCRATCH), {}), (TrainConfig(), {"resume": True})):
        with pytest.raises(UsageError, match="--map is for a network that a training starts from"):
            headless.train(micrograph_project, config, device="cpu", class_map=said, **more)  # type: ignore[arg-type]
    jobs: list[FineTuneJob] = []
    monkeypatch.setattr(JobRunner, "run", lambda self, job: jobs.append(job) or iter(()))
    with pytest.raises(StopIteration):
        headless.train(micrograph_project, QUICK, network=str(stranger), device="cpu", class_map=said)
    assert (jobs[0].base, jobs[0].base_map) == (str(stranger), {"sky": 1})
    assert jobs[0].baseline_map == {}, "the network in use is another"


def test_what_was_said_of_a_networks_classes_holds_on_the_command_line(
    micrograph_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = tiny_checkpoint(tmp_path / "stranger.safetensors", ClassTable.from_names(["road", "sky"]))
    with ProjectFolder.open(micrograph_project, writable=True) as project:
        chosen = {"road": 1, "sky": 3}
        project.runs.set_current(stranger, read_info(stranger).sha256, compared=False, class_map=chosen)
        verified = [s for s in project.samples if project.annotations.status(s) is Status.VERIFIED]
        before = {s.mask_id: project.annotations.mask_path(s).read_bytes() for s in verified}
    assert headless.segment(micrograph_project, device="cpu")["written"] == 6
    with ProjectFolder.open(micrograph_project, writable=False) as project:
        assert {s.mask_id: project.annotations.mask_path(s).read_bytes() for s in verified} == before
        for sample in set(project.samples) - set(verified):
            label_map = project.annotations.load(sample, image_size(sample.image_path), peek=True).labels.label_map
            assert set(np.unique(label_map)) <= {1, 3}
    # Every way to name it: the score of the mapped classes, none for the two that are not known.
    for network in ("", str(stranger)):
        scored = headless.evaluate(micrograph_project, network=network, device="cpu", split="train")
        assert scored["iou"]["background"] == 0
        assert scored["iou"]["cell"] + scored["iou"]["debris"] > 0
    jobs: list[FineTuneJob] = []
    monkeypatch.setattr(JobRunner, "run", lambda self, job: jobs.append(job) or iter(()))
    with pytest.raises(StopIteration):
        headless.train(micrograph_project, QUICK, device="cpu")
    assert (jobs[0].base, jobs[0].base_map) == (str(stranger), chosen)
    assert (jobs[0].baseline, jobs[0].baseline_map) == (str(stranger), chosen)


def test_segment_needs_the_lock_but_not_with_out(micrograph_project: Path, tmp_path: Path) -> None:
    with ProjectFolder.open(micrograph_project, writable=True):
        with pytest.raises(ProjectLocked):
            headless.segment(micrograph_project, device="cpu")
        assert headless.segment(micrograph_project, device="cpu", out=tmp_path / "out")["written"] == 8


# --- train --------------------------------------------------------------------------------------------------------


def test_train_makes_a_run_and_puts_its_network_in_use(micrograph_project: Path) -> None:
    own = (".fcn-studio/runs", ".fcn-studio/lock", ".fcn-studio/splits.json")
    masks = contents(micrograph_project, *own)
    result = headless.train(micrograph_project, QUICK, device="cpu")
    assert (result["run"], result["steps"], result["trained_on"]) == ("run 0001", 2, 2)
    assert result["verdict"] == "adopted"
    assert contents(micrograph_project, *own) == masks
    with ProjectFolder.open(micrograph_project, writable=False) as project:
        current = project.runs.current()
        assert current is not None
        assert current.compared
    info = read_info(micrograph_project / ".fcn-studio/runs/0001/best.safetensors")
    assert info.sha256 == current.sha256
    assert info.trained_on == 2
    assert library.networks(micrograph_project)["networks"][1]["in_use"]
    log = (micrograph_project / ".fcn-studio/runs/0001/log.jsonl").read_text().splitlines()
    assert json.loads(log[-1])["step"] == 2


def test_train_from_scratch_with_out_leaves_the_folder_alone(micrograph_project: Path, tmp_path: Path) -> None:
    before = contents(micrograph_project)
    config = TrainConfig(Level.SCRATCH, steps=1, batch_size=1, width=0.0625)
    result = headless.train(micrograph_project, config, device="cpu", out=tmp_path / "own.safetensors")
    assert contents(micrograph_project) == before
    assert [c.name for c in read_info(tmp_path / "own.safetensors").table] == [c.name for c in CLASSES]
    assert "run" not in result


def test_train_without_human_pixels_says_so_and_leaves_no_trace(micrograph_project: Path) -> None:
    with ProjectFolder.open(micrograph_project, writable=True) as project:
        for sample in project.samples:
            save_half(project, sample, Provenance.NETWORK, Status.PRELABELLED)
    before = contents(micrograph_project)
    with pytest.raises(TrainingError, match="No training image has human pixels"):
        headless.train(micrograph_project, QUICK, device="cpu")
    assert contents(micrograph_project) == before
    assert not (micrograph_project / ".fcn-studio" / "runs").exists()


@pytest.mark.parametrize(
    "config",
    [
        TrainConfig(minutes=0),
        TrainConfig(minutes=float("nan")),
        TrainConfig(steps=0),
        TrainConfig(batch_size=0),
        TrainConfig(width=9),
    ],
)
def test_a_senseless_training_is_refused(micrograph_project: Path, config: TrainConfig) -> None:
    with pytest.raises(UsageError, match=r"makes no sense|is not between"):
        headless.train(micrograph_project, config)


@pytest.mark.parametrize(
    "config",
    [
        TrainConfig(Level.SCRATCH, architecture="slim-9", steps=1),
        TrainConfig(Level.QUICK, recipe=RecipeName.PAPER, steps=1),
    ],
)
def test_a_training_that_does_not_begin_leaves_no_run(micrograph_project: Path, config: TrainConfig) -> None:
    with pytest.raises((CheckpointError, TrainingError), match=r"no architecture|choose the level full"):
        headless.train(micrograph_project, config, device="cpu")
    assert list((micrograph_project / ".fcn-studio" / "runs").iterdir()) == []
    assert headless.train(micrograph_project, QUICK, device="cpu")["run"] == "run 0001"


def stop_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Ctrl+C after that step."""
    honest = trainings._show

    def show(news: TrainProgress, bar: object) -> None:
        honest(news, bar)  # type: ignore[arg-type]
        if news.step == step:
            monkeypatch.setattr(trainings, "_show", honest)
            _thread.interrupt_main(signal.SIGINT)

    monkeypatch.setattr(trainings, "_show", show)


def test_a_stopped_run_goes_on_and_is_told_when_it_does_not(
    micrograph_project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = replace(QUICK, steps=6)
    with pytest.raises(TrainingError, match="no unfinished training"):
        headless.train(micrograph_project, TrainConfig(), device="cpu", resume=True)
    stop_at(monkeypatch, 2)
    assert headless.train(micrograph_project, config, device="cpu")["stopped"]
    with pytest.raises(UsageError, match="begun with level quick"):
        headless.train(micrograph_project, TrainConfig(Level.SCRATCH), device="cpu", resume=True)
    result = headless.train(micrograph_project, TrainConfig(), device="cpu", resume=True)
    assert (result["run"], result["stopped"]) == ("run 0001", False)
    assert result["steps"] == 6
    assert "going on with 0001 at step" in capsys.readouterr().out
    with pytest.raises(TrainingError, match="no unfinished training"):
        headless.train(micrograph_project, TrainConfig(), device="cpu", resume=True)

    for run in ("0002", "0003", "0004"):
        stop_at(monkeypatch, 2)
        assert headless.train(micrograph_project, config, device="cpu")["run"] == f"run {run}"
    assert "run 0003 did not finish; --resume goes on with it" in capsys.readouterr().err
    states = sorted(path.parent.name for path in micrograph_project.rglob("*.state"))
    assert states == ["0003", "0004"]  # the last at the time, and the new one


def test_a_run_that_is_still_being_trained_is_neither_gone_on_with_nor_told(
    micrograph_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def go_on(out: Path | None = None) -> headless.Json:
        return headless.train(micrograph_project, TrainConfig(), device="cpu", out=out, resume=True)

    config, out = replace(QUICK, steps=4), tmp_path / "own.safetensors"
    for place in (None, out):
        stop_at(monkeypatch, 1)
        headless.train(micrograph_project, config, device="cpu", out=place)
    with ProjectFolder.open(micrograph_project, writable=False) as project:
        (first,) = runs.broken_off(project)
    with TrainingLock(first.checkpoint), TrainingLock(out):
        for place in (None, out):
            with pytest.raises(TrainingError, match=r"still running \(process"):
                go_on(place)
        with pytest.raises(TrainingError, match=r"still running \(process"):
            headless.train(micrograph_project, config, device="cpu", out=out)
        capsys.readouterr()
        stop_at(monkeypatch, 1)
        headless.train(micrograph_project, config, device="cpu")
        assert "did not finish" not in capsys.readouterr().err
        assert go_on()["run"] == "run 0002"
    assert go_on()["run"] == "run 0001"


def test_an_unfinished_file_is_not_begun_anew_and_its_log_goes_on(
    micrograph_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, log = tmp_path / "own.safetensors", tmp_path / "log.csv"
    config = TrainConfig(Level.SCRATCH, steps=4, batch_size=1, width=0.0625)
    stop_at(monkeypatch, 1)
    headless.train(micrograph_project, config, device="cpu", out=out, log=log)
    with pytest.raises(UsageError, match="add --resume"):
        headless.train(micrograph_project, config, device="cpu", out=out)
    headless.train(micrograph_project, TrainConfig(), device="cpu", out=out, log=log, resume=True)
    rows = list(csv.DictReader(log.read_text().splitlines()))
    assert [int(row["step"]) for row in rows] == sorted(int(row["step"]) for row in rows)
    assert rows[-1]["step"] == "4"
    assert set(rows[0]) >= {"step", "loss", "elapsed", "cpu_seconds", "mean_iou"}
    assert not out.with_name("own.safetensors.state").exists()


def test_images_held_out_by_a_list_are_validated_on(micrograph_project: Path, tmp_path: Path) -> None:
    with ProjectFolder.open(micrograph_project, writable=False) as project:
        verified = [sample for sample in project.samples if project.annotations.status(sample) is Status.VERIFIED]
    names = tmp_path / "held-out.txt"
    names.write_text(f"{verified[0].mask_id}\n")
    out = tmp_path / "net.safetensors"
    result = headless.train(micrograph_project, QUICK, device="cpu", out=out, val_list=names)
    assert (result["trained_on"], result["validated_on"]) == (len(verified) - 1, 1)
    names.write_text("nobody\n")
    with pytest.raises(UsageError, match="'nobody' is no image"):
        headless.train(micrograph_project, QUICK, device="cpu", out=out, val_list=names)


@pytest.fixture
def slow_training(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """In place of real training: steps until asked to end, with Ctrl+C after the second; what it was asked."""
    answers: list[bool] = []

    def fine_tune(job: FineTuneJob, runner: object) -> Generator[TrainProgress, bool | None, TrainOutcome]:
        for step in range(1, 100):
            if step == 2:
                _thread.interrupt_main(signal.SIGINT)
            answers.append(bool((yield TrainProgress(step, 100, step / 100, 0.5, 1.0, 1.0))))
            if answers[-1]:
                break
        tiny_checkpoint(Path(job.out))
        return TrainOutcome(job.out, None, None, (), 2, step, 1.0, stopped=answers[-1])

    monkeypatch.setattr("fcn_studio.jobs.run.fine_tune", fine_tune)
    return answers


def test_ctrl_c_ends_a_training_early_and_keeps_its_network(
    micrograph_project: Path, slow_training: list[bool], capsys: pytest.CaptureFixture[str]
) -> None:
    handler = signal.getsignal(signal.SIGINT)
    result = headless.train(micrograph_project, QUICK, device="cpu")
    assert slow_training == [False, True]
    assert result["stopped"]
    assert "keeping the best network" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is handler
    assert (micrograph_project / ".fcn-studio/runs/current.json").exists()


def test_the_second_ctrl_c_interrupts() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a window that has ended leaves it ignored
    handler = signal.getsignal(signal.SIGINT)

    def interrupt_twice() -> None:
        with graceful_interrupt() as asked:
            signal.raise_signal(signal.SIGINT)
            assert asked.is_set()
            signal.raise_signal(signal.SIGINT)

    try:
        with pytest.raises(KeyboardInterrupt):
            interrupt_twice()
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_off_the_main_thread_ctrl_c_is_left_alone() -> None:
    seen: list[object] = []

    def enter() -> None:
        with graceful_interrupt() as asked:
            seen.append(signal.getsignal(signal.SIGINT))
            seen.append(asked.is_set())

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT), False]


# --- evaluate, export, networks -----------------------------------------------------------------------------------


def test_evaluate_scores_verified_images_only(micrograph_project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ProjectFolder.open(micrograph_project, writable=True) as project:
        save_half(project, project.sample("micrograph-05.png"), Provenance.HUMAN, Status.IN_PROGRESS)
    before = contents(micrograph_project)
    result = headless.evaluate(micrograph_project, network="street", device="cpu", split="train")
    assert result["images"] == 2
    assert 0 <= result["mean_iou"] <= 1
    assert set(result["iou"]) == {c.name for c in CLASSES}
    assert np.isclose(np.mean(list(result["iou"].values())), result["mean_iou"])
    assert "mean IoU" in capsys.readouterr().out
    with pytest.raises(UsageError, match="no verified image in the val split"):
        headless.evaluate(micrograph_project, network="street", device="cpu", split="val")
    assert contents(micrograph_project) == before
    lists = micrograph_project / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    verified = [name for name, status in states(micrograph_project).items() if status is Status.VERIFIED]
    (lists / "test.txt").write_text("\n".join(verified))
    assert headless.evaluate(micrograph_project, network="street", device="cpu", split="test")["images"] == 2
    with pytest.raises(UsageError, match="all split to score on"):
        headless.evaluate(micrograph_project, network="street", device="cpu", split="all")


def test_export_refuses_a_status_that_there_is_not(micrograph_project: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown status 'done'; known: in_progress, new"):
        headless.export(micrograph_project, tmp_path / "out", statuses=["verified", "done"])
    result = headless.export(micrograph_project, tmp_path / "out", statuses=["verified"])
    assert (result["images"], result["train"], result["val"]) == (2, 2, 0)


def test_networks_are_listed_even_if_the_one_in_use_is_gone(
    micrograph_project: Path, bundled: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    with ProjectFolder.open(micrograph_project, writable=True) as project:
        project.runs.set_current(micrograph_project / "gone.safetensors", "00" * 32, compared=True)
    with pytest.raises(CheckpointError):
        headless.segment(micrograph_project)
    rows = library.networks(micrograph_project)["networks"]
    assert [(row["name"], row["in_use"]) for row in rows] == [("tiny", False)]
    assert "gone.safetensors" in capsys.readouterr().err
    bundled.clear()
    assert library.networks(None) == {"networks": []}
