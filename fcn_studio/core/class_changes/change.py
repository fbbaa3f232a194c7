"""Merging and deleting of classes: what becomes of pixels, statuses and the class table.

The index of a merged or deleted class stays its own: the class is retired and says what its pixels became
(`ClassInfo.replaced_by`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.classes import UNLABELLED, VOID, ClassTable
from fcn_studio.core.labels import Labels, Provenance
from fcn_studio.core.project import ProjectConfig
from fcn_studio.core.sample import Status
from fcn_studio.errors import ProjectError
from fcn_studio.i18n import tr


@dataclass(frozen=True)
class ClassChange:
    """Classes that are merged or deleted together.

    Attributes:
        targets: index of a class that goes -> what its pixels become: the index of a class that stays, 255 for void,
            or `UNLABELLED`.
    """

    targets: Mapping[int, int]

    def refuse_impossible(self, config: ProjectConfig) -> None:
        """Check the change against the classes of a project.

        Raises:
            ProjectError: if a class does not exist, is replaced by one that is not offered, or is the one that
                Verify gives to unlabelled pixels.
        """
        offered = {info.index for info in config.table.active} - self.targets.keys()
        for index, target in self.targets.items():
            refuse_removal(index, config)
            if target not in offered | {VOID, UNLABELLED}:
                raise ProjectError(
                    tr(
                        "The pixels of '{name}' cannot become '{target}': it is retired, or goes too.",
                        name=config.table.name_of(index),
                        target=config.table.name_of(target),
                    )
                )

    def table(self, table: ClassTable) -> ClassTable:
        """Return the class table after the change."""
        for index, target in self.targets.items():
            info = table.get(index)
            if info is not None:
                table = table.with_class(replace(info, retired=True, replaced_by=target))
        return table

    def labels(self, labels: Labels) -> Labels | None:
        """Return the labels after the change, None if they do not change."""
        return replaced(labels, self.targets)

    def labels_before(self, now: Labels, before: Labels) -> Labels:
        """Return labels with the change taken back.

        Pixels that still are what the change made of them are again as they were. All others stay as they are.

        Args:
            now: the labels today.
            before: the labels before the change.
        """
        after = replaced(before, self.targets)
        if after is None:
            return now
        untouched = (now.label_map == after.label_map) & (now.provenance == after.provenance)
        return Labels(
            np.where(untouched, before.label_map, now.label_map),
            np.where(untouched, before.provenance, now.provenance),
        )


def refuse_removal(index: int, config: ProjectConfig) -> None:
    """Check that a class may be retired, merged or deleted.

    Raises:
        ProjectError: if there is no such class, or Verify gives it to unlabelled pixels.
    """
    info = config.table.get(index)
    if info is None:
        raise ProjectError(tr("there is no class with index {index}", index=index))
    if index == config.unlabelled_index:
        raise ProjectError(
            tr(
                "'{name}' is what Verify makes of unlabelled pixels. To remove it, write unlabelled = \"void\" into "
                "fcn-studio.toml first.",
                name=info.name,
            )
        )


def replaced(labels: Labels, targets: Mapping[int, int]) -> Labels | None:
    """Return labels with classes replaced, None if none of them occurs.

    Pixels keep who labelled them. Void is a person's statement, and unlabelled pixels are nobody's.
    """
    goes = _lookup(dict.fromkeys(targets, 255), 0)
    hit = np.asarray(cv2.LUT(labels.label_map, goes), np.uint8)
    if not cv2.hasNonZero(hit):
        return None
    indices = np.arange(256, dtype=np.uint8)
    owners = {VOID: Provenance.HUMAN, UNLABELLED: Provenance.NOBODY}
    provenance = labels.provenance.copy()
    for target, owner in owners.items():
        gone = _lookup({index: 255 for index, to in targets.items() if to == target}, 0)
        provenance[np.asarray(cv2.LUT(labels.label_map, gone)) != 0] = owner
    for index, target in targets.items():
        indices[index] = VOID if target == UNLABELLED else target
    return Labels(np.asarray(cv2.LUT(labels.label_map, indices), np.uint8), provenance)


def status_of(labels: Labels, before: Status) -> Status:
    """Return the status of an image whose labels a change of classes has replaced."""
    labelled = labels.provenance != Provenance.NOBODY
    if before is Status.VERIFIED and not labelled.all():
        return Status.IN_PROGRESS
    if before is Status.PRELABELLED and not labelled.any():
        return Status.NEW
    if before is Status.PRELABELLED and (labels.provenance > Provenance.NETWORK).any():
        return Status.IN_PROGRESS
    return before


def _lookup(values: Mapping[int, int], otherwise: int) -> NDArray[np.uint8]:
    """Return a table for OpenCV: uint8 (256,)."""
    table = np.full(256, otherwise, np.uint8)
    for index, value in values.items():
        table[index] = value
    return table
