"""Documents: annotations of open images, changed only through an `Edit`."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.classes import VOID
from fcn_studio.core.edit import Edit
from fcn_studio.core.event import Event
from fcn_studio.core.geometry import Rect
from fcn_studio.core.history import AnnotationState, History, Motion, Step
from fcn_studio.core.labels import LabelMap, Labels, verified
from fcn_studio.core.prediction import Prediction, prelabelled
from fcn_studio.core.region import Region
from fcn_studio.core.rules import PaintRules
from fcn_studio.core.sample import Status
from fcn_studio.core.tiles import TILE
from fcn_studio.errors import FcnStudioError
from fcn_studio.i18n import tr, tr_noop

__all__ = ["Document", "PaintRules", "auto_segment", "refuse_finished", "skip", "unskip", "verify"]

ACCEPT_REGION, ACCEPT_CLASS, ACCEPT_IMAGE = tr_noop("Accept region"), tr_noop("Accept class"), tr_noop("Accept")
"""Titles of the steps that accept a prediction: of a region, of a class, of the whole image."""

BY_NETWORK = frozenset({tr_noop("Auto-segment"), ACCEPT_REGION, ACCEPT_CLASS, ACCEPT_IMAGE})
"""Titles of the steps that write what a network says; no human pixel differs after them."""


class Document:
    """The annotation of an open image: label map, provenance, status, history.

    All of it belongs to one thread. Other threads get `labels_snapshot`.

    Args:
        image_id: identity of the image in its project.
        labels: the annotation, of the size that the image is shown at; copied, unless they are ``given``.
        status: how far the annotation is.
        prelabelled_by: sha256 of the checkpoint that pre-labelled it, or "".
        history: to share or to limit; a fresh one by default.
        given: nobody else has these labels: they become the document's own, half a GB saved of a large image.

    Attributes:
        label_map: uint8 (H, W), read-only; the same memory for the life of the document.
        provenance: uint8 (H, W), likewise.
        rules: where human edits may write; an open edit keeps those it began with.
        changed: emitted with the rectangles that a live write, cancel, undo or redo has changed.
        stepped: emitted when a step was made, undone or redone, with what happened and the step; before `committed`.
        committed: emitted after a step was made, undone or redone.
        dropped: emitted when an edit has ended without a step.
        saved_revision: the revision last known to be on disk.
    """

    def __init__(
        self,
        image_id: str,
        labels: Labels,
        status: Status,
        *,
        prelabelled_by: str = "",
        history: History | None = None,
        given: bool = False,
    ) -> None:
        self.image_id = image_id
        self._labels = labels if given else labels.copy()
        self.label_map = _read_only(self._labels.label_map)
        self.provenance = _read_only(self._labels.provenance)
        self._state = AnnotationState(status, prelabelled_by)
        self.history = history or History()
        self.rules = PaintRules()
        self.changed: Event[*tuple[Rect, ...]] = Event()
        self.stepped: Event[Motion, Step] = Event()
        self.committed: Event[()] = Event()
        self.dropped: Event[()] = Event()
        self.saved_revision = 0
        self._revision = 0
        self._edit: Edit | None = None
        self._band_shares: dict[int, NDArray[np.int64]] = {}

    @property
    def width(self) -> int:
        """Number of columns."""
        return self._labels.shape[1]

    @property
    def height(self) -> int:
        """Number of rows."""
        return self._labels.shape[0]

    @property
    def status(self) -> Status:
        """How far the annotation is."""
        return self._state.status

    @property
    def prelabelled_by(self) -> str:
        """sha256 of the checkpoint that pre-labelled it, or ""."""
        return self._state.prelabelled_by

    @property
    def revision(self) -> int:
        """Number that grows with every step made, undone or redone."""
        return self._revision

    @property
    def dirty(self) -> bool:
        """Whether it differs from what was saved last."""
        return self._revision != self.saved_revision

    @property
    def editing(self) -> bool:
        """Whether an edit is open."""
        return self._edit is not None

    @property
    def stroke(self) -> Edit | None:
        """The open edit, if parts of it are worth keeping."""
        edit = self._edit
        return edit if edit is not None and edit.is_open and edit.keeps_parts else None

    def mark_saved(self, revision: int) -> None:
        """Note that this revision is on disk."""
        self.saved_revision = revision

    def edit(self, title: str, *, keeps_parts: bool = False) -> Edit:
        """Begin the one edit that may be open.

        Args:
            title: of the step.
            keeps_parts: whether a part of it is worth keeping if the program dies before its end.

        Raises:
            RuntimeError: if another one is open.
        """
        self.settle()
        self._edit = Edit(
            title,
            self._labels,
            self.rules,
            self._state,
            self._on_changed,
            self._on_closed,
            keeps_parts=keeps_parts,
        )
        return self._edit

    def settle(self) -> None:
        """Assert that no edit is open.

        The tool that opened an edit must have closed it.

        Raises:
            RuntimeError: if an edit is open.
        """
        if self._edit is not None:
            raise RuntimeError(f"the edit '{self._edit.title}' of {self.image_id} is still open")

    def undo(self) -> str | None:
        """Undo the newest step and return its title, if any.

        Raises:
            RuntimeError: if an edit is open.
        """
        self.settle()
        moved = self.history.undo(self._labels)
        return None if moved is None else self._moved(Motion.UNDO, *moved, moved[0].before)

    def redo(self) -> str | None:
        """Redo the step undone last and return its title, if any.

        Raises:
            RuntimeError: if an edit is open.
        """
        self.settle()
        moved = self.history.redo(self._labels)
        return None if moved is None else self._moved(Motion.REDO, *moved, moved[0].after)

    def labels_snapshot(self) -> Labels:
        """Return a frozen copy of both arrays, for another thread.

        Raises:
            RuntimeError: if an edit is open; half a stroke belongs on no disk.
        """
        self.settle()
        return self._labels.frozen()

    def class_shares(self) -> NDArray[np.int64]:
        """Count the labelled pixels of each value: int64 of shape (256,).

        Index 255 counts painted void, not unlabelled pixels.
        """
        total = np.zeros(256, np.int64)
        for band in range(-(-self.height // TILE)):
            if band not in self._band_shares:
                self._band_shares[band] = self._count(band)
            total += self._band_shares[band]
        return total

    def _count(self, band: int) -> NDArray[np.int64]:
        rows = slice(band * TILE, (band + 1) * TILE)
        # Float counts are exact to 2**24; a band of 256 rows stays below that up to 65,536 columns.
        counts = cv2.calcHist([self.label_map[rows]], [0], None, [256], [0, 256]).ravel().astype(np.int64)
        provenance = self.provenance[rows]
        counts[VOID] -= provenance.size - cv2.countNonZero(provenance)
        return counts

    def _on_changed(self, *rects: Rect) -> None:
        for rect in rects:
            for band in range(rect.y0 // TILE, -(-rect.y1 // TILE)):
                self._band_shares.pop(band, None)
        if rects:
            self.changed.emit(*rects)

    def _on_closed(self, step: Step | None) -> None:
        self._edit = None
        if step is not None:
            self.history.push(step)
            self._advance(Motion.DO, step, step.after)
        else:
            self.dropped.emit()

    def _moved(self, motion: Motion, step: Step, changed: Sequence[Rect], state: AnnotationState) -> str:
        self._on_changed(*changed)
        self._advance(motion, step, state)
        return step.title

    def _advance(self, motion: Motion, step: Step, state: AnnotationState) -> None:
        self._state = state
        self._revision += 1
        self.stepped.emit(motion, step)
        self.committed.emit()


def refuse_finished(document: Document) -> None:
    """Refuse a network's labels on a Verified or Skipped image.

    Raises:
        FcnStudioError: if the image is Verified or Skipped.
    """
    if document.status in (Status.VERIFIED, Status.SKIPPED):
        raise FcnStudioError(
            tr(
                "{image} is Verified, so Auto-segment leaves it alone; paint on it to change it",
                image=document.image_id,
            )
            if document.status == Status.VERIFIED
            else tr(
                "{image} is Skipped, so Auto-segment leaves it alone; take it back from Skipped first",
                image=document.image_id,
            )
        )


def auto_segment(
    document: Document,
    prediction: Prediction,
    *,
    title: str = tr_noop("Auto-segment"),
    only_class: int | None = None,
    region: Region | None = None,
) -> bool:
    """Label what no human has labelled from a prediction, as one step.

    Pixels of humans and of unknown origin are kept byte for byte, and so are those of hidden and locked classes, and
    those outside the selection.

    Args:
        document: the image, New, Pre-labelled or In progress.
        prediction: of this image, in the project's class indices (`Prediction.mapped`).
        title: of the step; `BY_NETWORK` has those that there are.
        only_class: write only where the prediction says this class.
        region: write only in this region.

    Returns:
        Whether anything changed.

    Raises:
        FcnStudioError: if the image is Verified or Skipped.
        ValueError: if the prediction is of another image or size.
    """
    if prediction.image_id != document.image_id:
        raise ValueError(f"prediction of {prediction.image_id} for {document.image_id}")
    refuse_finished(document)
    if prediction.label_map.shape != document.label_map.shape:
        raise ValueError(f"prediction is {prediction.label_map.shape}, annotation {document.label_map.shape}")

    def made(rect: Rect, old: Labels) -> Labels:
        if region is not None and not region.rect.intersect(rect):
            return old
        new = prelabelled(old, prediction.part(rect))
        if only_class is None and region is None:
            return new
        chosen = np.ones(old.shape, np.bool_) if region is None else region.within(rect) != 0
        if only_class is not None:
            chosen &= prediction.label_map[rect.slices] == only_class
        return Labels(
            np.where(chosen, new.label_map, old.label_map), np.where(chosen, new.provenance, old.provenance)
        )

    with document.edit(title) as edit:
        if not edit.rewrite(made, respect_rules=True):
            return False
        edit.set_origin(prediction.checkpoint)
        if document.status == Status.NEW:
            edit.set_status(Status.PRELABELLED)
    return True


def verify(document: Document, unlabelled_index: int) -> None:
    """Confirm every pixel and set the status, as one step.

    Args:
        document: the image.
        unlabelled_index: what unlabelled pixels become: a class index, or 255 for void.
    """
    with document.edit(tr_noop("Verify")) as edit:
        edit.rewrite(lambda _, old: verified(old, unlabelled_index), status=Status.VERIFIED)


def skip(document: Document) -> None:
    """Set the status to Skipped, as one step."""
    with document.edit(tr_noop("Skip")) as edit:
        edit.set_status(Status.SKIPPED)


def unskip(document: Document) -> None:
    """Give a skipped image back the status it had, as one step.

    Other images stay as they are.

    Where it was skipped in an earlier run of the program, its status follows from its pixels.
    """
    if document.status != Status.SKIPPED:
        return
    last = document.history.next_undone
    skipped_last = last is not None and last.before.status != Status.SKIPPED
    with document.edit(tr_noop("Take back from Skipped")) as edit:
        edit.set_status(last.before.status if last is not None and skipped_last else _status_of(document))


def _status_of(document: Document) -> Status:
    """Return the status that follows from the pixels alone."""
    highest = int(document.provenance.max(initial=0))
    return (Status.NEW, Status.PRELABELLED)[highest] if highest < 2 else Status.IN_PROGRESS


def _read_only(array: NDArray[np.uint8]) -> LabelMap:
    view = array.view()
    view.flags.writeable = False
    return view
