"""Comparison of networks on folds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fcn_studio.core.snapshot import LabelledImage
from fcn_studio.core.training import Level, TrainConfig, TrainOutcome
from fcn_studio.fcn.device import CPU
from fcn_studio.fcn.training.folds import FoldComparer, FoldPlan
from fcn_studio.fcn.training.train import train
from fcn_studio.fcn.weights.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

from .test_train import TABLE, finish, scenes

QUICK = TrainConfig(Level.QUICK, steps=1)
FOLDS = (("1.png", "4.png"), ("2.png",))
LearnedAndScored = list[tuple[frozenset[str], frozenset[str]]]


@pytest.fixture
def base(tiny_network: Path) -> Checkpoint:
    """A network of other classes."""
    return load_checkpoint(tiny_network)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> LearnedAndScored:
    """What each network that was scored had learned from, and on what it was scored."""
    pairs: LearnedAndScored = []
    learned: dict[int, frozenset[str]] = {}
    fitted, score = FoldComparer._fitted, FoldComparer._score

    def record_fit(self: FoldComparer, image_numbers: Iterable[int]) -> Checkpoint:
        numbers = list(image_numbers)
        made = fitted(self, numbers)
        learned[id(made)] = frozenset(self._request.training_set.usable[n].image_id for n in numbers)
        return made

    def record_score(
        self: FoldComparer, network: Checkpoint, part: Sequence[LabelledImage], *more: Any
    ) -> Iterator[None]:
        ids = frozenset(image.image_id for image in part)
        pairs.append((learned.get(id(network), frozenset(network.trained_on)), ids))
        return score(self, network, part, *more)

    monkeypatch.setattr(FoldComparer, "_fitted", record_fit)
    monkeypatch.setattr(FoldComparer, "_score", record_score)
    return pairs


def run(folder: Path, base: Checkpoint, seeds: Sequence[int], plan: FoldPlan) -> TrainOutcome:
    work = train(QUICK, scenes(folder, seeds), [], TABLE, base, CPU, folder / "net.safetensors", folds=plan)
    _, outcome = finish(work)
    return outcome


def test_every_image_is_scored_by_networks_that_have_not_learned_from_it(
    tmp_path: Path, base: Checkpoint, seen: LearnedAndScored
) -> None:
    held_back = tuple(scenes(tmp_path, [9]))
    before = run(tmp_path, base, [1, 2], FoldPlan((("1.png",), ("2.png",)), held_back))
    assert before.folds == 2
    assert before.val_ids == ("1.png", "2.png", "9.png")
    assert before.baseline is None
    in_use = replace(load_checkpoint(tmp_path / "net.safetensors"), trained_on=("1.png", "2.png"))
    seen.clear()
    outcome = run(tmp_path / "more", base, [1, 2, 4, 5], FoldPlan(FOLDS, held_back, in_use))
    assert [scored for _, scored in seen if scored] == [
        {"1.png", "4.png"}, {"4.png"}, {"1.png"}, {"2.png"}, {"2.png"}, {"9.png"}, {"9.png"}
    ]  # fmt: skip
    assert all(not learned & scored for learned, scored in seen)
    assert {"1.png"} in [learned for learned, _ in seen], "the old network without the fold"
    assert {"2.png", "5.png"} in [learned for learned, _ in seen], "the new network without the fold"
    assert outcome.figures is not None
    assert outcome.baseline is not None
    assert outcome.figures.images == outcome.baseline.images == len(outcome.val_ids) == 4
    assert outcome.figures.pixels == outcome.baseline.pixels
    assert (tmp_path / "more" / "net.safetensors").is_file()


def test_equal_labels_compare_as_equal(tmp_path: Path, base: Checkpoint) -> None:
    plan = FoldPlan(FOLDS)
    first = run(tmp_path, base, [1, 2, 4], plan)
    again = run(tmp_path, base, [1, 2, 4], replace(plan, baseline=load_checkpoint(tmp_path / "net.safetensors")))
    assert again.figures == again.baseline == first.figures
    assert again.uncertainty is not None
    assert again.uncertainty.mean_iou == 0


def test_a_network_that_nothing_can_stand_for_is_compared_on_new_images_alone(
    tmp_path: Path, base: Checkpoint
) -> None:
    state = {key: value * 0.9 if "score" not in key else value for key, value in base.state.items()}
    other = replace(base, state=state, trained_on=("1.png", "2.png"))
    save_checkpoint(other, tmp_path / "other.safetensors")
    in_use = load_checkpoint(tmp_path / "other.safetensors")
    outcome = run(tmp_path, base, [1, 2, 4], FoldPlan(FOLDS, (), in_use))
    assert outcome.val_ids == ("4.png",)
    assert outcome.baseline is not None
    everything = run(tmp_path, base, [1, 2], FoldPlan((("1.png",), ("2.png",)), (), in_use))
    assert (everything.val_ids, everything.baseline) == (("1.png", "2.png"), None)
    assert everything.baseline_knows_all
    assert everything.figures is not None
