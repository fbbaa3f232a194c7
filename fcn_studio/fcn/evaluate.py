"""A network's figures on a frozen set of images."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

from fcn_studio.core.classes import ClassTable, map_by_name
from fcn_studio.core.metrics import ConfusionMatrix, Figures
from fcn_studio.core.snapshot import LabelledImage
from fcn_studio.errors import ImageError
from fcn_studio.fcn.predict import Predictor
from fcn_studio.fcn.transforms import Image
from fcn_studio.formats.images import read_image


def evaluate(
    predictor: Predictor,
    snapshot: Sequence[LabelledImage],
    table: ClassTable,
    index_map: Mapping[int, int] | None = None,
) -> Generator[int, None, Figures]:
    """Score a network on images, one at a time.

    Args:
        predictor: the network.
        snapshot: the images with their trusted pixels.
        table: the truth's classes.
        index_map: network index -> truth index; by name if not given. What is not in it counts as an error.

    Yields:
        The number of images done.

    Returns:
        Figures in the truth's class indices.

    Raises:
        ImageError: if an image cannot be read, or has changed its size since the snapshot.
    """
    if index_map is None:
        index_map = map_by_name(predictor.checkpoint.table, table)
    confusion = ConfusionMatrix()
    for done, labelled in enumerate(snapshot, start=1):
        prediction = predictor.predict(read_labelled(labelled), labelled.image_id)
        confusion.add(labelled.label_map(), prediction.mapped(index_map).label_map)
        yield done
    return confusion.figures(info.index for info in table.active)


def read_labelled(labelled: LabelledImage) -> Image:
    """The pixels of a snapshot's image, uint8 (H, W, 3).

    Raises:
        ImageError: if it cannot be read, or has changed its size since the snapshot.
    """
    image = read_image(Path(labelled.image_path))
    if image.shape[:2] != labelled.shape:
        height, width = labelled.shape
        raise ImageError(
            f"{labelled.image_path}: the image is now {image.shape[1]} x {image.shape[0]} pixels, its mask is "
            f"{width} x {height}; restore the image or remove the mask"
        )
    return image
