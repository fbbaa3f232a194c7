"""Applying of recovered strokes that do not fit their image.

A journal kept them. They are applied because the user says so.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.classes import UNLABELLED, VOID, ClassTable
from fcn_studio.core.labels import Labels
from fcn_studio.core.sample import Status
from fcn_studio.errors import ProjectError
from fcn_studio.formats.journal.journal import JournalHead
from fcn_studio.formats.journal.recovery import LeftOver, strokes_of
from fcn_studio.i18n import tr, tr_noop
from fcn_studio.ui.session.session import Session


def apply_strokes(session: Session, left_over: LeftOver) -> None:
    """Open the image and write the strokes on it as one step.

    The step can be undone. The journal of the strokes is then deleted.

    Raises:
        FcnStudioError: if the image cannot be opened, or is of another size.
    """
    head = left_over.journal.head
    row = session.row_of(head.image_id)
    if row is None:
        raise ProjectError(left_over.reason)
    session.go_to(row)
    document = session.editable()
    if (document.width, document.height) != (head.width, head.height):
        raise ProjectError(
            tr(
                "{image} has {width} x {height} pixels, but the strokes were made on {old_width} x {old_height}. "
                "They cannot be applied.",
                image=head.image_id,
                width=document.width,
                height=document.height,
                old_width=head.width,
                old_height=head.height,
            )
        )
    strokes, changed = strokes_of(left_over.journal)
    now = _indices_by_name(head, np.unique(strokes.label_map[changed]).tolist(), session.table)
    label_map = np.where(changed, now[strokes.label_map], document.label_map)
    provenance = np.where(changed, strokes.provenance, document.provenance)
    with document.edit(tr_noop("Recovered strokes")) as edit:
        edit.replace(Labels(label_map, provenance), status=Status.IN_PROGRESS)
    if session.autosave.journal.holds(head.image_id):
        session.recovery.delete(left_over)


def _indices_by_name(head: JournalHead, values: list[int], table: ClassTable) -> NDArray[np.uint8]:
    """Return the class index of each of a journal's classes.

    Classes are found by name in the table. The result is uint8 (256,).

    Raises:
        ProjectError: if the table has no class of that name.
    """
    became = {index: VOID if target == UNLABELLED else target for index, target in table.replacements().items()}
    by_use = sorted(table, key=lambda info: not info.retired)  # a new class may have the name of one that is gone
    now = {info.name: became.get(info.index, info.index) for info in by_use}
    indices = np.arange(256, dtype=np.uint8)
    for value in values:
        name = head.classes.get(value)
        if value == VOID:
            continue
        if name not in now:
            raise ProjectError(
                tr(
                    "The strokes of {image} have the class '{name}', which the project no longer has. Add a class of "
                    "that name, then apply them.",
                    image=head.image_id,
                    name=name or value,
                )
            )
        indices[value] = now[name]
    return indices
