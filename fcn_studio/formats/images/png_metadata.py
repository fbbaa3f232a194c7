"""Reading of PNG files without oversized metadata.

Their metadata are larger than the decoder accepts. Editing histories, workflows and colour profiles of some megabytes
are common in sound pictures. What is larger than the bound is left out before the decoder sees it, so that no small
file can ask for much memory.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import BinaryIO

MOST_TEXT = 16 << 20
"""Bytes of one text or profile, decompressed, that are read."""

MOST_TEXT_IN_ALL = 32 << 20
"""Bytes of all texts and profiles of a file, decompressed; Pillow's own limit is twice that."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_METADATA = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")


def without_oversized_metadata(file: BinaryIO) -> BinaryIO:
    """Return a PNG without metadata that is too large.

    The result is the bytes of the PNG. Where nothing is too large, it is the file itself, at its start.

    Args:
        file: of any kind, at its start. What is no PNG is returned as it is.
    """
    if file.read(len(_SIGNATURE)) != _SIGNATURE:
        file.seek(0)
        return file
    kept, left, oversized = [(0, len(_SIGNATURE))], MOST_TEXT_IN_ALL, False
    for kind, start, length in _chunks(file):
        size = _decompressed(file, kind, start + 8, length) if kind in _METADATA else 0
        if size > min(MOST_TEXT, left):
            oversized = True
            continue
        left -= size
        kept.append((start, 12 + length))
    if not oversized:
        file.seek(0)
        return file
    parts = io.BytesIO()
    for start, length in kept:
        file.seek(start)
        parts.write(file.read(length))
    parts.seek(0)
    return parts


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and length of the data of each chunk.

    It ends at the first chunk that is not whole.

    Source: PNG (ISO/IEC 15948), 5.3: length, kind, data, checksum.
    """
    start = len(_SIGNATURE)
    while True:
        file.seek(start)
        head = file.read(8)
        if len(head) < 8:
            return
        length = int.from_bytes(head[:4])
        yield head[4:], start, length
        start += 12 + length


def _decompressed(file: BinaryIO, kind: bytes, start: int, length: int) -> int:
    """Return the decompressed size of a metadata chunk in bytes.

    Bytes beyond the bound are not counted.
    """
    file.seek(start)
    data = file.read(min(length, MOST_TEXT + 1))
    name, _, rest = data.partition(b"\0")
    if kind in (b"zTXt", b"iCCP"):
        packed = rest[1:]
    elif kind == b"iTXt" and rest[:1] == b"\1":
        packed = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    else:
        return length
    try:
        return len(name) + len(zlib.decompressobj().decompress(packed, MOST_TEXT + 1))
    except zlib.error:  # the decoder has a word for it
        return length
