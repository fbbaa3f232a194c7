"""Build a network from its description."""

from __future__ import annotations

from fcn_studio.fcn.model.architecture import Architecture
from fcn_studio.fcn.model.article_fcn8 import ArticleFCN8
from fcn_studio.fcn.model.backbones import (
    CAFFE_ALEXNET,
    CAFFE_PADDING,
    TORCHVISION_ALEXNET,
    AlexNetTrunk,
    Trunk,
    VGGTrunk,
)
from fcn_studio.fcn.model.efficientnet import SCALES, EfficientNetTrunk
from fcn_studio.fcn.model.fcn import FCN, Network

_PADDINGS = {"same": 1, "caffe": CAFFE_PADDING}
_ALEXNETS = {"alexnet": CAFFE_ALEXNET, "alexnet_torchvision": TORCHVISION_ALEXNET}
_DEPTHS = {"resnet50": 50, "resnet101": 101}


def build(described: Architecture, num_classes: int) -> Network:
    """Build the network with fresh weights, on the current default device."""
    if described.trunk in _DEPTHS:
        # torchvision's models take a quarter of a second to import, which most have no use for.
        from fcn_studio.fcn.model.resnet import ResNetFCN

        return ResNetFCN(_DEPTHS[described.trunk], num_classes)
    if described.trunk == "article":
        return ArticleFCN8(num_classes, described.width)
    return FCN(
        _trunk(described),
        num_classes,
        described.stride,
        dict(described.scales),
        learned=described.upsampling == "learned",
        light_head=described.fc if described.head == "light" else 0,
    )


def _trunk(described: Architecture) -> Trunk:
    """The trunk of an FCN of the paper's kind."""
    if described.trunk in SCALES:
        return EfficientNetTrunk(described.trunk)
    if described.trunk in _ALEXNETS:
        layout = _ALEXNETS[described.trunk]
        return AlexNetTrunk(layout, width=described.width, fc=described.fc, dropout=described.dropout)
    return VGGTrunk(
        width=described.width,
        fc=described.fc,
        batch_norm=described.batch_norm,
        head_batch_norm=described.head_batch_norm,
        padding=_PADDINGS[described.padding],
        dropout=described.dropout,
    )
