"""Image files -> RGB arrays, by one function that display, network, training and export share.

Image files are only ever read. The header is judged before a pixel is decoded.
"""

from __future__ import annotations

import mmap
import struct
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError
from PIL.Image import core as pillow_core  # type: ignore[attr-defined]

from fcn_studio.errors import ImageError, ImageTooLarge
from fcn_studio.formats.images.jpeg_scans import refuse_endless
from fcn_studio.paths import open_file

IMAGE_SUFFIXES = frozenset(
    {".avif", ".bmp", ".gif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png"}
    | {".pnm", ".ppm", ".tif", ".tiff", ".webp"}
)
"""Casefolded suffixes of the files that count as images of a folder."""

MAX_PIXELS = 100_000_000
"""Default limit of width x height; a header that claims more is refused before memory is taken."""

MOST_PIXELS = 2_000_000_000
"""Above this an image is refused whatever the limit is."""

BYTES_A_PIXEL = 9
"""Memory that an open image takes: 3 bytes the picture, 2 its annotation, and 4 the decoder while it is read."""

IN_PLACE_FROM = 20_000_000
"""So many pixels are decoded with less memory than Pillow alone takes."""

_DECODER_BYTES_MORE = {"WEBP": 9, "JPEG2000": 12}
"""What these decoders take besides; measured."""

# Shared memory that is given up in part stays taken; Windows knows no such flags.
_PRIVATE = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}

TRANSPARENT_BACKDROP = 128
"""Grey under transparent pixels: what is hidden on screen is hidden from the network too."""

# Only these decoders run on a user's files: others start external programs (EPS) or are hardly tested.
_DECODERS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP", "GIF", "PPM", "AVIF", "JPEG2000")

# What Pillow's decoders raise on damaged or hostile files. Not MemoryError: nothing is wrong with the file then.
DECODER_ERRORS = (
    OSError, EOFError, SyntaxError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError,
    AssertionError, RuntimeError, struct.error, zlib.error, Image.DecompressionBombError,
)  # fmt: skip

# `opened` refuses by its caller's limit, with a sentence; Pillow's is process-wide and mostly warns.
Image.MAX_IMAGE_PIXELS = None


def read_image(path: Path, *, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """The picture as people see it: uint8 (H, W, 3), RGB, 0..255, C-contiguous and writable.

    EXIF orientation is applied. Of animations and multi-page files it is the first frame. Transparent pixels
    are composited on mid-grey (`TRANSPARENT_BACKDROP`). CMYK, YCbCr and LAB become RGB by Pillow's plain
    formulas, embedded colour profiles are ignored. Samples deeper than 8 bits are scaled by `_to_8_bit`.

    Raises:
        ImageError: if the file cannot be opened, is no image, is damaged or cut off, or has too many pixels, or
            there is not enough memory.
    """
    with opened(path, max_pixels) as image:
        if image.format in ("JPEG", "MPO"):
            refuse_endless(image, max_pixels)
        orientation = orientation_of(image)
        return turned(_decoded(image), orientation)


def image_size(path: Path, *, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """(width, height) in pixels as displayed, EXIF orientation applied; reads the header only.

    Raises:
        ImageError: as `read_image`, except that damage behind the header is not seen.
    """
    with opened(path, max_pixels) as image:
        width, height = image.size
        return (height, width) if orientation_of(image) >= 5 else (width, height)


def is_upright_jpeg(path: Path, *, max_pixels: int = MAX_PIXELS) -> bool:
    """Whether the file is a JPEG that any reader shows as `read_image` does: its bytes can be copied.

    Raises:
        ImageError: as `image_size`.
    """
    with opened(path, max_pixels) as image:
        return image.format in ("JPEG", "MPO") and image.mode in ("RGB", "L") and orientation_of(image) == 1


def write_jpeg(path: Path, image_rgb: NDArray[np.uint8]) -> None:
    """Write uint8 (H, W, 3) RGB as a JPEG of quality 95 without chroma subsampling.

    Raises:
        ImageError: if a side is over 65,500 pixels.
        OSError: if it cannot be written.
    """
    height, width = image_rgb.shape[:2]
    if max(height, width) > 65_500:  # Source: JPEG_MAX_DIMENSION in libjpeg's jmorecfg.h
        raise ImageError(f"{path}: {width} x {height}: a JPEG has at most 65,500 pixels a side; leave that image out")
    Image.fromarray(image_rgb).save(path, "JPEG", quality=95, subsampling="4:4:4")


def write_png(path: Path, image_rgb: NDArray[np.uint8]) -> None:
    """Write uint8 (H, W, 3) RGB as a PNG.

    Raises:
        OSError: if it cannot be written.
    """
    Image.fromarray(image_rgb).save(path, "PNG", compress_level=4)


@contextmanager
def opened(path: Path, max_pixels: int) -> Iterator[ImageFile.ImageFile]:
    """The image with its header read and its size judged; Pillow's errors in the block become sentences."""
    try:
        with open_file(path) as file, quiet_pillow(), Image.open(file, formats=_decoders()) as image:
            _refuse_large(path, image, max_pixels)
            yield image
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{path}: not an image of a kind that is read (JPEG, PNG, TIFF, BMP, WebP, GIF, PNM, AVIF, "
            "JPEG 2000); convert it, or remove it from the folder"
        ) from error
    except MemoryError as error:
        raise ImageError(
            f"{path}: there is not enough memory to read the image; close other programs, or shrink the image"
        ) from error
    except DECODER_ERRORS as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise ImageError(f"{path}: the image cannot be opened: {error.strerror}") from error
        reason = str(error) or type(error).__name__
        raise ImageError(
            f"{path}: the image is damaged or cut off ({reason}); restore it from its source, or remove it"
        ) from error


def _refuse_large(path: Path, image: Image.Image, max_pixels: int) -> None:
    """Raises: ImageError if an image has too many pixels by its header; says what it would take to open it."""
    width, height = image.size
    pixels = width * height
    if pixels > MOST_PIXELS:
        raise ImageError(
            f"{path}: {width} x {height} pixels is over 2 gigapixels, which is never opened; cut or shrink the image"
        )
    if pixels > max_pixels:
        memory = pixels * (BYTES_A_PIXEL + _DECODER_BYTES_MORE.get(image.format or "", 0))
        raise ImageTooLarge(
            f"{path}: {width} x {height} pixels is over the limit of {max_pixels / 1e6:g} million, and would take "
            f"about {memory / 1e9:.1f} GB of memory; cut or shrink the image, or raise the limit "
            f"('Largest image' in the settings, --max-pixels {pixels} on the command line)",
            pixels,
            memory,
        )


@cache
def _decoders() -> tuple[str, ...]:
    """Those of `_DECODERS` that this build of Pillow has."""
    Image.init()
    return tuple(name for name in _DECODERS if name in Image.OPEN)


class _Quiet:
    """Counts the threads inside `quiet_pillow`: the first in saves the warning filters, the last restores."""

    lock = threading.Lock()
    inside = 0
    saved: warnings.catch_warnings[None] | None = None


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Hide Pillow's warnings about odd metadata, in any number of threads at once.

    ``catch_warnings`` alone is not thread-safe: two interleaved ones restore each other's filters.
    """
    with _Quiet.lock:
        _Quiet.inside += 1
        if _Quiet.inside == 1:
            _Quiet.saved = warnings.catch_warnings()
            _Quiet.saved.__enter__()
            warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        yield
    finally:
        with _Quiet.lock:
            _Quiet.inside -= 1
            if _Quiet.inside == 0 and _Quiet.saved is not None:
                _Quiet.saved.__exit__(None, None, None)


def orientation_of(image: Image.Image) -> int:
    """EXIF orientation 1..8, of the header alone; 1 where there is none or it makes no sense.

    Call it before ``load``: a PNG's chunk behind the pixels is left out for `read_image` as for `image_size`.
    """
    if image.format == "TIFF":  # Pillow turns TIFFs itself, size and pixels
        return 1
    try:
        # Not image.getexif(): PNG's decodes the whole picture.
        value = Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1)
    except DECODER_ERRORS:  # broken EXIF is common in sound pictures
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def turned(image_rgb: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """A stored picture, uint8 (H, W, 3), as EXIF ``orientation`` 1..8 shows it; contiguous."""
    return np.ascontiguousarray(_TURN[orientation](image_rgb))


# Source: CIPA DC-008 (Exif 2.32), tag 0x0112: where the stored row 0 and column 0 belong on screen.
_TURN: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: a.swapaxes(0, 1)[::-1],
}


def _decoded(image: ImageFile.ImageFile) -> NDArray[np.uint8]:
    """The pixels of an opened image as uint8 (H, W, 3), as stored: not turned yet."""
    large = image.width * image.height >= IN_PLACE_FROM
    upright = image.format != "TIFF" or image.getexif().get(ExifTags.Base.Orientation, 1) == 1
    if large and upright and image.mode == "RGB" and image.format in ("JPEG", "MPO", "PNG", "TIFF"):
        return _decoded_in_place(image)
    image.load()
    return rgb_of(image)


def _decoded_in_place(image: ImageFile.ImageFile) -> NDArray[np.uint8]:
    """`_decoded` of a colour image in 4 bytes a pixel where decoding and copying takes 7.

    Pillow keeps colour in 4 bytes a pixel. Here it does so in memory of ours, in which they are then moved together;
    the rest of the memory is given back.
    """
    width, height = image.size
    try:
        memory = mmap.mmap(-1, 4 * width * height, **_PRIVATE)
    except OSError as error:  # the system's word for it
        raise MemoryError from error
    core = pillow_core.map_buffer(memory, image.size, "raw", 0, ("RGB", 0, 1))
    image.im = core  # ImageFile does just this with files that it maps itself
    image.load()
    if image.im is not core or image.has_transparency_data:
        return rgb_of(image)
    image.im = core = pillow_core.new("L", (1, 1))  # lets go of the memory
    _without_fourth(np.frombuffer(memory, np.uint8).reshape(-1, 4))
    with suppress(BufferError, SystemError, OSError, ValueError):  # where it cannot shrink it is only larger
        memory.resize(3 * width * height)
    return np.frombuffer(memory, np.uint8, 3 * width * height).reshape(height, width, 3)


def _without_fourth(pixels: NDArray[np.uint8]) -> None:
    """Move the first three bytes of each pixel, uint8 (N, 4), together to the front of the memory."""
    front = pixels.reshape(-1)[: 3 * len(pixels)].reshape(-1, 3)
    for start in range(0, len(pixels), 1 << 20):
        part = slice(start, start + (1 << 20))
        # A copy first: what is written lies before what is still to be read, and reaches into what is just read.
        front[part] = cv2.cvtColor(pixels[part][None], cv2.COLOR_RGBA2RGB)[0]


def rgb_of(image: Image.Image) -> NDArray[np.uint8]:
    """A loaded image of any mode as uint8 (H, W, 3), as stored: not turned yet."""
    if image.mode == "F" or image.mode.startswith("I"):
        grey = _to_8_bit(np.array(image))
        return np.repeat(grey[:, :, None], 3, axis=2)
    rgb = np.empty((image.height, image.width, 3), np.uint8)
    for rows in _strips(rgb):
        # Strip by strip: a conversion copies, and twice the memory of a large image may not be there.
        rgb[rows] = _strip_rgb(image.crop((0, rows.start, image.width, rows.stop)))
    return rgb


def _strips(array: NDArray[np.generic]) -> list[slice]:
    """Slices of rows that together are the array (H, W, ...), each of about a million pixels."""
    height, width = array.shape[:2]
    step = max(1, (1 << 20) // width)
    return [slice(top, min(height, top + step)) for top in range(0, height, step)]


def _strip_rgb(image: Image.Image) -> NDArray[np.uint8]:
    """An image of at most 8 bits a channel as uint8 (H, W, 3); transparent pixels on the backdrop."""
    if not image.has_transparency_data:
        return np.asarray(image.convert("RGB"))
    rgba = np.asarray(image.convert("RGBA"))
    alpha = rgba[:, :, 3:].astype(np.uint16)
    # At most 255 * 255 + 127: fits 16 bits. Rounded to nearest; alpha 255 keeps the colour exactly.
    blend = rgba[:, :, :3] * alpha + TRANSPARENT_BACKDROP * (255 - alpha)
    return ((blend + 127) // 255).astype(np.uint8)


def _to_8_bit(samples: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Deep grey samples (H, W) as uint8, without a setting.

    Whole numbers without a negative are divided by the range of the smallest usual depth (8, 10, 12, 14 or
    16 bits) that holds the maximum, so a 12-bit camera's files are not nearly black and its pictures stay
    comparable. Fractions within 0..1 are scaled by 255. Anything else is stretched from its minimum to its
    maximum; what is not finite counts as 0.
    """
    finite = np.nan_to_num(samples, copy=False, posinf=0.0, neginf=0.0)
    low, high = float(finite.min()), float(finite.max())
    whole = np.issubdtype(samples.dtype, np.integer)
    if low >= 0 and whole and high < 1 << 16:
        low, high = 0.0, float(next((1 << bits) - 1 for bits in (8, 10, 12, 14, 16) if high < 1 << bits))
    elif low >= 0 and not whole and high <= 1:
        low, high = 0.0, 1.0
    factor = 255.0 / (high - low) if high > low else 0.0
    scaled = np.empty(samples.shape, np.uint8)
    for rows in _strips(scaled):
        scaled[rows] = np.rint((finite[rows].astype(np.float64) - low) * factor)
    return scaled
