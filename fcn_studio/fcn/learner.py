"""One optimiser step after the other, through lack of memory and through losses that are not a number."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from fcn_studio.core.classes import VOID
from fcn_studio.errors import DeviceError
from fcn_studio.fcn.device import CPU, is_out_of_memory, release_memory
from fcn_studio.fcn.network import Network
from fcn_studio.fcn.recipe import Recipe, parameter_groups
from fcn_studio.fcn.sources import Batch

_log = logging.getLogger(__name__)

_CLIP_NORM = 5.0
_BAD_STEPS = 3


class Learner:
    """A network, its optimiser and the average of its weights.

    Attributes:
        network: what is trained.
        average: exponential moving average of its weights, in evaluation mode; always finite, and what is kept.
        device: where; the CPU after a device ran out of memory for good.
        steps: optimiser steps done.
        loss: mean cross-entropy of the last one, nats; not a number before the first.
        given_up: whether the loss was not a number too often.
        notes: sentences about what went wrong.
    """

    def __init__(
        self, network: Network, recipe: Recipe, weights: NDArray[np.float64], device: torch.device, batch_size: int
    ) -> None:
        """Take over a network.

        Args:
            network: to be trained in place.
            recipe: learning rates and what they apply to.
            weights: float64 (C,), class weights of the loss.
            device: where.
            batch_size: images computed at once, as long as memory lasts.
        """
        self.network = network.to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(network).requires_grad_(False).eval()
        self.steps, self.loss = 0, math.nan
        self.given_up = False
        self.notes: list[str] = []
        self._recipe, self._part = recipe, batch_size
        self._weights = torch.tensor(weights, dtype=torch.float32)
        self._bad_steps, self._mended, self._rate_factor = 0, False, 1.0
        try:
            self._move_to(device)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            self._retreat()

    def step(self, draw: Callable[[torch.device], list[Batch]], fraction: float) -> None:
        """One optimiser step, or none if the loss or its gradient is not a number.

        Args:
            draw: gives the batches of a step on a device; they are learned from all together. Out of memory, the
                same ones are taken in smaller parts, and last on the CPU.
            fraction: share of the budget spent, which decides the learning rates.

        Raises:
            DeviceError: if not even one image fits into memory.
        """
        batches: list[Batch] = []
        while True:
            try:
                batches = [batch.to(self.device) for batch in batches] or draw(self.device)
                self._try_step(batches, fraction)
                return
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self.make_room()

    def make_room(self) -> None:
        """After memory ran out: halve what is computed at once; if that is one image, go to the CPU.

        Raises:
            DeviceError: if it is at the CPU already.
        """
        self._optimiser.zero_grad(set_to_none=True)
        release_memory(self.device)
        if self._part > 1:
            self._part //= 2
            at_once = "one image" if self._part == 1 else f"{self._part} images"
            self._note(f"out of memory: the batch is now computed {at_once} at a time")
        elif self.device != CPU:
            self._retreat()
        else:
            raise DeviceError("out of memory: not even one crop can be trained on; close other programs")

    def _retreat(self) -> None:
        """Go to the CPU."""
        self._move_to(CPU)
        self._note("out of memory: the training goes on on the CPU")

    def _move_to(self, device: torch.device) -> None:
        """Bring everything to a device, with an optimiser that remembers nothing."""
        self.device = device
        for network in (self.network, self.average):
            network.to(device)
        self._weights = self._weights.to(device)
        self._optimiser = self._new_optimiser()

    def _try_step(self, batches: list[Batch], fraction: float) -> None:
        """`step`, as long as memory lasts."""
        for group in self._optimiser.param_groups:
            group["lr"] = group["peak"] * self._rate_factor * self._recipe.rate(fraction)
        self._set_modes()
        loss = self._backward(batches)
        trained = [p for group in self._optimiser.param_groups for p in group["params"]]
        norm = float(nn.utils.clip_grad_norm_(trained, _CLIP_NORM))
        if not (math.isfinite(loss) and math.isfinite(norm)):
            self._mend()
            return
        self._optimiser.step()
        self.steps, self.loss, self._bad_steps = self.steps + 1, loss, 0
        self._update_average()

    def _set_modes(self) -> None:
        """Training mode for what the level changes; normalisation statistics only where they are collected."""
        self.network.train(self._recipe.early + self._recipe.late + self._recipe.head > 0)
        if not self._recipe.statistics:
            for module in self.network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()

    def _backward(self, batches: list[Batch]) -> float:
        """Loss of a step, with its gradient in the parameters."""
        self._optimiser.zero_grad(set_to_none=True)
        parts = [part for batch in batches for part in batch.split(self._part)]
        norm = sum(pixel_weight(part.target, self._weights) for part in parts)
        total = 0.0
        for part in parts:
            loss = weighted_loss(part.scores(self.network), part.target, self._weights) / norm
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        return total

    def _mend(self) -> None:
        """A step failed: forget it; after three in a row return to the average at half the rate; then give up."""
        self.network.load_state_dict(dict(self.average.named_buffers()), strict=False)
        self._bad_steps += 1
        if self._bad_steps < _BAD_STEPS:
            return
        self._bad_steps = 0
        self.network.load_state_dict(self.average.state_dict())
        if self._mended:
            self.given_up = True
            self._note("the loss was not a number again and again: stopped with the last good network")
            return
        self._mended, self._rate_factor = True, self._rate_factor / 2
        self._optimiser = self._new_optimiser()
        self._note("the loss was not a number: went back to the last good network, at half the learning rate")

    @torch.no_grad()
    def _update_average(self) -> None:
        """Move the average towards the weights, faster at first."""
        keep = min(self._recipe.average, (1 + self.steps) / (10 + self.steps))
        pairs = zip(self.average.state_dict().values(), self.network.state_dict().values(), strict=True)
        for mean, value in pairs:
            if mean.is_floating_point():
                mean.lerp_(value, 1 - keep)
            else:
                mean.copy_(value)

    def _note(self, sentence: str) -> None:
        """Tell it once, at the end, and in the log now."""
        _log.warning(sentence)
        self.notes.append(sentence)

    def _new_optimiser(self) -> torch.optim.Optimizer:
        """AdamW over what the recipe changes."""
        return torch.optim.AdamW(parameter_groups(self.network, self._recipe), lr=1e-3)


def pixel_weight(target: Tensor, weights: Tensor) -> Tensor:
    """Sum of the class weights of the labelled pixels; a little above 0 if there are none."""
    labelled = target[target != VOID]
    return weights[labelled].sum().clamp(min=1e-6)


def weighted_loss(scores: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Cross-entropy in nats, weighted by class and summed over the labelled pixels; others have no part in it.

    Args:
        scores: float32 (N, C, H, W).
        target: int64 (N, H, W), channel or 255.
        weights: float32 (C,).
    """
    return functional.cross_entropy(scores, target, weights, ignore_index=VOID, reduction="sum")
