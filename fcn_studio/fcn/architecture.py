"""The description of a network from which it can be built: what a checkpoint says about its shape."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from fcn_studio.errors import CheckpointError
from fcn_studio.fcn.backbones import CAFFE_PADDING, VGGTrunk
from fcn_studio.fcn.network import FCN

_TRUNKS = ("vgg16", "slim")
_PADDINGS = {"same": 1, "caffe": CAFFE_PADDING}


@dataclass(frozen=True, slots=True)
class Architecture:
    """Shape of an FCN; two equal descriptions build interchangeable networks.

    Attributes:
        trunk: "vgg16" (the paper's) or "slim" (VGG-16's layout, narrower); a name for people, the rest decides.
        width: multiplier of VGG-16's channels.
        fc: channels of fc6 and fc7.
        batch_norm: whether convolutions are batch-normalised.
        padding: "caffe" (100 pixels at conv1_1, as released) or "same" (cheaper, for networks trained so).
        stride: 32, 16 or 8: FCN-32s, -16s or -8s.
        scales: (stride, factor) of the taps that are scaled before their score layer (at-once training).
        dropout: behind fc6 and fc7.

    Raises:
        CheckpointError: on construction, if the description makes no sense.
    """

    trunk: str = "slim"
    width: float = 0.25
    fc: int = 256
    batch_norm: bool = True
    padding: str = "same"
    stride: int = 8
    scales: tuple[tuple[int, float], ...] = ()
    dropout: float = 0.1

    def __post_init__(self) -> None:
        sensible = (
            self.trunk in _TRUNKS
            and _is_number(self.width)
            and 0.05 <= self.width <= 2
            and type(self.fc) is int
            and 8 <= self.fc <= 8192
            and type(self.batch_norm) is bool
            and self.padding in _PADDINGS
            and self.stride in (8, 16, 32)
            and len(self.scales) <= 2
            and all(tap in (8, 16) and _is_number(factor) and factor > 0 for tap, factor in self.scales)
            and _is_number(self.dropout)
            and 0 <= self.dropout < 1
        )
        if not sensible:
            raise CheckpointError(f"no network can be built from this description: {asdict(self)}")

    @classmethod
    def vgg16(cls, stride: int = 8) -> Architecture:
        """The paper's network as released: VGG-16 with padding 100, fc6 and fc7 of 4096 channels."""
        return cls("vgg16", 1.0, 4096, batch_norm=False, padding="caffe", stride=stride, dropout=0.5)

    @classmethod
    def slim(cls, width: float = 0.25, stride: int = 8) -> Architecture:
        """A batch-normalised VGG-16 of ``width`` times the channels that trains from scratch on a CPU."""
        return cls("slim", width, max(64, round(1024 * width / 8) * 8), stride=stride)

    @property
    def title(self) -> str:
        """Name for people, as "FCN-8s, slim VGG-16 x 0.25"."""
        trunk = "VGG-16" if self.trunk == "vgg16" else f"slim VGG-16 x {self.width:g}"
        return f"FCN-{self.stride}s, {trunk}"

    def build(self, num_classes: int) -> FCN:
        """The network with fresh weights, on the current default device."""
        trunk = VGGTrunk(
            width=self.width,
            fc=self.fc,
            batch_norm=self.batch_norm,
            padding=_PADDINGS[self.padding],
            dropout=self.dropout,
        )
        return FCN(trunk, num_classes, self.stride, dict(self.scales))

    def as_json(self) -> dict[str, object]:
        """The description as plain JSON values."""
        return asdict(self) | {"scales": [list(pair) for pair in self.scales]}

    @classmethod
    def from_json(cls, data: object) -> Architecture:
        """The description from what `as_json` gave.

        Raises:
            CheckpointError: if it is anything else.
        """
        known = {f.name for f in fields(cls)}
        if not isinstance(data, Mapping) or set(data) != known:
            raise CheckpointError(f"the network's description should have {', '.join(sorted(known))}")
        try:
            scales = tuple((int(tap), float(factor)) for tap, factor in data["scales"])
            return cls(**{**data, "scales": scales})
        except (TypeError, ValueError, OverflowError) as error:
            raise CheckpointError(f"the network's description has a value of the wrong kind: {error}") from error


def _is_number(value: object) -> bool:
    """A finite number, and not a truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
