"""Computation of the features of an image.

They are the taps of a trunk, the picture's own colours and edges, and the scores of a network that knows classes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from fcn_studio.fcn.device import CPU, is_out_of_memory, release_memory, to_device
from fcn_studio.fcn.inference.fast_network import fold_batch_norm
from fcn_studio.fcn.live.features import FeatureMap, Features
from fcn_studio.fcn.model.build import build
from fcn_studio.fcn.model.efficientnet import COARSEST, EfficientNetTrunk, padded_to_multiple
from fcn_studio.fcn.model.fcn import FCN
from fcn_studio.fcn.transforms import Image, normalise, resized, scaled_size
from fcn_studio.fcn.weights.checkpoint import Checkpoint

WORKING_SIDE = 1024
"""Longest side of the working image, in pixels."""

_LARGEST_SCALE = 2.0
_PICTURE = ((1, (0, 1)), (2, (2,)), (4, (4, 8, 16)))
"""Stride -> deviations of the Gaussians, in pixels of the working image; edges are those of the first above 0."""

KNOWN_STRIDE = 4


@dataclass(frozen=True)
class Extract:
    """What takes long to compute of an image: its features but the picture's own.

    Attributes:
        working_rgb: uint8 (h, w, 3), padded on the right and below to multiples of 32.
        taps: stride -> float16 (c, h, w).
        known: log-probabilities of the network's classes at `KNOWN_STRIDE`, float16 (C, h, w); 0 is as likely as any.
        size: (height, width) of the working image without its padding.
        full_size: (height, width) of the image.
    """

    working_rgb: Image
    taps: dict[int, Tensor]
    known: Tensor
    size: tuple[int, int]
    full_size: tuple[int, int]

    def features(self) -> Features:
        """Return all features.

        The groups are the taps, the picture, and what is known.
        """
        taps = [FeatureMap(stride, values) for stride, values in sorted(self.taps.items(), reverse=True)]
        groups = taps, picture_maps(self.working_rgb), [FeatureMap(KNOWN_STRIDE, self.known)]
        counts = tuple(sum(len(part.values) for part in group) for group in groups)
        return Features(tuple(chain(*groups)), counts, self.size, self.full_size)


class FeatureExtractor:
    """A network over an EfficientNet, ready to make features.

    Attributes:
        checkpoint: the network.
    """

    def __init__(self, checkpoint: Checkpoint, device: torch.device) -> None:
        """Build the network, which must be over an EfficientNet."""
        self.checkpoint, self._device = checkpoint, device
        with torch.device("meta"):
            network = build(checkpoint.architecture, max(1, len(checkpoint.table)))
        state = dict(checkpoint.state)
        if not len(checkpoint.table):  # a trunk alone gets scores of one class, which nobody asks for
            state = {key: network.adapted(key, value, [None]) for key, value in state.items()}
        network.load_state_dict(state, assign=True)
        assert isinstance(network, FCN)
        assert isinstance(network.trunk, EfficientNetTrunk)
        self._network = network.eval().requires_grad_(False)
        fold_batch_norm(self._network)
        self._network.to(memory_format=torch.channels_last)
        self._network.to(device)

    def extract(self, image_rgb: Image) -> Extract:
        """Return the features of an image, uint8 (H, W, 3).

        When memory runs out, they are computed on the CPU.
        """
        try:
            return self._extract(image_rgb)
        except RuntimeError as error:
            if not is_out_of_memory(error) or self._device == CPU:
                raise
        release_memory(self._device)  # outside of except: the error keeps activations alive
        self._device = CPU
        self._network.to(CPU)
        return self._extract(image_rgb)

    @torch.inference_mode()
    def _extract(self, image_rgb: Image) -> Extract:
        full_size = image_rgb.shape[:2]
        size = scaled_size(full_size, self._scale(full_size))
        working = padded(resized(image_rgb, size))
        taps = self._network.trunk(normalise(to_device(working[None], self._device), self.checkpoint.preprocessing))
        known = self._known(taps, (working.shape[0], working.shape[1])).cpu().half()
        halves = {stride: values[0].cpu().half().contiguous() for stride, values in taps.items()}
        return Extract(working, halves, known, size, full_size)

    def _scale(self, full_size: tuple[int, int]) -> float:
        """Return the scale of the working image.

        That is what the network was trained at, where it knows classes. A trunk sees more in an enlarged image.
        """
        wanted = self.checkpoint.preprocessing.input_scale if len(self.checkpoint.table) else _LARGEST_SCALE
        return min(wanted, WORKING_SIDE / max(full_size))

    def _known(self, taps: dict[int, Tensor], size: tuple[int, int]) -> Tensor:
        """Return the network's log-probabilities (C, h, w) at `KNOWN_STRIDE`, as in an extract."""
        if not len(self.checkpoint.table):
            return torch.zeros(0, size[0] // KNOWN_STRIDE, size[1] // KNOWN_STRIDE)
        scores = self._network.score_map(self._network.of_taps(taps), *size).whole()
        scores = functional.avg_pool2d(scores / self.checkpoint.temperature, KNOWN_STRIDE)
        return scores.log_softmax(1)[0] + math.log(scores.shape[1])


def padded(image_rgb: Image) -> Image:
    """Return an image padded by reflection as an EfficientNet pads it."""
    planes = padded_to_multiple(torch.from_numpy(image_rgb).permute(2, 0, 1)[None].float(), COARSEST)
    return np.ascontiguousarray(planes[0].permute(1, 2, 0).byte().numpy())


def picture_maps(working_rgb: Image) -> list[FeatureMap]:
    """Return colours and edges of a picture.

    They are Lab behind Gaussians, and Laplacian and gradient of the lightness.
    """
    lab = cv2.cvtColor(working_rgb, cv2.COLOR_RGB2LAB).astype(np.float32)
    maps = []
    for stride, sigmas in _PICTURE:
        small = cv2.resize(lab, None, fx=1 / stride, fy=1 / stride, interpolation=cv2.INTER_AREA)
        blurred = [small if not sigma else cv2.GaussianBlur(small, (0, 0), sigma / stride) for sigma in sigmas]
        light = blurred[1 if not sigmas[0] else 0][..., 0]
        edges = np.abs(cv2.Laplacian(light, cv2.CV_32F))
        slopes = cv2.magnitude(cv2.Sobel(light, cv2.CV_32F, 1, 0), cv2.Sobel(light, cv2.CV_32F, 0, 1))
        planes = np.concatenate([*blurred, edges[..., None], slopes[..., None]], 2)
        maps.append(FeatureMap(stride, torch.from_numpy(np.ascontiguousarray(planes.transpose(2, 0, 1))).half()))
    return maps
