"""Likelihood of each pixel to be in the object that a few clicks are on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

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


@dataclass(frozen=True)
class _Looks:
    """Features of clicks, made ready for comparison with those of all pixels.

    Attributes:
        directions: float32 (n, D), of length 1.
        scale: float32 (D,), by which features are multiplied first; all groups count the same then.
    """

    directions: Tensor
    scale: Tensor

    @classmethod
    def at(cls, features: Features, places: Tensor) -> _Looks:
        """Return those at places (n, 2), x and y of the working image."""
        mean, deviation = features.moments
        counts = torch.cat([torch.full((count,), float(count)) for count in features.groups])
        scale = 1 / ((deviation + 1e-4) * counts.sqrt())
        steps = torch.arange(-_DISC, _DISC + 1.0, dtype=torch.float64)
        dy, dx = (part.flatten() for part in torch.meshgrid(steps, steps, indexing="ij"))
        disc = dx.square() + dy.square() <= _DISC**2
        x, y = places[:, :1] + dx[disc], places[:, 1:] + dy[disc]
        values = torch.cat([part.at(y.flatten(), x.flatten()) for part in features.maps], 1)
        looks = ((values - mean) * scale).view(*x.shape, -1).mean(1)
        return cls(looks / looks.norm(dim=1, keepdim=True).clamp(min=1e-6), scale)

    def likeness(self, features: Features, number: int, lengths: Tensor) -> Tensor:
        """Return the cosine between the features of a click and those of each pixel, (h, w)."""
        weight = (self.directions[number] * self.scale)[None]
        return features.scores(weight, -weight @ features.moments[0])[0] / lengths


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
    looks = _Looks.at(features, places)
    cells = places.round().long().clamp(torch.tensor(0), torch.tensor([width - 1, height - 1]))
    wanted = torch.ones(len(points))
    wanted[len(clicks.inside_xy) :] = -1
    between = _kernel(looks.directions @ looks.directions.T, torch.cdist(places, places).square().float(), side)
    missing = wanted * (1 - wanted * odds[cells[:, 1], cells[:, 0]]).clamp(min=0)  # a sure prediction lacks nothing
    shares = torch.linalg.solve(between + _NOISE * torch.eye(len(points)), missing)
    lengths = features.lengths(looks.scale).clamp(min=1e-6)
    rows, columns = torch.arange(height)[:, None], torch.arange(width)[None]
    for number, (x, y) in enumerate(places.tolist()):
        distance = ((rows - y).square() + (columns - x).square()).float()
        odds += shares[number] * _kernel(looks.likeness(features, number, lengths), distance, side)
    return np.asarray((255 * (2 * odds).sigmoid()).round().byte().numpy(), np.uint8)


def _kernel(likeness: Tensor, distance: Tensor, side: int) -> Tensor:
    """Return how much pixels have to do with each other, by cosine and squared distance."""
    far, near = (torch.exp(distance / (-2 * (reach * side) ** 2)) for reach in (_FAR, _NEAR))
    return torch.exp(_LIKE * (likeness - 1)) * far + _NEAR_SHARE * near


def _odds(prior: LabelMap | None, size: tuple[int, int]) -> Tensor:
    """Return what is known before the clicks, as log-odds that are made small."""
    if prior is None:
        return torch.full(size, _UNKNOWN)
    wide = torch.from_numpy(cv2.resize(prior, size[::-1], interpolation=cv2.INTER_LINEAR)).float() / 255
    least = 1 / (1 + math.exp(_SUREST))
    return _TRUST * wide.clamp(least, 1 - least).logit()
