"""What the canvas is measured on: drawn pictures and masks of any size, and a document on the real widget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.document import Document
from fcn_studio.core.image_pyramid import ImageRgb
from fcn_studio.core.labels import LabelMap, made_by_human
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.raster import BrushShape
from fcn_studio.core.sample import Status
from fcn_studio.tools.options import Option
from fcn_studio.ui.canvas import Canvas, ImagePyramid

T = TypeVar("T")

CLASSES = 20
TABLE = ClassTable.from_names([f"class {index}" for index in range(CLASSES)])

DOT_PITCH, DOT_RADIUS = 64, 12
"""Of the dotted mask, in pixels: the dots take 11 % of it."""

_FINEST = 1024
"""Noise is drawn at this size at most and enlarged, so that 268 megapixels take a second."""


def picture(side: int, seed: int = 0) -> NDArray[np.uint8]:
    """Smooth coloured noise: uint8 (side, side, 3)."""
    small = np.random.default_rng(seed).integers(0, 256, (min(side, 512), min(side, 512), 3), np.uint8)
    out = np.empty((side, side, 3), np.uint8)
    cv2.resize(small, (side, side), dst=out, interpolation=cv2.INTER_LINEAR)
    return out


def blobs(side: int, seed: int = 0) -> LabelMap:
    """A label map of smooth blobs of 20 classes: uint8 (side, side)."""
    rng = np.random.default_rng(seed)
    fine = min(side, _FINEST)
    best = np.full((fine, fine), -np.inf, np.float32)
    winner = np.zeros((fine, fine), np.uint8)
    for index in range(CLASSES):
        noise = rng.normal(size=(16, 16)).astype(np.float32)
        height = cv2.resize(noise, (fine, fine), interpolation=cv2.INTER_CUBIC)
        winner[height > best] = index
        np.maximum(best, height, out=best)
    out = np.empty((side, side), np.uint8)
    cv2.resize(winner, (side, side), dst=out, interpolation=cv2.INTER_NEAREST)
    return out


def dotted(side: int) -> LabelMap:
    """Class 0 with round dots of class 1 at even distances, which leave 89 % in one piece: uint8 (side, side)."""
    tile = np.zeros((DOT_PITCH, DOT_PITCH), np.uint8)
    cv2.circle(tile, (DOT_PITCH // 2, DOT_PITCH // 2), DOT_RADIUS, 1, cv2.FILLED)
    times = -(-side // DOT_PITCH)
    return np.ascontiguousarray(np.tile(tile, (times, times))[:side, :side])


def uncertainty(side: int) -> LabelMap:
    """How unsure a network is: smooth uint8 (side, side)."""
    small = np.random.default_rng(3).integers(0, 256, (64, 64), np.uint8)
    return cast(LabelMap, cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR))


@dataclass
class Desk:
    """The window's side of a tool: a `fcn_studio.tools.base.ToolContext`."""

    document: Document | None = None
    prediction: Prediction | None = None
    image_rgb: ImageRgb | None = None
    class_index: int = 1
    brush_size: float = 10
    brush_shape: BrushShape = "round"
    grab_radius: float = 1.0

    def option(self, option: Option[T]) -> T:
        """The brush as it is set here, other options as they are at first."""
        value: T = getattr(self, option.name, option.default)
        return value

    def set_class(self, index: int) -> None:
        """Make this the active class."""
        self.class_index = index

    def show_active(self) -> None:
        """All classes are shown."""


def show_document(canvas: Canvas, desk: Desk, image_rgb: NDArray[np.uint8], label_map: LabelMap) -> Document:
    """Open a picture with a label map, all of it painted by a human, on the canvas: the one place that does."""
    document = Document("drawn.png", made_by_human(label_map), Status.IN_PROGRESS)
    desk.document = document
    canvas.layers.set_table(TABLE)
    canvas.set_document(document, ImagePyramid(image_rgb))
    return document


def prediction(side: int) -> Prediction:
    """What a network might say about the picture."""
    return Prediction("drawn.png", blobs(side, seed=1), uncertainty(side), "0" * 64)
