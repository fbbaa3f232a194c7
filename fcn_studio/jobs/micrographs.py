"""Pictures that look like micrographs, with exact truth.

Our own code draws them from a seed. The truth is known to the pixel. The pictures are the sample project of
``fcn-studio demo`` and the small real task of the tests: cells, dividing cells and debris on an unevenly lit, noisy
field. The classes differ in shape and texture, not in one grey level, so that a network has something to learn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.classes import BACKGROUND, ClassInfo, ClassTable
from fcn_studio.core.labels import LabelMap

FIELD, CELL, DIVIDING, DEBRIS = range(4)

CLASSES = ClassTable(
    (
        ClassInfo(FIELD, BACKGROUND, (0, 0, 0), "1"),
        ClassInfo(CELL, "cell", (64, 176, 120), "2"),
        ClassInfo(DIVIDING, "dividing cell", (226, 120, 52), "3"),
        ClassInfo(DEBRIS, "debris", (150, 98, 200), "4"),
    ),
    4,
)
"""The class table of the pictures."""

_TINT = np.array([0.94, 1.0, 0.97], np.float32)


@dataclass(frozen=True)
class Micrograph:
    """A drawn picture and its truth.

    Attributes:
        image_rgb: uint8 (H, W, 3).
        truth: uint8 (H, W), class indices of `CLASSES`, no void.
    """

    image_rgb: NDArray[np.uint8]
    truth: LabelMap


def micrographs(count: int, *, seed: int = 0, size: tuple[int, int] = (320, 256)) -> Iterator[Micrograph]:
    """Draw ``count`` pictures of ``size`` (width, height).

    The same seed gives the same bytes.
    """
    for child in np.random.SeedSequence(seed).spawn(count):
        yield _draw(np.random.default_rng(child), *size)


def _draw(rng: np.random.Generator, width: int, height: int) -> Micrograph:
    light = 0.46 + 0.09 * _smooth_noise(rng, height, width, 90)
    light += 0.015 * _smooth_noise(rng, height, width, 9)
    truth = np.zeros((height, width), np.uint8)
    for kind in rng.permutation([CELL] * int(rng.integers(7, 11)) + [DIVIDING] * int(rng.integers(3, 5))):
        place = _free_place(rng, truth, 26)
        if place is not None:
            (_draw_cell if kind == CELL else _draw_dividing)(rng, light, truth, place)
    for _ in range(int(rng.integers(8, 14))):
        place = _free_place(rng, truth, 11)
        if place is not None:
            _draw_debris(rng, light, truth, place)
    light = np.asarray(cv2.GaussianBlur(light, (0, 0), 0.8), np.float32)
    grain = rng.normal(0, 0.022, (height, width, 3)).astype(np.float32)
    image = np.clip((light[..., None] * _TINT + grain) * 255, 0, 255)
    return Micrograph(image.astype(np.uint8), truth)


def _smooth_noise(rng: np.random.Generator, height: int, width: int, scale: int) -> NDArray[np.float32]:
    """Return noise of unit range, float32 (H, W).

    Its features have about ``scale`` pixels.
    """
    coarse = rng.uniform(-1, 1, (height // scale + 3, width // scale + 3)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def _free_place(rng: np.random.Generator, truth: LabelMap, room: int) -> tuple[int, int] | None:
    """Return a point (x, y) with ``room`` empty pixels around it.

    It is None after some tries.
    """
    height, width = truth.shape
    for _ in range(30):
        x, y = int(rng.integers(4, width - 4)), int(rng.integers(4, height - 4))
        if not truth[max(0, y - room) : y + room, max(0, x - room) : x + room].any():
            return x, y
    return None


def _blob(
    rng: np.random.Generator,
    shape: tuple[int, int],
    place: tuple[float, float],
    radii: tuple[float, float],
    wobble: float,
) -> NDArray[np.uint8]:
    """Return a stencil of an ellipse whose outline wobbles.

    It is (H, W) of 0 and 255. The ellipse has a random angle.
    """
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    outline = 1 + wobble * sum(
        rng.uniform(-1, 1) * np.cos(k * angles + rng.uniform(0, 2 * np.pi)) / k for k in (2, 3, 5)
    )
    turn = rng.uniform(0, np.pi)
    u, v = radii[0] * outline * np.cos(angles), radii[1] * outline * np.sin(angles)
    x = place[0] + u * np.cos(turn) - v * np.sin(turn)
    y = place[1] + u * np.sin(turn) + v * np.cos(turn)
    stencil = np.zeros(shape, np.uint8)
    cv2.fillPoly(stencil, [np.stack([x, y], 1).round().astype(np.int32)], 255)
    return stencil


def _shade(light: NDArray[np.float32], stencil: NDArray[np.uint8], amount: float, softness: float) -> None:
    """Add ``amount`` of light inside the stencil.

    The border is soft. The picture is changed in place.
    """
    light += amount * cv2.GaussianBlur(stencil, (0, 0), softness).astype(np.float32) / 255


def _rim(light: NDArray[np.float32], stencil: NDArray[np.uint8], amount: float) -> None:
    """Brighten the stencil's border as phase contrast does, in place."""
    edge = cv2.morphologyEx(stencil, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    _shade(light, edge.astype(np.uint8), amount, 1.2)


def _draw_cell(rng: np.random.Generator, light: NDArray[np.float32], truth: LabelMap, place: tuple[int, int]) -> None:
    radius = rng.uniform(15, 21)
    body = _blob(rng, truth.shape, place, (radius, radius * rng.uniform(0.72, 0.95)), 0.12)
    _shade(light, body, rng.uniform(-0.13, -0.09), 1.5)
    _rim(light, body, 0.16)
    shift = rng.uniform(-3, 3, 2)
    nucleus = _blob(
        rng, truth.shape, (place[0] + shift[0], place[1] + shift[1]), (radius * 0.42, radius * 0.36), 0.08
    )
    _shade(light, nucleus, rng.uniform(-0.14, -0.10), 1.2)
    truth[body > 0] = CELL


def _draw_dividing(
    rng: np.random.Generator, light: NDArray[np.float32], truth: LabelMap, place: tuple[int, int]
) -> None:
    radius, turn = rng.uniform(9.5, 12.5), rng.uniform(0, np.pi)
    step = np.array([np.cos(turn), np.sin(turn)]) * radius * rng.uniform(0.75, 0.95)
    body = np.zeros(truth.shape, np.uint8)
    for side in (-1, 1):
        lobe = _blob(
            rng,
            truth.shape,
            (place[0] + side * step[0], place[1] + side * step[1]),
            (radius, radius * 0.9),
            0.08,
        )
        plate = _blob(
            rng,
            truth.shape,
            (place[0] + side * 1.2 * step[0], place[1] + side * 1.2 * step[1]),
            (radius * 0.5, radius * 0.28),
            0.1,
        )
        body |= lobe
        _shade(light, plate, -0.22, 0.9)
    _shade(light, body, rng.uniform(0.13, 0.18), 1.4)
    _rim(light, body, 0.2)
    truth[body > 0] = DIVIDING


def _draw_debris(
    rng: np.random.Generator, light: NDArray[np.float32], truth: LabelMap, place: tuple[int, int]
) -> None:
    speck = _blob(rng, truth.shape, place, (rng.uniform(4.5, 8), rng.uniform(3, 5)), 0.4)
    _shade(light, speck, rng.uniform(-0.34, -0.26), 0.7)
    truth[speck > 0] = DEBRIS
