"""Stroke journals.

Every step is appended to these files. They may be cut off anywhere.

::

    "FCNJ0001"
    frame: length (uint32), CRC-32 of the payload (uint32, begun with that of the frame before), payload

All numbers are little-endian. A payload is the length of a JSON text (uint32), the text, and zlib streams. The first
frame is the head. Then come entries (`fcn_studio.core.journal.Entry`), and the sha256 of each mask before it is
written: it tells later that the mask on disk is ours. What follows the first incomplete frame is ignored.

While a stroke lasts, parts of it are written, which are entries of another kind. The entry of the stroke's step
supersedes them, and so does the frame that says that the stroke was cancelled.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fcn_studio import paths
from fcn_studio.core.history import AnnotationState, Motion
from fcn_studio.core.journal import Entry, joined
from fcn_studio.core.sample import Status
from fcn_studio.core.tiles import TILE, Contents, Packed, Tile, tile_rect
from fcn_studio.errors import ProjectError
from fcn_studio.formats.atomic import CANNOT_READ, os_errors_as
from fcn_studio.i18n import tr

MAGIC = b"FCNJ0001"
_FRAME = struct.Struct("<II")
_TEXT = struct.Struct("<I")
_MAX_BYTES = 1 << 31
_NONSENSE = (ValueError, TypeError, LookupError, ArithmeticError, RecursionError, struct.error, zlib.error)


@dataclass(frozen=True)
class JournalHead:
    """The image of a journal, and the state that it began with.

    Names of classes are kept, because a folder that was never saved into has no class table.

    Attributes:
        image_id: the image.
        width: of the image, pixels.
        height: of the image, pixels.
        mask_sha256: of the mask file that was there, 64 hex digits; None if there was none.
        state: status and origin.
        classes: class index -> name, as the project had them last.
    """

    image_id: str
    width: int
    height: int
    mask_sha256: str | None
    state: AnnotationState
    classes: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Journal:
    """A journal as read.

    Attributes:
        path: the file.
        head: its beginning.
        entries: all complete ones, in order. The last may be an unfinished stroke.
        unfinished: whether it is.
        masks: sha256 of all masks that are states of this journal: the one it began with, and those written since.
        size: number of intact bytes; what follows is incomplete or damaged.
        crc: of the last intact frame.
        written_at: when the file was written last, seconds since the epoch.
    """

    path: Path
    head: JournalHead
    entries: tuple[Entry, ...] = field(repr=False)
    masks: frozenset[str | None]
    size: int
    crc: int
    written_at: float
    unfinished: bool = False


def read_journal(path: Path) -> Journal:
    """Read a journal up to its first incomplete frame.

    Raises:
        ProjectError: if it cannot be read, or its head is damaged.
    """
    with os_errors_as(CANNOT_READ, path):
        data, written_at = paths.read_file(path, _MAX_BYTES), path.stat().st_mtime
    frames = _frames(data)
    try:
        size, crc, payload = next(frames)
        head = _head(*_parts(payload))
    except (StopIteration, *_NONSENSE) as error:
        raise ProjectError(tr("{path} is not a readable journal.", path=path)) from error
    entries: list[Entry] = []
    masks = {head.mask_sha256}
    stroke: Entry | None = None  # as far as it came
    for end, checksum, payload in frames:
        try:
            fields, blobs = _parts(payload)
            if fields["kind"] == "mask":
                masks.add(str(fields["sha256"]))
            elif fields["kind"] == "classes":
                head = replace(head, classes=_classes(fields["classes"]))
            elif fields["kind"] == "part":
                stroke = joined(stroke, _entry(fields, blobs, head))
            elif fields["kind"] == "cancelled":
                stroke = None
            else:
                entries.append(_entry(fields, blobs, head))
                stroke = None
        except _NONSENSE:
            break
        size, crc = end, checksum
    if stroke is not None:
        entries.append(stroke)
    masks_seen = frozenset(masks)
    return Journal(path, head, tuple(entries), masks_seen, size, crc, written_at, unfinished=stroke is not None)


class JournalFile:
    """A journal that is being written, by one thread at a time.

    What `append` and `announce` wrote survives the end of this process, and after `sync` a loss of power.
    """

    def __init__(self, path: Path, *, size: int, crc: int) -> None:
        """Continue a file after its first ``size`` bytes.

        The rest is cut off.

        Raises:
            OSError: if it cannot be opened to write.
        """
        self.path = path
        self._file = open(path, "r+b", buffering=0)  # noqa: SIM115 - open until `close`
        self._size, self._crc = size, crc
        self._file.truncate(size)
        self._file.seek(size)

    @classmethod
    def begin(cls, path: Path, head: JournalHead) -> JournalFile:
        """Begin a journal at ``path``, in place of any file there.

        Raises:
            OSError: if it cannot be written.
        """
        frame, crc = _framed(_payload(_head_fields(head)), zlib.crc32(MAGIC))
        paths.replace_file(path, MAGIC + frame)
        return cls(path, size=len(MAGIC + frame), crc=crc)

    @classmethod
    def resume(cls, journal: Journal) -> JournalFile:
        """Continue a journal that was read.

        An unfinished stroke in it becomes a step.

        Raises:
            OSError: if it cannot be opened to write, or the disk is full.
        """
        file = cls(journal.path, size=journal.size, crc=journal.crc)
        if journal.unfinished:
            try:
                file.append(journal.entries[-1])
            except OSError:
                file.close()
                raise
        return file

    @property
    def size(self) -> int:
        """Bytes written."""
        return self._size

    def append(self, entry: Entry) -> None:
        """Append a step.

        Raises: OSError if the disk is full or the folder gone. The file is then unchanged.
        """
        fields, blobs = _entry_fields(entry)
        self._write(_payload(fields, blobs))

    def append_part(self, part: Entry) -> None:
        """Append a part of a stroke that lasts.

        Raises: OSError as `append`.
        """
        fields, blobs = _entry_fields(part)
        self._write(_payload({**fields, "kind": "part"}, blobs))

    def cancel_parts(self) -> None:
        """Append that the stroke with the parts so far was cancelled.

        Raises: OSError as `append`.
        """
        self._write(_payload({"kind": "cancelled"}))

    def announce(self, mask_sha256: str) -> None:
        """Append the sha256 of a mask that is about to be written.

        Raises: OSError as `append`.
        """
        self._write(_payload({"kind": "mask", "sha256": mask_sha256}))

    def note_classes(self, classes: Mapping[int, str]) -> None:
        """Append what the class indices mean from now on.

        Raises: OSError as `append`.
        """
        self._write(_payload({"kind": "classes", "classes": _classes_fields(classes)}))

    def sync(self) -> None:
        """Flush to the disk. Raises: OSError."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file and keep it."""
        self._file.close()

    def _write(self, payload: bytes) -> None:
        frame, crc = _framed(payload, self._crc)
        try:
            written = 0
            while written < len(frame):
                written += self._file.write(frame[written:])
        except OSError:
            with suppress(OSError):
                self._file.truncate(self._size)
                self._file.seek(self._size)
            raise
        self._size, self._crc = self._size + len(frame), crc


def _framed(payload: bytes, crc: int) -> tuple[bytes, int]:
    """Return a frame and its checksum."""
    crc = zlib.crc32(payload, crc)
    return _FRAME.pack(len(payload), crc) + payload, crc


def _frames(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield (end, checksum, payload) of every complete frame."""
    if not data.startswith(MAGIC):
        return
    at, crc = len(MAGIC), zlib.crc32(MAGIC)
    while at + _FRAME.size <= len(data):
        length, stated = _FRAME.unpack_from(data, at)
        payload = data[at + _FRAME.size : at + _FRAME.size + length]
        crc = zlib.crc32(payload, crc)
        if len(payload) < length or crc != stated:
            return
        at += _FRAME.size + length
        yield at, crc, payload


def _payload(fields: dict[str, object], blobs: bytes = b"") -> bytes:
    text = json.dumps(fields, separators=(",", ":")).encode("ascii")
    return _TEXT.pack(len(text)) + text + blobs


def _parts(payload: bytes) -> tuple[dict[str, Any], memoryview]:
    """Return JSON fields and streams of a payload. Raises: one of `_NONSENSE`."""
    (length,) = _TEXT.unpack_from(payload)
    fields = json.loads(payload[_TEXT.size : _TEXT.size + length])
    if not isinstance(fields, dict):
        raise TypeError("no JSON object")
    return fields, memoryview(payload)[_TEXT.size + length :]


# --- head ---------------------------------------------------------------------------------------------------------


def _head_fields(head: JournalHead) -> dict[str, object]:
    return {
        "kind": "head",
        "image_id": head.image_id,
        "size": [head.width, head.height],
        "mask_sha256": head.mask_sha256,
        "standing": _state_fields(head.state),
        "classes": _classes_fields(head.classes),
    }


def _head(fields: dict[str, Any], _: memoryview) -> JournalHead:
    """Raises: one of `_NONSENSE`."""
    width, height = (int(side) for side in fields["size"])
    if fields["kind"] != "head" or min(width, height) < 1:
        raise ValueError("no head")
    digest = fields["mask_sha256"]
    return JournalHead(
        str(fields["image_id"]),
        width,
        height,
        None if digest is None else str(digest),
        _state(fields["standing"]),
        _classes(fields["classes"]),
    )


def _classes_fields(classes: Mapping[int, str]) -> list[list[object]]:
    return [[index, name] for index, name in classes.items()]


def _classes(rows: list[list[Any]]) -> dict[int, str]:
    return {int(index): str(name) for index, name in rows}


def _state_fields(state: AnnotationState) -> list[str]:
    return [state.status.value, state.prelabelled_by]


def _state(fields: list[str]) -> AnnotationState:
    status, origin = fields
    return AnnotationState(Status(status), str(origin))


# --- entries ------------------------------------------------------------------------------------------------------


def _entry_fields(entry: Entry) -> tuple[dict[str, object], bytes]:
    """Return JSON fields and streams of an entry.

    A content is ``[row, column, label map, provenance]``: a value, or minus the length of a stream. The streams
    follow in this order.
    """
    blobs: list[bytes] = []

    def part(packed: Packed) -> int:
        if isinstance(packed, int):
            return packed
        assert isinstance(packed, bytes), "entries are packed before they are written"
        blobs.append(packed)
        return -len(packed)

    def rows(contents: Contents) -> list[list[int]]:
        return [[*tile, part(label_map), part(provenance)] for tile, (label_map, provenance) in contents.items()]

    fields: dict[str, object] = {
        "kind": "entry",
        "motion": entry.motion.value,
        "serial": entry.serial,
        "title": entry.title,
        "before": _state_fields(entry.before),
        "after": _state_fields(entry.after),
        "first": rows(entry.first),
        "now": rows(entry.now),
    }
    return fields, b"".join(blobs)


def _entry(fields: dict[str, Any], blobs: memoryview, head: JournalHead) -> Entry:
    """Raises: one of `_NONSENSE`."""
    at = 0

    def part(value: int, pixels: int) -> int | bytes:
        nonlocal at
        if value >= 0:
            if value > 255:
                raise ValueError(f"{value} is no class index")
            return value
        stream = bytes(blobs[at : at - value])
        at -= value
        _check_stream(stream, pixels)
        return stream

    def contents(rows: list[list[int]]) -> dict[Tile, tuple[Packed, Packed]]:
        found: dict[Tile, tuple[Packed, Packed]] = {}
        for row, column, label_map, provenance in rows:
            pixels = tile_rect((row, column), head.width, head.height).area if min(row, column) >= 0 else 0
            if not 0 < pixels <= TILE * TILE:
                raise ValueError(f"there is no tile {row}, {column}")
            found[row, column] = part(label_map, pixels), part(provenance, pixels)
        return found

    return Entry(
        Motion(fields["motion"]),
        int(fields["serial"]),
        str(fields["title"]),
        _state(fields["before"]),
        _state(fields["after"]),
        contents(fields["first"]),
        contents(fields["now"]),
    )


def _check_stream(stream: bytes, pixels: int) -> None:
    """Refuse a stream of another length.

    No memory is used for more. Raises: ValueError, zlib.error.
    """
    inflate = zlib.decompressobj()
    if len(inflate.decompress(stream, pixels + 1)) != pixels or not inflate.eof:
        raise ValueError("a stream of another length")
