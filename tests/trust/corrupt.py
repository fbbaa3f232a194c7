"""Damage done to the files of a small project, and the look at what comes of it.

`visit` does what people do: open the project, go through its images, save the neighbours of a damaged one, let a
batch run over it. `Damaged` says afterwards whether anything worse came of the damage than it may.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.labels import Labels, Provenance, with_unknown_origin
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.sample import Status
from fcn_studio.errors import FcnStudioError, MaskError
from fcn_studio.formats.images.images import write_png
from fcn_studio.formats.project.loaded import LoadedLabels
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.voc.masks import write_mask
from fcn_studio.jobs.snapshot import collect_now

WIDTH, HEIGHT = 32, 24
TABLE = ClassTable.from_names(["background", "cell", "debris"])
VICTIM = "b.png"
ADOPTED = "d.png"

MASK = "SegmentationClass/b.png"
RECORD = ".fcn-studio/provenance/b.png"
INDEX = ".fcn-studio/index"
ADOPTED_LIST = ".fcn-studio/adopted_masks"
PROJECT_FILE = "fcn-studio.toml"


def labels_of(seed: int) -> Labels:
    """An annotation with pixels of everybody; its mask has some hundred bytes."""
    rng = np.random.default_rng(seed)
    label_map = rng.integers(0, 3, (HEIGHT, WIDTH), np.uint8)
    provenance = rng.integers(1, 3, (HEIGHT, WIDTH), np.uint8)
    label_map[:4], provenance[:4] = VOID, Provenance.NOBODY
    label_map[4:6], provenance[4:6] = VOID, Provenance.HUMAN
    return Labels(label_map, provenance)


def make(folder: Path) -> Path:
    """A project of four images: three that we wrote, one with a mask found at first opening."""
    folder.mkdir(parents=True)
    for name in "abcd":
        write_png(folder / f"{name}.png", np.full((HEIGHT, WIDTH, 3), 100, np.uint8))
    write_mask(folder / "SegmentationClass" / ADOPTED, np.ones((HEIGHT, WIDTH), np.uint8))
    with ProjectFolder.open(folder, writable=True, table=TABLE) as project:
        for seed, sample in enumerate(project.samples[:3]):
            project.annotations.save(sample, labels_of(seed), Status.IN_PROGRESS, "c0" * 32)
    return folder


@dataclass
class Visit:
    """What a person saw.

    Attributes:
        refused: the sentence with which the project did not open; "" if it did.
        found: image id -> what was opened.
        blocked: image id -> the sentence with which it did not open.
        trained_on: image id -> the trusted label map that a training would get.
        config: class table and settings, None if the project did not open.
    """

    refused: str = ""
    found: dict[str, LoadedLabels] = field(default_factory=dict)
    blocked: dict[str, str] = field(default_factory=dict)
    trained_on: set[str] = field(default_factory=set)
    config: object = None


def visit(folder: Path) -> Visit:
    """Open the project, go through its images, label the neighbours, and run a batch and a training over all."""
    seen = Visit()
    try:
        project = ProjectFolder.open(folder, writable=True)
    except FcnStudioError as error:
        seen.refused = str(error)
        return seen
    with project:
        seen.config = project.config
        for sample in project.samples:
            try:
                seen.found[sample.image_id] = project.annotations.load(sample, (WIDTH, HEIGHT))
            except MaskError as error:
                seen.blocked[sample.image_id] = str(error)
                continue
            if sample.image_id not in (VICTIM, ADOPTED):
                project.annotations.save(sample, labels_of(9), Status.IN_PROGRESS)
        seen.trained_on = {image.image_id for image in collect_now(project).train}
        for sample in project.samples:
            try:
                everything = np.full((HEIGHT, WIDTH), 2, np.uint8)
                guess = Prediction(sample.image_id, everything, np.zeros_like(everything), "c0" * 32)
                project.accept_prediction(sample, guess, allow_prelabelled=True)
            except MaskError as error:
                seen.blocked[sample.image_id] = str(error)
    return seen


class Damaged:
    """A project of which single files are damaged again and again.

    Args:
        folder: where it is made.
        damaged: the file, relative to the project.
    """

    def __init__(self, folder: Path, damaged: str) -> None:
        self._sound = make(folder / "sound")
        self.folder = folder / "damaged"
        self.damaged = self.folder / damaged
        self.sound_bytes = (self._sound / damaged).read_bytes()
        self.truth_folder = Path(shutil.copytree(self._sound, folder / "truth"))
        self.truth = visit(self.truth_folder)

    def after(self, data: bytes) -> tuple[Visit, list[str]]:
        """The visit to a fresh copy whose file has these bytes, and what is worse after it than it may be."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self._sound, self.folder)
        stat = self.damaged.stat()
        self.damaged.write_bytes(data)
        os.utime(self.damaged, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # as a failing disk does it
        seen = visit(self.folder)
        faults = [] if self.damaged.read_bytes() == data else [f"{self.damaged.name} was overwritten"]
        if not seen.refused and self._names(seen.config) != self._names(self.truth.config):
            faults.append("other classes")
        for image_id in (VICTIM, ADOPTED):
            if image_id in seen.found:
                faults += self._too_much_believed(image_id, seen.found[image_id])
                faults += [f"{image_id} is trained on"] * (
                    image_id in seen.trained_on and not self._as_it_was(image_id, seen.found[image_id])
                )
        return seen, faults

    def _as_it_was(self, image_id: str, found: LoadedLabels) -> bool:
        true = self.truth.found[image_id]
        return found.status is true.status and all(
            np.array_equal(one, other)
            for one, other in (
                (found.labels.label_map, true.labels.label_map),
                (found.labels.provenance, true.labels.provenance),
            )
        )

    def _too_much_believed(self, image_id: str, found: LoadedLabels) -> Iterator[str]:
        """An image may open as it was, or with the pixels that it had and an unknown origin; never else."""
        if self._as_it_was(image_id, found):
            return
        if not np.array_equal(found.labels.label_map, self.truth.found[image_id].labels.label_map):
            yield f"{image_id} opened with other pixels"
        if not np.array_equal(found.labels.provenance, with_unknown_origin(found.labels.label_map).provenance):
            yield f"{image_id} opened with an origin that nobody knows"
        if found.status is not Status.IN_PROGRESS:
            yield f"{image_id} opened as {found.status.words}"

    @staticmethod
    def _names(config: object) -> list[tuple[int, str, object]]:
        return [(row.index, row.name, row.colour) for row in config.table]  # type: ignore[attr-defined]


def cut(data: bytes, every: int) -> Iterator[bytes]:
    """The bytes cut off at every so many, from nothing on."""
    return (data[:end] for end in range(0, len(data), every))


def flipped(data: bytes, count: int, seed: int = 0) -> Iterator[bytes]:
    """The bytes with one bit flipped, at ``count`` places drawn from a seed."""
    rng = np.random.default_rng(seed)
    for place in rng.choice(8 * len(data), min(count, 8 * len(data)), replace=False).tolist():
        changed = bytearray(data)
        changed[place // 8] ^= 1 << place % 8
        yield bytes(changed)
