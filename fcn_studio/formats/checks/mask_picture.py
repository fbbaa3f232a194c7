"""A mask file as it is, whatever is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from fcn_studio.core.labels import LabelMap
from fcn_studio.errors import ImageError
from fcn_studio.formats.images.images import opened
from fcn_studio.formats.images.png_metadata import without_oversized_metadata
from fcn_studio.paths import open_file

_FEW_BITS = ("L;2", "L;4")


@dataclass(frozen=True, eq=False)
class MaskPicture:
    """What a mask file holds.

    Attributes:
        path: the file.
        format: Pillow's name of its format, "" if it cannot be read.
        mode: Pillow's mode, ``L;2`` and ``L;4`` for grey of few bits.
        size: (width, height) as stored.
        values: uint8 (H, W), its indices or grey values; None for other modes.
        palette: RGB bytes of its palette, empty without one.
        error: why it cannot be read, or "".
    """

    path: Path
    format: str = ""
    mode: str = ""
    size: tuple[int, int] = (0, 0)
    values: LabelMap | None = None
    palette: bytes = b""
    error: str = ""


def read_mask_picture(path: Path, max_pixels: int) -> MaskPicture:
    """Read a mask file of any kind; one that cannot be read has an ``error``."""
    try:
        with opened(path, max_pixels) as image:
            raw = image.tile[0].args if image.tile else ""
            if image.format == "PNG":
                _check_sums(path)
            image.load()
            mode = raw if isinstance(raw, str) and raw in _FEW_BITS else image.mode
            values = np.array(image) if mode in ("P", "L") else None
            palette = bytes(image.getpalette() or b"") if image.mode == "P" else b""
            return MaskPicture(path, image.format or "", mode, image.size, values, palette)
    except ImageError as error:
        return MaskPicture(path, error=str(error))


def _check_sums(path: Path) -> None:
    """Check all checksums of a PNG, which decoding does not. Raises: ImageError through `opened`."""
    with open_file(path) as file:
        Image.open(without_oversized_metadata(file), formats=("PNG",)).verify()
