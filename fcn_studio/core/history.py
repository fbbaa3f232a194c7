"""Undo and redo from compressed deltas, within a budget of bytes."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from operator import itemgetter

from fcn_studio.core.delta import TileDelta
from fcn_studio.core.geometry import EMPTY, Rect
from fcn_studio.core.labels import Labels
from fcn_studio.core.sample import Status
from fcn_studio.core.tiles import Contents, Packed, Tile, collapsed, tile_rect, unpacked

_INLINE_TILES = 4
"""Patches of up to so many tiles are compressed at once (about 2 ms); larger ones in the thread."""

_LARGE_BYTES = 32 << 20
"""Bytes of a step that take the thread longer to compress than a hand waits."""


class StepDelta:
    """The exclusive or of two states of some tiles.

    It leads from either state to the other.

    So undo and redo of a step are the same act, which copies and compresses nothing.

    Args:
        deltas: what changes in each tile.
    """

    def __init__(self, deltas: Mapping[Tile, TileDelta]) -> None:
        self._deltas = dict(sorted(deltas.items(), key=itemgetter(0)))
        self._packed_bytes: int | None = None
        self._changed: Sequence[Rect] | None = None

    @classmethod
    def between(cls, contents: Contents, labels: Labels) -> StepDelta:
        """Make the delta between the arrays and other contents of some tiles."""
        height, width = labels.shape
        deltas: dict[Tile, TileDelta] = {}
        for tile, (first, second) in contents.items():
            rect = tile_rect(tile, width, height)
            now = labels.label_map[rect.slices], labels.provenance[rect.slices]
            then = (
                first if isinstance(first, int) else unpacked(first),
                second if isinstance(second, int) else unpacked(second),
            )
            delta = TileDelta.between(rect, now, then)
            if delta is not None:
                deltas[tile] = delta
        return cls(deltas)

    def __len__(self) -> int:
        return len(self._deltas)

    @property
    def tiles(self) -> frozenset[Tile]:
        """The tiles that it changes."""
        return frozenset(self._deltas)

    @property
    def bytes(self) -> int:
        """Approximate size in memory.

        It is stored once compressed, because every stroke asks for that of all steps.
        """
        if self._packed_bytes is not None:
            return self._packed_bytes
        return sum(delta.bytes for delta in self._deltas.values())

    @property
    def relabelled(self) -> int:
        """Number of pixels whose label changes."""
        return sum(delta.relabelled for delta in list(self._deltas.values()))

    def compress(self) -> None:
        """Compress it in place. Idempotent.

        Other threads may use it meanwhile, because its meaning does not change.
        """
        for tile, delta in list(self._deltas.items()):
            self._deltas[tile] = delta.packed()
        self._packed_bytes, self._changed = self.bytes, self.changed

    def other(self, labels: Labels, tiles: Iterable[Tile]) -> Contents:
        """Return the contents of some tiles in the other state."""
        height, width = labels.shape
        contents: dict[Tile, tuple[Packed, Packed]] = {}
        for tile in tiles:
            whole = tile_rect(tile, width, height)
            label_map, provenance = labels.label_map[whole.slices].copy(), labels.provenance[whole.slices].copy()
            self._deltas[tile].moved(-whole.x0, -whole.y0).apply(label_map, provenance)
            contents[tile] = collapsed(label_map), collapsed(provenance)
        return contents

    @property
    def changed(self) -> Sequence[Rect]:
        """Rectangles around all that changes and little else.

        The thread finds them when it compresses the delta.
        """
        if self._changed is not None:
            return self._changed
        found: list[Rect] = []
        held = 0  # pixels of the tiles in the last of them
        for delta in self._deltas.values():
            joined, held_then = delta.rect.union(found[-1]) if found else EMPTY, held + delta.rect.area
            if joined and 2 * joined.area <= 3 * held_then:
                found[-1], held = joined, held_then
            else:
                found.append(delta.rect)
                held = delta.rect.area
        return found

    def apply(self, labels: Labels) -> Sequence[Rect]:
        """Change the arrays to the other state and return `changed`."""
        for delta in self._deltas.values():
            delta.apply(labels.label_map, labels.provenance)
        return self.changed


@dataclass(frozen=True)
class AnnotationState:
    """Status of an annotation, and the checkpoint that pre-labelled it."""

    status: Status
    prelabelled_by: str = ""


def new_serial() -> int:
    """Return a random serial.

    Steps of several runs of the program meet in one journal, so serials are not counted.
    """
    return secrets.randbits(62)


class Motion(StrEnum):
    """What happened to a step.

    The values are stored on disk. Never rename them.
    """

    DO = "do"
    UNDO = "undo"
    REDO = "redo"


@dataclass(frozen=True)
class Step:
    """One undoable step.

    Attributes:
        title: what the user did, as "Brush stroke".
        delta: what tells the tiles before the step from those after it.
        before: status and origin before the step.
        after: status and origin after it.
        serial: tells it from every other step, 0 to 2**62 - 1.
    """

    title: str
    delta: StepDelta
    before: AnnotationState
    after: AnnotationState
    serial: int = field(default_factory=new_serial, compare=False)


class History:
    """The steps of one document.

    The oldest are forgotten first beyond the budget. The newest is always kept.

    Large patches are compressed in one thread of its own.

    Args:
        budget_bytes: memory for the contents of all steps, undone ones included.
    """

    def __init__(self, budget_bytes: int = 256 << 20) -> None:
        self._budget = budget_bytes
        self._undo: list[Step] = []
        self._redo: list[Step] = []
        self._executor: ThreadPoolExecutor | None = None
        self._pending: list[Future[None]] = []

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to undo."""
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone step."""
        return bool(self._redo)

    @property
    def undo_title(self) -> str | None:
        """Title of the step that `undo` would undo."""
        return self._undo[-1].title if self._undo else None

    @property
    def redo_title(self) -> str | None:
        """Title of the step that `redo` would redo."""
        return self._redo[-1].title if self._redo else None

    @property
    def bytes(self) -> int:
        """Size of all steps once compressed, in bytes."""
        self.settle()
        return self._total()

    @property
    def bytes_now(self) -> int:
        """Size of all steps now, in bytes.

        Deltas that wait to be compressed count in full.
        """
        return self._total()

    @property
    def next_undone(self) -> Step | None:
        """The step that `undo` would undo."""
        return self._undo[-1] if self._undo else None

    @property
    def next_redone(self) -> Step | None:
        """The step that `redo` would redo."""
        return self._redo[-1] if self._redo else None

    def push(self, step: Step) -> None:
        """Add a step that was just made and forget undone steps."""
        self._redo.clear()
        self._undo.append(step)
        self._compress(step.delta)
        self.limit(self._budget)

    def limit(self, budget_bytes: int) -> None:
        """Set the budget, and forget the oldest steps beyond it."""
        self._budget = budget_bytes
        # Patches still in the thread count at full size, so only near the limit is there something to wait for.
        if self._total() > self._budget and not self.compressing_large_step:
            self.settle()
            while len(self._undo) > 1 and self._total() > self._budget:
                del self._undo[0]

    def push_undone(self, step: Step) -> None:
        """Add a step that was just undone elsewhere, on the same annotation."""
        self._redo.append(step)
        self._compress(step.delta)

    def undo(self, labels: Labels) -> tuple[Step, Sequence[Rect]] | None:
        """Undo the newest step in the arrays.

        Returns the step and the changed rectangles, None if there is none.
        """
        return self._move(self._undo, self._redo, labels)

    def redo(self, labels: Labels) -> tuple[Step, Sequence[Rect]] | None:
        """Redo the step undone last in the arrays.

        Returns the step and the changed rectangles, None if there is none.
        """
        return self._move(self._redo, self._undo, labels)

    @property
    def compressing(self) -> bool:
        """Whether deltas are being compressed and still take their full size."""
        return any(not future.done() for future in self._pending)

    @property
    def compressing_large_step(self) -> bool:
        """Whether the newest step is compressing and too large to wait for."""
        return self.compressing and bool(self._undo) and self._undo[-1].delta.bytes > _LARGE_BYTES

    def settle(self) -> None:
        """Wait until all deltas are compressed."""
        pending, self._pending = self._pending, []
        for future in pending:
            future.result()

    def stop_thread(self) -> None:
        """End the thread and keep the steps.

        The history can be used again afterwards.
        """
        self.settle()
        if self._executor is not None:
            self._executor.shutdown()
            self._executor = None

    def close(self) -> None:
        """Forget all steps and end the thread.

        The history can be used again afterwards.
        """
        self.stop_thread()
        self._undo.clear()
        self._redo.clear()

    def _move(self, source: list[Step], target: list[Step], labels: Labels) -> tuple[Step, Sequence[Rect]] | None:
        if not source:
            return None
        step = source.pop()
        target.append(step)
        return step, step.delta.apply(labels)

    def _compress(self, delta: StepDelta) -> None:
        if len(delta) <= _INLINE_TILES:
            delta.compress()
            return
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, thread_name_prefix="history")
        self._pending = [f for f in self._pending if not f.done() or f.exception()]
        self._pending.append(self._executor.submit(delta.compress))

    def _total(self) -> int:
        return sum(step.delta.bytes for step in (*self._undo, *self._redo))
