"""What each tool saves: images labelled with the first five tools, with all, and with all but one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fcn_studio.core.document import Document
from fcn_studio.core.image_pyramid import ImageRgb
from fcn_studio.core.labels import LabelMap, Labels
from fcn_studio.core.prediction import Prediction, likelihood
from fcn_studio.core.regions.clicks import Clicks
from fcn_studio.core.sample import Status
from fcn_studio.core.snapshot import LabelledImage, pack
from fcn_studio.core.with_result import result_of
from fcn_studio.fcn.transforms import resized, resized_labels, scaled_size
from fcn_studio.fcn.weights.catalogue import GENERAL, bundled
from fcn_studio.formats.images.images import read_image, write_png
from fcn_studio.jobs.protocol import ClickAnswer, ClickJob, ImageToSegment
from fcn_studio.jobs.run import JobRunner
from tests.bench.annotator.arms import FIRST, NEVER_MIND, Stream, accuracy, mean_iou, predicted, train
from tests.bench.annotator.report import saving
from tests.bench.annotator.sight import StopRule, judged, seen
from tests.bench.annotator.skilled import FIVE, LATER, ON_PREDICTION, Habits, Skilled

STARTS = ("blank", "prediction")
ALL = {"blank": FIVE | (set(LATER) - set(ON_PREDICTION)), "prediction": FIVE | set(LATER)}
PRACTICE = 2
"""Of the images that the network learned from, so many are for practice."""

LEAST_SAVING = 0.03
"""A tool that saves less on every set does not stay."""

SIDE = 512
"""Longest side of likelihoods, in pixels."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One image to label.

    Attributes:
        image: with the truth; its file has the same size.
        image_rgb: its pixels.
        prediction: of a network that was fitted to the first images.
    """

    image: LabelledImage
    image_rgb: ImageRgb
    prediction: Prediction


class Comparison:
    """Labels the images of one data set again and again, with other tools.

    Args:
        data: a VOC tree.
        count: images, besides the first ones, which the network learns from.
        side: longest side in pixels to which larger images are reduced.
        seed: of their order.
        rule: when a person is content.
        folder: for reduced images and the network.
    """

    def __init__(self, data: Path, count: int, side: int, seed: int, rule: StopRule, folder: Path) -> None:
        stream = Stream.read(data, FIRST + count, "random", seed)
        self.name, self.rule = stream.name, rule
        self._table, self._runner = stream.table, JobRunner()
        images = [reduced(image, side, folder) for image in stream.images]
        network = folder / "network.safetensors"
        first = [pack(i.image_id, i.image_path, seen(i.label_map(), i.image_id)) for i in images[:FIRST]]
        train(self._runner, self._table, first, network)
        self._cases = [
            Case(i, read_image(Path(i.image_path)), predicted(self._runner, self._table, i, network))
            for i in images[FIRST - PRACTICE :]
        ]

    def rows(self, *, each: bool) -> Iterator[Row]:
        """Yield a row for each image, start and set of tools.

        Args:
            each: whether each tool is left out once. A tool that was never used makes no difference.
        """
        least: dict[str, dict[str, float]] = {}
        every: dict[str, tuple[list[Row], set[str]]] = {}
        for start in STARTS:
            five = list(self._arm(start, "five", FIVE, {}))
            yield from five
            least[start] = {row["image"]: row["accuracy"] for row in five}
            used: set[str] = set()
            every[start] = list(self._arm(start, "all", ALL[start], least[start], used)), used
            yield from every[start][0]
        for tool, start in ((tool, start) for tool in LATER for start in STARTS) if each else ():
            rows, used = every[start]
            name = f"all-{tool}"
            if tool not in ALL[start]:
                continue
            if {tool, f"{tool} class"} & used:
                yield from self._arm(start, name, ALL[start] - {tool}, least[start])
            else:
                yield from ({**row, "arm": name, "cpu_seconds": 0.0} for row in rows)

    def _arm(
        self, start: str, arm: str, tools: frozenset[str], least: Mapping[str, float], used: set[str] | None = None
    ) -> Iterator[Row]:
        """Label all images with some tools; the first ones are practice."""
        habits, rows = Habits(), []
        for number, case in enumerate(self._cases):
            rows.append(self._labelled(case, start, arm, tools, least, habits))
            if number >= PRACTICE:
                yield rows[-1]
        if used is not None:
            used.update(act for row in rows for act in row["effort"]["acts"])

    def _labelled(
        self, case: Case, start: str, arm: str, tools: frozenset[str], least: Mapping[str, float], habits: Habits
    ) -> Row:
        """Label one image, if asked until as many pixels are right as with five tools."""
        began, truth = time.process_time(), case.image.label_map()
        document = Document(case.image.image_id, Labels.unlabelled(*truth.shape), Status.NEW)
        prediction = case.prediction if start == "prediction" else None
        wanted, answers = judged(truth, case.image.image_id), self._answers(case, prediction)
        person = Skilled(document, truth, wanted, tools, case.image_rgb, prediction, answers, habits)
        person.correct(self.rule)
        at_rule = person.effort.total()
        if case.image.image_id in least:
            person.refine(least[case.image.image_id] - NEVER_MIND)
        return {
            "set": self.name,
            "image": case.image.image_id,
            "start": start,
            "arm": arm,
            "seconds": person.effort.total(),
            "at_rule": at_rule,
            "accuracy": accuracy(truth, document.label_map),
            "mean_iou": mean_iou(truth, document.label_map, self._table),
            "first": 0.0 if prediction is None else accuracy(truth, prediction.label_map),
            "effort": vars(person.effort.copy()),
            "cpu_seconds": time.process_time() - began,
        }

    def _answers(self, case: Case, prediction: Prediction | None) -> Callable[[Clicks, int], LabelMap]:
        """Return what smart click asks."""

        def answer(clicks: Clicks, index: int) -> LabelMap:
            likely = None if prediction is None else likelihood(prediction, index, SIDE)
            image = ImageToSegment(case.image.image_id, case.image.image_path)
            result = result_of(self._runner.run(ClickJob(str(bundled()[GENERAL]), image, clicks, likely, "cpu")))
            assert isinstance(result, ClickAnswer)
            return result.likely

        return answer


def reduced(image: LabelledImage, side: int, folder: Path) -> LabelledImage:
    """Return an image with a file in a folder, and at most so many pixels a side."""
    image_rgb, label_map = read_image(Path(image.image_path), levels=image.levels), image.label_map()
    if max(label_map.shape) > side:
        size = scaled_size(label_map.shape, side / max(label_map.shape))
        image_rgb, label_map = resized(image_rgb, size), resized_labels(label_map, size)
    path = folder / f"{Path(image.image_id).stem}.png"
    write_png(path, image_rgb)
    return pack(image.image_id, str(path), label_map)


def table(rows: list[Row]) -> Iterator[str]:
    """Yield the lines of Markdown tables: five tools against all, and all against all but one."""
    by = {(row["set"], row["start"], row["arm"], row["image"]): row for row in rows}
    sets = list(dict.fromkeys(row["set"] for row in rows))
    yield "| set | from | images | five tools, s | all tools, s | saved | accuracy, five / all |"
    yield "|---|---|--:|--:|--:|---|---|"
    for name, start in ((name, start) for name in sets for start in STARTS):
        yield _whole(by, name, start)
    yield ""
    yield "| tool | " + " | ".join(f"{name}, {start}" for name in sets for start in STARTS) + " | |"
    yield "|---|" + "---|" * (2 * len(sets) + 1)
    for tool in LATER:
        savings = [_tool_saving(by, name, start, tool) for name in sets for start in STARTS]
        measured = [share for share, _ in savings if share is not None]
        judged = "" if not measured or max(measured) >= LEAST_SAVING else f"under {LEAST_SAVING:.0%} everywhere"
        yield f"| {tool} | " + " | ".join(words for _, words in savings) + f" | {judged} |"


By = Mapping[tuple[str, str, str, str], Row]


def _pairs(by: By, name: str, start: str, one: str, other: str) -> list[tuple[Row, Row]]:
    images = dict.fromkeys(image for set_, start_, _, image in by if (set_, start_) == (name, start))
    found = [(by.get((name, start, one, image)), by.get((name, start, other, image))) for image in images]
    return [(a, b) for a, b in found if a is not None and b is not None]


def _whole(by: By, name: str, start: str) -> str:
    pairs = _pairs(by, name, start, "all", "five")
    if not pairs:
        return f"| {name} | {start} | 0 | | | | |"
    ours, theirs = ([pair[n]["seconds"] for pair in pairs] for n in (0, 1))
    right, before = (float(np.mean([pair[n]["accuracy"] for pair in pairs])) for n in (0, 1))
    share, low, high = saving(ours, theirs)
    return (
        f"| {name} | {start} | {len(pairs)} | {np.mean(theirs):.0f} | {np.mean(ours):.0f}"
        f" | {share:.0%} [{low:.0%}, {high:.0%}] | {before:.4f} / {right:.4f} |"
    )


def _tool_saving(by: By, name: str, start: str, tool: str) -> tuple[float | None, str]:
    pairs = _pairs(by, name, start, "all", f"all-{tool}")
    if not pairs:
        return None, ""
    ours, theirs = ([pair[n]["seconds"] for pair in pairs] for n in (0, 1))
    share, low, high = saving(ours, theirs)
    return share, f"{np.mean(theirs):.0f} to {np.mean(ours):.0f} s: {share:.1%} [{low:.0%}, {high:.0%}]"
