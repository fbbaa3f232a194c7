"""Computation of the features of an image."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fcn_studio.errors import CheckpointError
from fcn_studio.fcn.device import to_device
from fcn_studio.fcn.inference.fast_network import fold_batch_norm
from fcn_studio.fcn.live.features import FeatureMap, Features
from fcn_studio.fcn.model.build import build
from fcn_studio.fcn.model.efficientnet import EfficientNetTrunk, padded_to_multiple
from fcn_studio.fcn.model.fcn import FCN
from fcn_studio.fcn.transforms import Image, normalise, resized, scaled_size
from fcn_studio.fcn.weights.checkpoint import Checkpoint
from fcn_studio.i18n import tr

WORKING_SIDE = 1024
"""Longest side of the working image, in pixels."""

_FINEST = 4
_SIGMAS = (0, 1, 2, 4, 8, 16)
_DETAIL_SIGMAS = (1, 2, 4)


class FeatureExtractor:
    """The trunk of a checkpoint, ready to make features.

    Attributes:
        checkpoint: whose trunk it is.
    """

    def __init__(self, checkpoint: Checkpoint, device: torch.device) -> None:
        """Build the trunk.

        Raises:
            CheckpointError: if its trunk is no EfficientNet.
        """
        if not checkpoint.architecture.is_efficientnet:
            raise CheckpointError(
                tr("Live needs a network over an EfficientNet; '{name}' is none.", name=checkpoint.name)
            )
        self.checkpoint, self._device = checkpoint, device
        with torch.device("meta"):
            network = build(checkpoint.architecture, len(checkpoint.table))
        network.load_state_dict(dict(checkpoint.state), assign=True)
        assert isinstance(network, FCN)
        assert isinstance(network.trunk, EfficientNetTrunk)
        self._network = network.eval().requires_grad_(False)
        fold_batch_norm(self._network)
        self._network.to(memory_format=torch.channels_last)
        self._network.to(device)

    @torch.inference_mode()
    def features(self, image_rgb: Image) -> Features:
        """Return the features of an image, uint8 (H, W, 3)."""
        full_size = image_rgb.shape[:2]
        size = scaled_size(full_size, min(1.0, WORKING_SIDE / max(full_size)))
        working = resized(image_rgb, size)
        inputs = normalise(to_device(working[None], self._device), self.checkpoint.preprocessing)
        taps = self._network.trunk(padded_to_multiple(inputs, 32))
        maps = [
            FeatureMap(_half(values[0]), stride, (stride - 1) / 2)
            for stride, values in sorted(taps.items(), reverse=True)
            if stride >= _FINEST
        ]
        return Features((*maps, FeatureMap(_half(torch.from_numpy(colours(working))), 1, 0)), size, full_size)


def colours(image_rgb: Image) -> NDArray[np.float32]:
    """Return the picture's own colours and edges, float32 (c, H, W)."""
    lab = cv2.cvtColor(image_rgb, cv2.COLOR_RGB2LAB).astype(np.float32)
    planes = [lab if sigma == 0 else cv2.GaussianBlur(lab, (0, 0), sigma) for sigma in _SIGMAS]
    for sigma in _DETAIL_SIGMAS:
        grey = cv2.GaussianBlur(lab[..., 0], (0, 0), sigma)
        slope = cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
        planes += [np.abs(cv2.Laplacian(grey, cv2.CV_32F))[..., None], slope[..., None]]
    return np.ascontiguousarray(np.concatenate(planes, 2, dtype=np.float32).transpose(2, 0, 1))


def _half(values: Tensor) -> Tensor:
    return values.cpu().half().contiguous()
