"""Images that belong together: of one folder, of one sequence, or near-duplicates."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from enum import StrEnum

from fcn_studio.core.checks.near_duplicates import groups_of

_NUMBER = re.compile(r"[ _.-]*[0-9]+$")
"""The number of an image in its sequence, at the end of its name without suffix."""


class GroupBy(StrEnum):
    """What keeps images together."""

    NOTHING = "nothing"
    FOLDER = "folder"
    SEQUENCE = "sequence"


def together(image_ids: Sequence[str], by: GroupBy, pairs: Iterable[tuple[int, int]] = ()) -> list[list[str]]:
    """Return the images in groups of those that belong together, in the order of the first of each.

    Args:
        image_ids: ids of the images.
        by: what keeps them together.
        pairs: places of further images that belong together, such as near-duplicates.
    """
    links = list(pairs)
    first: dict[Hashable, int] = {}
    for place, image_id in enumerate(image_ids):
        key = _key(image_id, by)
        if key is not None:
            links.append((first.setdefault(key, place), place))
    groups: Mapping[int, list[str]] = defaultdict(list)
    for image_id, number in zip(image_ids, groups_of(links, len(image_ids)), strict=True):
        groups[number].append(image_id)
    return list(groups.values())


def sequence_of(image_id: str) -> str:
    """Return the name of an image's sequence: its path before the number at the end of its name."""
    stem = image_id.rpartition(".")[0] or image_id
    return _NUMBER.sub("", stem)


def _key(image_id: str, by: GroupBy) -> str | None:
    if by is GroupBy.FOLDER:
        return image_id.rpartition("/")[0]
    return sequence_of(image_id) if by is GroupBy.SEQUENCE else None
