"""Loading of a large picture in stages.

It is shown at a reduced size at once, then whole. A flat TIFF is mapped, not read. What `images.read_image` gives is
what the last stage gives. A reduced picture shows the whole image: its column x lies at ``x * image width / reduced
width`` exactly, whatever the sizes round to.
"""

from __future__ import annotations

import mmap
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, TiffImagePlugin

from fcn_studio.core.grey_levels import BY_FILE, GreyLevels
from fcn_studio.formats.images.images import (
    MAX_PIXELS,
    TiffBeyondPillow,
    opened,
    orientation_of,
    read_image,
    rgb_of,
    turned,
)
from fcn_studio.formats.images.jpeg_scans import refuse_endless
from fcn_studio.paths import open_file

REDUCED_SIDE = 2048
"""The longer side of a reduced picture is at least this, so that it fills a screen."""

_MOST_PAGES = 32
"""A TIFF's pages are looked at for reduced pictures up to this one."""

# Source: TIFF 6.0, section 8, and Adobe's TIFF Technical Note 1 (254, bit 0: a reduced version of another page).
_REDUCED_PAGE, _ORIENTATION = 254, 274


def reduced_image(
    path: Path, *, max_pixels: int = MAX_PIXELS, levels: GreyLevels = BY_FILE
) -> NDArray[np.uint8] | None:
    """Return the whole picture at a reduced size, as displayed.

    It is uint8 (h, w, 3) RGB, or None if reducing is no quicker. JPEGs are decoded at 1/2 to 1/8, flat TIFFs sampled,
    of pyramidal ones the fitting page is read.

    Raises:
        ImageError: as `read_image`.
    """
    with suppress(TiffBeyondPillow):  # which has no stages
        if (pixels := _mapped(path, max_pixels)) is not None:
            return _sampled(pixels)
        with opened(path, max_pixels) as image:
            if image.format in ("JPEG", "MPO"):
                return _reduced_jpeg(image, max_pixels)
            if isinstance(image, TiffImagePlugin.TiffImageFile):
                return _reduced_page(image, levels)
    return None


def whole_image(path: Path, *, max_pixels: int = MAX_PIXELS, levels: GreyLevels = BY_FILE) -> NDArray[np.uint8]:
    """Return the same pixels as `read_image`, mapped where possible.

    The file is mapped into memory where it holds just these pixels. The array is then read-only, perhaps of stride 0.
    A mapped file takes no memory of its own. It must not be cut short while the array is used: the system ends a
    program that reads beyond it.

    Raises:
        ImageError: as `read_image`.
    """
    with suppress(TiffBeyondPillow):
        if (pixels := _mapped(path, max_pixels)) is not None:
            return pixels
    return read_image(path, max_pixels=max_pixels, levels=levels)


def _reduced_jpeg(image: ImageFile.ImageFile, max_pixels: int) -> NDArray[np.uint8] | None:
    width, height = image.size
    factor = next((f for f in (8, 4, 2) if max(width, height) >= f * REDUCED_SIDE), 1)
    if factor == 1:
        return None
    refuse_endless(image, max_pixels)
    orientation = orientation_of(image)
    image.draft(None, (width // factor, height // factor))
    image.load()
    if image.size == (width, height):  # of a kind that Pillow does not reduce: it is whole already
        return turned(rgb_of(image), orientation)
    box = (0.0, 0.0, width / factor, height / factor)
    fits = box[2:] == image.size  # else the last column or row is there in part only
    return turned(rgb_of(image if fits else image.resize(image.size, Image.Resampling.BILINEAR, box)), orientation)


def _reduced_page(image: TiffImagePlugin.TiffImageFile, levels: GreyLevels) -> NDArray[np.uint8] | None:
    """Return the smallest reduced page that is large enough.

    The page must say that it is the first page, reduced.
    """
    width, height = image.size
    best: tuple[int, int] | None = None
    for page in range(1, _MOST_PAGES):
        try:
            image.seek(page)
        except EOFError:
            break
        side = max(image.size)
        same = abs(image.width * height - image.height * width) <= max(width, height)  # proportions, to a pixel
        fits = 2 * side <= max(width, height) + 1 and side >= REDUCED_SIDE // 2
        if int(image.tag_v2.get(_REDUCED_PAGE, 0)) & 1 and same and fits and (best is None or side < best[0]):
            best = side, page
    if best is None:
        return None
    image.seek(best[1])
    image.load()
    return rgb_of(image, levels)


def _mapped(path: Path, max_pixels: int) -> NDArray[np.uint8] | None:
    """Return the pixels of a flat 8-bit TIFF as a memory map.

    It is None if they are not stored as shown.
    """
    with opened(path, max_pixels) as image:
        if not isinstance(image, TiffImagePlugin.TiffImageFile) or image.mode not in ("RGB", "L"):
            return None
        start = _flat_start(image)
        if start is None or image.tag_v2.get(_ORIENTATION, 1) != 1 or image.has_transparency_data:
            return None
        width, height = image.size
        size = width * height * len(image.mode)
        with open_file(path) as file:
            memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if len(memory) < start + size:
            raise OSError("image file is truncated")
        if image.mode == "RGB":
            return np.frombuffer(memory, np.uint8, size, start).reshape(height, width, 3)
        grey = np.frombuffer(memory, np.uint8, size, start).reshape(height, width, 1)
        return np.broadcast_to(grey, (height, width, 3))


def _flat_start(image: TiffImagePlugin.TiffImageFile) -> int | None:
    """Return where a TIFF's pixels begin, or None.

    It is None unless they lie one row after the other without a gap.
    """
    row_bytes, top, expected = image.width * len(image.mode), 0, None
    for tile in image.tile:
        x0, y0, x1, y1 = tile.extents or (0, 0, 0, 0)
        kind = tile.args[0] if isinstance(tile.args, tuple) else tile.args
        if tile.codec_name != "raw" or kind != image.mode or (x0, x1, y0) != (0, image.width, top):
            return None
        if expected not in (None, tile.offset) or tile.offset is None:
            return None
        top, expected = y1, tile.offset + (y1 - y0) * row_bytes
    return image.tile[0].offset if top == image.height else None


def _sampled(image_rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a reduced picture by sampling single pixels.

    The side is about `REDUCED_SIDE`. Each pixel comes from the middle of the area that it stands for.
    """
    height, width = image_rgb.shape[:2]
    factor = max(1, max(height, width) // REDUCED_SIDE)
    rows, columns = (_middles(size, -(-size // factor)) for size in (height, width))
    return np.stack([image_rgb[row].take(columns, axis=0) for row in rows])


def _middles(size: int, count: int) -> NDArray[np.intp]:
    """Return the middle pixel of each of ``count`` equal parts.

    The parts divide a line of ``size`` pixels.
    """
    return ((np.arange(count) + 0.5) * size / count).astype(np.intp)
