"""A division of a project's images, before anything is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

from fcn_studio.core.checks.near_duplicates import near_duplicates, signature_of
from fcn_studio.core.sample import ImageClasses, Sample, Split, Status
from fcn_studio.core.splitting.divide import divide
from fcn_studio.core.splitting.groups import GroupBy, together
from fcn_studio.errors import ImageError
from fcn_studio.formats.images.images import read_image
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.voc.masks import indices_in

_WORKED_ON = (Status.VERIFIED, Status.IN_PROGRESS)


@dataclass(frozen=True, slots=True)
class DivisionChoice:
    """How a person wants images to be divided.

    Attributes:
        val, test: shares of validation and test images, 0..1; the others are for training.
        by: what keeps images together.
        duplicates: whether near-duplicates stay together.
        keep: whether images that have a split keep it.
        verified_only: whether only verified images are divided.
    """

    val: float = 0.2
    test: float = 0.0
    by: GroupBy = GroupBy.NOTHING
    duplicates: bool = True
    keep: bool = True
    verified_only: bool = True


@dataclass(frozen=True)
class Division:
    """Splits before and after.

    Attributes:
        before: image id -> split, None if it has none yet.
        after: image id -> split.
        classes: image id -> class indices in it.
    """

    before: Mapping[str, Split | None]
    after: Mapping[str, Split]
    classes: ImageClasses

    @property
    def changes(self) -> dict[str, Split]:
        """The images whose split changes, or that had none."""
        return {image_id: split for image_id, split in self.after.items() if self.before[image_id] is not split}

    def counts(self, splits: Mapping[str, Split | None], class_index: int | None = None) -> Counter[Split | None]:
        """Return the number of images of each split, of all or of those with a class."""
        return Counter(
            split
            for image_id, split in splits.items()
            if class_index is None or class_index in self.classes.get(image_id, ())
        )


class Divider:
    """Divides the images of a project, and remembers what it has read of them.

    One thread at a time may use it.
    """

    def __init__(self, project: ProjectFolder) -> None:
        self._project = project
        self._classes: dict[str, frozenset[int]] = {}
        self._pairs: dict[tuple[str, ...], list[tuple[int, int]]] = {}

    def divide(self, choice: DivisionChoice) -> Generator[tuple[int, int], None, Division]:
        """Return a division. Yields (done, total) while images are read.

        Raises:
            ProjectError: if the file of the splits is broken.
        """
        project = self._project
        status = project.annotations.status
        samples = [s for s in project.samples if not choice.verified_only or status(s) is Status.VERIFIED]
        yield from self._read_classes(samples)
        ids = [sample.image_id for sample in samples]
        pairs = (yield from self._near_duplicates(samples)) if choice.duplicates else []
        before = {sample.image_id: project.splits.decided(sample) for sample in samples}
        fixed = {image_id: split for image_id, split in before.items() if split is not None} if choice.keep else {}
        shares = {Split.TRAIN: 1 - choice.val - choice.test, Split.VAL: choice.val, Split.TEST: choice.test}
        classes = {image_id: self._classes[image_id] for image_id in ids}
        after = divide(together(ids, choice.by, pairs), classes, fixed, shares)
        return Division(before, after, classes)

    def _read_classes(self, samples: Sequence[Sample]) -> Generator[tuple[int, int], None, None]:
        """Read which classes the masks of images have."""
        annotations, known = self._project.annotations, self._project.config.table.with_indices()
        for done, sample in enumerate(samples, start=1):
            if sample.image_id in self._classes:
                continue
            worked_on = annotations.status(sample) in _WORKED_ON
            found = indices_in(annotations.mask_path(sample)) if worked_on else None
            self._classes[sample.image_id] = frozenset(index for index in found or () if known[index]) - {255}
            yield done, len(samples)

    def _near_duplicates(self, samples: Sequence[Sample]) -> Generator[tuple[int, int], None, list[tuple[int, int]]]:
        """Return the places of all pairs of near-duplicates among images; those that cannot be read have none."""
        key = tuple(sample.image_id for sample in samples)
        if key not in self._pairs:
            places, signatures = [], []
            for place, sample in enumerate(samples):
                try:
                    picture = read_image(
                        sample.image_path,
                        max_pixels=self._project.max_pixels,
                        levels=self._project.config.grey_levels,
                    )
                    signatures.append(signature_of(picture))
                    places.append(place)
                except ImageError:
                    pass
                yield place + 1, len(samples)
            self._pairs[key] = [(places[i], places[j]) for i, j in near_duplicates(signatures)]
        return self._pairs[key]
