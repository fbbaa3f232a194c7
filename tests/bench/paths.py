"""Where the hand moves, and in how large a window. Needs numpy alone: other programs are driven the same way."""

from __future__ import annotations

import math

import numpy as np

WIDTH, HEIGHT = 1920, 1080
"""Of the viewport, in device pixels."""

STEP = 12.0
"""Device pixels that the pointer moves from one event to the next."""

STROKE = 20
"""Events of a stroke."""

Path = list[tuple[float, float]]


def ellipse(steps: int, phase: float = 0.0) -> Path:
    """Places of the pointer, `STEP` apart, on an ellipse round the middle of the viewport."""
    turns = (phase + np.arange(steps + 1)) * STEP / 300
    return [(WIDTH / 2 + 300 * math.cos(t), HEIGHT / 2 + 200 * math.sin(t)) for t in turns]


def straight(rng: np.random.Generator) -> Path:
    """A straight stroke from a place in the viewport in some direction."""
    x, y = rng.uniform(300, 700, 2)
    turn = rng.uniform(0, 2 * math.pi)
    dx, dy = STEP * math.cos(turn), STEP * math.sin(turn)
    return [(x + 400 + dx * step, y + dy * step) for step in range(STROKE + 1)]
