"""Running of a network for labelling.

It gives the scores of the network's `forward` in less time and memory. Each of these is exact to rounding: batch
normalisation is folded into the convolutions, weights and maps lie with their channels last, the padded border is
computed once (`pad100_cache`), fc6 is a matrix product and large maps are made in blocks (`blockwise_vgg`), and the
last upsampling is done strip by strip (`argmax`). On CUDA features are made in bfloat16, scores and what follows in
float32 without TF32.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from fcn_studio.fcn.device import CPU, supports_bf16
from fcn_studio.fcn.inference.blockwise_vgg import (
    SMALLEST_BLOCK,
    canvas_size,
    deep_bytes,
    features_in_blocks,
    head_features,
    stem_bytes,
)
from fcn_studio.fcn.inference.pad100_cache import BlankBorder, margin_of
from fcn_studio.fcn.model.backbones import Features, VGGTrunk
from fcn_studio.fcn.model.fcn import FCN, Network
from fcn_studio.fcn.model.score_map import ScoreMap
from fcn_studio.fcn.transforms import normalise
from fcn_studio.fcn.weights.checkpoint import Preprocessing


class FastNetwork:
    """A network whose layers are changed for speed.

    Nothing else may use it.

    Attributes:
        network: the network, in evaluation mode.
        half: whether features are made in bfloat16 where the device is a CUDA card that has it.
    """

    def __init__(self, network: Network, preprocessing: Preprocessing, *, half: bool = True) -> None:
        """Prepare a network on the device that it is on."""
        self.network = network.for_inference().eval()
        self.half = half
        self._preprocessing = preprocessing
        fold_batch_norm(self.network)
        self.network.to(memory_format=torch.channels_last)
        trunk = getattr(self.network, "trunk", None)
        self._trunk = trunk if isinstance(trunk, VGGTrunk) else None
        self._border = BlankBorder(self._trunk) if self._trunk and BlankBorder.fits(self._trunk) else None

    def to(self, device: torch.device) -> None:
        """Move the network to a device."""
        self.network.to(device)

    def bytes_for(self, size: tuple[int, int], classes: int) -> int:
        """Return the most bytes to label an image in one piece.

        The image is (height, width).
        """
        if self._trunk is None:
            return self.network.bytes_per_pixel(classes) * size[0] * size[1]
        return (stem_bytes(self._trunk) + deep_bytes(self._trunk)) * math.prod(canvas_size(self._trunk, size))

    def least_bytes_for(self, size: tuple[int, int], classes: int) -> int:
        """Return the same in blocks, where the network allows that."""
        if self._trunk is None:
            return self.bytes_for(size, classes)
        area = math.prod(canvas_size(self._trunk, size))
        scores = 4 * 4 * classes * area // 8**2
        return deep_bytes(self._trunk) * area + scores + stem_bytes(self._trunk) * (SMALLEST_BLOCK + 64) ** 2

    def score_map(self, images_rgb: Tensor, budget: int) -> ScoreMap:
        """Score images.

        Args:
            images_rgb: uint8 (N, H, W, 3), on the network's device.
            budget: bytes that it may take; without effect where even less would not be enough.
        """
        height, width = images_rgb.shape[1:3]
        with _precision(images_rgb.device, half=self.half):
            features = self._features(images_rgb, budget)
        with _strict_float32():
            features = {stride: tap.float() for stride, tap in features.items()}
            return self.network.score_map(features, height, width)

    def _features(self, images_rgb: Tensor, budget: int) -> Features:
        trunk = self._trunk
        if trunk is None:
            return self.network.features(normalise(images_rgb, self._preprocessing))
        size = images_rgb.shape[1], images_rgb.shape[2]
        if len(images_rgb) * self.bytes_for(size, 0) > budget:
            return self._features_in_blocks(trunk, images_rgb, budget)
        images = normalise(images_rgb, self._preprocessing)
        if self._border is not None:
            features = self._border.taps(images)
            pool5 = trunk.stages["stage5"](features[16])
        elif images.device == CPU:
            features, pool5 = _taps(trunk, images)
        else:
            return self.network.features(images)
        features[32] = head_features(trunk.head, pool5) if images.device == CPU else trunk.head(pool5)
        return features

    def _features_in_blocks(self, trunk: VGGTrunk, images_rgb: Tensor, budget: int) -> Features:
        """Compute features in blocks as large as the budget allows."""
        margin = margin_of(trunk)
        height, width = size = canvas_size(trunk, (images_rgb.shape[1], images_rgb.shape[2]))
        left_over = budget - len(images_rgb) * deep_bytes(trunk) * height * width
        side = math.isqrt(max(0, left_over) // (len(images_rgb) * stem_bytes(trunk))) - 64

        def read_part(rows: tuple[int, int], columns: tuple[int, int]) -> Tensor:
            (top, image_rows, bottom), (left, image_columns, right) = (
                _within(part, margin, length) for part, length in ((rows, height), (columns, width))
            )
            part = normalise(images_rgb[:, image_rows, image_columns], self._preprocessing)
            return functional.pad(part, (left, right, top, bottom))

        return features_in_blocks(trunk, read_part, size, max(SMALLEST_BLOCK, side // 16 * 16))


def folded_copy(network: Network) -> FCN:
    """Return an FCN that makes features fast, in evaluation mode, with the weights that a network has now."""
    folded = copy.deepcopy(network).eval()
    assert isinstance(folded, FCN)
    fold_batch_norm(folded)
    return folded.to(memory_format=torch.channels_last)


def fold_batch_norm(network: nn.Module) -> None:
    """Fold each batch normalisation into the convolution right before it."""
    for sequence in network.modules():
        if not isinstance(sequence, nn.Sequential):
            continue
        names = list(sequence._modules)
        for name, following in pairwise(names):
            layer, norm = sequence._modules[name], sequence._modules[following]
            if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                sequence._modules[name] = fuse_conv_bn_eval(layer, norm)
                sequence._modules[following] = nn.Identity()


def _taps(trunk: VGGTrunk, images: Tensor) -> tuple[Features, Tensor]:
    """Return pool3 and pool4, and pool5."""
    pool3 = trunk.stages["stage3"](trunk.stages["stage2"](trunk.stages["stage1"](images)))
    pool4 = trunk.stages["stage4"](pool3)
    return {8: pool3, 16: pool4}, trunk.stages["stage5"](pool4)


def _within(part: tuple[int, int], margin: int, length: int) -> tuple[int, slice, int]:
    """Split a part of the canvas by the image's borders.

    The result is the zeros before, the image pixels, and the zeros after.
    """
    first, last = (min(max(margin, cell), length - margin) - margin for cell in part)
    before = max(0, min(margin, part[1]) - part[0])
    return before, slice(first, last), part[1] - part[0] - before - (last - first)


@contextmanager
def _precision(device: torch.device, *, half: bool) -> Iterator[None]:
    """Set the precision of the features.

    It is bfloat16 on a CUDA card that has it, else float32 without TF32.
    """
    if half and supports_bf16(device):
        with torch.autocast("cuda", torch.bfloat16):
            yield
    else:
        with _strict_float32():
            yield


@contextmanager
def _strict_float32() -> Iterator[None]:
    """Compute convolutions in float32.

    cuDNN would choose TF32, of 10 bits.
    """
    with torch.backends.cudnn.flags(
        enabled=torch.backends.cudnn.enabled, benchmark=torch.backends.cudnn.benchmark, allow_tf32=False
    ):
        yield
