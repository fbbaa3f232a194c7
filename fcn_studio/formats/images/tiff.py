"""TIFF files that Pillow does not read, or reads as other pixels.

They have the planes, bands and depths of science and mapping. `tifffile` finds the layout and puts strips, tiles and
planes together. Compression other than deflate, and colours other than grey and RGB, are refused with the reason.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import TiffImagePlugin

from fcn_studio.i18n import tr

if TYPE_CHECKING:
    from tifffile import TiffPage

# Source: TIFF 6.0 and BigTIFF: byte order, then 42 or 43.
_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

# Source: TIFF 6.0, sections 3 to 8, and TIFF Technical Note 3 (deflate): values of the tags.
_BITS, _COMPRESSION, _PLANES, _ORIENTATION, _SAMPLE_FORMAT = 258, 259, 284, 274, 339
_PLAIN, _DEFLATE = 1, (8, 32946)
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2
_TILE_WIDTH, _TILE_HEIGHT = 322, 323
_ALPHA = (1, 2)
_MOST_DEFLATED = 1032
"""Deflate packs so many bytes into one at most. Source: zlib's technical details."""


@dataclass(frozen=True)
class TiffPicture:
    """The first page of a TIFF.

    Attributes:
        refusal: why it cannot be read, as a part of a sentence; empty if it can.
        colours: how many bands are colours, 1 or 3; they come first.
        alpha: the band with the opacity; 0 if there is none.
        inverted: whether 0 is white.
        orientation: EXIF orientation, 1..8.
    """

    page: TiffPage
    refusal: str
    colours: int
    alpha: int
    inverted: bool
    orientation: int

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels as stored."""
        return self.page.imagewidth, self.page.imagelength

    def samples(self) -> NDArray[np.generic]:
        """Read the samples: (H, W, bands), of the file's own dtype.

        Raises:
            ValueError: if the data are damaged, cut off, or more than the header says.
        """
        page = self.page
        _refuse_bombs(page)
        pixels = page.asarray()
        if page.axes == "YX":
            return pixels[:, :, None]
        return np.moveaxis(pixels, 0, 2) if page.axes == "SYX" else pixels


def is_tiff(file: BinaryIO) -> bool:
    """Return whether a file begins as a TIFF does."""
    file.seek(0)
    return file.read(4) in _SIGNATURES


def is_misread_by_pillow(image: TiffImagePlugin.TiffImageFile) -> bool:
    """Return whether Pillow opens the file but decodes other pixels.

    That happens with uncompressed planes of more than 8 bits.
    """
    tags = image.tag_v2
    plain_planes = tags.get(_PLANES, 1) == 2 and tags.get(_COMPRESSION, _PLAIN) == _PLAIN
    return bool(plain_planes and np.max(tags.get(_BITS, 1)) > 8)


def refuse_large_tiles(image: TiffImagePlugin.TiffImageFile) -> None:
    """Check that tiles are not much larger than the picture.

    Decoders take memory for a whole tile.

    Raises:
        ValueError: if they are.
    """
    tile = int(image.tag_v2.get(_TILE_WIDTH, 0)) * int(image.tag_v2.get(_TILE_HEIGHT, 0))
    if tile > 4 * image.width * image.height + (1 << 20):
        raise ValueError(f"tiles of {tile} pixels in a smaller picture")


def is_unsigned_32(image: TiffImagePlugin.TiffImageFile) -> bool:
    """Return whether Pillow reads unsigned 32-bit samples as signed.

    The file is opened already.
    """
    tags = image.tag_v2
    return bool(image.mode == "I" and np.max(tags.get(_BITS, 1)) == 32 and np.max(tags.get(_SAMPLE_FORMAT, 1)) == 1)


@contextmanager
def read_tiff(file: BinaryIO) -> Iterator[TiffPicture]:
    """Read the header of a TIFF's first page.

    Raises:
        ValueError: if it makes no sense.
    """
    import tifffile  # start-up: few files need it

    file.seek(0)
    with tifffile.TiffFile(file) as tiff:
        page = tiff.pages.first
        assert isinstance(page, tifffile.TiffPage)
        bands = page.samplesperpixel
        colours = 3 if bands >= 3 else 1
        extra = [int(kind) for kind in page.extrasamples]
        alpha = next((bands - len(extra) + i for i, kind in enumerate(extra) if kind in _ALPHA), 0)
        orientation = int(page.tags.valueof(_ORIENTATION, 1))
        yield TiffPicture(
            page=page,
            refusal=_refusal(page),
            colours=min(colours, alpha or colours),
            alpha=alpha,
            inverted=page.photometric == _WHITE_IS_ZERO,
            orientation=orientation if 1 <= orientation <= 8 else 1,
        )


def _refusal(page: TiffPage) -> str:
    """Return why a page is not read, as part of a sentence.

    It is empty if the page is read.
    """
    from tifffile import COMPRESSION, PHOTOMETRIC

    if page.compression not in (_PLAIN, *_DEFLATE):
        return tr(
            "a TIFF of this depth or number of bands is not read with the compression {name}",
            name=COMPRESSION(page.compression).name,
        )
    if page.photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB):
        return tr(
            "a TIFF of this depth or number of bands is not read with the colours {name}",
            name=PHOTOMETRIC(page.photometric).name,
        )
    if page.dtype is None or page.dtype.kind not in "uif":
        return tr(
            "TIFF samples of {bits} bits, format {format}, are not read",
            bits=page.bitspersample,
            format=page.sampleformat,
        )
    if page.imagedepth != 1:
        return tr("a TIFF of volumes is not read")
    return ""


def _refuse_bombs(page: TiffPage) -> None:
    """Check that the file can hold the picture of its header.

    The file must hold all of the picture, and no part may inflate to more.

    Raises:
        ValueError: if that is not so, or a part is damaged.
    """
    assert page.dtype is not None
    sizes = {"Y": page.imagelength, "X": page.imagewidth, "S": page.samplesperpixel}
    if page.axes not in ("YX", "YXS", "SYX") or page.shape != tuple(sizes[axis] for axis in page.axes):
        raise ValueError(f"axes {page.axes} of {page.shape} in a picture of {page.imagewidth} x {page.imagelength}")
    total = math.prod(page.shape) * page.dtype.itemsize
    handle = page.parent.filehandle
    stored = min(sum(page.databytecounts), handle.size)
    if total > stored * (1 if page.compression == _PLAIN else _MOST_DEFLATED):
        raise ValueError("image file is truncated")
    if page.compression == _PLAIN:
        return
    shape = (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip, page.imagewidth)
    most = math.prod(shape) * (1 if page.planarconfig == 2 else page.samplesperpixel) * page.dtype.itemsize
    if most > 2 * total + (1 << 20):
        raise ValueError(f"a part of {most} bytes in a smaller picture")
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        handle.seek(offset)
        try:
            inflated = len(zlib.decompressobj().decompress(handle.read(count), most + 1))
        except zlib.error as error:
            raise ValueError(str(error)) from error
        if inflated > most:
            raise ValueError("a part holds more than its header says")
