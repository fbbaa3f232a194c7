"""Estimate of the decoding work of a JPEG.

It is judged before decoding, because a small file can ask for hours of work. A progressive JPEG comes in scans, and
each costs a pass over the whole picture however few bytes it has. libjpeg does not limit them, nor does it stop where
the data end if the file has an end marker: it fills up with grey. Source: ITU-T T.81, B.1.1.3 (markers) and B.2.3
(scans).
"""

from __future__ import annotations

import re

from PIL import ImageFile

MAX_SCANS = 100
"""Encoders make about ten, optimisers some more."""

_FULL_SIZE_SCANS = 30
"""So many scans an image of the largest size may have."""

_PIXELS_A_BYTE = 2048
"""More than any JPEG packs into a byte: a block of 64 pixels takes a bit at least."""

_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]", re.DOTALL)
"""A marker with a length behind it, or the end: no stuffed byte, no restart."""
_START_OF_SCAN, _END = 0xDA, 0xD9
_SEQUENTIAL = (0xC0, 0xC1)


def refuse_endless(image: ImageFile.ImageFile, max_pixels: int) -> None:
    """Raise ValueError if a JPEG has too many scans.

    More scans than it can need, or fewer bytes, are refused. The opened file is read whole.
    """
    assert image.fp is not None
    place = image.fp.tell()
    image.fp.seek(0)
    data = image.fp.read()
    image.fp.seek(place)
    pixels = image.width * image.height
    if pixels > _PIXELS_A_BYTE * len(data):
        raise ValueError(f"{len(data)} bytes cannot hold {image.width} x {image.height} pixels")
    scans = count_scans(data)
    if scans > MAX_SCANS or scans * pixels > _FULL_SIZE_SCANS * max_pixels:
        raise ValueError(f"{scans} scans are too many for a picture of {image.width} x {image.height} pixels")


def count_scans(data: bytes) -> int:
    """Return the number of scans before a JPEG's end marker.

    It is 1 if the first scan holds all there is to hold.
    """
    position, scans, components = 0, 0, 0
    while (found := _MARKER.search(data, position)) is not None and (kind := data[found.end() - 1]) != _END:
        body = data[found.end() : found.end() + 8]
        if kind in _SEQUENTIAL:
            components = int.from_bytes(body[7:])
        if kind == _START_OF_SCAN:
            scans += 1
            if components and body[2:3] == bytes([components]):
                return scans  # nothing more is decoded, and what follows may be a film
        position = found.end() + int.from_bytes(body[:2])
    return scans
