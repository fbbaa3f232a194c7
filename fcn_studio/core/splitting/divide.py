"""Division of groups of images by share, with the classes spread evenly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.sample import ImageClasses, Split, by_hash

Shares = Mapping[Split, float]
"""Split -> share of the images, 0..1; they add up to 1."""


def divide(
    groups: Sequence[Sequence[str]], classes: ImageClasses, fixed: Mapping[str, Split], shares: Shares
) -> dict[str, Split]:
    """Return the split of each image in groups, none of which is divided.

    A group with a fixed image goes where most of its fixed images are; fixed images stay where they are. The others
    are dealt one after the other, those with rare classes and large ones first, to the split that lacks most images
    of their rarest class, or most images. Equal ones go by a hash of their ids: the result depends on nothing else.

    Source: K. Sechidis et al. 2011, "On the stratification of multi-label data", iterative stratification.

    Args:
        groups: ids of the images that must stay together.
        classes: class indices in the images whose labels are known.
        fixed: image id -> split of the images that have one.
        shares: how many of all images each split is to have.
    """
    known = sorted(frozenset().union(*classes.values()))
    column = {index: place + 1 for place, index in enumerate(known)}
    counts = np.array([_counts(group, classes, column) for group in groups]).reshape(len(groups), len(known) + 1)
    splits = list(shares)
    lacking = np.array([shares[split] for split in splits])[:, None] * counts.sum(0)
    found: dict[str, Split] = {}
    pending = []
    for place, group in enumerate(groups):
        if (split := _split_of_group(group, fixed)) is None:
            pending.append(place)
        else:
            found |= {image_id: fixed.get(image_id, split) for image_id in group}
            lacking[splits.index(split)] -= counts[place]
    total = counts.sum(0)
    order = {image_id: place for place, image_id in enumerate(by_hash(groups[place][0] for place in pending))}
    for place in sorted(pending, key=lambda p: (*_rarity(counts[p], total), order[groups[p][0]])):
        present = np.flatnonzero(counts[place])
        rarest = present[np.argmin(total[present])]
        wanted = [(shares[s] > 0, *np.round(lacking[i, [rarest, 0]], 6)) for i, s in enumerate(splits)]
        chosen = wanted.index(max(wanted))
        found |= dict.fromkeys(groups[place], splits[chosen])
        lacking[chosen] -= counts[place]
    return found


def _split_of_group(group: Sequence[str], fixed: Mapping[str, Split]) -> Split | None:
    """Return the split of most fixed images of a group, None if there is none. Test comes first, then val."""
    there = [fixed[image_id] for image_id in group if image_id in fixed]
    return max(reversed(Split), key=there.count) if there else None


def _counts(group: Sequence[str], classes: ImageClasses, column: Mapping[int, int]) -> NDArray[np.float64]:
    """Return the number of images of a group, then those with each class."""
    row = np.zeros(len(column) + 1)
    row[0] = len(group)
    for image_id in group:
        for index in classes.get(image_id, ()):
            row[column[index]] += 1
    return row


def _rarity(row: NDArray[np.float64], total: NDArray[np.float64]) -> tuple[float, float]:
    """Return a sort key: how common the rarest class of a group is, and how small the group."""
    present = total[1:][row[1:] > 0]
    return (float(present.min()) if present.size else float("inf"), -float(row[0]))
