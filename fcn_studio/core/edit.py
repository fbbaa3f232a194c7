"""Edits: writes to an annotation that become one step."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from types import TracebackType
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.classes import VOID
from fcn_studio.core.delta import TileDelta
from fcn_studio.core.geometry import EMPTY, Rect, around
from fcn_studio.core.history import AnnotationState, Step, StepDelta
from fcn_studio.core.labels import LabelMap, Labels, Provenance
from fcn_studio.core.region import Region
from fcn_studio.core.rules import PaintRules, look_up
from fcn_studio.core.sample import Status
from fcn_studio.core.tiles import TILE, Contents, Tile, collapsed_copy, tile_rect, tile_slices

_FREE_FOR_NETWORK = np.zeros(256, np.uint8)
_FREE_FOR_NETWORK[: Provenance.NETWORK + 1] = 255

_AT_ONCE = 1 << 19
"""Pixels of a larger region are written in bands, so that what one needs stays in the processor's cache."""

_TILES_A_SHARE = 256
"""Tiles compared between two turns of `Edit.committing`: some 5 ms."""


class Edit:
    """A group of writes to one document.

    Get it from `Document.edit`. Use it as a context manager or by hand.

    Writes are seen at once (`Document.changed`). `commit` makes them one step of the history, `cancel` puts every
    byte back. Leaving a ``with`` block commits, an exception in it cancels.

    Args:
        title: of the step, for the Edit menu.
        labels: the document's writable arrays.
        rules: where human writes are allowed.
        state: the document's status and origin as the edit begins.
        changed: called with the rectangles of every write, and of what `cancel` puts back.
        closed: called once, with the step or with None if there is none.
        keeps_parts: whether a part of it is worth keeping. Half a stroke is, half a fill is not.

    Attributes:
        title: of the step.
        before: status and origin as the edit began.
        keeps_parts: as given.
    """

    def __init__(
        self,
        title: str,
        labels: Labels,
        rules: PaintRules,
        state: AnnotationState,
        changed: Callable[[*tuple[Rect, ...]], object],
        closed: Callable[[Step | None], object],
        *,
        keeps_parts: bool = False,
    ) -> None:
        self.title = title
        self.keeps_parts = keeps_parts
        self._labels = labels
        height, width = labels.shape
        self._bounds = Rect(0, 0, width, height)
        self._rules = rules
        self.before = state
        self._status: Status | None = None
        self._prelabelled_by = state.prelabelled_by
        self._changed = changed
        self._closed = closed
        self._open = True
        self._human = False
        self._tiles: dict[Tile, tuple[LabelMap | int, LabelMap | int]] = {}
        self._filled: dict[Tile, tuple[int, int]] = {}  # what those hold that the newest write covered wholly
        self._deltas: dict[Tile, TileDelta] = {}
        self._constants: dict[int, NDArray[np.uint8]] = {}
        self._made = False

    @property
    def is_open(self) -> bool:
        """Whether it was neither committed nor cancelled yet."""
        return self._open

    def write(self, region: Region, value: int, provenance: Provenance = Provenance.HUMAN) -> Rect:
        """Label the pixels of a region where the document's rules allow it.

        Args:
            region: which pixels.
            value: class index, or 255 for void.
            provenance: who says so. What the network says never lands on human or unknown pixels.

        Returns:
            The rectangle that may have changed, empty if no pixel was allowed.
        """
        return self.write_all((region,), value, provenance)

    def write_all(self, regions: Iterable[Region], value: int, provenance: Provenance = Provenance.HUMAN) -> Rect:
        """Write several regions as `write` does, and report them at once."""
        return self._put(regions, value, provenance, self._rules)

    def writing(self, region: Region, value: int, provenance: Provenance = Provenance.HUMAN) -> Iterator[None]:
        """Write a large region in bands, as `write` does.

        The caller can do other work between two bands.
        """
        self._check(region)
        for band in region.rect.bands(TILE):
            self._require_open()
            changed = self._put_band(band, region.part(band), value, provenance, self._rules)
            if changed:
                self._human |= provenance != Provenance.NETWORK
                self._changed(changed)
            yield

    def erase(self, region: Region) -> Rect:
        """Make the pixels of a region unlabelled.

        It obeys the rules too, but for "only unlabelled".
        """
        return self.erase_all((region,))

    def erase_all(self, regions: Iterable[Region]) -> Rect:
        """Erase several regions and report them at once."""
        return self._put(regions, VOID, Provenance.NOBODY, self._rules.for_erasing())

    def replace(
        self,
        labels: Labels,
        *,
        status: Status | None = None,
        respect_rules: bool = False,
    ) -> Rect:
        """Replace the document's arrays, as `rewrite` does.

        Raises:
            ValueError: if the arrays are of another size.
        """
        if labels.shape != self._labels.shape:
            raise ValueError(f"new labels are {labels.shape}, the document is {self._labels.shape}")
        return self.rewrite(lambda rect, _: labels.part(rect), status=status, respect_rules=respect_rules)

    def rewrite(
        self,
        make: Callable[[Rect, Labels], Labels],
        *,
        status: Status | None = None,
        respect_rules: bool = False,
    ) -> Rect:
        """Make the annotation anew, tile by tile.

        Only tiles that differ are written.

        Args:
            make: what a rectangle is to hold, given what it holds.
            status: the new status, None to leave it.
            respect_rules: keep the pixels of hidden and locked classes, and those outside the selection, as they are.

        Returns:
            The rectangle of the changed tiles.
        """
        self._require_open()
        rules = self._rules.unprotected() if respect_rules else PaintRules()
        changed = EMPTY
        for tile, rect in self._grid():
            changed = changed.union(self._replace_tile(tile, rect, make, rules))
        self._status = status or self._status
        if changed:
            self._changed(changed)
        return changed

    def set_status(self, status: Status) -> None:
        """Set the status after the step.

        It goes before the status that follows from the writes.
        """
        self._require_open()
        self._status = status

    def set_origin(self, checkpoint: str) -> None:
        """Set the sha256 of the checkpoint that pre-labels the image."""
        self._require_open()
        self._prelabelled_by = checkpoint

    @property
    def after(self) -> AnnotationState:
        """Status and origin, were it committed now."""
        return self._state_after(self._tiles)

    def touched(self, tiles: Iterable[Tile]) -> Contents:
        """Return what those of some tiles that it has touched held before.

        Not once `committing` has begun.
        """
        return {tile: self._tiles[tile] for tile in tiles if tile in self._tiles}

    def commit(self) -> bool:
        """Make one step of all writes.

        Returns False, and makes no step, if neither a byte nor the status has changed.
        """
        for _ in self.committing():
            pass
        return self._made

    def committing(self) -> Iterator[None]:
        """Commit in shares of some milliseconds.

        Once it has begun the edit may be cancelled, but not written to.
        """
        self._require_open()
        while self._compare(_TILES_A_SHARE):
            yield
        self._open = False
        deltas, self._deltas = self._deltas, {}
        after = self._state_after(deltas)
        step = Step(self.title, StepDelta(deltas), self.before, after) if deltas or after != self.before else None
        self._made = step is not None
        self._closed(step)

    def cancel(self) -> None:
        """Restore every byte."""
        self._require_open()
        self._open = False
        self._compare(len(self._tiles))
        deltas, self._deltas = self._deltas, {}
        self._changed(*StepDelta(deltas).apply(self._labels))
        self._closed(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._open:
            return
        if kind is None:
            self.commit()
        else:
            self.cancel()

    def _put(self, regions: Iterable[Region], value: int, provenance: Provenance, rules: PaintRules) -> Rect:
        self._require_open()
        changed: list[Rect] = []
        try:
            for region in regions:
                self._check(region)
                bands = (region.rect,) if region.rect.area < _AT_ONCE else region.rect.bands(TILE)
                for band in bands:
                    rect = self._put_band(band, region.part(band), value, provenance, rules)
                    if rect:
                        changed.append(rect)
        finally:  # what was written is told, whatever became of the rest
            if changed:
                self._human |= provenance != Provenance.NETWORK
                self._changed(*changed)
        return around(changed)

    def _check(self, region: Region) -> None:
        self._require_open()
        if not region.rect or region.rect.intersect(self._bounds) != region.rect:
            raise ValueError(f"region {region.rect} is not in the document {self._bounds}")

    def _put_band(
        self, rect: Rect, stencil: NDArray[np.uint8], value: int, provenance: Provenance, rules: PaintRules
    ) -> Rect:
        where = rect.slices
        label_part, provenance_part = self._labels.label_map[where], self._labels.provenance[where]
        allowed = rules.paintable(rect, label_part, provenance_part)
        if allowed is not None:
            stencil = np.asarray(cv2.min(stencil, allowed), np.uint8)  # nonzero where both are
        if provenance == Provenance.NETWORK:
            free = look_up(provenance_part, _FREE_FOR_NETWORK)
            stencil = np.asarray(cv2.min(stencil, free), np.uint8)
        if not cv2.hasNonZero(stencil):
            return EMPTY
        values = value, int(provenance)
        contents = [self._constant(content, stencil) for content in values]  # memory first: both are written or none
        self._remember(rect, stencil, values)
        cv2.copyTo(contents[0], stencil, label_part)
        cv2.copyTo(contents[1], stencil, provenance_part)
        return rect

    def _replace_tile(
        self, tile: Tile, rect: Rect, make: Callable[[Rect, Labels], Labels], rules: PaintRules
    ) -> Rect:
        part = self._labels.part(rect)
        made = make(rect, part)
        old: tuple[LabelMap, ...] = part.label_map, part.provenance
        new: tuple[LabelMap, ...] = made.label_map, made.provenance
        allowed = rules.paintable(rect, old[0], old[1])
        if allowed is not None:
            new = tuple(np.where(allowed, n, o) for n, o in zip(new, old, strict=True))
        if all(np.array_equal(n, o) for n, o in zip(new, old, strict=True)):
            return EMPTY
        self._keep(tile)
        for target, content in zip(old, new, strict=True):
            target[:] = content
        return rect

    def _remember(self, rect: Rect, stencil: NDArray[np.uint8], values: tuple[int, int]) -> None:
        """Copy each tile that the stencil touches for the first time."""
        for tile in rect.tiles(TILE):
            if tile in self._tiles:
                self._filled.pop(tile, None)
                continue
            top, left = tile[0] * TILE - rect.y0, tile[1] * TILE - rect.x0
            touched = stencil[max(top, 0) : top + TILE, max(left, 0) : left + TILE]
            if cv2.hasNonZero(touched):
                self._keep(tile)
                if touched.size == TILE * TILE == cv2.countNonZero(touched):
                    self._filled[tile] = values

    def _keep(self, tile: Tile) -> None:
        self._filled.pop(tile, None)
        if tile not in self._tiles:
            where = tile_slices(tile)
            label_map, provenance = self._labels.label_map[where], self._labels.provenance[where]
            self._tiles[tile] = collapsed_copy(label_map), collapsed_copy(provenance)

    def _compare(self, most: int) -> bool:
        """Make the deltas of up to ``most`` tiles and drop their copies.

        Returns whether more are left.
        """
        for _ in range(min(most, len(self._tiles))):
            tile, then = self._tiles.popitem()
            rect = tile_rect(tile, self._bounds.x1, self._bounds.y1)
            filled = self._filled.pop(tile, None)
            now = filled or (self._labels.label_map[rect.slices], self._labels.provenance[rect.slices])
            delta = TileDelta.between(rect, now, then)
            if delta is not None:
                self._deltas[tile] = delta
        return bool(self._tiles)

    def _state_after(self, tiles: Collection[Tile]) -> AnnotationState:
        return AnnotationState(self._status or self._status_after(tiles), self._prelabelled_by)

    def _status_after(self, tiles: Collection[Tile]) -> Status:
        """Return the status that follows from the writes.

        A human write makes an image In progress.

        A verified one stays verified as long as every pixel is labelled.
        """
        if not (self._human and tiles):
            return self.before.status
        was_verified = self.before.status == Status.VERIFIED
        if was_verified and all(self._labels.provenance[tile_slices(tile)].all() for tile in tiles):
            return Status.VERIFIED
        return Status.IN_PROGRESS

    def _constant(self, value: int, like: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return an array of one value for OpenCV's masked copy.

        It is reused, because a new array for each event costs page faults.
        """
        kept, size = self._constants.get(value), like.size
        if kept is None or kept.size < size:
            room = size if kept is None else max(size, 2 * kept.size)
            kept = self._constants[value] = np.full(room, value, np.uint8)
        return kept[:size].reshape(like.shape)

    def _grid(self) -> Iterator[tuple[Tile, Rect]]:
        for tile in self._bounds.tiles(TILE):
            yield tile, tile_rect(tile, self._bounds.x1, self._bounds.y1)

    def _require_open(self) -> None:
        if not self._open:
            raise RuntimeError(f"the edit '{self.title}' is already closed")
