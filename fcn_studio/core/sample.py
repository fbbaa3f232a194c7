"""Samples: images of a project, with their ids, status and split."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import NewType

import numpy as np
from numpy.typing import NDArray

from fcn_studio.i18n import tr, tr_noop

MaskId = NewType("MaskId", str)
"""Path of a mask below the folder of masks, without suffix; a type of its own, because an image id is a text too."""


class Status(StrEnum):
    """Status of an image's annotation.

    The values are stored on disk. Never rename them.
    """

    NEW = "new"
    PRELABELLED = "prelabelled"
    IN_PROGRESS = "in_progress"
    VERIFIED = "verified"
    SKIPPED = "skipped"

    @property
    def words(self) -> str:
        """The status for people, translated."""
        return tr(_STATUS_NAMES[self])


_STATUS_NAMES = {
    Status.NEW: tr_noop("New"),
    Status.PRELABELLED: tr_noop("Pre-labelled"),
    Status.IN_PROGRESS: tr_noop("In progress"),
    Status.VERIFIED: tr_noop("Verified"),
    Status.SKIPPED: tr_noop("Skipped"),
}


class Split(StrEnum):
    """What an image is used for.

    The values are the names of the ImageSets lists. Test images are never trained or validated on.
    """

    TRAIN = "train"
    VAL = "val"
    TEST = "test"

    @property
    def words(self) -> str:
        """The split for people, translated."""
        return tr(_SPLIT_NAMES[self])


_SPLIT_NAMES = {
    Split.TRAIN: tr_noop("Training"),
    Split.VAL: tr_noop("Validation"),
    Split.TEST: tr_noop("Test"),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One image of a project.

    Attributes:
        image_id: NFC POSIX path relative to the image root, with suffix: the identity.
        image_file: the file, spelled as the file system has it; not a ``Path``, which takes ten times the memory.
        mask_id: path of the mask below ``SegmentationClass`` without ``.png``: the line in ImageSets lists.
    """

    image_id: str
    image_file: str
    mask_id: MaskId

    @property
    def image_path(self) -> Path:
        """The file."""
        return Path(self.image_file)


def image_id_of(relative: PurePosixPath | str) -> str:
    """Return the id of an image from its path below the root.

    The root is the image root. The path has slashes.
    """
    return unicodedata.normalize("NFC", str(relative))


def mask_ids(image_ids: Iterable[str]) -> dict[str, MaskId]:
    """Map the image ids of a project to mask ids.

    The mask id is the image id without its suffix; all images whose mask ids would be equal (casefolded, as
    some file systems see them) keep their suffix instead: ``a.jpg`` and ``a.png`` give ``a.jpg`` and ``a.png``.
    That may meet the stem of a third, ``a.jpg.png``, which then keeps its suffix too.
    """
    ids = {i: MaskId(i.rpartition(".")[0] or i) for i in image_ids}
    while True:
        count = Counter(mask_id.casefold() for mask_id in ids.values())
        clashing = [i for i, mask_id in ids.items() if mask_id != i and count[mask_id.casefold()] > 1]
        if not clashing:
            return ids
        ids.update((i, MaskId(i)) for i in clashing)


def split_of(image_id: str, val_percent: int) -> Split:
    """Return the split by an image's id, as older projects have it.

    Source: docs/ARCHITECTURE.md, "Splits": ``int(sha256(id)[:8 hex], 16) % 100 < val_percent`` is val.
    """
    digest = hashlib.sha256(image_id.encode("utf-8", "surrogateescape")).hexdigest()
    return Split.VAL if int(digest[:8], 16) % 100 < val_percent else Split.TRAIN


ImageClasses = Mapping[str, frozenset[int]]
"""Image id -> class indices in the image."""


def val_images_wanted(verified: int, val_percent: int) -> int:
    """Return how many of so many verified images are for validation.

    At 20 percent that is one in five: one of five, two of ten.
    """
    return verified * val_percent // 100


def assign(images: ImageClasses, assigned: Mapping[str, Split], val_percent: int) -> dict[str, Split]:
    """Return the split of each verified image that has none.

    As many are for validation as `val_images_wanted` says, less those that are already. They are chosen one after
    the other: never the last training image of a class if another will do, then the one whose classes lack most in
    validation. Equal ones go by a hash of the id, so the result depends on nothing else.

    Args:
        images: all verified images of the project that are in no ImageSets list.
        assigned: the split of those that have one; ids of other images do not count.
        val_percent: share of the images that is for validation, 0..100.
    """
    pending = by_hash(image_id for image_id in images if image_id not in assigned)
    before = {split: [i for i in images if assigned.get(i) is split] for split in Split}
    wanted = val_images_wanted(len(images), val_percent) - len(before[Split.VAL])
    found = dict.fromkeys(pending, Split.TRAIN)
    classes = sorted(frozenset().union(*images.values()))
    there = _presence(pending, images, classes)
    in_val = _presence(before[Split.VAL], images, classes).sum(0)
    in_train = _presence(before[Split.TRAIN], images, classes).sum(0) + there.sum(0)
    share = np.maximum((in_val + in_train) * val_percent / 100, 1e-9)
    free = np.ones(len(pending), bool)
    for _ in range(min(wanted, len(pending))):
        lost = there @ (in_train == 1)
        lacking = there @ np.clip(1 - in_val / share, 0, 1)
        lost, lacking = np.where(free, lost, np.inf), np.where(free, lacking, -1)
        chosen = int(np.lexsort((-lacking, lost))[0])
        found[pending[chosen]], free[chosen] = Split.VAL, False
        in_val, in_train = in_val + there[chosen], in_train - there[chosen]
    return found


def folds_of(images: ImageClasses, number: int) -> tuple[tuple[str, ...], ...]:
    """Return the ids in so many folds of equal size, or one more, each class in as many of them as can be.

    Images with rare classes are dealt first.
    """
    folds: list[list[str]] = [[] for _ in range(min(number, len(images)))]
    count = {index: sum(index in held for held in images.values()) for held in images.values() for index in held}

    def rarity(image_id: str) -> int:
        return min((count[index] for index in images[image_id]), default=len(images))

    for image_id in sorted(by_hash(images), key=rarity):

        def shared(fold: list[str], classes: frozenset[int] = images[image_id]) -> tuple[int, float]:
            return len(fold), sum(len(classes & images[other]) for other in fold)

        min(folds, key=shared).append(image_id)
    return tuple(tuple(fold) for fold in folds)


def by_hash(image_ids: Iterable[str]) -> list[str]:
    """Return ids in an order that is the same everywhere and says nothing of their names."""
    return sorted(image_ids, key=lambda i: hashlib.sha256(i.encode("utf-8", "surrogateescape")).digest())


def _presence(image_ids: Sequence[str], images: ImageClasses, classes: Sequence[int]) -> NDArray[np.float64]:
    """Return 1 where an image (row) has a class (column), float64 (N, C)."""
    rows = [[float(index in images[image_id]) for index in classes] for image_id in image_ids]
    return np.array(rows).reshape(len(image_ids), len(classes))
