"""Samples: images of a project, with their ids, status and split."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from fcn_studio.i18n import tr, tr_noop


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
    """List of ImageSets that an image belongs to."""

    TRAIN = "train"
    VAL = "val"


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
    mask_id: str

    @property
    def image_path(self) -> Path:
        """The file."""
        return Path(self.image_file)


def image_id_of(relative: PurePosixPath | str) -> str:
    """Return the id of an image from its path below the root.

    The root is the image root. The path has slashes.
    """
    return unicodedata.normalize("NFC", str(relative))


def mask_ids(image_ids: Iterable[str]) -> dict[str, str]:
    """Map the image ids of a project to mask ids.

    The mask id is the image id without its suffix; all images whose mask ids would be equal (casefolded, as
    some file systems see them) keep their suffix instead: ``a.jpg`` and ``a.png`` give ``a.jpg`` and ``a.png``.
    That may meet the stem of a third, ``a.jpg.png``, which then keeps its suffix too.
    """
    ids = {i: i.rpartition(".")[0] or i for i in image_ids}
    while True:
        count = Counter(mask_id.casefold() for mask_id in ids.values())
        clashing = [i for i, mask_id in ids.items() if mask_id != i and count[mask_id.casefold()] > 1]
        if not clashing:
            return ids
        ids.update((i, i) for i in clashing)


def split_of(image_id: str, val_percent: int) -> Split:
    """Return the split of an image that is in no ImageSets list.

    It depends on the id alone, so it never changes.

    Source: docs/ARCHITECTURE.md, "Splits": ``int(sha256(id)[:8 hex], 16) % 100 < val_percent`` is val.
    """
    digest = hashlib.sha256(image_id.encode("utf-8", "surrogateescape")).hexdigest()
    return Split.VAL if int(digest[:8], 16) % 100 < val_percent else Split.TRAIN
