"""Entries of the stroke journal, and their replay on an annotation.

An entry holds what its tiles held after it; of a tile that the journal has not met before, also what it held first.
So a journal needs, of the annotation it began with, only the tiles that nobody has touched, and these are on disk
whatever has been saved since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from fcn_studio.core.edit import Edit
from fcn_studio.core.history import AnnotationState, History, Motion, Step, StepDelta, new_serial
from fcn_studio.core.labels import Labels, Mask
from fcn_studio.core.tiles import Contents, Packed, Tile, collapsed_copy, pack, tile_rect, unpacked


@dataclass(frozen=True)
class Entry:
    """One step made, undone or redone.

    Attributes:
        motion: which of the three.
        serial: of the step.
        title: of the step.
        before: status and origin before the step; it is that of an undone step, too.
        after: status and origin after the step was made.
        first: contents before this entry of the tiles that the journal meets here for the first time.
        now: contents of the step's tiles after this entry.
    """

    motion: Motion
    serial: int
    title: str
    before: AnnotationState
    after: AnnotationState
    first: Contents = field(repr=False)
    now: Contents = field(repr=False)

    @property
    def state(self) -> AnnotationState:
        """Status and origin after this entry."""
        return self.before if self.motion is Motion.UNDO else self.after

    def packed(self) -> Entry:
        """The same with compressed contents."""
        return Entry(
            self.motion, self.serial, self.title, self.before, self.after, _packed(self.first), _packed(self.now)
        )


def joined(part: Entry | None, more: Entry) -> Entry:
    """Return the entry of a stroke up to its newest part.

    The earlier parts are given.

    Args:
        part: all parts of the stroke before, joined; None if there is none.
        more: its newest part.
    """
    if part is None:
        return more
    return replace(more, first={**more.first, **part.first}, now={**part.now, **more.now})


class Recorder:
    """Maker of journal entries from the steps of one document.

    It remembers which tiles the journal has met.
    """

    def __init__(self, met: Sequence[Entry] = ()) -> None:
        """Begin a journal, or go on with one that has these entries."""
        self._met = {tile for entry in met for tile in entry.first}
        self._serial = 0  # of the stroke that lasts, once there is a part of it
        self._met_in_parts: set[Tile] = set()

    def entry(self, motion: Motion, step: Step, labels: Labels) -> Entry:
        """Make the entry of a step just made, undone or redone.

        ``labels`` holds what is now. Contents are copies, not yet compressed, so that this is quick and another
        thread can do the rest.
        """
        self.drop_parts()
        now = _copied(labels, step.delta.tiles)
        first = step.delta.other(labels, step.delta.tiles - self._met)
        self._met |= step.delta.tiles
        return Entry(motion, step.serial, step.title, step.before, step.after, first, now)

    def part(self, stroke: Edit, tiles: Iterable[Tile], labels: Labels) -> Entry:
        """Make an entry of some tiles of a stroke that lasts.

        The stroke is the `joined` parts, until the entry of its step supersedes them or it is cancelled.

        Args:
            stroke: the open edit.
            tiles: those that may have changed since its last part.
            labels: what is now.
        """
        before = stroke.touched(tiles)
        self._serial = self._serial or new_serial()
        first = {tile: before[tile] for tile in before.keys() - self._met - self._met_in_parts}
        self._met_in_parts |= first.keys()
        now = _copied(labels, before)
        return Entry(Motion.DO, self._serial, stroke.title, stroke.before, stroke.after, first, now)

    def drop_parts(self) -> bool:
        """Forget the parts of the stroke that has ended.

        Returns whether there were any.
        """
        there = self._serial != 0
        self._serial = 0
        self._met_in_parts.clear()
        return there


@dataclass(frozen=True)
class Replayed:
    """Result of the replay of a journal.

    Attributes:
        labels: the annotation after the last entry.
        state: its status and origin.
        history: the steps, to undo and redo.
    """

    labels: Labels
    state: AnnotationState
    history: History


def replay(entries: Sequence[Entry], labels: Labels, state: AnnotationState, budget_bytes: int) -> Replayed:
    """Replay the entries of a journal.

    Args:
        entries: of one journal, in order.
        labels: the annotation as it is on disk now; changed in place. Tiles that the journal has met need not be as
            they were when it began.
        state: status and origin when the journal began.
        budget_bytes: for the history, when all is done.

    Raises:
        ValueError: if the entries do not fit the annotation's size.
    """
    for entry in entries:
        _delta(entry.first, labels).apply(labels)
    history = History(1 << 62)  # a step that is undone later must not be forgotten before
    for entry in entries:
        delta, state = _delta(entry.now, labels), entry.state
        if entry.motion is Motion.UNDO:
            if _serial(history.next_undone) == entry.serial:
                history.undo(labels)
            else:  # a step from before the journal began: what is undone here are such steps only, in order
                delta.apply(labels)
                history.push_undone(Step(entry.title, delta, entry.before, entry.after, entry.serial))
        elif entry.motion is Motion.REDO and _serial(history.next_redone) == entry.serial:
            history.redo(labels)
        else:
            delta.apply(labels)
            history.push(Step(entry.title, delta, entry.before, entry.after, entry.serial))
    history.limit(budget_bytes)
    return Replayed(labels, state, history)


def changed_pixels(entries: Sequence[Entry], height: int, width: int) -> tuple[Labels, Mask]:
    """Return the labels after the entries, and where they differ from before.

    Args:
        entries: of one journal, in order.
        height: of the annotation, pixels.
        width: likewise.

    Returns:
        Labels (H, W), meaningful where the mask, bool (H, W), is true.

    Raises:
        ValueError: if the entries do not fit the size.
    """
    before = Labels.unlabelled(height, width)
    for entry in entries:
        _delta(entry.first, before).apply(before)
    after = replay(entries, before.copy(), entries[0].before, 0).labels if entries else before
    return after, (before.label_map != after.label_map) | (before.provenance != after.provenance)


def values_in(entries: Sequence[Entry]) -> frozenset[int]:
    """Return all values in the entries' label maps, before and after steps.

    They are class indices, and perhaps 255.
    """
    values: set[int] = set()
    for entry in entries:
        for contents in (entry.first, entry.now):
            for part, _ in contents.values():
                values.update((part,) if isinstance(part, int) else np.unique(unpacked(part)).tolist())
    return frozenset(values)


def _copied(labels: Labels, tiles: Iterable[Tile]) -> Contents:
    height, width = labels.shape
    copies: dict[Tile, tuple[Packed, Packed]] = {}
    for tile in tiles:
        where = tile_rect(tile, width, height).slices
        copies[tile] = collapsed_copy(labels.label_map[where]), collapsed_copy(labels.provenance[where])
    return copies


def _serial(step: Step | None) -> int | None:
    return None if step is None else step.serial


def _delta(contents: Contents, labels: Labels) -> StepDelta:
    """Return the delta that leads to a journal's contents."""
    height, width = labels.shape
    for tile in contents:
        if min(tile) < 0 or not tile_rect(tile, width, height):
            raise ValueError(f"tile {tile} is not in an annotation of {width} x {height} pixels")
    return StepDelta.between(contents, labels)


def _packed(contents: Contents) -> Mapping[Tile, tuple[int | bytes, int | bytes]]:
    return {tile: (pack(label_map), pack(provenance)) for tile, (label_map, provenance) in contents.items()}
