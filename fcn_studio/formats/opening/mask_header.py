"""Whether a mask file may be read, by its first and last bytes."""

from __future__ import annotations

import os
from pathlib import Path

from fcn_studio.paths import open_file

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _PALETTE = 0, 3
_TAIL = 1024
"""Bytes at the end of a PNG among which its last chunk is looked for: some programs append others."""


def looks_readable(path: Path) -> bool:
    """Return whether a file is a whole PNG of a kind that can be a label map.

    The pixels are not decoded, so the answer costs microseconds, and damage inside the file stays unseen. See
    `masks.read_mask` for what is read.
    """
    try:
        with open_file(path) as file:
            head = file.read(26)
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            tail = file.read()
    except OSError:
        return False
    if not head.startswith(_SIGNATURE) or len(head) < 26 or b"IEND" not in tail:
        return False
    depth, colour_type = head[24], head[25]
    return (colour_type == _PALETTE and depth <= 8) or (colour_type == _GREY and depth in (1, 8))
