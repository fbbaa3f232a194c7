"""The network's input, and random views for training.

The input is made from the pixels of images.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import LabelMap
from fcn_studio.fcn.weights.checkpoint import Preprocessing

Image = NDArray[np.uint8]
"""uint8 (H, W, 3), RGB."""


def normalise(images_rgb: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Normalise uint8 RGB images (N, H, W, 3).

    The result is float32 (N, 3, H, W), channels last.
    """
    images = images_rgb.flip(3) if preprocessing.channel_order == "bgr" else images_rgb
    mean = torch.tensor(preprocessing.mean, device=images.device)
    std = torch.tensor(preprocessing.std, device=images.device)
    return ((images.float() - mean) / std).permute(0, 3, 1, 2)


def scaled_size(shape: tuple[int, int], scale: float) -> tuple[int, int]:
    """Return (height, width) times a scale, each at least 1."""
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def resized(image_rgb: Image, shape: tuple[int, int]) -> Image:
    """Resize an image to (height, width).

    Areas are averaged to shrink and interpolated to grow.
    """
    if image_rgb.shape[:2] == shape:
        return image_rgb
    shrinks = shape[0] * shape[1] < image_rgb.shape[0] * image_rgb.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image_rgb, shape[::-1], interpolation=how), np.uint8)


def resized_labels(label_map: LabelMap, shape: tuple[int, int]) -> LabelMap:
    """Resize a label map to (height, width) by nearest pixels.

    Labels are never blended.
    """
    return np.asarray(cv2.resize(label_map, shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)


@dataclass(frozen=True, slots=True)
class Augmentation:
    """The distribution of random views.

    Attributes:
        shape: (height, width) of a view.
        scale: smallest and largest size of an image pixel in view pixels; drawn log-uniformly.
        aspect: largest relative stretch along x.
        flip: whether half of the views are mirrored left to right.
        colour: strength of the colour changes, 0 for none, 1 for plenty.
        vertical_flip: whether half of the views are mirrored top to bottom.
        rotation: largest angle by which a view is turned either way, in degrees.
        rare_share: share of the views placed on a pixel of a class that is drawn by weight; in sparsely labelled
            images, all are.
    """

    shape: tuple[int, int]
    scale: tuple[float, float]
    aspect: float = 0.1
    flip: bool = True
    colour: float = 1.0
    vertical_flip: bool = False
    rotation: float = 0.0
    rare_share: float = 0.5


def random_view(
    image_rgb: Image,
    label_map: LabelMap,
    augmentation: Augmentation,
    rng: np.random.Generator,
    anchor_xy: tuple[int, int] | None = None,
) -> tuple[Image, LabelMap]:
    """Draw one augmented crop: a single affine warp, then colour changes.

    The warp scales, stretches, flips, turns and crops. Outside of the image the picture is mirrored and the labels
    are 255.

    Args:
        image_rgb: uint8 (H, W, 3).
        label_map: uint8 (H, W).
        augmentation: what may happen.
        rng: random generator.
        anchor_xy: a pixel that the view must show.

    Returns:
        uint8 (h, w, 3) and uint8 (h, w) of the augmentation's shape.
    """
    height, width = augmentation.shape
    scale = math.exp(rng.uniform(*np.log(augmentation.scale)))
    step_x = rng.uniform(1 - augmentation.aspect, 1 + augmentation.aspect) / scale
    step_y = 1 / scale
    anchor_x, anchor_y = anchor_xy or (None, None)
    left = _start(label_map.shape[1], width * step_x, anchor_x, rng)
    top = _start(label_map.shape[0], height * step_y, anchor_y, rng)
    if augmentation.flip and rng.random() < 0.5:
        left, step_x = left + width * step_x, -step_x
    if augmentation.vertical_flip and rng.random() < 0.5:
        top, step_y = top + height * step_y, -step_y
    # Pixel centres lie at halves of the continuous coordinates used above.
    to_source = np.array(
        [[step_x, 0, left + step_x / 2 - 0.5], [0, step_y, top + step_y / 2 - 0.5]], dtype=np.float64
    )
    if augmentation.rotation > 0:
        angle = math.radians(rng.uniform(-augmentation.rotation, augmentation.rotation))
        to_source = _turned(to_source, angle, (width, height), anchor_xy)
    view = cv2.warpAffine(
        image_rgb, to_source, (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT_101,
    )  # fmt: skip
    labels = cv2.warpAffine(
        label_map, to_source, (width, height),
        flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_CONSTANT, borderValue=VOID,
    )  # fmt: skip
    if augmentation.colour > 0:
        view = _recoloured(np.asarray(view, np.uint8), augmentation.colour, rng)
    return np.asarray(view, np.uint8), np.asarray(labels, np.uint8)


def _turned(
    to_source: NDArray[np.float64], angle: float, size: tuple[int, int], anchor_xy: tuple[int, int] | None
) -> NDArray[np.float64]:
    """Turn a warp (2, 3) from a view of (width, height).

    It turns about the anchor, or the middle of the view.
    """
    pivot: NDArray[np.floating] = (np.array(size) - 1) / 2
    if anchor_xy is not None:
        pivot = np.linalg.solve(to_source[:, :2], np.array(anchor_xy) - to_source[:, 2])
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    linear = to_source[:, :2] @ turn
    offset = to_source[:, :2] @ pivot + to_source[:, 2] - linear @ pivot
    return np.column_stack([linear, offset]).astype(np.float64)


def _start(size: int, extent: float, anchor: int | None, rng: np.random.Generator) -> float:
    """Draw where a view starts along an axis of ``size``.

    The view has ``extent`` source pixels. It shows the anchor, if one is given.

    A view larger than the image shows all of it.
    """
    first, last = min(0.0, size - extent), max(0.0, size - extent)
    if anchor is None:
        return float(rng.uniform(first, last))
    # Where the image allows, not at the very rim of the view: nearest sampling must still meet the pixel.
    rim = min(1.0, extent / 4)
    low = min(last, max(first, anchor + 1 + rim - extent))
    high = max(first, min(last, anchor - rim))
    return float(rng.uniform(min(low, high), max(low, high)))


def _recoloured(image_rgb: Image, strength: float, rng: np.random.Generator) -> Image:
    """Change saturation, contrast, brightness and colour cast.

    One affine map of RGB does it.
    """
    saturation = rng.uniform(1 - 0.4 * strength, 1 + 0.4 * strength)
    contrast = rng.uniform(1 - 0.3 * strength, 1 + 0.3 * strength)
    shift = rng.uniform(-25, 25) * strength + rng.uniform(-8, 8, 3) * strength
    mean = image_rgb.reshape(-1, 3).mean(0)
    mixing = contrast * (saturation * np.eye(3) + (1 - saturation) / 3)
    offset = mean - mixing @ mean + shift
    return np.asarray(cv2.transform(image_rgb, np.column_stack([mixing, offset])), np.uint8)
