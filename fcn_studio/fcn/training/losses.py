"""Losses of a training: weighted cross-entropy, and the Lovász-softmax loss.

The Lovász-softmax loss is a convex surrogate of one minus the mean intersection over union.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from fcn_studio.core.classes import VOID


def weighted_loss(scores: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Return cross-entropy in nats, weighted by class and summed over labelled pixels.

    Args:
        scores: float32 (N, C, H, W).
        target: int64 (N, H, W), channel or 255.
        weights: float32 (C,).
    """
    return functional.cross_entropy(scores, target, weights, ignore_index=VOID, reduction="sum")


def pixel_weight(target: Tensor, weights: Tensor) -> Tensor:
    """Return the sum of the class weights of the labelled pixels."""
    labelled = target[target != VOID]
    return weights[labelled].sum()


def lovasz_softmax(scores: Tensor, target: Tensor) -> Tensor:
    """Return the mean loss over the classes in the truth.

    It is 0 if nothing is labelled.

    Args:
        scores: float32 (N, C, H, W).
        target: int64 (N, H, W), channel or 255.

    Source: Berman, Triki & Blaschko 2018, "The Lovász-Softmax loss", algorithm 1 and equation 11.
    """
    labelled = target != VOID
    truth = target[labelled]
    probabilities = scores.permute(0, 2, 3, 1)[labelled].softmax(1)
    losses = []
    for channel in torch.unique(truth).tolist():
        is_class = (truth == channel).float()
        errors, order = (is_class - probabilities[:, channel]).abs().sort(descending=True)
        losses.append(errors @ _jaccard_steps(is_class[order]))
    return torch.stack(losses).mean() if losses else scores.sum() * 0


def _jaccard_steps(is_class: Tensor) -> Tensor:
    """Return what each further error adds to the Jaccard loss.

    Errors are in the given order.
    """
    right = is_class.cumsum(0)
    total = right[-1]
    loss = 1 - (total - right) / (total + (1 - is_class).cumsum(0))
    return torch.diff(loss, prepend=loss.new_zeros(1))
