"""Optimiser steps that survive two kinds of failure.

They are lack of memory and losses that are not a number.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from fcn_studio.errors import DeviceError
from fcn_studio.fcn.device import CPU, fixed_shapes, is_out_of_memory, release_memory, supports_bf16
from fcn_studio.fcn.distributed import ALONE, Ranks
from fcn_studio.fcn.model.fcn import Network
from fcn_studio.fcn.training.batch_sources import Batch
from fcn_studio.fcn.training.losses import lovasz_softmax, pixel_weight, weighted_loss
from fcn_studio.fcn.training.recipe import Recipe, parameter_groups
from fcn_studio.i18n import tr, tr_n

_log = logging.getLogger(__name__)

_BAD_STEPS = 3
_Tensors = tuple[Tensor, ...] | list[Tensor]

_SAVED = {
    "steps": "steps",
    "given_up": "given_up",
    "notes": "notes",
    "_part": "_images_at_once",
    "_bad_steps": "_bad_steps",
    "_mended": "_rate_halved",
    "_rate_factor": "_rate_factor",
}
"""Key in the resume file -> attribute."""


class Optimisation:
    """A network, its optimiser and the average of its weights.

    Attributes:
        network: what is trained.
        average: exponential moving average of its weights, in evaluation mode; always finite, and what is kept.
        device: where; the CPU after a device ran out of memory for good.
        steps: optimiser steps done.
        loss: mean cross-entropy of the last one, nats; not a number before the first.
        converged: whether further steps would gain next to nothing; that is never known here.
        given_up: whether the loss was not a number too often.
        notes: sentences about what went wrong.
    """

    converged = False

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
        """Take a network over.

        Nothing else may change it.

        Args:
            network: to be trained in place.
            recipe: learning rates and what they apply to.
            weights: float64 (C,), class weights of the loss.
            device: where.
            batch_size: images computed at once, as long as memory lasts.
            lovasz: weight of the Lovász-softmax loss in the recipe's last part.
            precision: of the features: "fp32", "bf16", or "auto" for bf16 on a CUDA device that has it.
            ranks: the processes that learn together, each from its share of every batch.
        """
        self._lovasz, self._precision, self._ranks = lovasz, precision, ranks
        self.network = network.to(memory_format=torch.channels_last)
        # The first weights count as averaged once: else the first step would replace them outright.
        self._averaged = AveragedModel(self.network, multi_avg_fn=self._move_average, use_buffers=True)
        self._averaged.n_averaged += 1
        self.average = cast(Network, self._averaged.module.requires_grad_(False).eval())
        for module in self.network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.register_forward_pre_hook(_keep_statistics_of_single_values)
        self.steps, self.loss = 0, math.nan
        self.given_up = False
        self.notes: list[str] = []
        self._recipe, self._images_at_once = recipe, batch_size
        self._weights = torch.tensor(weights, dtype=torch.float32)
        self._bad_steps, self._rate_halved, self._rate_factor = 0, False, 1.0
        fits = True
        try:
            self._move_to(device)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            fits = False
        if not fits:
            self._fall_back_to_cpu()

    def step(self, draw: Callable[[torch.device], list[Batch]], fraction: float) -> None:
        """Take one optimiser step.

        None is taken if the loss or its gradient is not a number.

        Args:
            draw: returns the batches of one step on a device; their gradients are summed. When memory runs out, the
                same batches are computed in smaller parts, and at last on the CPU.
            fraction: share of the budget spent, which decides the learning rates.

        Raises:
            DeviceError: if not even one image fits into memory.
        """
        batches: list[Batch] = []

        def draw_weighed() -> Sequence[float]:
            nonlocal batches
            batches = [batch.to(self.device) for batch in batches] or draw(self.device)
            return [sum(float(pixel_weight(batch.target, self._weights)) for batch in batches)]

        while True:
            try:
                norm = max(self._ranks.run_and_sum(draw_weighed, self.device)[0], 1e-6)
                self._try_step(batches, norm, fraction)
                return
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            # Outside of except: the error keeps the activations of the failed step alive.
            self.make_room()

    def tensors(self) -> dict[str, Tensor]:
        """Return weights, their average and the state of the optimiser, by name."""
        found = {f"network.{key}": value for key, value in self.network.state_dict().items()}
        found |= {f"average.{key}": value for key, value in self.average.state_dict().items()}
        for name, parameter in self.network.named_parameters():
            memory = self._optimiser.state.get(parameter, {})
            found |= {f"optimiser.{name}.{key}": value for key, value in memory.items() if value is not None}
        return found

    def values(self) -> dict[str, Any]:
        """Return what else `restore` needs, as plain JSON values."""
        numbers: dict[str, Any] = {key: getattr(self, name) for key, name in _SAVED.items()}
        return numbers | {"loss": self.loss if math.isfinite(self.loss) else None, "on_cpu": self.device == CPU}

    def restore(self, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
        """Continue from the state of an earlier process.

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
        for key, name in _SAVED.items():
            setattr(self, name, type(getattr(self, name))(values[key]))
        self.loss = math.nan if values["loss"] is None else float(values["loss"])

    def make_room(self) -> None:
        """Halve the images computed at once.

        At one image, move to the CPU. Call it after memory has run out.

        Raises:
            DeviceError: if it is on the CPU already.
        """
        self._optimiser.zero_grad(set_to_none=True)
        release_memory(self.device)
        if self._images_at_once > 1:
            self._images_at_once //= 2
            self._note(
                tr_n(
                    "out of memory: the batch is now computed one image at a time",
                    "out of memory: the batch is now computed {n} images at a time",
                    self._images_at_once,
                )
            )
        elif self.device != CPU:
            self._fall_back_to_cpu()
        else:
            raise DeviceError(tr("out of memory: not even one crop can be trained on; close other programs"))

    def _fall_back_to_cpu(self) -> None:
        """Move everything to the CPU."""
        self._move_to(CPU)
        self._note(tr("out of memory: the training continues on the CPU"))

    def _move_to(self, device: torch.device) -> None:
        """Move everything to a device, and start the optimiser anew."""
        self.device = device
        for network in (self.network, self.average):
            network.to(device)
        self._weights = self._weights.to(device)
        self._optimiser = self._new_optimiser()

    def _try_step(self, batches: list[Batch], norm: float, fraction: float) -> None:
        """Take one step.

        It may run out of memory.
        """
        for group in self._optimiser.param_groups:
            group["lr"] = group["peak"] * self._rate_factor * self._recipe.rate(fraction)
        self._set_modes()
        lovasz = self._lovasz if fraction >= self._recipe.lovasz_from else 0.0
        shapes = nullcontext() if self._recipe.whole else fixed_shapes(self.device)
        with shapes:
            loss = self._ranks.run_and_sum(lambda: [self._backward(batches, norm, lovasz)], self.device)[0]
        trained = [p for group in self._optimiser.param_groups for p in group["params"]]
        self._reduce_gradients(trained)
        length = float(nn.utils.clip_grad_norm_(trained, self._recipe.clip))
        if not (math.isfinite(loss) and math.isfinite(length)):
            self._recover_from_bad_step()
            return
        self._optimiser.step()
        self.steps, self.loss, self._bad_steps = self.steps + 1, loss, 0
        self._averaged.update_parameters(self.network)

    def _set_modes(self) -> None:
        """Set training mode for changing layers, evaluation mode for fixed statistics."""
        self.network.train(self._recipe.early + self._recipe.late + self._recipe.head > 0)
        if not self._recipe.statistics:
            for module in self.network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()

    def _backward(self, batches: list[Batch], norm: float, lovasz: float) -> float:
        """Return this process's part of the loss.

        The gradient is left in the parameters. Cross-entropy is divided by ``norm``, the weight of the labelled
        pixels of all processes, so that its parts add up to that of the whole batch. The Lovász loss depends on sets
        of pixels and does not add up: the mean over the parts is taken.
        """
        self._optimiser.zero_grad(set_to_none=True)
        bf16 = self._precision == "bf16" or (self._precision == "auto" and supports_bf16(self.device))
        total = 0.0
        for part in (part for batch in batches for part in batch.split(self._images_at_once)):
            scores = part.scores(self.network, bf16=bf16)
            loss = weighted_loss(scores, part.target, self._weights) / norm
            total += float(loss.detach())
            if lovasz > 0:
                share = pixel_weight(part.target, self._weights) / norm
                every = slice(None, None, self._recipe.lovasz_step)
                loss = loss + lovasz * share * lovasz_softmax(scores[..., every, every], part.target[:, every, every])
            loss.backward()  # type: ignore[no-untyped-call]
        return total

    @torch.no_grad()
    def _reduce_gradients(self, trained: Sequence[nn.Parameter]) -> None:
        """Sum gradients over the processes.

        The statistics of normalisation are averaged.
        """
        if self._ranks.share.size == 1:
            return
        gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in trained]
        collected = [b for b in self.network.buffers() if b.is_floating_point()] if self._recipe.statistics else []
        self._ranks.add([*gradients, *collected])
        for parameter, gradient in zip(trained, gradients, strict=True):
            parameter.grad = gradient
        for buffer in collected:
            buffer /= self._ranks.share.size

    def _recover_from_bad_step(self) -> None:
        """Undo a failed step.

        After three in a row, restart from the average. The restart halves the learning rate. Three more failed steps
        in a row end the training.
        """
        self.network.load_state_dict(dict(self.average.named_buffers()), strict=False)
        self._bad_steps += 1
        if self._bad_steps < _BAD_STEPS:
            return
        self._bad_steps = 0
        self.network.load_state_dict(self.average.state_dict())
        if self._rate_halved:
            self.given_up = True
            self._note(tr("the loss was repeatedly not a number: the training stopped with the last good network"))
            return
        self._rate_halved, self._rate_factor = True, self._rate_factor / 2
        self._optimiser = self._new_optimiser()
        self._note(
            tr("the loss was not a number: training continues from the last good network, at half the learning rate")
        )

    @torch.no_grad()
    def _move_average(self, means: _Tensors, values: _Tensors, _count: Tensor | int) -> None:
        """Move the average towards the weights, faster at first.

        Counters are copied.
        """
        keep = min(self._recipe.average, (1 + self.steps) / (10 + self.steps))
        if means[0].is_floating_point():
            torch._foreach_lerp_(means, values, 1 - keep)
        else:
            torch._foreach_copy_(means, values)

    def _note(self, sentence: str) -> None:
        """Log a sentence, and keep it for the outcome."""
        _log.warning(sentence)
        self.notes.append(sentence)

    def _new_optimiser(self) -> torch.optim.Optimizer:
        """Return the optimiser of the parameters that the recipe changes.

        It is AdamW, or the paper's SGD.
        """
        groups = parameter_groups(self.network, self._recipe)
        if self._recipe.momentum is not None:
            return torch.optim.SGD(groups, lr=1e-3, momentum=self._recipe.momentum)
        return torch.optim.AdamW(groups, lr=1e-3)


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names have a prefix, without it."""
    return {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}


def _keep_statistics_of_single_values(module: nn.Module, inputs: tuple[Tensor]) -> None:
    """Use running statistics where a channel has one value only.

    This happens in small images at stride 32.
    """
    if inputs[0].numel() == inputs[0].shape[1]:
        module.eval()
