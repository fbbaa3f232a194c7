"""Checks of one image file and its mask file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.checks.blended import blended_share, isolated_share
from fcn_studio.core.checks.fault import Fault
from fcn_studio.core.classes import VOID, ClassTable, voc_colour, voc_palette
from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import LabelMap, values_in
from fcn_studio.formats.checks.base import CheckedImage, Limits, path_text
from fcn_studio.formats.checks.mask_picture import MaskPicture
from fcn_studio.formats.images.images import turned
from fcn_studio.formats.importers.mask_pixels import LOSSY
from fcn_studio.i18n import tr, tr_n

_UPRIGHT_EDGES = 1.1
"""How much stronger the picture's edges must be along the borders of a turned mask than along those of the mask."""


def unreadable_image(image: CheckedImage, limits: Limits) -> Iterator[Fault]:
    """Yield why an image cannot be read."""
    if image.image_error:
        yield Fault(_without_path(image.image_error, image.sample.image_path))


def orientation(image: CheckedImage, limits: Limits) -> Iterator[Fault]:
    """Yield a fault if a mask was made for the image without its EXIF orientation.

    Where both have one size, edges of the picture tell: they lie along the borders of the mask that fits.
    """
    mask, size = image.mask, image.size
    if image.orientation == 1 or mask is None or size is None or image.picture is None or not mask.format:
        return
    if mask.size != size:
        turned_mask = mask.size == size[::-1] and image.orientation >= 5
    elif mask.values is None:
        return
    else:
        upright = turned(mask.values, image.orientation)
        if upright.shape != mask.values.shape:
            return
        edges = _edges(image.picture)
        turned_mask = _along(upright, edges) > _UPRIGHT_EDGES * _along(mask.values, edges)
    if turned_mask:
        yield Fault(
            tr(
                "The mask was made for the image as stored, but the image is shown turned "
                "(EXIF orientation {number}).",
                number=image.orientation,
            )
        )


def size_differs(image: CheckedImage, limits: Limits) -> Iterator[Fault]:
    """Yield a fault if image and mask differ in size."""
    mask, size = image.mask, image.size
    if mask is not None and mask.format and size is not None and mask.size != size:
        yield Fault(
            tr(
                "The mask is {mask_size} pixels, the image {size}.",
                mask_size=f"{mask.size[0]} x {mask.size[1]}",
                size=f"{size[0]} x {size[1]}",
            )
        )


def blended(image: CheckedImage, limits: Limits) -> Iterator[Fault]:
    """Yield a fault if a mask has values between those of its classes at borders."""
    mask = image.mask
    if mask is None:
        return
    if mask.format in LOSSY:
        yield Fault(
            tr(
                "The mask {file} is saved as {format}, which blends values at class borders. Save it as PNG anew.",
                file=path_text(mask.path),
                format=mask.format,
            )
        )
    elif mask.values is not None:
        known = not _unknown(mask.values, image.table).any()
        share, alone = blended_share(mask.values, void=known), isolated_share(mask.values)
        if share > limits["blended_percent"] / 100:
            yield Fault(
                tr(
                    "{share:.0%} of the pixels at class borders have a value between those on both sides. The mask "
                    "was smoothed or resized as a photograph.",
                    share=share,
                )
            )
        elif alone > limits["isolated_percent"] / 100:
            yield Fault(
                tr(
                    "{share:.0%} of the pixels at class borders differ from all their neighbours. The mask was saved "
                    "as JPEG, or smoothed or resized as a photograph.",
                    share=alone,
                )
            )


def misread_palette(image: CheckedImage, limits: Limits) -> Iterator[Fault]:
    """Yield a fault if a grey mask has the grey values of VOC's colours in place of class indices."""
    mask = image.mask
    if mask is None or mask.values is None or mask.mode != "L":
        return
    greys = _greys(image.table)
    unknown = values_in(mask.values)[_unknown(mask.values, image.table)].tolist()
    if unknown and all(value in greys for value in values_in(mask.values).tolist()):
        grey = unknown[0]
        yield Fault(
            tr(
                "The mask has the grey values of VOC's colours, such as {grey} for {name}. A program has read "
                "a palette mask as a photograph.",
                grey=grey,
                name=image.table.name_of(greys[grey]),
            )
        )


def encoding(image: CheckedImage, limits: Limits) -> Iterator[Fault]:
    """Yield a fault if a mask file holds no plain class indices."""
    mask = image.mask
    if mask is None or not mask.format:
        return
    file = path_text(mask.path)
    if mask.format != "PNG":
        yield Fault(tr("The mask {file} is no PNG file, so it is not read. Import it.", file=file))
    elif mask.values is None:
        yield Fault(
            tr(
                "The mask {file} is {kind}, not an 8-bit palette or grey PNG of class indices. Import it.",
                file=file,
                kind=_kind(mask),
            )
        )
    elif mask.mode == "L" and VOID in (values := set(values_in(mask.values).tolist())) and values <= {0, VOID}:
        yield Fault(tr("The mask is grey with the values 0 and 255 only: 255 may be void or an object. Import it."))


def unknown_index(image: CheckedImage, limits: Limits) -> Iterator[Fault]:
    """Yield a fault for each value of a mask that is no class index of the project."""
    values = None if image.mask is None else image.mask.values
    if values is None:
        return
    for value in values_in(values)[_unknown(values, image.table)].tolist():
        where = values == value
        yield Fault(
            tr_n(
                "{n} pixel has the value {value}, which is no class index of this project.",
                "{n:,} pixels have the value {value}, which is no class index of this project.",
                int(np.count_nonzero(where)),
                value=value,
            ),
            _box(where),
        )


def unreadable_mask(image: CheckedImage, limits: Limits) -> Iterator[Fault]:
    """Yield why a mask cannot be read."""
    mask = image.mask
    if mask is not None and (error := image.mask_error or mask.error):
        yield Fault(_without_path(error, mask.path))


def foreign_palette(image: CheckedImage, limits: Limits) -> Iterator[Fault]:
    """Yield a fault if a palette mask shows its indices in other colours than VOC's."""
    mask = image.mask
    if mask is None or mask.values is None or mask.mode != "P":
        return
    palette = np.frombuffer(mask.palette.ljust(768, b"\0")[:768], np.uint8).reshape(256, 3)
    used = values_in(mask.values)
    other = used[(palette[used] != voc_palette()[used]).any(axis=1)]
    if len(other):
        index = int(other[0])
        yield Fault(
            tr(
                "The palette shows index {index} as {colour}, VOC's palette as {voc}. Programs that read colours "
                "misread it; class indices are not affected.",
                index=index,
                colour="#" + bytes(palette[index]).hex(),
                voc="#" + bytes(voc_colour(index)).hex(),
            )
        )


def changed_image(image: CheckedImage, limits: Limits) -> Iterator[Fault]:
    """Yield a fault if the image file has another picture than was labelled."""
    if image.changed:
        yield Fault(tr("The image file has changed since it was labelled."))


def _without_path(sentence: str, path: Path) -> str:
    """Return the sentence of an error without the path in front of it: a fault names its image."""
    words = sentence.removeprefix(f"{path}: ")
    return words[:1].upper() + words[1:]


def _unknown(values: LabelMap, table: ClassTable) -> NDArray[np.bool_]:
    """Return which of `values_in` are no class index of the table."""
    return np.asarray(~table.with_indices()[values_in(values)], np.bool_)


def _greys(table: ClassTable) -> dict[int, int]:
    """Return grey value -> class index, as Pillow and OpenCV turn VOC's colours into grey."""
    found: dict[int, int] = {}
    for index in (VOID, *(info.index for info in reversed(table.classes))):
        red, green, blue = voc_colour(index)
        found[(19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16] = index  # Source: Pillow's Convert.c
        found[(4899 * red + 9617 * green + 1868 * blue + 8192) >> 14] = index  # Source: OpenCV's color_rgb
    return found


def _kind(mask: MaskPicture) -> str:
    """Return the kind of a mask in words."""
    if mask.mode.startswith(("I", "F")):
        return tr("of 16 or more bits")
    if mask.mode in ("1", "L;2", "L;4"):
        return tr("grey of less than 8 bits")
    return tr("in colour or has an alpha channel")


def _edges(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how strong the edges of a picture are."""
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (5, 5), 0)
    across, down = (cv2.Sobel(grey, cv2.CV_32F, dx, 1 - dx) for dx in (1, 0))
    return np.asarray(cv2.magnitude(across, down), np.float32)


def _along(values: NDArray[np.uint8], edges: NDArray[np.float32]) -> float:
    """Return the mean strength of edges along the borders of a mask, 0 without borders."""
    gradient = np.asarray(cv2.morphologyEx(values, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)))
    return float(edges[gradient > 0].mean()) if gradient.any() else 0.0


def _box(where: NDArray[np.bool_]) -> Rect:
    x, y, width, height = cv2.boundingRect(where.view(np.uint8))
    return Rect(x, y, x + width, y + height)
