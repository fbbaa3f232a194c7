#!/usr/bin/env python3
"""The pictures on which a network is worst, as one sheet: what the card of a shipped network shows.

Usage: python benchmarks/worst_pictures.py NETWORK --data FOLDER --out SHEET.jpg [--count 4] [--apart N] [--best]
                                            [--json FILE]

``--data`` is a VOC tree with masks; its validation pictures are labelled and ranked by the mean IoU over the classes
that a picture shows. ``--apart`` leaves out neighbours in the list, which in a film are the same picture. A row
of the sheet is a picture, its mask, what the network says and its uncertainty (white is unsure); void is black.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from PIL import Image  # noqa: E402

from fcn_studio.core.classes import VOID, ClassTable  # noqa: E402
from fcn_studio.core.metrics import ConfusionMatrix  # noqa: E402
from fcn_studio.fcn.inference.predictor import Predictor  # noqa: E402
from fcn_studio.fcn.weights.catalogue import resolve  # noqa: E402
from fcn_studio.fcn.weights.checkpoint import load_checkpoint  # noqa: E402
from fcn_studio.formats.images.images import read_image  # noqa: E402
from fcn_studio.formats.voc.found_classes import found_classes  # noqa: E402
from fcn_studio.formats.voc.masks import read_mask  # noqa: E402

HEIGHT, GAP, TINT = 120, 4, 0.65


@dataclass(frozen=True)
class Judged:
    """A picture and how well it was labelled.

    Attributes:
        name: of its file, without suffix.
        mean_iou: over the classes that it shows.
        pixel_accuracy: of it alone.
        row: the row of the sheet, uint8 (120, w, 3).
    """

    name: str
    mean_iou: float
    pixel_accuracy: float
    row: NDArray[np.uint8]


def judged(predictor: Predictor, folder: Path, name: str, table: ClassTable) -> Judged:
    """Label one picture."""
    image = read_image(next(folder.glob(f"JPEGImages/{name}.*")))
    truth = read_mask(folder / f"SegmentationClass/{name}.png", image.shape[1::-1], table).label_map
    found = predictor.predict(image)
    confusion = ConfusionMatrix()
    confusion.add(truth, found.label_map)
    figures = confusion.figures(info.index for info in table)
    unsure = np.repeat(found.uncertainty[:, :, None], 3, 2)
    parts = [
        _small(part) for part in (image, tinted(image, truth, table), tinted(image, found.label_map, table), unsure)
    ]
    gap = np.full((HEIGHT, GAP, 3), 255, np.uint8)
    row = np.concatenate([piece for part in parts for piece in (part, gap)][:-1], axis=1)
    return Judged(name, figures.mean_iou, figures.pixel_accuracy, row)


def tinted(image: NDArray[np.uint8], label_map: NDArray[np.uint8], table: ClassTable) -> NDArray[np.uint8]:
    """A picture under the colours of its classes; background is the picture, void is black."""
    colours, shares = np.zeros((256, 3), np.float32), np.full((256, 1), TINT, np.float32)
    for info in table:
        colours[info.index] = info.colour
    shares[VOID] = 1
    if table.background_index is not None:
        shares[table.background_index] = 0
    return np.asarray(image * (1 - shares[label_map]) + (colours * shares)[label_map], np.uint8)


def chosen(ranked: Sequence[Judged], names: Sequence[str], count: int, apart: int) -> list[Judged]:
    """The first of a ranking that lie so many places apart in the list of names."""
    taken: list[Judged] = []
    for picture in ranked:
        place = names.index(picture.name)
        if len(taken) < count and all(abs(place - names.index(other.name)) >= apart for other in taken):
            taken.append(picture)
    return taken


def _small(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    return np.asarray(Image.fromarray(image).resize((round(width * HEIGHT / height), HEIGHT), Image.Resampling.BOX))


def sheet(rows: list[NDArray[np.uint8]]) -> Image.Image:
    """Rows below each other on white."""
    width = max(row.shape[1] for row in rows)
    whole = Image.new("RGB", (width, len(rows) * (HEIGHT + GAP) - GAP), "white")
    for number, row in enumerate(rows):
        whole.paste(Image.fromarray(row), (0, number * (HEIGHT + GAP)))
    return whole


def main() -> None:
    """Judge all, and draw the worst."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", metavar="NETWORK", help="a name, or a .safetensors file")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=4)
    parser.add_argument("--apart", type=int, default=1, metavar="N", help="places in the list")
    parser.add_argument("--best", action="store_true", help="the best instead")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures of every picture")
    options = parser.parse_args()
    table = found_classes(options.data, {})
    if table is None:
        parser.error(f"{options.data} has no class_names.txt")
    predictor = Predictor(load_checkpoint(resolve(options.network)))
    names = (options.data / "ImageSets/Segmentation/val.txt").read_text().split()
    ranked = sorted(
        (judged(predictor, options.data, name, table) for name in names),
        key=lambda picture: picture.mean_iou,
        reverse=options.best,
    )
    shown = chosen(ranked, names, options.count, options.apart)
    for picture in shown:
        print(f"{picture.name:<24} mean IoU {picture.mean_iou:.3f}  pixel accuracy {picture.pixel_accuracy:.3f}")
    sheet([picture.row for picture in shown]).save(options.out, quality=88)
    print(options.out, f"{options.out.stat().st_size / 1e3:.0f} kB")
    if options.json:
        figures = {p.name: {"mean_iou": p.mean_iou, "pixel_accuracy": p.pixel_accuracy} for p in ranked}
        options.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
