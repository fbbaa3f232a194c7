"""Memory that runs out and losses that are no number: each rung gives what a smaller run gives, and is said once.

What needs no comparison of weights is in tests/fcn.
"""

from __future__ import annotations

import copy
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.snapshot import LabelledImage, pack
from fcn_studio.core.training import Level, TrainConfig, TrainOutcome
from fcn_studio.errors import DeviceError
from fcn_studio.fcn.device import CPU
from fcn_studio.fcn.inference import predictor as predict_module
from fcn_studio.fcn.inference.predictor import Predictor
from fcn_studio.fcn.model.architecture import Architecture
from fcn_studio.fcn.model.build import build
from fcn_studio.fcn.training import batch_sources as sources_module
from fcn_studio.fcn.training import optimisation as learner_module
from fcn_studio.fcn.training.batch_sources import Batch
from fcn_studio.fcn.training.losses import weighted_loss
from fcn_studio.fcn.training.optimisation import Optimisation
from fcn_studio.fcn.training.recipe import recipe_for
from fcn_studio.fcn.training.train import train
from fcn_studio.fcn.weights.checkpoint import Checkpoint, Preprocessing, load_checkpoint, save_checkpoint
from fcn_studio.formats.images.images import write_png
from fcn_studio.jobs.evaluate import evaluate_network
from fcn_studio.jobs.protocol import Evaluated, EvaluateJob, ImageToSegment, Predicted, SegmentJob
from fcn_studio.jobs.run import JobRunner
from fcn_studio.jobs.segment import segment
from tests.helpers import tiny_checkpoint

TABLE = ClassTable.from_names(["background", "square", "stripes"])
CARD = torch.device("cuda")
"""A graphics card that is not there: what is sent to it stays where it is."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Sums are always the same on one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moving things to the card, or giving its memory back, does nothing."""

    def stay(honest: Callable[..., object]) -> Callable[..., object]:
        def to(self: object, *args: object, **named: object) -> object:
            return self if CARD in args else honest(self, *args, **named)

        return to

    for kind in (torch.nn.Module, torch.Tensor, Batch):
        monkeypatch.setattr(kind, "to", stay(kind.to))
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor)
    for module in (learner_module, predict_module):
        monkeypatch.setattr(module, "release_memory", lambda device: None)
    monkeypatch.setattr(predict_module, "free_memory", lambda device: 2**31)


# --- the learner ----------------------------------------------------------------------------------------------


def network() -> torch.nn.Module:
    torch.manual_seed(1)
    made = build(Architecture("slim", 0.0625, 16, True, "same", 8, (), 0.0), 3)
    for module in made.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    return made


BATCHES = [
    [Batch(torch.randn(4, 3, 32, 32, generator=g), torch.randint(0, 3, (4, 32, 32), generator=g))]
    for g in [torch.Generator().manual_seed(seed) for seed in range(8)]
]


def optimisation(part: int = 4, device: torch.device = CPU) -> Optimisation:
    recipe = recipe_for(Level.FULL, batch_norm=True, foreign=False, images=4)
    return Optimisation(network(), recipe, np.ones(3), device, part)  # type: ignore[arg-type]


def run(optimisation: Optimisation, batches: Sequence[list[Batch]] = BATCHES[:3]) -> Optimisation:
    for number, batch in enumerate(batches):
        optimisation.step(lambda device, batch=batch: batch, number / 10)  # type: ignore[misc]
    return optimisation


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


class Tight:
    """Replaces the loss: what is larger than ``most`` images does not fit, on the card or anywhere."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, most: int, optimisation: Optimisation, *, only_card: bool = False
    ) -> None:
        self.most, self.optimisation, self.only_card = most, optimisation, only_card
        monkeypatch.setattr(learner_module, "weighted_loss", self)

    def __call__(self, scores: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        if len(target) > self.most and (self.optimisation.device != CPU or not self.only_card):
            raise torch.OutOfMemoryError("no")
        return weighted_loss(scores, target, weights)


@pytest.mark.parametrize("most", [2, 1])
def test_a_halved_batch_learns_what_the_smaller_parts_learn(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    expected = run(optimisation(part=most))
    tight = optimisation()
    Tight(monkeypatch, most, tight)
    run(tight)
    assert tight.steps == 3
    assert same(tight.network, expected.network)
    assert same(tight.average, expected.average)
    words = [words for images, words in ((2, "2 images"), (1, "one image")) if images >= most]
    assert tight.notes == [f"out of memory: the batch is now computed {some} at a time" for some in words]


def test_the_comparison_would_see_another_batch() -> None:
    assert not same(run(optimisation(part=1)).network, run(optimisation(part=1), BATCHES[1:4]).network)


@pytest.mark.usefixtures("card")
def test_from_the_card_to_the_cpu_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = run(optimisation(part=1))
    tight = optimisation(device=CARD)
    Tight(monkeypatch, 0, tight, only_card=True)
    run(tight)
    assert tight.device == CPU
    assert same(tight.network, expected.network), "the step on the CPU must have the rate of its time"
    assert [note.split(": ")[1] for note in tight.notes] == [
        "the batch is now computed 2 images at a time",
        "the batch is now computed one image at a time",
        "the training continues on the CPU",
    ]


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize("place", ["batch", "optimiser", "network"])
def test_memory_may_run_out_anywhere_in_a_step(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    full = [True] * 3  # at each of the three rungs of the card

    def sometimes() -> None:
        if full and full.pop():
            raise torch.OutOfMemoryError("no")

    def draw(device: torch.device) -> list[Batch]:
        if place == "batch":
            sometimes()
        return BATCHES[0]

    if place == "network":
        honest = Optimisation._move_to

        def move(self: Optimisation, device: torch.device) -> None:
            honest(self, device)
            if device == CARD:
                raise torch.OutOfMemoryError("no")

        monkeypatch.setattr(Optimisation, "_move_to", move)
    if place == "optimiser":
        step = torch.optim.AdamW.step
        monkeypatch.setattr(torch.optim.AdamW, "step", lambda *a, **n: (sometimes(), step(*a, **n))[1])
    made = optimisation(device=CARD)
    made.step(draw, 0.0)
    assert (made.device, made.steps) == (CPU, 1)
    assert made.notes[-1] == "out of memory: the training continues on the CPU"
    part = 4 if place == "network" else 1
    assert same(made.network, run(optimisation(part), BATCHES[:1]).network)


def test_another_error_than_memory_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    made = optimisation()

    def broken(device: torch.device) -> list[Batch]:
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        made.step(broken, 0.0)
    assert made.notes == []


# --- losses that are not a number -----------------------------------------------------------------------------


def poisoned(batch: list[Batch]) -> list[Batch]:
    return [Batch(batch[0].inputs * math.nan, batch[0].target)]  # type: ignore[operator]


def test_a_bad_batch_leaves_no_trace() -> None:
    expected = optimisation()
    made = optimisation()
    for number in range(3):
        expected.step(lambda device, n=number: BATCHES[n], 0.1)  # type: ignore[misc]
        made.step(lambda device, n=number: BATCHES[n], 0.1)  # type: ignore[misc]
        made.step(lambda device, n=number: poisoned(BATCHES[n]), 0.1)  # type: ignore[misc]
    assert made.steps == 3
    assert made.notes == []
    assert same(made.network, expected.network)


def rates(optimisation: Optimisation) -> list[float]:
    return [group["lr"] for group in optimisation._optimiser.param_groups]


def test_three_bad_batches_go_back_at_half_the_rate_and_three_more_end_it() -> None:
    made = run(optimisation())
    good, before = copy.deepcopy(made.average), rates(run(copy.deepcopy(made), BATCHES[:1]))
    run(made, [poisoned(batch) for batch in BATCHES[:3]])
    assert same(made.network, good)
    run(made, BATCHES[:1])
    assert rates(made) == pytest.approx([rate / 2 for rate in before])
    last_good = copy.deepcopy(made.average)
    run(made, [poisoned(batch) for batch in BATCHES[:3]])
    assert made.given_up
    assert same(made.network, last_good)
    assert same(made.average, last_good)
    assert len(made.notes) == 2


# --- a whole training -----------------------------------------------------------------------------------------


def snapshot(folder: Path) -> list[LabelledImage]:
    rng = np.random.default_rng(3)
    made = []
    for number in range(3):
        truth = rng.integers(0, 3, (40, 48), np.uint8)
        write_png(folder / f"{number}.png", (truth[..., None] * 80).repeat(3, 2).astype(np.uint8))
        made.append(pack(f"{number}.png", str(folder / f"{number}.png"), truth))
    return made


def outcome_of(config: TrainConfig, images: list[LabelledImage], base: Path, out: Path) -> TrainOutcome:
    work = train(config, images[:2], images[2:], TABLE, load_checkpoint(base), CPU, out)
    while True:
        try:
            next(work)
        except StopIteration as end:
            outcome: TrainOutcome = end.value
            return outcome


def test_given_up_the_last_good_network_is_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, base = snapshot(tmp_path), tiny_checkpoint(tmp_path / "base.safetensors", TABLE)
    config = TrainConfig(Level.FULL, steps=4, batch_size=2, width=0.0625)
    calls = [0]

    def bad_after_four(*args: Tensor) -> Tensor:
        calls[0] += 1
        return weighted_loss(*args) * (math.nan if calls[0] > 4 else 1)

    expected = outcome_of(config, images, base, tmp_path / "good.safetensors")
    monkeypatch.setattr(learner_module, "weighted_loss", bad_after_four)
    longer = outcome_of(replace(config, steps=4000), images, base, tmp_path / "bad.safetensors")
    assert (expected.steps, longer.steps) == (4, 4)
    assert [note for note in longer.notes if "stopped with the last good network" in note]
    assert longer.figures is not None
    assert math.isfinite(longer.figures.mean_iou)
    kept = load_checkpoint(tmp_path / "bad.safetensors")
    assert all(bool(torch.isfinite(value).all()) for value in kept.state.values())


def test_features_that_do_not_fit_are_computed_after_making_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, base = snapshot(tmp_path), tmp_path / "base.safetensors"
    architecture = Architecture("slim", 0.0625, 64, upsampling="learned")  # others are fitted to pixels
    state = build(architecture, len(TABLE)).state_dict()
    save_checkpoint(Checkpoint(architecture, TABLE, Preprocessing(), state), base)
    config = TrainConfig(Level.QUICK, steps=3, batch_size=4)
    expected = outcome_of(config, images, base, tmp_path / "expected.safetensors")
    honest, full = sources_module.FeatureSource._features, [True]

    def tight(self: sources_module.FeatureSource, image: np.ndarray) -> object:
        if full and full.pop():
            raise torch.OutOfMemoryError("no")
        return honest(self, image)

    monkeypatch.setattr(sources_module.FeatureSource, "_features", tight)
    outcome = outcome_of(config, images, base, tmp_path / "tight.safetensors")
    assert outcome.figures == expected.figures
    assert outcome.notes == ("out of memory: the batch is now computed 2 images at a time",)
    states = [load_checkpoint(tmp_path / f"{name}.safetensors").state for name in ("expected", "tight")]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_memory_is_given_back_after_the_failed_step_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """In ``except`` the error still holds the activations, and nothing can be given back."""
    handled: list[BaseException | None] = []
    for module in (learner_module, predict_module):
        monkeypatch.setattr(module, "release_memory", lambda device: handled.append(sys.exception()))
    tight = optimisation()
    Tight(monkeypatch, 2, tight)
    run(tight)
    labelled = predictor()
    TightLabel(monkeypatch, 256)
    labelled.predict(IMAGE)
    assert len(handled) >= 2
    assert set(handled) == {None}


@pytest.mark.parametrize("has", [True, False])
def test_a_card_without_bf16_is_trained_in_float32(monkeypatch: pytest.MonkeyPatch, card: None, has: bool) -> None:
    asked: list[bool] = []
    honest = Batch.scores

    def scores(self: Batch, network: torch.nn.Module, *, bf16: bool = False) -> Tensor:
        asked.append(bf16)
        return honest(self, network)  # type: ignore[arg-type]

    monkeypatch.setattr(Batch, "scores", scores)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has)
    recipe = recipe_for(Level.FULL, batch_norm=True, foreign=False, images=4)
    run(Optimisation(network(), recipe, np.ones(3), CARD, 4, precision="auto"))  # type: ignore[arg-type]
    assert set(asked) == {has}


# --- prediction -----------------------------------------------------------------------------------------------


def predictor(device: torch.device = CPU) -> Predictor:
    state = network().state_dict()
    architecture = Architecture("slim", 0.0625, 16, True, "same", 8, (), 0.0)
    return Predictor(Checkpoint(architecture, TABLE, Preprocessing(), state, sha256="ab" * 32), device)


IMAGE = np.random.default_rng(0).integers(0, 256, (600, 48, 3), np.uint8)


class TightLabel:
    """Replaces `Predictor._label`: tiles above ``most`` do not fit; on the card above ``most_on_card``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, most: int, most_on_card: int = 0) -> None:
        self.most, self.most_on_card = most, most_on_card
        self.tried: list[tuple[str, int]] = []
        honest = Predictor._label

        def label(predictor: Predictor, scaled: object, shape: object, device: torch.device, tile: int) -> object:
            self.tried.append((device.type, tile))
            if tile > (self.most if device == CPU else self.most_on_card):
                raise torch.OutOfMemoryError("no")
            return honest(predictor, scaled, shape, device, tile)  # type: ignore[arg-type]

        monkeypatch.setattr(Predictor, "_label", label)
        monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor)


@pytest.mark.usefixtures("card")
def test_each_rung_gives_what_its_tiles_give_and_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = predictor().predict(IMAGE)
    for most_on_card, used in ((512, ("cuda", 512)), (256, ("cuda", 256)), (0, ("cpu", 512))):
        with monkeypatch.context() as patch:
            ladder = TightLabel(patch, 10_000, most_on_card)
            made = predictor(CARD)
            results = [made.predict(IMAGE) for _ in range(3)]
        assert ladder.tried[-1] == used
        for result in results:
            assert (result.label_map == whole.label_map).mean() > 0.999
            assert np.array_equal(result.label_map, results[0].label_map)
        where = " on the CPU" if used[0] == "cpu" else ""
        assert made.take_notes() == (f"out of memory: an image was labelled{where} in tiles of {used[1]} pixels",)
        assert made.take_notes() == ()


@pytest.mark.usefixtures("card")
def test_a_card_that_cannot_even_hold_the_network_is_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = predictor().predict(IMAGE)

    def full(self: torch.nn.Module, *args: object, **named: object) -> torch.nn.Module:
        if CARD in args:
            raise torch.OutOfMemoryError("no")
        return self

    monkeypatch.setattr(torch.nn.Module, "to", full)
    result = predictor(CARD).predict(IMAGE)
    assert (result.label_map == expected.label_map).mean() > 0.999


def test_without_any_room_it_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    TightLabel(monkeypatch, 0)
    with pytest.raises(DeviceError, match="48 x 600 pixels"):
        predictor().predict(IMAGE)


def test_what_ran_out_is_told_with_the_news_of_a_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = str(tiny_checkpoint(tmp_path / "net.safetensors", TABLE))
    write_png(tmp_path / "a.png", IMAGE)
    TightLabel(monkeypatch, 256)
    warm = JobRunner(threads=1)
    image = ImageToSegment("a.png", str(tmp_path / "a.png"))
    predicted = list(segment(SegmentJob(checkpoint, (image,) * 3, "cpu"), warm))
    said = [news.notes for news in predicted if isinstance(news, Predicted)]
    assert said == [("out of memory: an image was labelled in tiles of 256 pixels",), (), ()]
    assert all(isinstance(news.prediction, Prediction) for news in predicted if isinstance(news, Predicted))
    truth = pack("a.png", str(tmp_path / "a.png"), np.zeros(IMAGE.shape[:2], np.uint8))
    scored = list(evaluate_network(EvaluateJob(checkpoint, TABLE, (truth,), "cpu"), JobRunner(threads=1)))
    assert [len(news.notes) for news in scored if isinstance(news, Evaluated)] == [1]
