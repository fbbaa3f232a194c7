"""The FCNs of torchvision over dilated ResNets.

They have one score at stride 8 and no skips. The layers have torchvision's names.

Source: https://github.com/pytorch/vision, torchvision/models/segmentation/fcn.py.
"""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import segmentation

from fcn_studio.fcn.model.backbones import Features
from fcn_studio.fcn.model.fcn import Network
from fcn_studio.fcn.model.receptive_field import IMAGE

_STRIDE = 8
_FEATURE_LAYERS = 3
"""How many layers of the classifier come before dropout and scores: convolution, normalisation, ReLU."""


class ResNetFCN(Network):
    """``fcn_resnet50`` or ``fcn_resnet101`` without its auxiliary head.

    The weights and scores are the same. torchvision interpolates between cells by the ratio of the sizes, which in a
    tile is another than in the whole image unless the image's sides are multiples of 8: then tiles are exact here
    too, else only nearly.
    """

    score_layers = ("classifier.4",)
    head_layers = ("classifier",)
    early_layers = ("backbone.conv1", "backbone.bn1", "backbone.layer1")
    exact_tiles = False

    def __init__(self, depth: int, num_classes: int) -> None:
        """Build torchvision's network and split it.

        It has 50 or 101 layers and fresh weights.
        """
        super().__init__()
        make = {50: segmentation.fcn_resnet50, 101: segmentation.fcn_resnet101}[depth]
        whole = make(weights=None, weights_backbone=None, num_classes=num_classes, aux_loss=False)
        self.backbone, self.classifier = whole.backbone, nn.Sequential(*whole.classifier)
        self.halo = self._reach()
        self.channels_per_pixel = whole.classifier[0].in_channels // _STRIDE**2

    def features(self, images: Tensor) -> Features:
        """Return the features before dropout and scores, at stride 8."""
        return {_STRIDE: self.classifier[:_FEATURE_LAYERS](self.backbone(images)["out"])}

    def decode(self, features: Features, height: int, width: int) -> Tensor:
        """Scores (N, C, height, width), interpolated as torchvision does."""
        scores = self.classifier[_FEATURE_LAYERS:](features[_STRIDE])
        return functional.interpolate(scores, (height, width), mode="bilinear", align_corners=False)

    def _reach(self) -> int:
        """Return the halo, from the longest path of layers through the network."""
        grid = IMAGE
        for part in (self.backbone, self.classifier):
            for name, layer in part.named_modules():
                if isinstance(layer, nn.Conv2d) and "downsample" not in name:
                    kernel, stride, padding, dilation = layer.kernel_size, layer.stride, layer.padding, layer.dilation
                    grid = grid.conv(kernel[0], stride[0], int(padding[0]), dilation[0])
                elif isinstance(layer, nn.MaxPool2d):
                    grid = grid.conv(3, stride=2, padding=1)
        return math.ceil(grid.deconv(2 * _STRIDE, _STRIDE).reach)
