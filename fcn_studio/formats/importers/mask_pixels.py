"""Pixels of a mask file in any encoding, as one code a pixel.

A code is a number (grey value, palette index) or a colour. Values are never blended, scaled or guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from fcn_studio.core.classes import Colour
from fcn_studio.errors import ImageError, MaskError
from fcn_studio.formats.images.images import MOST_PIXELS, opened
from fcn_studio.formats.images.png_metadata import without_oversized_metadata
from fcn_studio.i18n import tr
from fcn_studio.paths import open_file

Codes = NDArray[np.uint32]
"""(H, W): a number below 2**30, ``COLOUR + 0xrrggbb`` or `TRANSPARENT`."""

COLOUR = 1 << 31
TRANSPARENT = 1 << 30
LOSSY = frozenset({"JPEG", "MPO", "WEBP", "AVIF", "JPEG2000"})
"""Formats of Pillow whose colours may be blended."""

_STEP = {"L;2": 85, "L;4": 17}
"""What Pillow multiplies grey values of few bits by, by raw mode."""


@dataclass(frozen=True)
class MaskPixels:
    """A mask file as read.

    Attributes:
        codes: of the pixels.
        palette: index -> colour, if the file has a palette.
    """

    codes: Codes
    palette: dict[int, Colour]


def text_of(code: int) -> str:
    """Return a code for people and for ``--map``: a number, ``#rrggbb`` or "transparent"."""
    if code == TRANSPARENT:
        return "transparent"
    return f"#{code - COLOUR:06x}" if code >= COLOUR else str(code)


def code_of_text(text: str) -> int:
    """Return the code that `text_of` writes as a text, -1 for others."""
    if text.isdecimal():
        return int(text)
    return COLOUR | int(text[1:], 16) if re.fullmatch("#[0-9a-f]{6}", text) else -1


def code_of(colour: Colour) -> int:
    """Return the code of a colour."""
    red, green, blue = colour
    return COLOUR | red << 16 | green << 8 | blue


def colour_of(code: int) -> Colour | None:
    """Return the colour of a code, None for numbers."""
    if code < COLOUR:
        return None
    return code >> 16 & 255, code >> 8 & 255, code & 255


def codes_in(codes: Codes) -> Codes:
    """Return the codes that occur, rising.

    Masks have long runs of one value, so only the first pixel of each run is sorted.
    """
    flat = codes.ravel()
    if not flat.size:
        return flat
    starts = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    return np.unique(np.append(flat[starts], flat[0]))


def read_pixels(path: Path, *, palette_as_colours: bool = False) -> MaskPixels:
    """Read a mask file.

    With ``palette_as_colours`` the pixels of a palette file are its colours, else its indices.

    Raises:
        MaskError: if it cannot be read, its colours may be blended, or it is of a kind without exact values.
    """
    try:
        with opened(path, MOST_PIXELS) as image:
            _refuse_lossy(image, path)
            if image.format == "PNG":
                _check_sums(path)
            return _pixels(image, path, palette_as_colours=palette_as_colours)
    except ImageError as error:
        raise MaskError(str(error)) from error


def read_palette(path: Path) -> dict[int, Colour]:
    """Return index -> colour of a file with a palette, without reading pixels.

    It is empty for other files, unreadable ones, and palettes of grey steps only.
    """
    try:
        with opened(path, MOST_PIXELS) as image:
            palette = _palette(image)
    except ImageError:
        return {}
    return {} if all(colour == (index,) * 3 for index, colour in palette.items()) else palette


def _check_sums(path: Path) -> None:
    """Check all checksums of a PNG, which decoding does not.

    Raises:
        ImageError: through `opened`, if any is wrong.
    """
    with open_file(path) as file:
        Image.open(without_oversized_metadata(file), formats=("PNG",)).verify()


def _refuse_lossy(image: ImageFile.ImageFile, path: Path) -> None:
    if image.format in LOSSY:
        raise MaskError(
            tr(
                "{path}: a mask in the format {format} has blended colours, whose class nobody can tell; export the "
                "mask again as PNG",
                path=path,
                format=image.format,
            )
        )


def _pixels(image: ImageFile.ImageFile, path: Path, *, palette_as_colours: bool) -> MaskPixels:
    step = _STEP.get(_raw_mode(image), 1)
    palette = _palette(image)
    image.load()
    if (convert := _CONVERSIONS.get(image.mode)) is None:
        raise MaskError(
            tr(
                "{path}: a mask of the kind {mode} has no exact values; export it again as an 8-bit PNG of class "
                "indices or colours",
                path=path,
                mode=image.mode,
            )
        )
    codes = convert(np.asarray(image), path)
    if image.mode == "P" and palette_as_colours:
        codes = _as_colours(codes, palette, path)
    return MaskPixels(codes // step if step > 1 else codes, palette)


def _raw_mode(image: ImageFile.ImageFile) -> str:
    """Return Pillow's name for the samples in the file, "" if it tells none."""
    arguments = image.tile[0].args if image.tile else ""
    return str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)


def _palette(image: Image.Image) -> dict[int, Colour]:
    """Return index -> colour, empty without a palette."""
    if image.mode != "P" or image.palette is None:
        return {}
    values = image.getpalette("RGB") or []
    return {
        index: (values[3 * index], values[3 * index + 1], values[3 * index + 2]) for index in range(len(values) // 3)
    }


def _as_colours(indices: Codes, palette: dict[int, Colour], path: Path) -> Codes:
    """Return the codes of the colours of palette indices.

    Raises:
        MaskError: if two indices in use have one colour, which would make one value of two.
    """
    used = codes_in(indices)
    colours = [palette.get(int(index), (0, 0, 0)) for index in used]
    if len(set(colours)) < len(colours):
        twice = next(colour for place, colour in enumerate(colours) if colour in colours[:place])
        raise MaskError(
            tr(
                "{path}: its palette has the colour {colour} twice, and other masks have other palettes; export them "
                "all with one palette, or as colours",
                path=path,
                colour=text_of(code_of(twice)),
            )
        )
    return np.array([code_of(colour) for colour in colours], np.uint32)[np.searchsorted(used, indices)]


def _numbers(pixels: NDArray[np.generic], path: Path) -> Codes:
    """Return the codes of whole numbers. Raises: MaskError if one is negative or huge."""
    if pixels.dtype.kind == "i" and pixels.size and (pixels.min() < 0 or pixels.max() >= TRANSPARENT):
        raise MaskError(
            tr("{path}: a mask has numbers from 0 to {most:,} only; correct it", path=path, most=TRANSPARENT - 1)
        )
    return pixels.astype(np.uint32)


def _colours(pixels: NDArray[np.generic], path: Path) -> Codes:
    """Return the codes of RGB or RGBA pixels."""
    red, green, blue = (pixels[..., channel].astype(np.uint32) for channel in range(3))
    codes: Codes = np.asarray(red << 16 | green << 8 | blue | COLOUR, np.uint32)
    return codes if pixels.shape[2] == 3 else _without_transparent(codes, pixels[..., 3], path)


def _grey_and_alpha(pixels: NDArray[np.generic], path: Path) -> Codes:
    return _without_transparent(pixels[..., 0].astype(np.uint32), pixels[..., 1], path)


def _without_transparent(codes: Codes, alpha: NDArray[np.generic], path: Path) -> Codes:
    """Return the codes with `TRANSPARENT` where nothing is seen.

    Raises:
        MaskError: if a pixel is half transparent: its colour is blended.
    """
    if bool(((alpha != 0) & (alpha != 255)).any()):
        raise MaskError(
            tr("{path}: the mask has half transparent pixels; export it again without transparency", path=path)
        )
    return np.where(alpha == 0, np.uint32(TRANSPARENT), codes)


_CONVERSIONS: dict[str, Callable[[NDArray[np.generic], Path], Codes]] = {
    "1": _numbers, "L": _numbers, "P": _numbers, "I": _numbers, "I;16": _numbers, "I;16L": _numbers,
    "I;16B": _numbers, "RGB": _colours, "RGBA": _colours, "RGBX": _colours, "LA": _grey_and_alpha,
}  # fmt: skip
"""Mode of Pillow -> the codes of its pixels."""
