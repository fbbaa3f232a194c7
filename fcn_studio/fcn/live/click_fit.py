"""Likelihood of each pixel to be in the object that a few clicks are on."""

from __future__ import annotations

import math

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from fcn_studio.core.labels import LabelMap
from fcn_studio.core.regions.clicks import Clicks
from fcn_studio.fcn.live.features import Features

_LIKE = 2.0
"""How fast pixels count less as their features differ from those of a click."""

_FAR, _NEAR, _NEAR_SHARE = 0.25, 0.02, 0.3
"""Reach of a click, as a share of the longest side: among like pixels, and, less, whatever pixels look like."""

_NOISE = 0.1
_UNKNOWN = -0.5
_TRUST, _SUREST = 0.5, 3.0
"""How much the log-odds of the prediction count, and the largest of them that are believed."""

_DISC = 2
"""Radius in pixels of the working image within which the features of a click are averaged."""


@torch.inference_mode()
def likely_inside(features: Features, clicks: Clicks, prior: LabelMap | None) -> LabelMap:
    """Return how likely each pixel of the working image is in the object, uint8 (h, w), 0 to 255.

    The log-odds are those of the prediction, corrected by a Gaussian process that is fitted to the clicks. Two pixels
    have much to do with each other if they look alike, by the cosine of their features, and are near.

    Args:
        features: of the image.
        clicks: at least one.
        prior: uint8, of any size, how likely each pixel has the class of the object by a prediction; None for none.
    """
    (height, width), (full_height, full_width) = features.size, features.full_size
    points = torch.tensor([*clicks.inside_xy, *clicks.outside_xy], dtype=torch.float64)
    places = points * torch.tensor([width / full_width, height / full_height]) - 0.5
    side = max(height, width)
    odds = _odds(prior, (height, width))
    looks = _looks(features, places)
    cells = places.round().long().clamp(torch.tensor(0), torch.tensor([width - 1, height - 1]))
    wanted = torch.ones(len(points))
    wanted[len(clicks.inside_xy) :] = -1
    between = _kernel(looks @ looks.T, *_nearness(torch.cdist(places, places), side))
    missing = wanted * (1 - wanted * odds[cells[:, 1], cells[:, 0]]).clamp(min=0)  # a sure prediction lacks nothing
    shares = torch.linalg.solve(between + _NOISE * torch.eye(len(points)), missing)
    weights = looks * features.scale
    likeness = features.scores(weights, -weights @ features.moments[0]).div_(features.lengths.clamp(min=1e-6))
    for number, (x, y) in enumerate(places.tolist()):
        down, across = _nearness(torch.arange(height) - y, side), _nearness(torch.arange(width) - x, side)
        far, near = (torch.outer(*axes) for axes in zip(down, across, strict=True))
        odds += shares[number] * _kernel(likeness[number], far, near)
    return np.asarray((255 * (2 * odds).sigmoid()).round().byte().numpy(), np.uint8)


def _looks(features: Features, places: Tensor) -> Tensor:
    """Return the features around places (n, 2), x and y of the working image, at length 1: float32 (n, D)."""
    steps = torch.arange(-_DISC, _DISC + 1.0, dtype=torch.float64)
    dy, dx = (part.flatten() for part in torch.meshgrid(steps, steps, indexing="ij"))
    disc = dx.square() + dy.square() <= _DISC**2
    x, y = places[:, :1] + dx[disc], places[:, 1:] + dy[disc]
    values = torch.cat([part.at(y.flatten(), x.flatten()) for part in features.maps], 1)
    looks = ((values - features.moments[0]) * features.scale).view(*x.shape, -1).mean(1)
    return functional.normalize(looks, dim=1, eps=1e-6)


def _kernel(likeness: Tensor, far: Tensor, near: Tensor) -> Tensor:
    """Return how much pixels have to do with each other, by cosine and nearness."""
    return torch.exp(_LIKE * (likeness - 1)) * far + _NEAR_SHARE * near


def _nearness(distance: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Return Gaussians of both reaches at distances in pixels, float32; in a plane they are products of two axes'."""
    square = distance.square().float()
    far, near = (torch.exp(square / (-2 * (reach * side) ** 2)) for reach in (_FAR, _NEAR))
    return far, near


def _odds(prior: LabelMap | None, size: tuple[int, int]) -> Tensor:
    """Return what is known before the clicks, as log-odds that are made small."""
    if prior is None:
        return torch.full(size, _UNKNOWN)
    wide = torch.from_numpy(cv2.resize(prior, size[::-1], interpolation=cv2.INTER_LINEAR)).float() / 255
    least = 1 / (1 + math.exp(_SUREST))
    return _TRUST * wide.clamp(least, 1 - least).logit()
