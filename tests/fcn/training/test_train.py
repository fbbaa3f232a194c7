from __future__ import annotations

import hashlib
import itertools
import json
import math
import threading
from collections.abc import Generator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from fcn_studio.core.classes import VOID, ClassInfo, ClassTable
from fcn_studio.core.labels import Labels, Provenance, trusted_label_map
from fcn_studio.core.snapshot import LabelledImage, pack
from fcn_studio.core.training import Level, RecipeName, TrainConfig, TrainOutcome, TrainProgress
from fcn_studio.errors import DeviceError, TrainingError
from fcn_studio.fcn.device import CPU
from fcn_studio.fcn.inference.evaluate import evaluate
from fcn_studio.fcn.inference.predictor import Predictor
from fcn_studio.fcn.model.build import build
from fcn_studio.fcn.training import crop_sampler as data_module
from fcn_studio.fcn.training import optimisation as learner_module
from fcn_studio.fcn.training.batch_sources import Batch
from fcn_studio.fcn.training.losses import weighted_loss
from fcn_studio.fcn.training.resume import input_digests
from fcn_studio.fcn.training.train import train
from fcn_studio.fcn.weights.checkpoint import Checkpoint, load_checkpoint
from tests.fcn.conftest import write_png

Y = TypeVar("Y")
R = TypeVar("R")

TABLE = ClassTable(
    (
        ClassInfo(0, "background", (0, 0, 0)),
        ClassInfo(2, "retired", (1, 1, 1), retired=True),
        ClassInfo(3, "square", (255, 0, 0)),
        ClassInfo(7, "stripes", (0, 255, 0)),
    ),
    8,
)
TINY = TrainConfig(Level.SCRATCH, steps=12, batch_size=4, width=0.125)


def scene(seed: int, height: int = 72, width: int = 88) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A noisy field with a bright square (3) and a striped one (7)."""
    rng = np.random.default_rng(seed)
    image = rng.normal(90, 12, (height, width, 3))
    labels = np.zeros((height, width), np.uint8)
    for index, left in ((3, 4), (7, 48)):
        y, x = rng.integers(4, 30), left + rng.integers(0, 8)
        box = slice(y, y + 32), slice(x, x + 32)
        labels[box] = index
        image[box] += 90 if index == 3 else np.where(np.arange(32) // 4 % 2, 70, -70)[:, None, None]
    return np.clip(image, 0, 255).astype(np.uint8), labels


def scenes(folder: Path, seeds: Sequence[int]) -> list[LabelledImage]:
    folder.mkdir(exist_ok=True)
    snapshot = []
    for seed in seeds:
        image, labels = scene(seed)
        path = write_png(folder / f"{seed}.png", image)
        snapshot.append(pack(path.name, str(path), labels))
    return snapshot


def finish(run: Generator[Y, bool | None, R]) -> tuple[list[Y], R]:
    reports = []
    while True:
        try:
            reports.append(next(run))
        except StopIteration as stop:
            return reports, stop.value


def feeders() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "training-feeder"]


@pytest.fixture
def base(tiny_network: Path) -> Checkpoint:
    """A network of other classes."""
    return load_checkpoint(tiny_network)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[TrainProgress], TrainOutcome]:
    """A network that learned the scenes from nothing."""
    folder = tmp_path_factory.mktemp("scratch")
    torch.set_num_threads(1)
    torch.set_num_threads(1)
    config = replace(TINY, steps=60, batch_size=4)
    run = train(config, scenes(folder, range(6)), scenes(folder, range(50, 53)), TABLE, None, CPU, folder / "net.st")
    reports, outcome = finish(run)
    return folder / "net.st", reports, outcome


def test_it_learns(trained: tuple[Path, list[TrainProgress], TrainOutcome]) -> None:
    path, reports, outcome = trained
    losses = {report.step: report.loss for report in reports if report.step}
    assert sorted(losses) == list(range(1, 61))
    assert np.mean([losses[s] for s in range(52, 61)]) < 0.4 * losses[1]
    assert outcome.figures is not None
    constant = outcome.figures.pixels[0] / sum(outcome.figures.pixels.values())
    assert outcome.figures.mean_iou > 0.6 > constant / 3
    assert outcome.figures.pixel_accuracy > constant + 0.1
    checkpoint = load_checkpoint(path)
    assert checkpoint.class_indices == (0, 3, 7)
    assert checkpoint.trained_on == tuple(f"{seed}.png" for seed in range(6))
    assert checkpoint.validation == outcome.figures.as_json(TABLE)
    assert (outcome.steps, outcome.trained_on, outcome.stopped, outcome.baseline) == (60, 6, False, None)
    assert outcome.val_ids == ("50.png", "51.png", "52.png")


def test_reports_make_sense(trained: tuple[Path, list[TrainProgress], TrainOutcome]) -> None:
    _, reports, outcome = trained
    for before, after in itertools.pairwise(reports):
        assert after.step in (before.step, before.step + 1)
        assert after.fraction >= before.fraction
        assert after.elapsed >= before.elapsed
        assert after.cpu_seconds >= before.cpu_seconds
    assert {report.total_steps for report in reports} == {60}
    assert reports[-1].fraction == 1
    scored = [report.figures.mean_iou for report in reports if report.figures]
    assert len(scored) == 10
    assert outcome.figures is not None
    assert max(scored) == outcome.figures.mean_iou
    assert outcome.cpu_seconds > 0
    assert not feeders()


def test_the_file_has_the_figures_it_claims(
    trained: tuple[Path, list[TrainProgress], TrainOutcome], tmp_path: Path
) -> None:
    path, _, outcome = trained
    run = evaluate(Predictor(load_checkpoint(path)), scenes(tmp_path, range(50, 53)), TABLE)
    assert finish(run)[1] == outcome.figures


@pytest.mark.parametrize("level", [Level.QUICK, Level.FULL])
def test_a_class_the_network_does_not_know_is_learned(
    level: Level, trained: tuple[Path, list[TrainProgress], TrainOutcome], tmp_path: Path
) -> None:
    base = load_checkpoint(trained[0])
    table = ClassTable.from_names(["Background", "striped"])
    swap = np.full(256, VOID, np.uint8)
    swap[[0, 3, 7]] = 0, 0, 1

    def relabelled(seeds: Sequence[int]) -> list[LabelledImage]:
        return [pack(s.image_id, s.image_path, swap[s.label_map()]) for s in scenes(tmp_path, seeds)]

    config = TrainConfig(level, steps=40 if level is Level.QUICK else 12, batch_size=4)
    run = train(config, relabelled([100, 101]), relabelled([200, 201]), table, base, CPU, tmp_path / "net.st")
    reports, outcome = finish(run)
    assert outcome.figures is not None
    assert outcome.baseline is not None
    assert outcome.baseline.iou[1] == 0
    assert outcome.figures.iou[1] > 0.3
    assert reports[0].step == 0
    assert math.isnan(reports[0].loss)
    checkpoint = load_checkpoint(tmp_path / "net.st")
    assert checkpoint.parent == base.sha256
    trunk = "trunk.stages.stage3.conv3_1.weight"
    assert torch.equal(checkpoint.state[trunk], base.state[trunk]) == (level is Level.QUICK)
    statistics = "trunk.stages.stage3.bn3_1.running_mean"
    assert torch.allclose(checkpoint.state[statistics], base.state[statistics], rtol=1e-5)


def test_networks_pixels_and_the_unlabelled_have_no_influence(tmp_path: Path) -> None:
    results = []
    for guess in (VOID, 3):
        snapshot = []
        for seed in (1, 2):
            image, truth = scene(seed)
            path = write_png(tmp_path / f"{seed}.png", image)
            provenance = np.full(truth.shape, Provenance.HUMAN, np.uint8)
            provenance[:, 40:60] = Provenance.NOBODY if guess == VOID else Provenance.NETWORK
            truth[:, 40:60] = guess
            snapshot.append(pack(path.name, str(path), trusted_label_map(Labels(truth, provenance))))
        finish(train(replace(TINY, steps=3), snapshot, [], TABLE, None, CPU, tmp_path / "net.st"))
        results.append((tmp_path / "net.st").read_bytes())
    assert results[0] == results[1]


def test_the_loss_does_not_look_at_void() -> None:
    scores = torch.randn(2, 3, 4, 5, requires_grad=True)
    target = torch.randint(0, 3, (2, 4, 5))
    target[:, 1:3] = VOID
    weighted_loss(scores, target, torch.tensor([1.0, 2.0, 3.0])).backward()
    assert scores.grad is not None
    assert not scores.grad[:, :, 1:3].any()
    assert scores.grad[:, :, 0].abs().min() > 0


def test_a_seed_decides_everything_but_the_time(tmp_path: Path) -> None:
    snapshot = scenes(tmp_path, range(3))
    files, losses = [], []
    for seed in (5, 5, 6):
        config = replace(TINY, steps=4, seed=seed)
        reports, _ = finish(train(config, snapshot, snapshot[:1], TABLE, None, CPU, tmp_path / "net.st"))
        losses.append([report.loss for report in reports])
        files.append((tmp_path / "net.st").read_bytes())
    assert files[0] == files[1] != files[2]
    assert losses[0] == losses[1] != losses[2]


def test_stopping_ends_with_an_outcome_and_cancelling_with_a_file(tmp_path: Path) -> None:
    snapshot = scenes(tmp_path, range(3))
    for ask in (True, False):
        out = tmp_path / f"{ask}.safetensors"
        run = train(replace(TINY, steps=500), snapshot, snapshot[:1], TABLE, None, CPU, out)
        assert next(run).step == 1
        assert next(run).step == 2
        if ask:
            run.send(True)
            _, outcome = finish(run)
            assert (outcome.stopped, outcome.steps) == (True, 2)
            assert outcome.figures is not None
        else:
            run.close()
        assert load_checkpoint(out).class_indices == (0, 3, 7)
    assert not feeders()


@pytest.mark.usefixtures("counted_clock")
def test_a_wall_clock_budget_is_kept(tmp_path: Path) -> None:
    snapshot = scenes(tmp_path, range(3))
    config = replace(TINY, steps=None, minutes=0.1)
    reports, outcome = finish(train(config, snapshot, snapshot, TABLE, None, CPU, tmp_path / "net.st"))
    assert outcome.steps >= 2
    assert reports[-1].elapsed < 6 + 3
    assert reports[-1].fraction > 0.9
    assert outcome.figures is not None


def test_a_short_budget_is_not_spent_on_the_baseline(
    trained: tuple[Path, list[TrainProgress], TrainOutcome], tmp_path: Path
) -> None:
    snapshot = scenes(tmp_path, range(3))
    config = TrainConfig(Level.FULL, minutes=0.001)
    base = load_checkpoint(trained[0])
    _, outcome = finish(train(config, snapshot, snapshot * 20, TABLE, base, CPU, tmp_path / "net.st"))
    assert outcome.baseline is None
    assert outcome.figures is not None
    assert [note for note in outcome.notes if "too many validation images" in note]


def test_without_validation_images_the_last_is_kept(tmp_path: Path) -> None:
    _, outcome = finish(train(replace(TINY, steps=2), scenes(tmp_path, [0]), [], TABLE, None, CPU, tmp_path / "n.st"))
    assert (outcome.figures, outcome.baseline, outcome.val_ids) == (None, None, ())
    assert load_checkpoint(tmp_path / "n.st").validation is None


def test_nothing_to_learn_is_said(tmp_path: Path) -> None:
    image = scenes(tmp_path, [0])[0]
    nothing = pack(image.image_id, image.image_path, np.full(image.shape, 2, np.uint8))
    out = tmp_path / "net.st"
    with pytest.raises(TrainingError, match="no labelled pixels"):
        next(train(TINY, [nothing], [], TABLE, None, CPU, out))
    with pytest.raises(TrainingError, match="two classes"):
        next(train(TINY, [image], [], ClassTable.from_names(["only"]), None, CPU, out))
    Path(image.image_path).write_bytes(b"gone")
    with pytest.raises(TrainingError, match=r"no image of the training set can be read any more: .*0\.png"):
        next(train(TINY, [image], [], TABLE, None, CPU, out))
    assert not out.exists()
    assert not feeders()


class Faults:
    """Replaces the loss: the numbered calls give something that is not a number."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *bad: int) -> None:
        self.calls = 0
        self.bad = bad
        monkeypatch.setattr(learner_module, "weighted_loss", self)

    def __call__(self, *args: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return weighted_loss(*args) * (math.nan if self.calls in self.bad else 1)


def small_run(tmp_path: Path, steps: int = 6) -> tuple[list[TrainProgress], TrainOutcome]:
    config = replace(TINY, steps=steps, batch_size=2)
    return finish(train(config, scenes(tmp_path, [0]), [], TABLE, None, CPU, tmp_path / "net.st"))


def test_a_bad_step_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faults = Faults(monkeypatch, 2, 3)
    _, outcome = small_run(tmp_path)
    assert (outcome.steps, faults.calls, outcome.notes) == (6, 8, ())


def test_three_bad_steps_go_back_and_three_more_end_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Faults(monkeypatch, 3, 4, 5)
    _, outcome = small_run(tmp_path)
    assert outcome.steps == 6
    assert [note for note in outcome.notes if "half the learning rate" in note]
    Faults(monkeypatch, 3, 4, 5, 7, 8, 9)
    _, outcome = small_run(tmp_path)
    assert outcome.steps == 3
    assert [note for note in outcome.notes if "stopped with the last good network" in note]
    assert isinstance(load_checkpoint(tmp_path / "net.st"), Checkpoint)


def test_no_good_step_at_all_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Faults(monkeypatch, *range(100))
    with pytest.raises(TrainingError, match="not a number"):
        small_run(tmp_path)
    assert not (tmp_path / "net.st").exists()


def test_lack_of_memory_halves_the_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    largest: list[int] = []

    def tight(scores: torch.Tensor, target: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        largest.append(len(target))
        if len(target) > limit:
            raise torch.OutOfMemoryError("no")
        return weighted_loss(scores, target, weights)

    monkeypatch.setattr(learner_module, "weighted_loss", tight)
    snapshot = scenes(tmp_path, range(4))
    limit = 1
    config = replace(TINY, steps=2)
    _, outcome = finish(train(config, snapshot, [], TABLE, None, CPU, tmp_path / "net.st"))
    assert largest[:3] == [4, 2, 1]
    assert outcome.steps == 2
    assert len(outcome.notes) == 2
    limit = 0
    with pytest.raises(DeviceError, match="not even one crop"):
        finish(train(config, snapshot, [], TABLE, None, CPU, tmp_path / "net.st"))
    assert not feeders()


@pytest.mark.parametrize("recipe", list(RecipeName))
def test_images_of_one_cell_at_stride_32_are_learned_from(tmp_path: Path, recipe: RecipeName) -> None:
    config = replace(
        TINY, steps=3, batch_size=1, recipe=recipe, crop=(32, 32) if recipe is RecipeName.MODERN else None
    )
    image, labels = scene(0)
    if recipe is not RecipeName.MODERN:  # takes whole images
        image, labels = image[20:52, 30:62], labels[20:52, 30:62].copy()
    labelled = pack("x.png", str(write_png(tmp_path / "x.png", image)), labels)
    _, outcome = finish(train(config, [labelled], [], TABLE, None, CPU, tmp_path / "net.st"))
    assert outcome.steps >= 1


@pytest.mark.parametrize("level", [level for level in Level if level is not Level.BETTER])  # its base has no head
def test_an_image_may_be_a_single_pixel(tmp_path: Path, level: Level, base: Checkpoint) -> None:
    labelled = pack(
        "x.png", str(write_png(tmp_path / "x.png", np.full((1, 1, 3), 90, np.uint8))), np.full((1, 1), 3, np.uint8)
    )
    given = None if level is Level.SCRATCH else base
    config = TrainConfig(level, steps=2, width=0.0625)
    _, outcome = finish(train(config, [labelled], [labelled], TABLE, given, CPU, tmp_path / "net.st"))
    assert outcome.figures is not None


def test_a_short_lack_of_memory_while_images_are_read_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, short = data_module.read_labelled, [True]

    def read(labelled: LabelledImage) -> object:
        if threading.current_thread().name == "training-feeder" and short and short.pop():
            raise MemoryError("Unable to allocate")
        return honest(labelled)

    monkeypatch.setattr(data_module, "read_labelled", read)
    reports, outcome = small_run(tmp_path)
    assert outcome.steps == reports[-1].step == 6
    assert any("out of memory" in note for note in outcome.notes)


def test_a_training_that_time_has_starved_says_so(tmp_path: Path) -> None:
    snapshot = scenes(tmp_path, range(3))
    for changes, wanted in (({"steps": 2}, 0), ({"steps": None, "minutes": 0.01}, 1500)):
        config = replace(TINY, **changes)
        _, outcome = finish(train(config, snapshot, [], TABLE, None, CPU, tmp_path / "net.st"))
        assert outcome.steps_wanted == wanted
        assert outcome.is_starved == bool(wanted)
        told = [note for note in outcome.notes if "of the recipe's 1,500 steps" in note]
        assert len(told) == bool(wanted), outcome.notes


def test_early_stopping_ends_a_training_that_gets_no_better(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = scenes(tmp_path, range(3))
    config = replace(TINY, steps=20, batch_size=2, rate=1e-6, early_stop=2)
    _, outcome = finish(train(config, snapshot, snapshot[:1], TABLE, None, CPU, tmp_path / "net.st"))
    assert outcome.steps < 20
    assert not outcome.stopped
    assert outcome.figures is not None
    _, whole = finish(train(replace(config, early_stop=0), snapshot, snapshot[:1], TABLE, None, CPU, tmp_path / "n"))
    assert whole.steps == 20


@pytest.mark.parametrize("level", [Level.QUICK, Level.SCRATCH])
def test_mirroring_can_be_turned_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: Checkpoint, level: Level
) -> None:
    """A class "left" must never be shown on the right: all bright pixels stay in the left half."""
    left: list[bool] = []
    honest = Batch.scores

    def scores(self: Batch, network: torch.nn.Module, *, bf16: bool = False) -> torch.Tensor:
        columns = (self.target == 1).any(dim=1)[0]
        left.append(not bool(columns[len(columns) // 2 :].any()))
        return honest(self, network, bf16=bf16)  # type: ignore[arg-type]

    monkeypatch.setattr(Batch, "scores", scores)
    # A network whose score layers are fitted to pixels sees no mirror images at all.
    architecture = replace(base.architecture, upsampling="learned")
    state = build(architecture, len(base.table)).state_dict()
    base = Checkpoint(architecture, base.table, base.preprocessing, state)
    image = np.zeros((64, 64, 3), np.uint8)
    labels = np.zeros((64, 64), np.uint8)
    labels[:, :20] = 3
    path = write_png(tmp_path / "0.png", image)
    snapshot = [pack("0.png", str(path), labels)]
    config = TrainConfig(level, steps=12, batch_size=1, width=0.0625, flip=False, crop=(64, 64), keep_every=None)
    finish(train(config, snapshot, [], TABLE, base, CPU, tmp_path / "net.st"))
    assert all(left)
    left.clear()
    finish(train(replace(config, flip=True), snapshot, [], TABLE, base, CPU, tmp_path / "net.st"))
    assert not all(left)


def test_options_of_later_versions_leave_old_resume_files_valid() -> None:
    """The digest of the settings is that of before the options were there, as long as they are not used."""
    before = [
        "level", "minutes", "steps", "batch_size", "seed", "width", "class_map", "recipe", "architecture",
        "input_scale", "crop", "lovasz", "rate", "precision", "divide_weights", "keep_every",
    ]  # fmt: skip
    config = TrainConfig(Level.QUICK, steps=5)
    settings = {name: value for name, value in asdict(replace(config, keep_every=None)).items() if name in before}
    expected = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
    assert input_digests(config, [], [], TABLE, "")["settings"] == expected
    assert input_digests(replace(config, flip=False), [], [], TABLE, "")["settings"] != expected
