"""Pairs of an image and its labels, as an export writes them: whole, shrunk or cut into tiles."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from fcn_studio.core.geometry import Rect
from fcn_studio.core.image_pyramid import ImageRgb
from fcn_studio.core.labels import LabelMap, Labels, Provenance
from fcn_studio.core.sample import Sample, Split
from fcn_studio.formats.exporters.options import ImageChoices
from fcn_studio.formats.images.images import (
    TiffBeyondPillow,
    is_upright_jpeg,
    opened,
    orientation_of,
    read_image,
    write_jpeg,
    write_png,
)
from fcn_studio.formats.project.loaded import LoadedLabels
from fcn_studio.formats.project.project_folder import ProjectFolder

_RESERVED = re.compile("con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]", re.IGNORECASE)
"""Names that mean devices on Windows, with any suffix. Source: Microsoft, "Naming Files, Paths, and Namespaces"."""

_LONGEST_NAME = 210
"""Bytes of a name; number, tile and the longest suffix of a format then fit a file name of 255."""


@dataclass(slots=True)
class Pair:
    """An image, or a tile of it, with its labels, on the way into a data set.

    Attributes:
        folder: the folder of the data set.
        name: file name without suffix; no two pairs have the same, whatever its case.
        split: the split that it belongs to.
        sample: the image of the project.
        image_rgb: uint8 (H, W, 3).
        labels: label map and provenance of the same size.
        label_map: uint8 (H, W), class indices to write; 255 is void, and unlabelled unless that is background.
        status: value of the image's status.
        prelabelled_by: sha256 of the checkpoint whose prediction went into the labels, None if none did.
        cut: (row, column) of the tile and its rectangle in the image, shrunk if that was chosen; None if whole.
    """

    folder: Path
    name: str
    split: Split
    sample: Sample
    image_rgb: ImageRgb
    labels: Labels
    label_map: LabelMap
    status: str
    prelabelled_by: str | None
    cut: tuple[tuple[int, int], Rect] | None
    _source: _Source
    _written: dict[str, object] = field(default_factory=dict)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.image_rgb.shape[1], self.image_rgb.shape[0]

    def write_image(self, place: str) -> None:
        """Write the image: copied, linked, converted to the kind of its suffix, or left.

        Write it before the mask: it may fail.

        Args:
            place: path below the folder of the data set, with the suffix .jpg or .png.

        Raises:
            ImageError: if it is too large for its kind.
            OSError: if it cannot be written.
        """
        source, target = self._source, self.folder / place
        if source.choices.images == "leave":
            self._written |= {"image_file": str(self.sample.image_path.absolute()), "converted": False}
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        copied = self.image_rgb is source.image_rgb and source.can_be_copied(target.suffix)
        if copied:
            _copy(self.sample.image_path, target, link=source.choices.images == "link")
        else:
            (write_png if target.suffix == ".png" else write_jpeg)(target, self.image_rgb)
            self._written["converted_sha256"] = hashlib.sha256(target.read_bytes()).hexdigest()
        self._written |= {"image_file": place, "converted": not copied}

    def write_mask(self, place: str, data: bytes) -> None:
        """Write the file of the labels at a path below the folder of the data set.

        Raises: OSError if it cannot be written.
        """
        target = self.folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        self._written |= {"mask_file": place, "mask_sha256": hashlib.sha256(data).hexdigest()}

    def shares(self) -> dict[str, float]:
        """Return the share of pixels by who labelled them: human, network, nobody, unknown."""
        counts = np.bincount(self.labels.provenance.ravel(), minlength=len(Provenance))
        return {who.name.lower(): round(int(counts[who]) / self.labels.provenance.size, 6) for who in Provenance}

    def manifest_row(self) -> dict[str, object]:
        """Return what the manifest says of the pair, once it is written."""
        row: dict[str, object] = {
            "id": self.name,
            "split": self.split.value,
            "image": self.sample.image_id,
            "image_sha256": self._source.sha256,
            "size": list(self.size),
            **self._written,
            "status": self.status,
            "prelabelled_by": self.prelabelled_by,
            "labelled_by": self.shares(),
        }
        if "mask_sha256" not in row:  # the labels lie in a file of several images, or in none
            row["label_map_sha256"] = hashlib.sha256(self.label_map.tobytes()).hexdigest()
        if self.cut is not None:
            (tile_row, column), rect = self.cut
            row["tile"] = {"row": tile_row, "column": column, "box": list(rect)}
        return row


@dataclass(slots=True)
class _Source:
    """An image of the project and its annotation, as read."""

    sample: Sample
    image_rgb: ImageRgb
    loaded: LoadedLabels
    sha256: str
    choices: ImageChoices
    max_pixels: int

    def can_be_copied(self, suffix: str) -> bool:
        """Return whether the file is of this kind, and any reader shows it as we do."""
        check = _is_upright_png if suffix == ".png" else is_upright_jpeg
        return check(self.sample.image_path, max_pixels=self.max_pixels)


def read_pairs(
    project: ProjectFolder, folder: Path, sample: Sample, name: str, choices: ImageChoices
) -> Iterator[Pair]:
    """Yield the pairs of an image: itself, or its tiles.

    Raises:
        ImageError, MaskError: if the image or its mask cannot be read.
    """
    # A JPEG is decoded, too, that is only copied: whoever gets it must not be the first to see that it is cut off.
    image_rgb = read_image(sample.image_path, max_pixels=project.max_pixels, levels=project.config.grey_levels)
    loaded = project.annotations.load(sample, (image_rgb.shape[1], image_rgb.shape[0]), peek=True)
    loaded.refuse_other_image()
    digest = hashlib.sha256(sample.image_path.read_bytes()).hexdigest()
    source = _Source(sample, image_rgb, loaded, digest, choices, project.max_pixels)
    background = project.config.table.background_index if choices.as_background else None
    picture, labels = shrunk(image_rgb, loaded.labels, choices.longest_side)
    cuts = choices.tiles(picture.shape[1], picture.shape[0]) if choices.tile else {None: None}
    for place, rect in cuts.items():
        part = labels if rect is None else labels.part(rect)
        yield Pair(
            folder,
            name if place is None else f"{name}_r{place[0]:03}_c{place[1]:03}",
            project.splits.of(sample),
            sample,
            picture if rect is None else np.ascontiguousarray(picture[rect.slices]),
            part,
            _filled(part, background),
            loaded.status.value,
            loaded.prelabelled_by,
            None if place is None or rect is None else (place, rect),
            source,
        )


def shrunk(image_rgb: ImageRgb, labels: Labels, longest: int) -> tuple[ImageRgb, Labels]:
    """Return image and labels with the longest side not above ``longest``, unless that is 0.

    Pixels of the image are averaged over areas; labels are those of the nearest pixel, so that none is invented.
    """
    height, width = image_rgb.shape[:2]
    if not longest or max(height, width) <= longest:
        return image_rgb, labels
    size = tuple(max(1, round(side * longest / max(height, width))) for side in (width, height))
    picture = np.asarray(cv2.resize(image_rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    label_map, provenance = (
        np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)
        for plane in (labels.label_map, labels.provenance)
    )
    return picture, Labels(label_map, provenance)


def _filled(labels: Labels, unlabelled: int | None) -> LabelMap:
    """Return the label map, with a class in place of unlabelled pixels if one is given."""
    if unlabelled is None:
        return np.ascontiguousarray(labels.label_map)
    return np.where(labels.provenance == Provenance.NOBODY, np.uint8(unlabelled), labels.label_map)


def _is_upright_png(path: Path, *, max_pixels: int) -> bool:
    """Return whether a file is a PNG of opaque 8-bit colours, as `is_upright_jpeg` does for JPEGs.

    Raises: ImageError as it does.
    """
    try:
        with opened(path, max_pixels) as image:
            colours = image.mode == "RGB" and image.tile[0].args == "RGB" and not image.has_transparency_data
            return image.format == "PNG" and colours and orientation_of(image) == 1
    except TiffBeyondPillow:
        return False


def _copy(source: Path, target: Path, *, link: bool) -> None:
    """Copy a file, or make a hard link to it where the file system can."""
    if link:
        try:
            os.link(source.resolve(), target)
        except OSError:  # another disk, or a file system without links
            pass
        else:
            return
    shutil.copyfile(source, target)


def flat_ids(mask_ids: Sequence[str]) -> list[str]:
    """Return ids without folders: ``a/b`` becomes ``a__b``, and equal ones are numbered.

    They differ whatever their case is, have no control characters and no blanks at their ends, are no devices of
    Windows, and with the suffix of any format they fit a file name of 255 bytes.
    """
    taken: set[str] = set()
    flat = []
    for mask_id in mask_ids:
        plain = mask_id.replace("/", "__").encode("utf-8", "replace").decode("utf-8")
        plain = re.sub(r"[\x00-\x1f\x7f\\:*?\"<>|]", "_", plain).strip() or "_"
        plain = plain.encode("utf-8")[:_LONGEST_NAME].decode("utf-8", "ignore")
        if _RESERVED.fullmatch(plain.partition(".")[0].rstrip()):
            plain = f"_{plain}"
        name, number = plain, 1
        while name.casefold() in taken:
            number += 1
            name = f"{plain}-{number}"
        taken.add(name.casefold())
        flat.append(name)
    return flat
