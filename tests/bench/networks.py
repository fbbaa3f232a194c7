"""The rows of docs/NETWORKS.md and what is counted of each: parameters and operations, without a number computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch.utils.flop_counter import FlopCounterMode

from fcn_studio.fcn.model.architecture import Architecture, named
from fcn_studio.fcn.model.build import build
from fcn_studio.fcn.model.fcn import Network

CLASSES = 21
HEIGHT, WIDTH = 375, 500


@dataclass(frozen=True)
class Row:
    """A network of the table.

    Attributes:
        architecture: what is built.
        trained: whether it is measured as it is trained, not as it labels.
    """

    architecture: Architecture
    trained: bool = False

    def network(self) -> Network:
        """The network in evaluation mode, on the current default device."""
        network = build(self.architecture, CLASSES).eval()
        return network if self.trained else network.for_inference().eval()


ROWS: Mapping[str, Row] = {
    **{name: Row(named(name)) for name in ("vgg16-32s", "vgg16-16s", "vgg16-8s", "vgg16-8s-atonce")},
    "vgg16-8s, learned": Row(replace(Architecture.vgg16(8), upsampling="learned")),
    **{name: Row(named(name)) for name in ("vgg16-same-8s", "vgg16bn-8s")},
    **{name: Row(named(name)) for name in ("alexnet-32s", "alexnet-torchvision-32s", "slim-0.25", "slim-0.5")},
    "article, as trained": Row(named("article"), trained=True),
    "article": Row(named("article")),
    **{name: Row(named(name)) for name in ("resnet50", "resnet101")},
    **{
        f"efficientnet-lite{name}": Row(named(f"efficientnet-lite{name}"))
        for name in ("0-8s", "0-4s", "0-2s", "0-8s-light", "1-8s", "2-8s")
    },
}


def without_weights(make: Callable[[], Network]) -> tuple[Network, torch.device]:
    """A network that takes no time to make, and its device.

    On the meta device no number is computed. But finding the shapes of one small layer takes longer there than to
    compute it, and EfficientNet has hundreds: it gets weights of zero.
    """
    with torch.device("meta"):
        network = make()
    if not any("efficientnet" in type(part).__module__ for part in network.modules()):
        return network, torch.device("meta")
    network = network.to_empty(device="cpu")
    for tensor in network.state_dict().values():
        tensor.zero_()
    return network, torch.device("cpu")


def counted(row: Row) -> tuple[int, int]:
    """(weights, floating point operations of one image); a multiplication with its addition counts as two."""
    network, device = without_weights(row.network)
    image = torch.zeros(1, 3, HEIGHT, WIDTH, device=device)
    with FlopCounterMode(display=False) as operations, torch.no_grad():
        network(image)
    weights = [*network.parameters(), *(b for name, b in network.named_buffers() if name.startswith("collapsed"))]
    return sum(weight.numel() for weight in weights), operations.get_total_flops()
