"""Undo and redo: what each step changed in the tiles it touched, compressed, within a budget of bytes."""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from operator import itemgetter

import cv2
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

_GIANT = 32 << 20
"""Bytes of a step that take the thread longer to compress than a hand waits."""

Packed = int | bytes | NDArray[np.uint8]
"""One tile of one array: its only value, compressed, or the array itself until it is."""

Contents = Mapping[Tile, tuple[Packed, Packed]]
"""Tile -> what its label map and its provenance hold."""

Delta = tuple[Rect, Packed]
"""The exclusive or of two states of a tile, where it is not 0: that rectangle in image pixels, perhaps empty."""


def tile_rect(tile: Tile, width: int, height: int) -> Rect:
    """The pixels of a tile; tiles at the right and lower edge may be smaller."""
    row, column = tile
    x, y = column * TILE, row * TILE
    return Rect(x, y, min(x + TILE, width), min(y + TILE, height))


class TilePatch:
    """What tells two states of some tiles apart: the exclusive or of their bytes, leading from either to the other.

    So undo and redo of a step are the same act, which copies and compresses nothing.

    Args:
        deltas: per tile the exclusive or of the label map's pixels, and that of the provenance's.
    """

    def __init__(self, deltas: Mapping[Tile, tuple[Delta, Delta]]) -> None:
        self._deltas = dict(deltas)
        self._packed_bytes: int | None = None

    @classmethod
    def between(cls, contents: Contents, labels: Labels) -> TilePatch:
        """What leads from the arrays as they are to other contents of some of their tiles, and back."""
        height, width = labels.shape
        deltas: dict[Tile, tuple[Delta, Delta]] = {}
        for tile, parts in contents.items():
            rect = tile_rect(tile, width, height)
            now = labels.label_map[rect.slices], labels.provenance[rect.slices]
            first, second = (flat(part) if isinstance(part, bytes) else part for part in parts)
            deltas[tile] = (rect, _xor(now[0], first)), (rect, _xor(now[1], second))
        return cls(deltas)

    def __len__(self) -> int:
        return len(self._deltas)

    @property
    def tiles(self) -> frozenset[Tile]:
        """The tiles it is about."""
        return frozenset(self._deltas)

    @property
    def bytes(self) -> int:
        """Memory of the contents, roughly. Counted once it is small: a stroke asks for that of all steps."""
        if self._packed_bytes is not None:
            return self._packed_bytes
        return sum(_size(part) for pair in self._deltas.values() for _, part in pair)

    def compress(self) -> None:
        """Make it small. Idempotent; other threads may use the patch meanwhile, whose meaning does not change."""
        for tile, ((first_rect, first), (second_rect, second)) in list(self._deltas.items()):
            self._deltas[tile] = (first_rect, _deflated(first)), (second_rect, _deflated(second))
        self._packed_bytes = self.bytes

    def other(self, labels: Labels, tiles: Iterable[Tile]) -> Contents:
        """What some of its tiles hold in the other state, as fresh arrays."""
        height, width = labels.shape
        contents: dict[Tile, tuple[Packed, Packed]] = {}
        for tile in tiles:
            whole = tile_rect(tile, width, height)
            label_map, provenance = labels.label_map[whole.slices].copy(), labels.provenance[whole.slices].copy()
            for pixels, (rect, part) in zip((label_map, provenance), self._deltas[tile], strict=True):
                if rect:
                    inside = pixels[rect.moved(-whole.x0, -whole.y0).slices]
                    _xor(inside, _inflated(part), out=inside)
            contents[tile] = shrunk(label_map), shrunk(provenance)
        return contents

    def apply(self, labels: Labels) -> list[Rect]:
        """Lead the arrays to the other state; returns rectangles that hold all that changed and little else."""
        changed: list[Rect] = []
        held = 0  # pixels of the tiles in the last of them
        for _, deltas in sorted(self._deltas.items(), key=itemgetter(0)):
            touched = EMPTY
            for array, (rect, part) in zip((labels.label_map, labels.provenance), deltas, strict=True):
                if rect:
                    _xor(array[rect.slices], _inflated(part), out=array[rect.slices])
                    touched = touched.union(rect)
            joined = touched.union(changed[-1]) if changed else touched
            if changed and 2 * joined.area <= 3 * (held + touched.area):
                changed[-1], held = joined, held + touched.area
            elif touched:
                changed.append(touched)
                held = touched.area
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
        patch: what tells the tiles before the step from those after it.
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
        if self._total() > self._budget and not self.packs_giant:
            self.settle()
            while len(self._undo) > 1 and self._total() > self._budget:
                del self._undo[0]

    def push_undone(self, step: Step) -> None:
        """Add a step that was just undone elsewhere, on the same annotation."""
        self._redo.append(step)
        self._compress(step.patch)

    def undo(self, labels: Labels) -> tuple[Step, list[Rect]] | None:
        """Take back the newest step in the arrays; returns it and what changed, None if there is none."""
        return self._move(self._undo, self._redo, labels)

    def redo(self, labels: Labels) -> tuple[Step, list[Rect]] | None:
        """Bring back the step undone last; returns it and what changed, None if there is none."""
        return self._move(self._redo, self._undo, labels)

    @property
    def packing(self) -> bool:
        """Whether patches are being compressed at this moment, and still take their full size."""
        return any(not future.done() for future in self._pending)

    @property
    def packs_giant(self) -> bool:
        """Whether the newest step is being compressed and too large to wait for; it is weighed after that."""
        return self.packing and bool(self._undo) and self._undo[-1].patch.bytes > _GIANT

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

    def _move(self, source: list[Step], target: list[Step], labels: Labels) -> tuple[Step, list[Rect]] | None:
        if not source:
            return None
        step = source.pop()
        target.append(step)
        return step, step.patch.apply(labels)

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


def only_value(pixels: NDArray[np.uint8]) -> int | None:
    """The value of all pixels of a tile; None if there are several."""
    if pixels[0, 0] != pixels[-1, -1]:
        return None
    lowest, highest, _, _ = cv2.minMaxLoc(pixels)
    return int(lowest) if lowest == highest else None


def shrunk(pixels: NDArray[np.uint8]) -> int | NDArray[np.uint8]:
    """A tile that nobody else writes, or its only value."""
    value = only_value(pixels)
    return pixels if value is None else value


def kept(pixels: NDArray[np.uint8]) -> int | NDArray[np.uint8]:
    """A copy of a tile, or its only value: most tiles of a large image have one."""
    value = only_value(pixels)
    return pixels.copy() if value is None else value


def pack(part: Packed) -> int | bytes:
    """Make a tile small: its only value, or a zlib stream of its rows."""
    if not isinstance(part, np.ndarray):
        return part
    value = int(part.flat[0])
    return value if bool((part == value).all()) else zlib.compress(part.tobytes(), 1)


def flat(part: bytes | NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The pixels of a tile, row by row: uint8 (N,)."""
    return (
        np.frombuffer(zlib.decompress(part, bufsize=TILE * TILE), np.uint8)
        if isinstance(part, bytes)
        else part.ravel()
    )


def difference(now: LabelMap, then: LabelMap | int, rect: Rect) -> Delta:
    """What tells a tile's pixels from those of another state.

    Args:
        now: uint8 (h, w), a part of an annotation.
        then: the same at another time, or its only value; an array is used up.
        rect: where the part lies in the image.
    """
    if isinstance(then, int):
        if (value := only_value(now)) is not None:
            return (rect, value ^ then) if value != then else (EMPTY, 0)
        then = np.full(now.shape, then, np.uint8)
    np.bitwise_xor(now, then, out=then)
    x, y, width, height = cv2.boundingRect(then)
    inner = Rect(rect.x0 + x, rect.y0 + y, rect.x0 + x + width, rect.y0 + y + height)
    return (inner, shrunk(np.ascontiguousarray(then[y : y + height, x : x + width]))) if inner else (EMPTY, 0)


def _deflated(part: Packed) -> int | bytes:
    """`pack` for memory alone, without zlib's checksum: it unpacks in half the time."""
    if not isinstance(part, np.ndarray):
        return part
    if (value := only_value(part)) is not None:
        return value
    deflate = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
    return deflate.compress(part.tobytes()) + deflate.flush()


def _inflated(part: Packed) -> int | NDArray[np.uint8]:
    """What `_deflated` made, row by row: uint8 (N,); or the only value."""
    if not isinstance(part, bytes):
        return part
    return np.frombuffer(zlib.decompress(part, -zlib.MAX_WBITS, TILE * TILE), np.uint8)


def _xor(pixels: LabelMap, part: int | NDArray[np.uint8], out: LabelMap | None = None) -> LabelMap:
    """The exclusive or of a tile's pixels with one value or as many others, in ``out`` or a fresh array."""
    other = np.uint8(part) if isinstance(part, int) else part.reshape(pixels.shape)
    return np.bitwise_xor(pixels, other, out=out)
