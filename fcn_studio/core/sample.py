"""A sample: one image of a project, its id, its status, its split."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath


class Status(StrEnum):
    """How far an image's annotation is. The values are stored on disk: never rename them."""

    NEW = "new"
    PRELABELLED = "prelabelled"
    IN_PROGRESS = "in_progress"
    VERIFIED = "verified"
    SKIPPED = "skipped"

    @property
    def words(self) -> str:
        """The status in words for people."""
        return {"prelabelled": "Pre-labelled", "in_progress": "In progress"}.get(self.value, self.value.capitalize())


class Split(StrEnum):
    """Which list of ImageSets an image belongs to."""

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
    """The id of an image from its path relative to the image root, with slashes."""
    return unicodedata.normalize("NFC", str(relative))


def mask_ids(image_ids: Iterable[str]) -> dict[str, str]:
    """Image id -> mask id for all images of a project.

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
    """Split of an image that is in no ImageSets list: decided by its id alone, so it never moves.

    Source: docs/ARCHITECTURE.md, "Splits": ``int(sha256(id)[:8 hex], 16) % 100 < val_percent`` is val.
    """
    digest = hashlib.sha256(image_id.encode("utf-8", "surrogateescape")).hexdigest()
    return Split.VAL if int(digest[:8], 16) % 100 < val_percent else Split.TRAIN
