"""Correction of probabilities by how common each class is in an image."""

from __future__ import annotations

from torch import Tensor

_ITERATIONS = 8
_EVERY = 4
_LEAST = 1e-6


def with_shares(probabilities: Tensor, power: float = 1.0) -> Tensor:
    """Return probabilities (C, h, w) as they are where classes have the shares that the image shows.

    A fit to strokes takes all classes to be equally common. The shares are found by expectation maximisation: the
    mean of the probabilities gives the shares, and these the next probabilities.

    Args:
        probabilities: of each class, as if all were equally common.
        power: how far they are corrected: 1 wholly, 0 not at all. Shares are uncertain where the fit has seen nothing
            of the image.

    Source: Saerens, Latinne & Decaestecker 2002, "Adjusting the outputs of a classifier to new a priori
    probabilities".
    """
    sample = probabilities[:, ::_EVERY, ::_EVERY].flatten(1)
    factors = probabilities.new_ones(len(probabilities))
    for _ in range(_ITERATIONS):
        weighted = sample * factors[:, None]
        shares = (weighted / weighted.sum(0)).mean(1)
        factors = (shares * len(shares)).clamp(min=_LEAST)
    corrected = probabilities * factors.pow(power)[:, None, None]
    return corrected / corrected.sum(0)
