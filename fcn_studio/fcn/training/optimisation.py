"""One optimiser step after the other, through lack of memory and through losses that are not a number."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from fcn_studio.core.classes import VOID
from fcn_studio.errors import DeviceError
from fcn_studio.fcn.device import CPU, is_out_of_memory, release_memory
from fcn_studio.fcn.model.fcn import Network
from fcn_studio.fcn.training.batch_sources import Batch
from fcn_studio.fcn.training.distributed import ALONE, Ranks
from fcn_studio.fcn.training.losses import lovasz_softmax
from fcn_studio.fcn.training.recipe import Recipe, parameter_groups

_log = logging.getLogger(__name__)

_LOVASZ_FROM = 2 / 3
_BAD_STEPS = 3
_KEPT = ("steps", "given_up", "notes", "_part", "_bad_steps", "_mended", "_rate_factor")


class Optimisation:
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
        self,
        network: Network,
        recipe: Recipe,
        weights: NDArray[np.float64],
        device: torch.device,
        batch_size: int,
        *,
        lovasz: float = 0.0,
        precision: str = "fp32",
        ranks: Ranks = ALONE,
    ) -> None:
        """Take over a network.

        Args:
            network: to be trained in place.
            recipe: learning rates and what they apply to.
            weights: float64 (C,), class weights of the loss.
            device: where.
            batch_size: images computed at once, as long as memory lasts.
            lovasz: weight of the Lovász-softmax loss in the last third.
            precision: of the features: "fp32", "bf16", or "auto" for bf16 on CUDA.
            ranks: the processes that learn together, each from its share of every batch.
        """
        self._lovasz, self._precision, self._ranks = lovasz, precision, ranks
        self.network = network.to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(network).requires_grad_(False).eval()
        for module in self.network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.register_forward_pre_hook(_spare_single_values)
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

        def drawn() -> Sequence[float]:
            nonlocal batches
            batches = [batch.to(self.device) for batch in batches] or draw(self.device)
            return [sum(float(pixel_weight(batch.target, self._weights)) for batch in batches)]

        while True:
            try:
                norm = max(self._ranks.together(drawn, self.device)[0], 1e-6)
                self._try_step(batches, norm, fraction)
                return
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self.make_room()

    def tensors(self) -> dict[str, Tensor]:
        """All that it has learned, under names: weights, their average, what the optimiser remembers."""
        found = {f"network.{key}": value for key, value in self.network.state_dict().items()}
        found |= {f"average.{key}": value for key, value in self.average.state_dict().items()}
        for name, parameter in self.network.named_parameters():
            memory = self._optimiser.state.get(parameter, {})
            found |= {f"optimiser.{name}.{key}": value for key, value in memory.items() if value is not None}
        return found

    def values(self) -> dict[str, Any]:
        """All else that `restore` needs, as plain JSON values."""
        numbers: dict[str, Any] = {name: getattr(self, name) for name in _KEPT}
        return numbers | {"loss": self.loss if math.isfinite(self.loss) else None, "on_cpu": self.device == CPU}

    def restore(self, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
        """Go on where an earlier process was.

        Raises:
            KeyError, TypeError, ValueError, RuntimeError: if it is not a state of such an optimisation.
        """
        if values["on_cpu"] and self.device != CPU:
            self._move_to(CPU)
        self.network.load_state_dict(_under("network.", tensors))
        self.average.load_state_dict(_under("average.", tensors))
        for name, parameter in self.network.named_parameters():
            for key, value in _under(f"optimiser.{name}.", tensors).items():
                # In the layout that the optimiser would have given it: other layouts may be rounded otherwise.
                like = torch.empty_like(parameter) if value.shape == parameter.shape else torch.empty_like(value)
                self._optimiser.state[parameter][key] = like.detach().copy_(value)
        for name in _KEPT:
            setattr(self, name, type(getattr(self, name))(values[name]))
        self.loss = math.nan if values["loss"] is None else float(values["loss"])

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

    def _try_step(self, batches: list[Batch], norm: float, fraction: float) -> None:
        """`step`, as long as memory lasts."""
        for group in self._optimiser.param_groups:
            group["lr"] = group["peak"] * self._rate_factor * self._recipe.rate(fraction)
        self._set_modes()
        lovasz = self._lovasz if fraction >= _LOVASZ_FROM else 0.0
        loss = self._ranks.together(lambda: [self._backward(batches, norm, lovasz)], self.device)[0]
        trained = [p for group in self._optimiser.param_groups for p in group["params"]]
        self._share_what_was_learned(trained)
        length = float(nn.utils.clip_grad_norm_(trained, self._recipe.clip))
        if not (math.isfinite(loss) and math.isfinite(length)):
            self._mend()
            return
        self._optimiser.step()
        self.steps, self.loss, self._bad_steps = self.steps + 1, loss, 0
        self._update_average()

    def _set_modes(self) -> None:
        """Set training mode for what the level changes; normalisation statistics only where they are collected."""
        self.network.train(self._recipe.early + self._recipe.late + self._recipe.head > 0)
        if not self._recipe.statistics:
            for module in self.network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()

    def _backward(self, batches: list[Batch], norm: float, lovasz: float) -> float:
        """This process's part of a step's loss, with its gradient in the parameters.

        Cross-entropy is divided by ``norm``, the weight of the labelled pixels of all processes: its parts add up to
        that of the whole batch. The Lovász loss is of sets of pixels and does not: the mean over the parts is taken.
        """
        self._optimiser.zero_grad(set_to_none=True)
        bf16 = self._precision == "bf16" or (self._precision == "auto" and self.device.type == "cuda")
        total = 0.0
        for part in (part for batch in batches for part in batch.split(self._part)):
            scores = part.scores(self.network, bf16=bf16)
            loss = weighted_loss(scores, part.target, self._weights) / norm
            total += float(loss.detach())
            if lovasz > 0:
                share = pixel_weight(part.target, self._weights) / norm
                loss = loss + lovasz * share * lovasz_softmax(scores, part.target)
            loss.backward()  # type: ignore[no-untyped-call]
        return total

    @torch.no_grad()
    def _share_what_was_learned(self, trained: Sequence[nn.Parameter]) -> None:
        """Sum the gradients over the processes, and take the mean of what normalisation has collected."""
        if self._ranks.share.size == 1:
            return
        gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in trained]
        collected = [b for b in self.network.buffers() if b.is_floating_point()] if self._recipe.statistics else []
        self._ranks.add([*gradients, *collected])
        for parameter, gradient in zip(trained, gradients, strict=True):
            parameter.grad = gradient
        for buffer in collected:
            buffer /= self._ranks.share.size

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
        """AdamW, or the paper's SGD, over what the recipe changes."""
        groups = parameter_groups(self.network, self._recipe)
        if self._recipe.momentum is not None:
            return torch.optim.SGD(groups, lr=1e-3, momentum=self._recipe.momentum)
        return torch.optim.AdamW(groups, lr=1e-3)


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin so, without that beginning."""
    return {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}


def pixel_weight(target: Tensor, weights: Tensor) -> Tensor:
    """Sum of the class weights of the labelled pixels."""
    labelled = target[target != VOID]
    return weights[labelled].sum()


def weighted_loss(scores: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Cross-entropy in nats, weighted by class and summed over the labelled pixels; others have no part in it.

    Args:
        scores: float32 (N, C, H, W).
        target: int64 (N, H, W), channel or 255.
        weights: float32 (C,).
    """
    return functional.cross_entropy(scores, target, weights, ignore_index=VOID, reduction="sum")


def _spare_single_values(module: nn.Module, inputs: tuple[Tensor]) -> None:
    """Of one value a channel, as a small image has at stride 32, there are no statistics: the running ones serve."""
    if inputs[0].numel() == inputs[0].shape[1]:
        module.eval()
