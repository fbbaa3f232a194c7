"""The sha256 of the picture in an image file, without its metadata.

A new text, thumbnail or colour profile makes no other picture of a PNG or JPEG. A new orientation does.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import BinaryIO

from fcn_studio.errors import ImageError
from fcn_studio.formats.images.images import MOST_PIXELS, opened, orientation_of
from fcn_studio.paths import open_file

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_PNG_METADATA = (b"tEXt", b"zTXt", b"iTXt", b"tIME", b"pHYs", b"eXIf", b"iCCP")
# Source: ITU-T T.81, B.1.1.3. Not 0xEE, which says how colours are stored; of 0xE0 (JFIF) it counts that it is there.
_JPEG_METADATA = (*range(0xE0, 0xEE), 0xEF, 0xFE)
_JFIF = 0xE0
_SCAN, _END = 0xDA, 0xD9
_MOST_PARTS = 1 << 16
_AT_ONCE = 1 << 20


def picture_sha256(path: Path) -> str:
    """Return 64 hex digits that are equal for files of one picture.

    For PNG and JPEG, they are of the file without its metadata, and of its orientation. For all other files they are
    the sha256 of the bytes.

    Raises:
        OSError: if the file cannot be read.
    """
    with open_file(path) as file:
        head = file.read(len(_PNG))
        if head != _PNG and head[:2] != _JPEG:
            return bytes_sha256(path)
        kept = hashlib.sha256()
        file.seek(len(_PNG) if head == _PNG else len(_JPEG))
        (_add_png if head == _PNG else _add_jpeg)(file, kept)
        _add(file, kept)
    kept.update(b"%d" % _orientation(path))
    return kept.hexdigest()


def bytes_sha256(path: Path) -> str:
    """Return the sha256 of a file, 64 hex digits. Raises: OSError if it cannot be read."""
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _add_png(file: BinaryIO, kept: hashlib._Hash) -> None:
    """Add the chunks that make the picture.

    Source: PNG (ISO/IEC 15948), 5.3: length, kind, data, checksum.
    """
    for _ in range(_MOST_PARTS):
        head = file.read(8)
        if len(head) < 8:
            kept.update(head)
            return
        length = int.from_bytes(head[:4]) + 4
        if head[4:] in _PNG_METADATA:
            file.seek(length, 1)
        else:
            kept.update(head)
            _add(file, kept, length)


def _add_jpeg(file: BinaryIO, kept: hashlib._Hash) -> None:
    """Add the segments before the first scan that make the picture.

    Source: ITU-T T.81, B.1.1.4: marker, length, data.
    """
    for _ in range(_MOST_PARTS):
        head = file.read(4)
        length = int.from_bytes(head[2:]) - 2
        if len(head) == 4 and head[0] == 0xFF and head[1] in _JPEG_METADATA and length >= 0:
            kept.update(head[:2] if head[1] == _JFIF else b"")
            file.seek(length, 1)
            continue
        kept.update(head)
        if len(head) < 4 or head[0] != 0xFF or head[1] in (_SCAN, _END) or length < 0:
            return  # what follows is the picture, or nothing that can be told apart
        _add(file, kept, length)


def _add(file: BinaryIO, kept: hashlib._Hash, length: int = 1 << 62) -> None:
    """Add so many bytes, or all that there are."""
    while length > 0 and (data := file.read(min(length, _AT_ONCE))):
        kept.update(data)
        length -= len(data)


def _orientation(path: Path) -> int:
    try:
        with opened(path, MOST_PIXELS) as image:
            return orientation_of(image)
    except ImageError:
        return 0
