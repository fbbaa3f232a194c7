"""Multinomial logistic regression of the score layers of a frozen network.

Bilinear upsampling is linear, so the scores of an FCN at a pixel are linear in its upsampled taps there. What remains
is to fit one linear map to labelled pixels. That is a convex problem: it has one solution, needs no learning rate,
and starts from anywhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

L2 = 1e-2
"""Strength of the penalty on weights of standardised features, beside a loss that is a mean over pixels.

Chosen once on street scenes and fields; docs/adr/0025 has the figures.
"""

_ITERATIONS = 25
_HISTORY = 10
_LEAST_STD = 1e-4
_LEAST_GAIN = 5e-3
_ABSENT = 10.0


@dataclass(frozen=True)
class LinearScores:
    """A linear map from features to the scores of classes.

    Attributes:
        weight: float32 (C, D).
        bias: float32 (C,).
    """

    weight: Tensor
    bias: Tensor

    def of(self, features: Tensor) -> Tensor:
        """Return the scores (n, C) of features (n, D)."""
        return features @ self.weight.T + self.bias


class LinearFit:
    """A fit of linear scores to labelled pixels, step by step.

    The penalty pulls towards a prior, so that what a network knows stays where pixels say nothing. A class without
    pixels that the prior does not know scores below all others.

    Attributes:
        fitted: bool (C,), which classes have pixels or are known to the prior.
        loss: mean cross-entropy of the last step, nats; not a number before the first.
        converged: whether the last step has gained next to nothing.
    """

    def __init__(
        self,
        features: Tensor,
        channels: Tensor,
        weights: Tensor,
        prior: LinearScores,
        l2: float = L2,
        moments: tuple[Tensor, Tensor] | None = None,
    ) -> None:
        """Standardise the features.

        Args:
            features: float32 (n, D).
            channels: int64 (n,), the class of each pixel.
            weights: float32 (n,), how much each pixel counts; only their ratios matter.
            prior: where the fit is pulled to; zero for classes that are not known.
            l2: strength of the pull.
            moments: mean and standard deviation (D,) to standardise by; None for those of the features. With given
                ones the bias is not pulled, since the pixels may be far from the mean.
        """
        self._mean, std = moments or (features.mean(0), features.std(0, correction=0))
        self._std = std + _LEAST_STD
        self._bias_share = 0.0 if moments else 1.0
        self._features = (features - self._mean) / self._std
        self._weights, self._l2 = weights / weights.sum(), l2
        known = (prior.weight != 0).any(1) | (prior.bias != 0)
        self.fitted = known | (torch.bincount(channels, minlength=len(known)) > 0)
        self._channels = (torch.cumsum(self.fitted, 0) - 1)[channels]
        pulled = self._standardised(prior)
        self._prior = LinearScores(pulled.weight[self.fitted], pulled.bias[self.fitted])
        self._value = math.inf
        self.loss, self.converged = math.nan, False

    def step(self, start: LinearScores) -> LinearScores:
        """Return better scores than those of the start.

        A step is some iterations of L-BFGS. Equal starts give equal results.
        """
        at = self._standardised(start)
        scores = LinearScores(at.weight[self.fitted].requires_grad_(), at.bias[self.fitted].requires_grad_())
        optimiser = torch.optim.LBFGS(
            [scores.weight, scores.bias], max_iter=_ITERATIONS, history_size=_HISTORY, line_search_fn="strong_wolfe"
        )

        def closure() -> Tensor:
            optimiser.zero_grad()
            entropy, penalty = self._entropy(scores), self._penalty(scores)
            (entropy + penalty).backward()  # type: ignore[no-untyped-call]
            return (entropy + penalty).detach()

        optimiser.step(closure)  # type: ignore[no-untyped-call]
        with torch.no_grad():
            self.loss = float(self._entropy(scores))
            before, self._value = self._value, self.loss + float(self._penalty(scores))
        self.converged = before - self._value < _LEAST_GAIN * self._value
        return self._of_raw_features(scores.weight.detach(), scores.bias.detach())

    def _entropy(self, scores: LinearScores) -> Tensor:
        """Return the weighted mean of the cross-entropy."""
        entropy = functional.cross_entropy(scores.of(self._features), self._channels, reduction="none")
        return self._weights @ entropy

    def _penalty(self, scores: LinearScores) -> Tensor:
        """Return the pull of the prior."""
        weight, bias = scores.weight - self._prior.weight, scores.bias - self._prior.bias
        return self._l2 / 2 * (weight.square().sum() + self._bias_share * bias.square().sum())

    def _standardised(self, scores: LinearScores) -> LinearScores:
        """Return the same map, of standardised features."""
        return LinearScores(scores.weight * self._std, scores.bias + scores.weight @ self._mean)

    def _of_raw_features(self, weight: Tensor, bias: Tensor) -> LinearScores:
        """Return the same map of raw features.

        Classes that are not fitted score below the mean of the others.
        """
        weights = weight.mean(0).repeat(len(self.fitted), 1)
        biases = bias.mean().repeat(len(self.fitted)) - _ABSENT
        weights[self.fitted], biases[self.fitted] = weight, bias
        raw = weights / self._std
        return LinearScores(raw, biases - raw @ self._mean)
