"""Reading of image files as RGB arrays.

Display, network, training and export share one function. Image files are only ever read. The header is judged before
a pixel is decoded.
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
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, PngImagePlugin, TiffImagePlugin, UnidentifiedImageError
from PIL.Image import core as pillow_core  # type: ignore[attr-defined]

from fcn_studio.core.grey_levels import BY_FILE, GreyLevels
from fcn_studio.errors import ImageError, ImageTooLarge
from fcn_studio.formats.images.depth import DeepImage, eight_bits, keeps_upper_bits, strips, to_8_bit
from fcn_studio.formats.images.jpeg_scans import refuse_endless
from fcn_studio.formats.images.png_metadata import MOST_TEXT, without_oversized_metadata
from fcn_studio.formats.images.tiff import (
    TiffPicture,
    is_misread_by_pillow,
    is_tiff,
    is_unsigned_32,
    read_tiff,
    refuse_large_tiles,
)
from fcn_studio.i18n import tr
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
# Pillow's limit of 1 MB calls sound pictures damaged: profiles and editing histories are larger.
PngImagePlugin.MAX_TEXT_CHUNK = MOST_TEXT


def read_image(path: Path, *, max_pixels: int = MAX_PIXELS, levels: GreyLevels = BY_FILE) -> NDArray[np.uint8]:
    """Return the picture as people see it, as an RGB array.

    It is uint8 (H, W, 3), 0..255, C-contiguous and writable. EXIF orientation is applied. Of animations and
    multi-page files it is the first frame. Transparent pixels are composited on mid-grey (`TRANSPARENT_BACKDROP`).
    CMYK, YCbCr and LAB become RGB by Pillow's plain formulas, embedded colour profiles are ignored. Samples deeper
    than 8 bits are scaled by `depth.to_8_bit` with ``levels``.

    Raises:
        ImageError: if the file cannot be opened, is no image, is damaged or cut off, or has too many pixels, or
            there is not enough memory.
    """
    try:
        with opened(path, max_pixels) as image:
            if image.format in ("JPEG", "MPO"):
                refuse_endless(image, max_pixels)
            orientation = orientation_of(image)
            return turned(_decoded(image, levels), orientation)
    except TiffBeyondPillow:
        with _tiff(path, max_pixels) as picture:
            return turned(_rgb_of_tiff(picture, levels), picture.orientation)


def deep_image(path: Path, *, max_pixels: int = MAX_PIXELS) -> DeepImage | None:
    """Return the image if `read_image` scales it by `depth.to_8_bit`.

    Raises:
        ImageError: as `read_image`.
    """
    try:
        with opened(path, max_pixels) as image:
            if not _is_deep(image):
                return None
            orientation = orientation_of(image)
            image.load()
            return DeepImage(_deep_samples(image), lambda grey: turned(_grey_as_rgb(grey), orientation))
    except TiffBeyondPillow:
        with _tiff(path, max_pixels) as picture:
            samples = picture.samples()
            colours = samples[:, :, : picture.colours]
            if keeps_upper_bits(colours):
                return None
            alpha, inverted, orientation = _alpha(picture, samples), picture.inverted, picture.orientation
            return DeepImage(colours, lambda grey: turned(_finished(grey, alpha, inverted=inverted), orientation))


def image_size(path: Path, *, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Return (width, height) in pixels as displayed, from the header alone.

    Raises:
        ImageError: as `read_image`, except that damage behind the header is not seen.
    """
    try:
        with opened(path, max_pixels) as image:
            width, height = image.size
            return (height, width) if orientation_of(image) >= 5 else (width, height)
    except TiffBeyondPillow:
        with _tiff(path, max_pixels) as picture:
            width, height = picture.size
            return (height, width) if picture.orientation >= 5 else (width, height)


def is_upright_jpeg(path: Path, *, max_pixels: int = MAX_PIXELS) -> bool:
    """Return whether the file is a JPEG whose bytes can be copied.

    Any reader shows such a file as `read_image` does.

    Raises:
        ImageError: as `image_size`.
    """
    try:
        with opened(path, max_pixels) as image:
            return image.format in ("JPEG", "MPO") and image.mode in ("RGB", "L") and orientation_of(image) == 1
    except TiffBeyondPillow:
        return False


def write_jpeg(path: Path, image_rgb: NDArray[np.uint8]) -> None:
    """Write an RGB image as a JPEG of quality 95.

    The image is uint8 (H, W, 3). There is no chroma subsampling.

    Raises:
        ImageError: if a side is over 65,500 pixels.
        OSError: if it cannot be written.
    """
    height, width = image_rgb.shape[:2]
    if max(height, width) > 65_500:  # Source: JPEG_MAX_DIMENSION in libjpeg's jmorecfg.h
        raise ImageError(
            tr(
                "{path}: {width} x {height}: a JPEG has at most 65,500 pixels a side; leave that image out",
                path=path,
                width=width,
                height=height,
            )
        )
    Image.fromarray(image_rgb).save(path, "JPEG", quality=95, subsampling="4:4:4")


def write_png(path: Path, image_rgb: NDArray[np.uint8]) -> None:
    """Write uint8 (H, W, 3) RGB as a PNG.

    Raises:
        OSError: if it cannot be written.
    """
    Image.fromarray(image_rgb).save(path, "PNG", compress_level=4)


class TiffBeyondPillow(ImageError):  # noqa: N818 - a kind of file, not a failure
    """A TIFF that Pillow cannot read or misreads, unlike `read_image`."""


@contextmanager
def opened(path: Path, max_pixels: int) -> Iterator[ImageFile.ImageFile]:
    """Open an image by its header and judge its size.

    Pillow's errors in the block become sentences.

    Raises:
        TiffBeyondPillow: if the file is a TIFF of a kind that Pillow does not read.
        ImageError: as `read_image`.
    """
    with _sentences(path), open_file(path) as file, quiet_pillow():
        try:
            image = Image.open(without_oversized_metadata(file), formats=_decoders())
        except UnidentifiedImageError:
            if is_tiff(file):
                raise TiffBeyondPillow(f"{path}: a TIFF that is not of 8 bits in one plane") from None
            raise
        with image:
            _refuse_large(path, image.size, image.format or "", max_pixels)
            if isinstance(image, TiffImagePlugin.TiffImageFile):
                refuse_large_tiles(image)
                if is_misread_by_pillow(image):
                    raise TiffBeyondPillow(f"{path}: a TIFF of deep samples in planes")
            yield image


@contextmanager
def _tiff(path: Path, max_pixels: int) -> Iterator[TiffPicture]:
    """Open a TIFF that Pillow does not read, and judge its size.

    Raises:
        ImageError: as `read_image`; the sentence says which property of the file is not read.
    """
    with _sentences(path), open_file(path) as file, read_tiff(file) as picture:
        _refuse_large(path, picture.size, "TIFF", max_pixels)
        if picture.refusal:
            raise ImageError(
                tr("{path}: {reason}; save it as an 8-bit TIFF or PNG", path=path, reason=picture.refusal)
            )
        yield picture


def _rgb_of_tiff(picture: TiffPicture, levels: GreyLevels) -> NDArray[np.uint8]:
    """Return the pixels of a TIFF as stored, uint8 (H, W, 3).

    Of several bands the first three are red, green and blue; of two the first is grey. Colour of 16 and 32 bits keeps
    its upper 8, as Pillow does; fractions and grey are scaled by `depth.to_8_bit`.
    """
    samples = picture.samples()
    colours = eight_bits(samples[:, :, : picture.colours], levels)
    return _finished(colours, _alpha(picture, samples), inverted=picture.inverted)


def _alpha(picture: TiffPicture, samples: NDArray[Any]) -> NDArray[np.uint8] | None:
    """Return the opacity (H, W, 1) of a TIFF's samples, None if all are opaque."""
    return eight_bits(samples[:, :, picture.alpha, None]) if picture.alpha else None


def _finished(colours: NDArray[np.uint8], alpha: NDArray[np.uint8] | None, *, inverted: bool) -> NDArray[np.uint8]:
    """Return the RGB pixels of a TIFF's colours (H, W, 1 or 3) as stored."""
    rgb = np.broadcast_to(colours, (*colours.shape[:2], 3))
    if inverted:
        rgb = 255 - rgb
    if alpha is None:
        return np.ascontiguousarray(rgb)
    return rgb_of(Image.fromarray(np.dstack([rgb, alpha]), "RGBA"))


@contextmanager
def _sentences(path: Path) -> Iterator[None]:
    """Turn what decoders raise in the block into sentences.

    Raises:
        ImageError: in place of all `DECODER_ERRORS` and of `MemoryError`.
    """
    try:
        yield
    except UnidentifiedImageError as error:
        raise ImageError(
            tr(
                "{path}: not an image of a kind that is read (JPEG, PNG, TIFF, BMP, WebP, GIF, PNM, AVIF, "
                "JPEG 2000); convert it, or remove it from the folder",
                path=path,
            )
        ) from error
    except MemoryError as error:
        raise ImageError(
            tr(
                "{path}: there is not enough memory to read the image; close other programs, or shrink the image",
                path=path,
            )
        ) from error
    except DECODER_ERRORS as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise ImageError(
                tr("{path}: the image cannot be opened: {reason}", path=path, reason=error.strerror)
            ) from error
        reason = str(error) or type(error).__name__
        raise ImageError(
            tr(
                "{path}: the image is damaged or cut off ({reason}); restore it from its source, or remove it",
                path=path,
                reason=reason,
            )
        ) from error


def _refuse_large(path: Path, size: tuple[int, int], kind: str, max_pixels: int) -> None:
    """Raise ImageError, with the remedy, if the header has too many pixels."""
    width, height = size
    pixels = width * height
    if pixels > MOST_PIXELS:
        raise ImageError(
            tr(
                "{path}: {width} x {height} pixels is over 2 gigapixels, which is never opened; cut or "
                "shrink the image",
                path=path,
                width=width,
                height=height,
            )
        )
    if pixels > max_pixels:
        memory = pixels * (BYTES_A_PIXEL + _DECODER_BYTES_MORE.get(kind, 0))
        raise ImageTooLarge(
            tr(
                "{path}: {width} x {height} pixels is over the limit of {limit:g} million, and would "
                "take about {memory:.1f} GB of memory; cut or shrink the image, or raise the limit ('Largest "
                "image' in the settings, --max-pixels {pixels} on the command line)",
                path=path,
                width=width,
                height=height,
                limit=max_pixels / 1e6,
                memory=memory / 1e9,
                pixels=pixels,
            ),
            pixels,
            memory,
        )


@cache
def _decoders() -> tuple[str, ...]:
    """Return those of `_DECODERS` that this build of Pillow has."""
    Image.init()
    return tuple(name for name in _DECODERS if name in Image.OPEN)


class _Quiet:
    """Counter of the threads inside `quiet_pillow`.

    The first thread saves the warning filters and the last restores them.
    """

    lock = threading.Lock()
    inside = 0
    saved: warnings.catch_warnings[None] | None = None


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Hide Pillow's warnings about odd metadata, in any threads at once.

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
    """Return the EXIF orientation of the header, 1..8, by default 1.

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
    """Return a stored picture as its EXIF ``orientation`` shows it.

    The picture is uint8 (H, W, 3), the orientation 1..8. The result is contiguous.
    """
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


def _decoded(image: ImageFile.ImageFile, levels: GreyLevels) -> NDArray[np.uint8]:
    """Return an opened image's pixels as stored, uint8 (H, W, 3)."""
    large = image.width * image.height >= IN_PLACE_FROM
    upright = image.format != "TIFF" or image.getexif().get(ExifTags.Base.Orientation, 1) == 1
    if large and upright and image.mode == "RGB" and image.format in ("JPEG", "MPO", "PNG", "TIFF"):
        return _decoded_in_place(image)
    image.load()
    return rgb_of(image, levels)


def _decoded_in_place(image: ImageFile.ImageFile) -> NDArray[np.uint8]:
    """Return `_decoded` of a colour image in less memory.

    It takes 4 bytes a pixel where decoding and copying takes 7. Pillow keeps colour in 4 bytes a pixel. Here it does
    so in memory of ours, in which they are then moved together; the rest of the memory is given back.
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
    """Move the first three bytes of pixels (N, 4) to the front."""
    front = pixels.reshape(-1)[: 3 * len(pixels)].reshape(-1, 3)
    for start in range(0, len(pixels), 1 << 20):
        part = slice(start, start + (1 << 20))
        # A copy first: what is written lies before what is still to be read, and reaches into what is just read.
        front[part] = cv2.cvtColor(pixels[part][None], cv2.COLOR_RGBA2RGB)[0]


def rgb_of(image: Image.Image, levels: GreyLevels = BY_FILE) -> NDArray[np.uint8]:
    """Return an image of any mode as stored, uint8 (H, W, 3)."""
    if _is_deep(image):
        return _grey_as_rgb(to_8_bit(_deep_samples(image), levels))
    rgb = np.empty((image.height, image.width, 3), np.uint8)
    for rows in strips(rgb):
        # Strip by strip: a conversion copies, and twice the memory of a large image may not be there.
        rgb[rows] = _strip_rgb(image.crop((0, rows.start, image.width, rows.stop)))
    return rgb


def _grey_as_rgb(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(grey[:, :, None], 3, axis=2)


def _is_deep(image: Image.Image) -> bool:
    """Return whether an image is grey of more than 8 bits."""
    return image.mode == "F" or image.mode.startswith("I")


def _deep_samples(image: Image.Image) -> NDArray[Any]:
    """Return the samples (H, W) of a loaded image that is deep."""
    if isinstance(image, TiffImagePlugin.TiffImageFile) and is_unsigned_32(image):  # Pillow's mode is of signed ones
        return np.array(image).view(np.uint32)
    return np.array(image)


def _strip_rgb(image: Image.Image) -> NDArray[np.uint8]:
    """Return an image of at most 8 bits a channel as RGB.

    The result is uint8 (H, W, 3), with transparent pixels on the backdrop.
    """
    if not image.has_transparency_data:
        return np.asarray(image.convert("RGB"))
    rgba = np.asarray(image.convert("RGBA"))
    alpha = rgba[:, :, 3:].astype(np.uint16)
    # At most 255 * 255 + 127: fits 16 bits. Rounded to nearest; alpha 255 keeps the colour exactly.
    blend = rgba[:, :, :3] * alpha + TRANSPARENT_BACKDROP * (255 - alpha)
    return ((blend + 127) // 255).astype(np.uint8)
