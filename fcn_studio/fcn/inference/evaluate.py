"""Score a network on a frozen set of images."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from fcn_studio.core.boundary import BoundaryMatches
from fcn_studio.core.classes import VOID, ClassTable, map_by_name
from fcn_studio.core.metrics import ConfusionMatrix, Figures
from fcn_studio.core.snapshot import LabelledImage
from fcn_studio.errors import ImageError
from fcn_studio.fcn.device import CPU
from fcn_studio.fcn.distributed import ALONE, Ranks
from fcn_studio.fcn.inference.predictor import Predictor
from fcn_studio.fcn.transforms import Image
from fcn_studio.formats.images.images import MAX_PIXELS, read_image
from fcn_studio.i18n import tr


def evaluate(
    predictor: Predictor,
    snapshot: Sequence[LabelledImage],
    table: ClassTable,
    index_map: Mapping[int, int] | None = None,
    left_out: dict[str, str] | None = None,
    *,
    boundary: bool = False,
    confusion: ConfusionMatrix | None = None,
    ranks: Ranks = ALONE,
) -> Generator[int, None, Figures]:
    """Score a network on images and yield progress.

    Args:
        predictor: the network.
        snapshot: the images with their trusted pixels.
        table: the truth's classes; where it is one that is retired nothing is scored, as nothing is learned there.
        index_map: network index -> truth index; by name if not given. What is not in it counts as an error.
        left_out: image id -> sentence; what cannot be read is noted there and left out.
        boundary: whether to score boundaries too.
        confusion: the counts to add to, where these images are part of a larger set; the figures are of that set.
        ranks: this process among those that score parts of a set; the figures are of the whole set in each of them.

    Yields:
        The number of images done.

    Returns:
        Figures in the truth's class indices.

    Raises:
        ImageError: if not one image can be read, or each has changed its size since the snapshot.
        ProcessGroupError: if another process has failed.
    """
    if index_map is None:
        index_map = map_by_name(predictor.checkpoint.table, table)
    indices = [info.index for info in table.active]
    scored = np.full(256, VOID, np.uint8)
    scored[indices] = indices
    confusion, matches = confusion or ConfusionMatrix(), BoundaryMatches()
    left_out = {} if left_out is None else left_out
    done = 0
    for group in _groups(predictor, snapshot, left_out, whole=ranks.share.size == 1):
        images = [image for _, image in group if image is not None]
        if images:
            names = [labelled.image_id for labelled, _ in group]
            for (labelled, _), prediction in zip(group, predictor.predict_many(images, names), strict=True):
                truth, guess = scored[labelled.label_map()], prediction.mapped(index_map).label_map
                confusion.add(truth, guess)
                if boundary:
                    matches.add(truth, guess)
        for _ in group:
            done += 1
            yield done
    _sum_counts(confusion, matches, ranks)
    return replace(confusion.figures(indices), boundary=matches.scores(indices))


def _sum_counts(confusion: ConfusionMatrix, matches: BoundaryMatches, ranks: Ranks) -> None:
    """Replace the counts by their sums over all processes.

    Raises:
        ImageError: if no process has read an image.
        ProcessGroupError: if another process has failed.
    """
    if ranks.share.size == 1:
        return
    images = torch.tensor([confusion.images])
    ranks.barrier(CPU)
    ranks.add([torch.from_numpy(confusion.counts), torch.from_numpy(matches.counts), images])
    confusion.images = int(images)
    if not confusion.images:
        raise ImageError(tr("no image of the set can be read any more"))


def _groups(
    predictor: Predictor, snapshot: Sequence[LabelledImage], left_out: dict[str, str], *, whole: bool
) -> Iterator[list[tuple[LabelledImage, Image | None]]]:
    """Yield groups of neighbouring images of one size.

    None stands for an image that is left out.

    Raises:
        ImageError: at the last image, if not one could be read and this is the whole set.
    """
    group: list[tuple[LabelledImage, Image | None]] = []
    unreadable = 0
    for labelled in snapshot:
        if group and (labelled.shape != group[0][0].shape or len(group) >= predictor.batch_size(labelled.shape)):
            yield group
            group = []
        try:
            group.append((labelled, read_labelled(labelled)))
        except ImageError as error:
            left_out[labelled.image_id] = str(error)
            unreadable += 1
            if whole and unreadable == len(snapshot):
                raise
            if group:
                yield group
            yield [(labelled, None)]
            group = []
    if group:
        yield group


def read_labelled(labelled: LabelledImage) -> Image:
    """Read the image of a snapshot, uint8 (H, W, 3).

    Raises:
        ImageError: if it cannot be read, or has changed its size since the snapshot.
    """
    height, width = labelled.shape
    # The snapshot was made with the limit that the user has set; so large an image is allowed.
    limit = max(MAX_PIXELS, height * width)
    image = read_image(Path(labelled.image_path), max_pixels=limit, levels=labelled.levels)
    if image.shape[:2] != labelled.shape:
        raise ImageError(
            tr(
                "{path}: the image is now {width} x {height} pixels, its mask is {mask_width} x {mask_height}; "
                "restore the image or remove the mask",
                path=labelled.image_path,
                width=image.shape[1],
                height=image.shape[0],
                mask_width=width,
                mask_height=height,
            )
        )
    return image
