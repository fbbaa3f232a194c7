"""Conversion between mask files and label maps.

A file is a PNG of mode P, 8 bits, with the full VOC palette. Its values are class indices, and 255 is void. Indices
are never blended, scaled or guessed. What is not plainly a label map of its image raises.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from fcn_studio.core.classes import VOID, ClassTable, voc_palette
from fcn_studio.core.labels import LabelMap, first_unknown_index
from fcn_studio.errors import GreyMaskFound, ImageError, MaskError, MaskNotRead, MaskUnmapped
from fcn_studio.formats.atomic import write_atomically
from fcn_studio.formats.images.images import DECODER_ERRORS, MAX_PIXELS, MOST_PIXELS, quiet_pillow
from fcn_studio.formats.images.png_metadata import without_oversized_metadata
from fcn_studio.i18n import tr, tr_n
from fcn_studio.paths import open_file, read_file

_PALETTE = voc_palette().tobytes()
MAX_MASK_BYTES = MOST_PIXELS
"""Larger mask files are not read: one of the largest image is smaller, were it noise of 8 bits."""

_LOSSLESS = (b"BM", b"II*\0", b"MM\0*", b"GIF8")
"""Beginnings of BMP, TIFF and GIF files, which an import reads."""

_PIXELS_PER_STRAY = 1000
"""Of how many pixels one may have an unknown index; with more, a class is missing."""


@dataclass(frozen=True)
class MaskFile:
    """A mask as read.

    Attributes:
        label_map: uint8 (H, W), writable; class indices of the table, and 255.
        notices: sentences on how it was read, where that is not plain; shown once.
    """

    label_map: LabelMap
    notices: tuple[str, ...] = ()


def read_mask(
    path: Path, size: tuple[int, int], table: ClassTable, *, grey_as_indices: bool | None = None
) -> MaskFile:
    """Read a mask file as the label map of an image.

    The image has ``size`` (width, height) as displayed. Mode P is read as indices exactly, whatever its palette. Grey
    of 8 bits is read as indices if every value is in the table or 255, with a notice. A grey mask of 255 and nothing
    else but 0, or of 1 bit, may mean "void" or "the object", so it asks unless ``grey_as_indices`` is true. A few
    stray pixels of other indices become void, with a notice.

    Raises:
        GreyMaskFound: if only the user can say how to read it.
        MaskError: if it cannot be read, or is of 16 bits, coloured, of another size, or if more than one pixel in a
            thousand has an index that is not in the table; the sentence names the file, the value and the first
            such pixel.
    """
    try:
        data = read_file(path, MAX_MASK_BYTES)
    except OSError as error:
        raise MaskError(
            tr("{path}: the mask cannot be opened: {reason}", path=path, reason=error.strerror)
        ) from error
    return decode_mask(data, path, size, table, grey_as_indices=grey_as_indices)


def decode_mask(
    data: bytes, path: Path, size: tuple[int, int], table: ClassTable, *, grey_as_indices: bool | None = None
) -> MaskFile:
    """Decode a mask as `read_mask` does, from its bytes.

    The bytes were read from ``path``, which only names them in sentences.

    Raises:
        GreyMaskFound, MaskError: as `read_mask`.
    """
    try:
        with quiet_pillow():
            _verify(io.BytesIO(data))
        with quiet_pillow(), Image.open(without_oversized_metadata(io.BytesIO(data)), formats=("PNG",)) as image:
            check_size(image.size, size, path)
            packed = image.tile[0].args in ("L;2", "L;4")
            pixels, mode = np.array(image), image.mode
    except UnidentifiedImageError as error:
        raise _not_png(data, path) from error
    except MemoryError as error:
        raise _not_read(path) from error
    except DECODER_ERRORS as error:
        raise MaskError(
            tr(
                "{path}: the mask is damaged or cut off ({reason}); restore it from a copy, or move it away "
                "to start this image anew",
                path=path,
                reason=str(error) or type(error).__name__,
            )
        ) from error
    if packed or mode not in ("P", "L", "1"):
        raise MaskUnmapped(_foreign_sentence(path, pixels, tr("grey of 2 or 4 bits") if packed else _kind(mode)))
    label_map = pixels.astype(np.uint8, copy=False)
    notices: tuple[str, ...] = ()
    if mode != "P":
        _check_grey(label_map, mode, path, grey_as_indices)
        notices = (tr("{name}: a grey mask; its values were read as class indices", name=path.name),)
    return MaskFile(label_map, (*notices, *_strays_made_void(label_map, table, path)))


def _strays_made_void(label_map: LabelMap, table: ClassTable, path: Path) -> tuple[str, ...]:
    """Change a few pixels of unknown index to void.

    Returns a notice with their number.

    Raises:
        MaskError: if they are more than one in a thousand: then a class is missing, and no pixel is stray.
    """
    if (unknown := first_unknown_index(label_map, table)) is None:
        return ()
    value, x, y = unknown
    strays = ~table.with_indices()[label_map]
    count = int(np.count_nonzero(strays))
    if count * _PIXELS_PER_STRAY > label_map.size:
        raise MaskUnmapped(
            tr(
                "{path}: value {value} at x={x}, y={y} is no class index of this project; "
                "say what it means with File > Import masks (fcn-studio import), or correct the mask",
                path=path,
                value=value,
                x=x,
                y=y,
            )
        )
    label_map[strays] = VOID
    return (
        tr_n(
            "{name}: {n} pixel has an index that is no class of this project (value {value} at x={x}, y={y}); "
            "it is void",
            "{name}: {n:,} pixels have an index that is no class of this project "
            "(first value {value} at x={x}, y={y}); they are void",
            count,
            name=path.name,
            value=value,
            x=x,
            y=y,
        ),
    )


def encode_mask(label_map: LabelMap) -> bytes:
    """Encode a label map, uint8 (H, W), as a PNG.

    It is of mode P, 8 bits, with all 256 entries of the VOC palette.
    """
    image = Image.fromarray(label_map)
    image.putpalette(_PALETTE)
    return _png(image)


def encode_grey_mask(label_map: LabelMap) -> bytes:
    """Encode a label map, uint8 (H, W), as a grey PNG (mode L) whose grey values are the class indices."""
    return _png(Image.fromarray(label_map))


def encode_colour_mask(picture: NDArray[np.uint8]) -> bytes:
    """Encode a picture of class colours, uint8 (H, W, 3), as an RGB PNG."""
    return _png(Image.fromarray(picture))


def write_mask(path: Path, label_map: LabelMap) -> None:
    """Write a label map, uint8 (H, W), as `encode_mask` does, atomically.

    Raises:
        ProjectError: if it cannot be written; an older file is then unchanged.
    """
    write_atomically(path, encode_mask(label_map))


def encode_grey(values: LabelMap, text: dict[str, str]) -> bytes:
    """Encode uint8 (H, W) as an 8-bit grey PNG with text chunks."""
    chunks = PngInfo()
    for key, value in text.items():
        chunks.add_text(key, value)
    return _png(Image.fromarray(values), chunks)


def read_text_chunk(path: Path, key: str) -> str | None:
    """Return a text chunk from the header of a PNG file.

    It is None if the chunk is missing or the file cannot be read.
    """
    try:
        with open_file(path) as file, quiet_pillow(), Image.open(file, formats=("PNG",)) as image:
            value = image.info.get(key)
    except (*DECODER_ERRORS, MemoryError):
        return None
    return value if isinstance(value, str) else None


def read_grey(path: Path, size: tuple[int, int]) -> LabelMap:
    """Return the pixels of an 8-bit grey PNG.

    The picture has ``size`` (width, height). The pixels are uint8 (H, W), writable.

    Raises:
        ImageError: if it is damaged, or of another kind or size.
        MaskNotRead: if there is not enough memory.
    """
    try:
        with open_file(path) as file, quiet_pillow():
            _verify(file)
            with Image.open(file, formats=("PNG",)) as image:
                if image.mode != "L" or image.size != size:
                    raise ImageError(
                        tr(
                            "{path}: not an 8-bit grey PNG of {width} x {height} pixels",
                            path=path,
                            width=size[0],
                            height=size[1],
                        )
                    )
                return np.array(image)
    except MemoryError as error:
        raise _not_read(path) from error
    except DECODER_ERRORS as error:
        raise ImageError(tr("{path}: damaged: {reason}", path=path, reason=error)) from error


def indices_in(path: Path) -> frozenset[int] | None:
    """Return the values of an 8-bit mask file, palette or grey.

    It is None for any other file, damaged ones included.
    """
    try:
        with (
            open_file(path) as file,
            quiet_pillow(),
            Image.open(without_oversized_metadata(file), formats=("PNG",)) as image,
        ):
            if image.mode not in ("P", "L") or image.width * image.height > MAX_PIXELS:
                return None
            return frozenset(np.flatnonzero(np.bincount(np.asarray(image).ravel(), minlength=256)).tolist())
    except (*DECODER_ERRORS, MemoryError):
        return None


def _not_png(data: bytes, path: Path) -> MaskError:
    """Return the error for a mask that is no PNG file."""
    if data.startswith(_LOSSLESS):
        return MaskUnmapped(
            tr("{path}: not a PNG file; import it with File > Import masks (fcn-studio import)", path=path)
        )
    return MaskError(
        tr("{path}: not a PNG file; export it again as an 8-bit palette PNG of class indices", path=path)
    )


def _not_read(path: Path) -> MaskNotRead:
    """Return the error for a mask too large for the memory."""
    return MaskNotRead(
        tr("{path}: there is not enough memory to read it; close other programs, then try again", path=path)
    )


def _verify(file: BinaryIO) -> None:
    """Check all checksums of a PNG.

    Decoding does not check them, so one flipped bit may give other pixels and no error.

    Raises:
        DECODER_ERRORS: if any is wrong, or the file is cut off.
    """
    Image.open(without_oversized_metadata(file), formats=("PNG",)).verify()
    file.seek(0)


def _png(image: Image.Image, chunks: PngInfo | None = None) -> bytes:
    """Return PNG bytes, compressed at level 1.

    Saving must be fast, and label maps compress well anyway.
    """
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1, pnginfo=chunks)
    return buffer.getvalue()


def check_size(mask: tuple[int, int], size: tuple[int, int], path: Path) -> None:
    """Check that mask and image have the same size (width, height).

    Raises:
        MaskError: if they differ.
    """
    if mask == size:
        return
    if mask == size[::-1]:
        raise MaskError(
            tr(
                "{path}: the mask is {mask_size} pixels, its image {size} (it looks turned by 90 degrees); masks are "
                "never resized: replace it by one of the image's size",
                path=path,
                mask_size=f"{mask[0]} x {mask[1]}",
                size=f"{size[0]} x {size[1]}",
            )
        )
    raise MaskError(
        tr(
            "{path}: the mask is {mask_size} pixels, its image {size}; masks are never resized: replace it by one of "
            "the image's size",
            path=path,
            mask_size=f"{mask[0]} x {mask[1]}",
            size=f"{size[0]} x {size[1]}",
        )
    )


def _check_grey(values: LabelMap, mode: str, path: Path, grey_as_indices: bool | None) -> None:
    """Raise GreyMaskFound if a grey mask is ambiguous.

    It is if it can be read in two ways and nobody said which.
    """
    present = set(np.unique(values).tolist())
    if grey_as_indices or (mode == "L" and not (VOID in present and present <= {0, VOID})):
        return
    row, column = (int(v[0]) for v in np.nonzero(values)) if values.any() else (0, 0)
    raise GreyMaskFound(
        tr(
            "{path}: a grey mask of only two values ({value} first at x={column}, y={row}): it may mean "
            "void or an object; say that its values are class indices (on the command line "
            "--grey-as-indices), or what they mean with File > Import masks (fcn-studio import)",
            path=path,
            value="1" if mode == "1" else "255",
            column=column,
            row=row,
        )
    )


def _kind(mode: str) -> str:
    """Return a mode of Pillow in words."""
    return tr("of 16 bits") if mode.startswith("I") else tr("in colour or has an alpha channel ({mode})", mode=mode)


def _foreign_sentence(path: Path, pixels: np.ndarray[tuple[int, ...], np.dtype[np.generic]], kind: str) -> str:
    """Return the sentence on a mask that has no 8-bit indices.

    It names the first pixel that is not 0.
    """
    marked = pixels.reshape(*pixels.shape[:2], -1).any(axis=2)
    row, column = (int(v[0]) for v in np.nonzero(marked)) if marked.any() else (0, 0)
    return tr(
        "{path}: the mask is {kind}, value {value} at x={x}, y={y}; class indices are read from 8-bit palette or "
        "grey PNGs only; export it again as an 8-bit palette PNG of class indices, or import it with "
        "File > Import masks (fcn-studio import)",
        path=path,
        kind=kind,
        value=pixels[row, column].tolist(),
        x=column,
        y=row,
    )
