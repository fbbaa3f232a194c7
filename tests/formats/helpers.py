"""Small projects for tests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.labels import LabelMap, Labels, Provenance
from fcn_studio.formats.voc.masks import write_mask

SIZE = (8, 6)
"""Width and height of the pictures made here."""

TABLE = ClassTable.from_names(["background", "cell", "debris"])


def make_image(path: Path, value: int = 90, size: tuple[int, int] = SIZE) -> Path:
    """A picture of a gradient; JPEG, PNG or what its suffix says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = np.linspace(value, 255, size[1], dtype=np.uint8)[:, None, None]
    Image.fromarray(np.broadcast_to(rows, (size[1], size[0], 3)).copy()).save(path)
    return path


def make_project(
    folder: Path, names: list[str], masks: Mapping[str, int] | None = None, table: ClassTable | None = TABLE
) -> Path:
    """A VOC tree of pictures, masks filled with one index, and class names."""
    for name in names:
        make_image(folder / "JPEGImages" / name)
    for mask_id, index in (masks or {}).items():
        write_mask(folder / "SegmentationClass" / f"{mask_id}.png", filled(index))
    if table is not None:
        (folder / "class_names.txt").write_text("".join(f"{c.name}\n" for c in table))
    return folder


def filled(index: int) -> LabelMap:
    """A label map of one index."""
    return np.full(SIZE[::-1], index, np.uint8)


def painted(index: int, by: Provenance = Provenance.HUMAN) -> Labels:
    """Labels of which the upper half is labelled with an index by somebody."""
    labels = Labels.unlabelled(SIZE[1], SIZE[0])
    labels.label_map[:3] = index
    labels.provenance[:3] = by
    return labels


def forget_images(folder: Path) -> None:
    """Make the records of a project those of before, which did not say which image file was labelled."""
    for path in (folder / ".fcn-studio" / "provenance").rglob("*.png"):
        with Image.open(path) as image:
            fields = json.loads(image.text["fcn_studio"])  # type: ignore[attr-defined]
            fields.pop("image", None)
            chunk = PngImagePlugin.PngInfo()
            chunk.add_text("fcn_studio", json.dumps(fields))
            image.save(path, pnginfo=chunk)


def fingerprint(folder: Path) -> dict[str, tuple[str, int]]:
    """Path -> (sha256, mtime) of everything below a folder."""
    return {
        p.relative_to(folder).as_posix(): (
            hashlib.sha256(p.read_bytes()).hexdigest() if p.is_file() else "folder",
            p.stat().st_mtime_ns,
        )
        for p in sorted(folder.rglob("*"))
    }
