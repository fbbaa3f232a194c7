"""The quick level over an FCN: a fit to a sample of pixels."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import LabelMap
from fcn_studio.errors import DeviceError
from fcn_studio.fcn.device import CPU, release_memory, to_device
from fcn_studio.fcn.inference.fast_network import folded_copy
from fcn_studio.fcn.model.fcn import FCN
from fcn_studio.fcn.training.batch_sources import Batch, FeatureSource
from fcn_studio.fcn.training.crop_sampler import DecodedImages, value_counts
from fcn_studio.fcn.training.linear_fit import LinearFit, LinearScores
from fcn_studio.fcn.transforms import Image, normalise
from fcn_studio.fcn.weights.checkpoint import Preprocessing
from fcn_studio.i18n import tr

_log = logging.getLogger(__name__)

PIXELS = 12_000
"""Pixels of the sample, about."""

_CLASSES_AN_IMAGE = 8


class PixelSource(FeatureSource):
    """A sample of the labelled pixels, with their features.

    Every batch is all of it. Each image gives as many pixels as any other, and of each of its classes as many as of
    any other, if it has them.
    """

    largest_view = 2048

    def __init__(
        self,
        images: DecodedImages,
        network: FCN,
        preprocessing: Preprocessing,
        seed: int,
        make_room: Callable[[], None],
        position: int,
    ) -> None:
        """Prepare; `fill` draws the sample.

        The arguments are those of `FeatureSource`.
        """
        super().__init__(images, network, preprocessing, 1, seed, make_room, position, flip=False)
        self._folded = folded_copy(network)
        classes = min(network.score_fr.out_channels, _CLASSES_AN_IMAGE)
        self._pixels = max(1, PIXELS // (len(images) * classes))
        self._sample: list[tuple[Tensor, Tensor]] = []

    def batch(self, device: torch.device) -> list[Batch]:
        """Return the sample: inputs float32 (n, D) and channels int64 (n,)."""
        self.position += 1
        inputs, channels = (torch.cat(parts) for parts in zip(*self._sample, strict=True))
        return [Batch(inputs, channels).to(device)]

    def sample(self, image_numbers: Container[int]) -> Batch:
        """Return the part of the sample that comes from some images; empty if they gave none."""
        parts = [
            part for number, part in zip(self.image_numbers, self._sample, strict=True) if number in image_numbers
        ]
        if not parts:
            return Batch(torch.empty(0), torch.empty(0, dtype=torch.int64))
        inputs, channels = (torch.cat(column) for column in zip(*parts, strict=True))
        return Batch(inputs, channels)

    def _add(self, image: Image, channels: LabelMap, rng: np.random.Generator) -> int:
        """Add pixels of an image; return their bytes."""
        flat = channels.ravel()
        found = np.flatnonzero(value_counts(channels)[:VOID])
        drawn = [self._drawn(np.flatnonzero(flat == channel), rng) for channel in found]
        if not drawn:
            return 0
        pixels = np.concatenate(drawn)
        inputs = self._with_room(lambda: self._inputs_at(image, torch.from_numpy(pixels)))
        self._sample.append((inputs, torch.from_numpy(flat[pixels].astype(np.int64))))
        return inputs.numel() * inputs.element_size()

    def _drawn(self, pixels: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """Return some of the pixels of a class."""
        return rng.choice(pixels, min(self._pixels, len(pixels)), replace=False)

    @torch.no_grad()
    def _inputs_at(self, image: Image, pixels: Tensor) -> Tensor:
        """Return what the scores are linear in, float32 (n, D).

        It may run out of memory.
        """
        device = next(self._network.parameters()).device
        self._folded.to(device)
        height, width = image.shape[:2]
        features = self._folded.features(normalise(to_device(image[None], device), self._preprocessing))
        inputs = self._folded.score_inputs(features, height, width)
        pixels = pixels.to(device)
        return inputs.at(pixels // width, pixels % width).cpu()


class ScoreFit:
    """A network whose score layers are fitted to pixels.

    The fit runs on the CPU. It takes the place of an `Optimisation`.

    Attributes:
        network: the network.
        device: where its features are made.
        steps: steps of the fit.
        loss: mean cross-entropy of the last one, nats; not a number before the first.
        converged: whether further steps would gain next to nothing.
        given_up: whether the loss was not a number.
        shares: float64 (C,), how much the pixels of each class count together.
        notes: sentences about what went wrong.
    """

    def __init__(self, network: FCN, shares: NDArray[np.float64], device: torch.device) -> None:
        """Take a network over; nothing else may change it.

        Args:
            network: to be fitted in place. Its scores are what the fit is pulled to.
            shares: float64 (C,), how much the pixels of each class count together.
            device: where features are made.
        """
        self.network = network.requires_grad_(False).eval().to(device)
        self.device = device
        self.steps, self.loss, self.converged, self.given_up = 0, math.nan, False, False
        self.notes: list[str] = []
        self.shares, self._prior = shares, scores_of(network)
        self._fit: LinearFit | None = None

    @property
    def average(self) -> FCN:
        """The network that is kept."""
        return self.network

    def step(self, draw: Callable[[torch.device], Sequence[Batch]], fraction: float) -> None:
        """Take one step of the fit.

        The sample is drawn before the first.
        """
        if self._fit is None:
            (sample,) = draw(CPU)
            assert isinstance(sample.inputs, Tensor)
            counts = torch.bincount(sample.target, minlength=len(self.shares)).clamp(min=1)
            weights = (torch.tensor(self.shares) / counts).float()[sample.target]
            self._fit = LinearFit(sample.inputs, sample.target, weights, self._prior)
        scores = self._fit.step(scores_of(self.network))
        if not math.isfinite(self._fit.loss):
            self.given_up = True
            self._note(tr("the loss was not a number: the training stopped with the last good network"))
            return
        set_scores(self.network, scores)
        self.steps, self.loss, self.converged = self.steps + 1, self._fit.loss, self._fit.converged

    def make_room(self) -> None:
        """Move the network to the CPU, after memory has run out.

        Raises:
            DeviceError: if it is there already.
        """
        if self.device == CPU:
            raise DeviceError(tr("out of memory: not even one crop can be trained on; close other programs"))
        self.network.to(CPU)
        release_memory(self.device)
        self.device = CPU
        self._note(tr("out of memory: the training continues on the CPU"))

    def tensors(self) -> dict[str, Tensor]:
        """Return the weights by name."""
        return {f"network.{key}": value for key, value in self.network.state_dict().items()}

    def values(self) -> dict[str, Any]:
        """Return what else `restore` needs, as plain JSON values."""
        return {"steps": self.steps, "loss": self.loss if math.isfinite(self.loss) else None, "notes": self.notes}

    def restore(self, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
        """Continue from the state of an earlier process.

        Raises:
            KeyError, TypeError, ValueError, RuntimeError: if it is not a state of such a fit.
        """
        self.network.load_state_dict({key: tensors[f"network.{key}"] for key in self.network.state_dict()})
        self.steps, self.notes = int(values["steps"]), list(values["notes"])
        self.loss = math.nan if values["loss"] is None else float(values["loss"])

    def _note(self, sentence: str) -> None:
        """Log a sentence, and keep it for the outcome."""
        _log.warning(sentence)
        self.notes.append(sentence)


def scores_of(network: FCN) -> LinearScores:
    """Return the score layers of a network as one linear map, on the CPU."""
    layers = _score_layers(network)
    weight = torch.cat([layer.weight.detach().flatten(1) for layer in layers], 1)
    bias = sum((_bias(layer).detach() for layer in layers), torch.zeros(len(weight), device=weight.device))
    return LinearScores(weight.float().cpu(), bias.float().cpu())


@torch.no_grad()
def set_scores(network: FCN, scores: LinearScores) -> None:
    """Set the score layers of a network.

    The finest has the bias, which reaches every pixel.
    """
    layers = _score_layers(network)
    parts = torch.split(scores.weight, [layer.in_channels for layer in layers], 1)
    for layer, part in zip(layers, parts, strict=True):
        layer.weight.copy_(part[:, :, None, None])
        _bias(layer).zero_()
    _bias(layers[-1]).copy_(scores.bias)


def _score_layers(network: FCN) -> list[nn.Conv2d]:
    """Return the score layers, coarsest first."""
    layers = [network.get_submodule(name) for name in network.score_layers]
    return [layer for layer in layers if isinstance(layer, nn.Conv2d)]


def _bias(layer: nn.Conv2d) -> Tensor:
    """Return the bias that every score layer has."""
    assert layer.bias is not None
    return layer.bias
