"""Undo and redo: what the changed tiles held before a step, compressed, within a budget of bytes."""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.geometry import EMPTY, Rect
from fcn_studio.core.labels import LabelMap, Labels
from fcn_studio.core.sample import Status

TILE = 256
"""Edge of a tile in pixels: the unit of undo."""

Tile = tuple[int, int]
"""(tile row, tile column)."""

_INLINE_TILES = 4
"""Patches of up to so many tiles are compressed at once (about 2 ms); larger ones in the thread."""

Packed = int | bytes | NDArray[np.uint8]
"""One tile of one array: its only value, its zlib stream, or the array itself until it is compressed."""

Contents = Mapping[Tile, tuple[Packed, Packed]]
"""Tile -> what its label map and its provenance hold."""


def tile_rect(tile: Tile, width: int, height: int) -> Rect:
    """The pixels of a tile; tiles at the right and lower edge may be smaller."""
    row, column = tile
    x, y = column * TILE, row * TILE
    return Rect(x, y, min(x + TILE, width), min(y + TILE, height))


class TilePatch:
    """The contents that some tiles of a label map and its provenance had at another time.

    Args:
        tiles: per tile the label map's and the provenance's pixels, packed or as arrays that nobody else writes.
    """

    def __init__(self, tiles: Contents) -> None:
        self._tiles: dict[Tile, tuple[Packed, Packed]] = dict(tiles)

    def __len__(self) -> int:
        return len(self._tiles)

    @property
    def bytes(self) -> int:
        """Memory of the contents, roughly."""
        return sum(_size(part) for pair in self._tiles.values() for part in pair)

    @property
    def contents(self) -> Contents:
        """The contents at this moment; nothing that happens to the patch later changes them."""
        return dict(self._tiles)

    def compress(self) -> None:
        """Make it small. Idempotent; not to be called while another thread uses the patch."""
        for tile, (label_map, provenance) in self._tiles.items():
            self._tiles[tile] = (pack(label_map), pack(provenance))

    def swap(self, labels: Labels) -> Rect:
        """Exchange the contents with those of the arrays, uncompressed; returns the rectangle of all tiles.

        After it the patch holds what the arrays held, so undo's patch is redo's.
        """
        height, width = labels.shape
        changed = EMPTY
        for tile, packed in self._tiles.items():
            rect = tile_rect(tile, width, height)
            now = tuple(array[rect.slices].copy() for array in (labels.label_map, labels.provenance))
            for array, content in zip((labels.label_map, labels.provenance), packed, strict=True):
                unpack(content, array[rect.slices])
            self._tiles[tile] = (now[0], now[1])
            changed = changed.union(rect)
        return changed


@dataclass(frozen=True)
class Standing:
    """What a document carries besides pixels and a step can change: status, and the checkpoint that pre-labelled."""

    status: Status
    prelabelled_by: str = ""


def _new_serial() -> int:
    """Steps of several runs of the program meet in one journal, so serials are random, not counted."""
    return secrets.randbits(62)


class Motion(StrEnum):
    """What happened to a step. The values are stored on disk: never rename them."""

    DO = "do"
    UNDO = "undo"
    REDO = "redo"


@dataclass(frozen=True)
class Step:
    """One undoable step.

    Attributes:
        title: what the user did, as "Brush stroke".
        patch: the tiles as they were; after an undo, as they were before the undo.
        before: status and origin before the step.
        after: status and origin after it.
        serial: tells it from every other step, 0 to 2**62 - 1.
    """

    title: str
    patch: TilePatch
    before: Standing
    after: Standing
    serial: int = field(default_factory=_new_serial, compare=False)


class History:
    """The steps of one document, oldest evicted first when they outgrow the budget; the newest is always kept.

    Large patches are compressed in one thread of its own; everything that reads a patch waits for it first.

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
        """Title of the step that `undo` takes back."""
        return self._undo[-1].title if self._undo else None

    @property
    def redo_title(self) -> str | None:
        """Title of the step that `redo` brings back."""
        return self._redo[-1].title if self._redo else None

    @property
    def bytes(self) -> int:
        """Memory of all steps, compressed."""
        self.settle()
        return self._total()

    @property
    def held(self) -> int:
        """Memory of all steps at this moment: what waits to be compressed counts in full."""
        return self._total()

    @property
    def next_undone(self) -> Step | None:
        """The step that `undo` takes back."""
        return self._undo[-1] if self._undo else None

    @property
    def next_redone(self) -> Step | None:
        """The step that `redo` brings back."""
        return self._redo[-1] if self._redo else None

    def push(self, step: Step) -> None:
        """Add a step that was just made; undone steps are gone."""
        self._redo.clear()
        self._undo.append(step)
        self._compress(step.patch)
        self.limit(self._budget)

    def limit(self, budget_bytes: int) -> None:
        """Set the budget, and forget the oldest steps beyond it."""
        self._budget = budget_bytes
        # Patches still in the thread count at full size, so only near the limit is there something to wait for.
        if self._total() > self._budget:
            self.settle()
            while len(self._undo) > 1 and self._total() > self._budget:
                del self._undo[0]

    def push_undone(self, step: Step) -> None:
        """Add a step that was just undone elsewhere; its patch holds what was there before that."""
        self._redo.append(step)
        self._compress(step.patch)

    def undo(self, labels: Labels) -> tuple[Step, Rect] | None:
        """Take back the newest step in the arrays; returns it and the changed rectangle, None if there is none."""
        return self._move(self._undo, self._redo, labels)

    def redo(self, labels: Labels) -> tuple[Step, Rect] | None:
        """Bring back the step undone last; returns it and the changed rectangle, None if there is none."""
        return self._move(self._redo, self._undo, labels)

    def settle(self) -> None:
        """Wait until all patches are compressed."""
        pending, self._pending = self._pending, []
        for future in pending:
            future.result()

    def rest(self) -> None:
        """End the thread and keep the steps; the history can be used again afterwards."""
        self.settle()
        if self._executor is not None:
            self._executor.shutdown()
            self._executor = None

    def close(self) -> None:
        """Forget all steps and end the thread; the history can be used again afterwards."""
        self.rest()
        self._undo.clear()
        self._redo.clear()

    def _move(self, source: list[Step], target: list[Step], labels: Labels) -> tuple[Step, Rect] | None:
        if not source:
            return None
        self.settle()
        step = source.pop()
        changed = step.patch.swap(labels)
        target.append(step)
        self._compress(step.patch)
        return step, changed

    def _compress(self, patch: TilePatch) -> None:
        if len(patch) <= _INLINE_TILES:
            patch.compress()
            return
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, thread_name_prefix="history")
        self._pending = [f for f in self._pending if not f.done() or f.exception()]
        self._pending.append(self._executor.submit(patch.compress))

    def _total(self) -> int:
        return sum(step.patch.bytes for step in (*self._undo, *self._redo))


def _size(part: Packed) -> int:
    if isinstance(part, int):
        return 8
    return len(part) if isinstance(part, bytes) else part.nbytes


def pack(part: Packed) -> int | bytes:
    """Make a tile small: its only value, or a zlib stream of its rows."""
    if not isinstance(part, np.ndarray):
        return part
    value = int(part.flat[0])
    return value if bool((part == value).all()) else zlib.compress(part.tobytes(), 1)


def unpack(part: Packed, into: LabelMap) -> None:
    """Write the pixels of a tile into an array of its size."""
    into[:] = flat(part).reshape(into.shape) if isinstance(part, bytes) else part


def flat(part: bytes | NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The pixels of a tile, row by row: uint8 (N,)."""
    return np.frombuffer(zlib.decompress(part), np.uint8) if isinstance(part, bytes) else part.ravel()
