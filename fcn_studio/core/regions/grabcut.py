"""Objects cut out of a picture by their colours, with GrabCut."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.geometry import Rect
from fcn_studio.core.image_pyramid import ImageRgb
from fcn_studio.core.labels import Mask
from fcn_studio.core.region import Region
from fcn_studio.core.regions.clicks import Clicks, connected_to, without_specks
from fcn_studio.core.regions.enlarged import as_region, enlarged, mask_like, reduced, roughly_enlarged

_SIDE = 256
"""Longest side in pixels of the picture that is cut; a larger one is reduced to it. A cut takes some 0.2 s."""

_ITERATIONS = 3

_ROUGH_SIDE, _ROUGH_ITERATIONS = 96, 2
"""The same for a first look, which takes some 0.03 s."""

_MARGIN = 0.25
_LEAST_MARGIN = 8
_LEAST_PIXELS = 16
_COLLAPSED = 0.01
"""Share of the outline below which a cut is tried again, from the colours that are commoner inside than around it."""

_COMMONER = 1.5


def cut_within(image_rgb: ImageRgb, outline: Region, *, rough: bool = False) -> Region | None:
    """Return the object inside an outline, None if nothing is found.

    What lies around the outline tells the colours of the background.

    Source: Rother, Kolmogorov and Blake, GrabCut (2004), as OpenCV implements it.

    Args:
        image_rgb: uint8 (H, W, 3).
        outline: the pixels that may belong to the object.
        rough: look at less, for a first preview; the border does not follow the edges of the picture.
    """
    rect = outline.rect
    margin = max(_LEAST_MARGIN, round(_MARGIN * max(rect.width, rect.height)))
    frame = rect.grown(margin).intersect(Rect(0, 0, image_rgb.shape[1], image_rgb.shape[0]))
    inside = np.zeros((frame.height, frame.width), np.uint8)
    inside[rect.moved(-frame.x0, -frame.y0).slices] = outline.stencil != 0
    picture = image_rgb[frame.slices]
    side = _ROUGH_SIDE if rough else _SIDE
    every = _every(picture.shape[:2]) if rough else 1
    small = reduced(picture[::every, ::every], side)
    seeds = np.where(mask_like(inside[::every, ::every], small), cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    if inside.all():  # nothing lies around it; its border may be background
        seeds[:1] = seeds[-1:] = cv2.GC_PR_BGD
        seeds[:, :1] = seeds[:, -1:] = cv2.GC_PR_BGD
    iterations = _ROUGH_ITERATIONS if rough else _ITERATIONS
    own = _cut(small, seeds.copy(), iterations)
    if own is None or np.count_nonzero(own) < _COLLAPSED * np.count_nonzero(seeds & 1):
        seeds[:] = np.where(_commoner_inside(small, seeds), cv2.GC_PR_FGD, cv2.GC_PR_BGD)
        own = _cut(small, seeds, iterations)
    if own is None:
        return None
    own = ~without_specks(~without_specks(own))
    if rough:
        return as_region(mask_like(own.view(np.uint8), picture), frame, within=inside)
    return enlarged(own, small, picture, frame, within=inside)


def cut_around(
    image_rgb: ImageRgb, clicks: Clicks, likely: Mask | None = None, *, rough: bool = False
) -> Region | None:
    """Return the object that some clicks are on, None if nothing is found.

    Args:
        image_rgb: uint8 (H, W, 3).
        clicks: at least one of them inside the object.
        likely: bool (H, W), what probably belongs to it; None if nobody knows.
        rough: look at less, for a first preview; the border does not follow the edges of the picture.
    """
    every = _every(image_rgb.shape[:2]) if rough else 1
    small = reduced(image_rgb[::every, ::every], _ROUGH_SIDE if rough else _SIDE)
    scale = small.shape[1] / image_rgb.shape[1]
    radius = max(2, round(max(small.shape) / 80))
    seeds = np.full(small.shape[:2], cv2.GC_PR_BGD, np.uint8)
    if likely is not None:
        seeds[mask_like(likely[::every, ::every].view(np.uint8), small)] = cv2.GC_PR_FGD
    for points, value, size in (
        (clicks.inside_xy, cv2.GC_PR_FGD, 3 * radius),
        (clicks.inside_xy, cv2.GC_FGD, radius),
        (clicks.outside_xy, cv2.GC_BGD, radius),
    ):
        for x, y in points:
            cv2.circle(seeds, (int(x * scale), int(y * scale)), size, value, -1)
    own = _cut(small, seeds, _ROUGH_ITERATIONS if rough else _ITERATIONS)
    if own is None:
        return None
    own = connected_to(own, [(x * scale, y * scale) for x, y in clicks.inside_xy])
    if rough:
        return roughly_enlarged(own, image_rgb)
    return enlarged(own, small, image_rgb, Rect(0, 0, image_rgb.shape[1], image_rgb.shape[0]))


def _every(size: tuple[int, ...]) -> int:
    """Return the step between rows and columns that a first look looks at; of a large picture those are not all."""
    return max(1, max(size) // (4 * _ROUGH_SIDE))


def _commoner_inside(small_rgb: ImageRgb, seeds: NDArray[np.uint8]) -> Mask:
    """Return the pixels whose colours are clearly commoner inside an outline than around it."""
    lab = cv2.cvtColor(small_rgb, cv2.COLOR_RGB2LAB)
    cells = (lab[..., 0] // 32).astype(np.int64) * 1024 + (lab[..., 1] // 8).astype(np.int64) * 32 + lab[..., 2] // 8
    own = seeds == cv2.GC_PR_FGD
    inside, around = (np.bincount(cells[part], minlength=8 * 1024).astype(float) for part in (own, ~own))
    inside /= max(1.0, inside.sum())
    around /= max(1.0, around.sum())
    return np.asarray((inside > _COMMONER * around)[cells])


def _cut(small_rgb: ImageRgb, seeds: NDArray[np.uint8], iterations: int) -> Mask | None:
    """Return what GrabCut finds, None if there are too few pixels of either side to tell colours from."""
    inside = int(np.count_nonzero(seeds & 1))
    if min(inside, seeds.size - inside) < _LEAST_PIXELS:
        return None
    cv2.setRNGSeed(0)  # equal pictures give equal regions
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(np.ascontiguousarray(small_rgb), seeds, (0, 0, 1, 1), *models, iterations, cv2.GC_INIT_WITH_MASK)
    own = (seeds & 1).astype(bool)
    return own if own.any() else None
