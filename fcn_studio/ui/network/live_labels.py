"""The human pixels that Live learns from, gathered in a thread."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from typing import TYPE_CHECKING

from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import LabelMap, Labels, trusted_label_map, values_in
from fcn_studio.core.sample import Sample, Split, Status
from fcn_studio.core.snapshot import LabelledImage, pack
from fcn_studio.errors import FcnStudioError

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.formats.project.project_folder import ProjectFolder

MOST_OTHERS = 16
"""Number of other images that are learned from: those nearest to the open one."""
LOOKED_AT = 2000
"""Number of images, on both sides of the open one together, among which they are looked for."""

WORKED_ON = (Status.VERIFIED, Status.IN_PROGRESS)


@dataclass(frozen=True)
class HumanPixels:
    """The human pixels of one image.

    Attributes:
        image: as a job takes them.
        classes: indices of the classes that they have.
    """

    image: LabelledImage
    classes: frozenset[int]


@dataclass(frozen=True)
class LiveLabels:
    """All that one fit learns from.

    Attributes:
        open: of the open image, which may have none.
        others: of other images, by image id.
    """

    open: HumanPixels
    others: Mapping[str, HumanPixels]

    @property
    def classes(self) -> frozenset[int]:
        """Indices of the classes that have human pixels."""
        return self.open.classes.union(*(other.classes for other in self.others.values()))


def gathered(
    project: ProjectFolder, row: int, labels: Labels, known: Mapping[str, HumanPixels], *, look: bool
) -> Generator[None, None, LiveLabels]:
    """Gather the human pixels of the open image and of others. Runs in a thread.

    It yields after each image that is read.

    Args:
        project: the open project.
        row: of the open image.
        labels: its annotation, frozen.
        known: what is known of other images; these are not read again.
        look: whether to look for other images; otherwise the known ones are all there are.
    """
    sample = project.samples[row]
    label_map = trusted_label_map(labels)
    image = pack(sample.image_id, str(sample.image_path), label_map, project.config.grey_levels)
    there = HumanPixels(image, _classes_in(label_map))
    yield
    others = (yield from _others(project, row, known)) if look else known
    return LiveLabels(there, others)


def _others(
    project: ProjectFolder, row: int, known: Mapping[str, HumanPixels]
) -> Generator[None, None, Mapping[str, HumanPixels]]:
    found: dict[str, HumanPixels] = {}
    for sample in islice(_nearest(project, row), LOOKED_AT):
        if len(found) == MOST_OTHERS:
            break
        with suppress(FcnStudioError, OSError):  # opening or training tells what is the matter
            if project.annotations.status(sample) in WORKED_ON and project.splits.of(sample) is not Split.TEST:
                pixels = known.get(sample.image_id) or _read(project, sample)
                if pixels is not None:
                    found[sample.image_id] = pixels
                yield
    return found


def _nearest(project: ProjectFolder, row: int) -> Iterator[Sample]:
    """Yield all samples but the one of a row, those nearest to it first."""
    samples = project.samples
    after, before = range(row + 1, len(samples)), range(row - 1, -1, -1)
    rows = chain.from_iterable(zip_longest(before, after))
    return (samples[other] for other in rows if other is not None)


def _read(project: ProjectFolder, sample: Sample) -> HumanPixels | None:
    from fcn_studio.jobs.snapshot import trusted

    image = trusted(project, sample)
    return None if image is None else HumanPixels(image, _classes_in(image.label_map()))


def _classes_in(label_map: LabelMap) -> frozenset[int]:
    return frozenset(int(value) for value in values_in(label_map)) - {VOID}
