"""From the description of a network to the network."""

from __future__ import annotations

from fcn_studio.errors import CheckpointError
from fcn_studio.fcn.architecture import Architecture
from fcn_studio.fcn.backbones import CAFFE_PADDING, Trunk, VGGTrunk
from fcn_studio.fcn.network import FCN, Network

_PADDINGS = {"same": 1, "caffe": CAFFE_PADDING}


def build(described: Architecture, num_classes: int) -> Network:
    """The network with fresh weights, on the current default device."""
    if described.trunk not in ("vgg16", "slim"):
        raise CheckpointError(f"a {described.title} cannot be built yet")
    return FCN(
        _trunk(described),
        num_classes,
        described.stride,
        dict(described.scales),
        learned=described.upsampling == "learned",
    )


def _trunk(described: Architecture) -> Trunk:
    """The trunk of an FCN of the paper's kind."""
    return VGGTrunk(
        width=described.width,
        fc=described.fc,
        batch_norm=described.batch_norm,
        head_batch_norm=described.head_batch_norm,
        padding=_PADDINGS[described.padding],
        dropout=described.dropout,
    )
