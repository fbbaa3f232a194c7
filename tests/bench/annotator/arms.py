"""The ways of work that are compared, each over a stream of images."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fcn_studio.core.class_map import map_classes
from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.document import Document, auto_segment, verify
from fcn_studio.core.labels import LabelMap, Labels, trusted_label_map
from fcn_studio.core.metrics import ConfusionMatrix
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.sample import Status
from fcn_studio.core.snapshot import LabelledImage, pack
from fcn_studio.core.training import Level, TrainConfig
from fcn_studio.core.with_result import result_of
from fcn_studio.fcn.weights.catalogue import GENERAL, bundled, read_info
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.jobs.protocol import FineTuneJob, ImageToSegment, LiveJob, LivePrediction, Predicted, SegmentJob
from fcn_studio.jobs.run import JobRunner
from fcn_studio.jobs.snapshot import collect_now
from tests.bench.annotator.person import TOOLS, Effort, Person
from tests.bench.annotator.sight import StopRule, seen, thick
from tests.bench.annotator.times import THINK

FIRST = 4
"""So many images are labelled before the figures begin; F trains on them."""

DABS = 3
"""Short strokes for each class on the first image with Live."""

NEVER_MIND = 0.004
"""An arm may have so much less of an image right than P; the bar on the means is 0.005."""


@dataclass(frozen=True)
class Stream:
    """Images in the order in which they are labelled.

    Attributes:
        name: of the data set.
        table: its classes.
        images: with their true label maps.
    """

    name: str
    table: ClassTable
    images: tuple[LabelledImage, ...]

    @classmethod
    def read(cls, folder: Path, count: int, order: str, seed: int, thinnest: int = 1) -> Stream:
        """Read the train list of a VOC tree; nothing is written.

        Args:
            folder: the tree.
            count: so many images are taken.
            order: "random" or "sequential".
            seed: of the random order; the sequential one begins at another image with each.
            thinnest: odd; what is thinner than so many pixels does not count.
        """
        with ProjectFolder.open(folder, writable=False) as project:
            images, table = collect_now(project).train, project.config.table
        rng = np.random.default_rng(seed)
        if order == "random":
            chosen = rng.permutation(len(images))[:count]
        else:
            chosen = np.arange(count) + (int(rng.integers(max(1, len(images) - count))) if seed else 0)
        found = (images[number] for number in chosen if number < len(images))
        maps = ((image, thick(image.label_map(), thinnest)) for image in found)
        counting = (pack(image.image_id, image.image_path, truth, image.levels) for image, truth in maps)
        return cls(folder.name, table, tuple(counting))


@dataclass(frozen=True)
class Arm:
    """A way of work.

    Attributes:
        name: its letter, and what was taken away or added: "L-polygon".
        start: the letter alone.
        tools: what may be used.
    """

    name: str
    start: str
    tools: frozenset[str]

    @classmethod
    def parse(cls, name: str) -> Arm:
        """Return the arm of a name.

        Raises:
            ValueError: if there is none.
        """
        match = re.fullmatch(r"([PBFL])((?:-\w+)*)", name)
        gone = frozenset(match[2].split("-")[1:]) if match else frozenset()
        everything = {"P": {"polygon"}, "L": {*TOOLS, "accept", "refit"}}.get(name[:1], set(TOOLS))
        if match is None or not gone <= everything:
            raise ValueError(f"no arm is called {name}; write P, B, F, L, or one without a tool, as L-polygon")
        return cls(name, match[1], frozenset(everything - gone))


@dataclass(frozen=True)
class Record:
    """What one image took in one arm.

    Attributes:
        arm: name of the arm.
        image: id of the image.
        place: its number in the stream, from 1.
        rule: effort when the stop rule was met.
        equal: effort when as much was right as in P, but for `NEVER_MIND`.
        rule_accuracy: share of true pixels that were right when the stop rule was met.
        accuracy: share of true pixels that are right at the end.
        mean_iou: of the image at the end.
        start_accuracy: share of true pixels that the first prediction has right; 0 without one.
        right: share of pixels that are as the person sees them.
        cpu_seconds: that the network took.
    """

    arm: str
    image: str
    place: int
    rule: Effort
    equal: Effort
    rule_accuracy: float
    accuracy: float
    mean_iou: float
    start_accuracy: float
    right: float
    cpu_seconds: float


@dataclass
class LiveHelper:
    """Live, through the program's own job.

    Args:
        runner: runs the jobs, and keeps features between them.
        table: classes of the project.
        image: the open one.
        others: verified images.
        refits: whether it learns from the strokes on the open image.
        every: number of corrections from one fit to the next.

    Attributes:
        prediction: the newest, None before two classes have pixels.
        cpu_seconds: of all jobs.
    """

    runner: JobRunner
    table: ClassTable
    image: LabelledImage
    others: Sequence[LabelledImage]
    refits: bool
    every: int
    prediction: Prediction | None = None
    cpu_seconds: float = 0.0
    strokes: int = 0

    def painted(self, document: Document, *, at_once: bool = False) -> float:
        """Learn from the strokes, now or after some more; return the seconds until the new prediction."""
        self.strokes += 1
        if not self.refits or not (at_once or self.strokes % self.every == 0):
            return 0.0
        return self.learn(trusted_label_map(Labels(document.label_map, document.provenance)))

    def learn(self, human: LabelMap) -> float:
        """Fit to all human pixels and predict; return the CPU seconds."""
        known = np.unique(human[human != VOID])
        if len(known) < 2 and not self.others:
            return 0.0
        began = time.process_time()
        image = pack(self.image.image_id, self.image.image_path, human, self.image.levels)
        job = LiveJob(str(bundled()[GENERAL]), self.table, image, tuple(self.others), device="cpu")
        result = result_of(self.runner.run(job))
        assert isinstance(result, LivePrediction)
        self.prediction = result.prediction
        seconds = time.process_time() - began
        self.cpu_seconds += seconds
        return seconds


@dataclass
class Work:
    """One arm on one stream.

    Args:
        arm: see `Arm`.
        stream: see `Stream`.
        rule: when the person is content.
        least: image id -> share of the pixels that must be right at the end; empty to end at the stop rule.
        clumsy: see `Person`.
        every: see `LiveHelper`.
    """

    arm: Arm
    stream: Stream
    rule: StopRule
    least: Mapping[str, float]
    clumsy: bool = False
    every: int = 10
    _done: list[LabelledImage] = field(default_factory=list)
    _rate: float = 20.0  # visibly wrong pixels that are corrected in a second, from the image before
    _runner: JobRunner = field(default_factory=JobRunner)

    def run(self) -> Iterator[Record]:
        """Label the images of the stream in turn."""
        with tempfile.TemporaryDirectory() as folder:
            network = Path(folder) / "network.safetensors"
            for place, image in enumerate(self.stream.images, 1):
                if self.arm.start == "F" and place == FIRST + 1:
                    train(self._runner, self.stream.table, self._done, network)
                yield self._label(place, image, network)

    def _label(self, place: int, image: LabelledImage, network: Path) -> Record:
        truth = image.label_map()
        document = Document(image.image_id, Labels.unlabelled(*truth.shape), Status.NEW)
        helper = self._helper(image) if self.arm.start == "L" else None
        start = 0.0
        if self.arm.start == "F" and network.exists():
            prediction = predicted(self._runner, self.stream.table, image, network)
            start = accuracy(truth, prediction.label_map)
            auto_segment(document, prediction)
        wanted = seen(truth, image.image_id)
        person = Person(document, wanted, self.arm.tools, helper, clumsy=self.clumsy)
        if helper is not None and helper.prediction is not None:
            start = accuracy(truth, helper.prediction.label_map)
        elif helper is not None:
            person.introduce(DABS)
        if helper is not None and helper.refits:
            person.teach(self.rule, self._rate)
        began, wrong = person.effort.total(), person.visible(self.rule)
        person.correct(self.rule)
        self._rate = wrong / (person.effort.total() - began + THINK)
        at_rule, rule_accuracy = person.effort.copy(), accuracy(truth, document.label_map)
        if least := self.least.get(image.image_id, 0.0):
            person.refine(least - NEVER_MIND)
        verify(document, VOID)
        self._done.append(pack(image.image_id, image.image_path, document.label_map, image.levels))
        return Record(
            self.arm.name,
            image.image_id,
            place,
            at_rule,
            person.effort,
            rule_accuracy,
            accuracy(truth, document.label_map),
            mean_iou(truth, document.label_map, self.stream.table),
            start,
            person.share_right,
            0.0 if helper is None else helper.cpu_seconds,
        )

    def _helper(self, image: LabelledImage) -> LiveHelper:
        """Return Live with its prediction of an image that was just opened."""
        refits = "refit" in self.arm.tools
        helper = LiveHelper(self._runner, self.stream.table, image, tuple(self._done), refits, self.every)
        helper.learn(np.full(image.shape, VOID, np.uint8))
        return helper


def train(runner: JobRunner, table: ClassTable, images: Sequence[LabelledImage], network: Path) -> None:
    """Fit the scores of the bundled trunk to labelled images, as Ctrl+T does."""
    base, config = str(bundled()[GENERAL]), TrainConfig(Level.QUICK)
    job = FineTuneJob(config, table, tuple(images), (), base, "", str(network), device="cpu")
    result_of(runner.run(job))


def predicted(runner: JobRunner, table: ClassTable, image: LabelledImage, network: Path) -> Prediction:
    """Return a trained network's prediction in the project's classes."""
    job = SegmentJob(str(network), (ImageToSegment(image.image_id, image.image_path),), device="cpu")
    (news,) = runner.run(job)
    assert isinstance(news, Predicted)
    return news.prediction.mapped(map_classes(read_info(network).table, table))


def accuracy(truth: LabelMap, label_map: LabelMap) -> float:
    """Return the share of true pixels that are right."""
    counts = truth != VOID
    return float(np.count_nonzero((label_map == truth) & counts) / max(1, int(np.count_nonzero(counts))))


def mean_iou(truth: LabelMap, label_map: LabelMap, table: ClassTable) -> float:
    """Return the mean IoU of one image."""
    matrix = ConfusionMatrix()
    matrix.add(truth, label_map)
    return matrix.figures([info.index for info in table.active]).mean_iou
