"""The description of a network as a checkpoint stores it.

Importing it loads no torch; `model.build` builds the network.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from fcn_studio.errors import CheckpointError
from fcn_studio.i18n import listed, tr

_PADDINGS = ("same", "caffe")
_UPSAMPLINGS = ("bilinear", "learned")
_ALEXNET: dict[str, Any] = {"batch_norm": False, "padding": "caffe", "scales": ()}
_RESNET: dict[str, Any] = {
    "width": 1.0,
    "fc": 512,
    "batch_norm": True,
    "padding": "same",
    "stride": 8,
    "scales": (),
    "dropout": 0.1,
    "upsampling": "bilinear",
}
_ARTICLE: dict[str, Any] = {**_RESNET, "dropout": 0.0, "upsampling": "learned"}
del _ARTICLE["width"]  # which is for tests

_EFFICIENTNET: dict[str, Any] = {
    "width": 1.0,
    "fc": 128,
    "batch_norm": True,
    "padding": "same",
    "scales": (),
    "dropout": 0.0,
    "head_batch_norm": True,
}

_FIXED: Mapping[str, Mapping[str, object]] = {
    "vgg16": {},
    "slim": {},
    "alexnet": _ALEXNET,
    "alexnet_torchvision": _ALEXNET,
    "resnet50": _RESNET,
    "resnet101": _RESNET,
    "article": _ARTICLE,
    "efficientnet-lite0": _EFFICIENTNET,
    "efficientnet-lite1": _EFFICIENTNET,
    "efficientnet-lite2": _EFFICIENTNET,
}
"""Trunk -> what it leaves no choice of."""

_STRIDES = (8, 16, 32)
_OF_THE_TRUNK = ("trunk", "width", "fc", "batch_norm", "padding", "head_batch_norm")
LEARNED = "-learned"
"""Behind the name of an FCN: its upsampling is learned."""

_HEADS = ("plain", "light")

_ADDED_LATER = ("upsampling", "head_batch_norm", "head")
"""What the first checkpoints do not say: written only where it differs from the default, which they have."""

_AT_ONCE = ((16, 0.01), (8, 0.0001))
"""Source: ``scale_pool4`` and ``scale_pool3`` in voc-fcn8s-atonce/net.py."""


def _is_number(value: object) -> bool:
    """A finite number, and not a truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


@dataclass(frozen=True, slots=True)
class Architecture:
    """Shape of a network.

    Two equal descriptions build interchangeable networks.

    Attributes:
        trunk: "vgg16" (the paper's), "slim" (VGG-16's layout, narrower), "alexnet" (the paper's, as Caffe has it),
            "alexnet_torchvision" (as torchvision has it), "resnet50" and "resnet101" (torchvision's FCNs) or
            "article" (the FCN8 of the article that the project began with), "efficientnet-lite0", "-lite1" or
            "-lite2". "vgg16" and "slim" are one to the code.
        width: multiplier of the trunk's channels.
        fc: channels of fc6 and fc7, or of a light head.
        batch_norm: whether convolutions are batch-normalised.
        padding: "caffe" (100 pixels at conv1_1, as released) or "same" (cheaper, for networks trained so).
        stride: 32, 16 or 8: FCN-32s, -16s or -8s; 4 or 2 over an EfficientNet.
        scales: (stride, factor) of the taps that are scaled before their score layer (at-once training).
        dropout: behind fc6 and fc7.
        upsampling: "bilinear" (fixed, as released) or "learned" (transposed convolutions that begin bilinear).
        head_batch_norm: whether fc6 and fc7 are normalised too where the trunk is; not in torchvision's VGG-16-BN.
        head: "plain" (scores of the taps) or, over an EfficientNet, "light" (convolutions and context beside them).

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
    upsampling: str = "bilinear"
    head_batch_norm: bool = True
    head: str = "plain"

    def __post_init__(self) -> None:
        sensible = (
            isinstance(self.trunk, str)
            and self.trunk in _FIXED
            and _is_number(self.width)
            and 0.05 <= self.width <= 2
            and type(self.fc) is int
            and 8 <= self.fc <= 8192
            and type(self.batch_norm) is bool
            and self.padding in _PADDINGS
            and self.stride in (_STRIDES if not self.is_efficientnet else (2, 4, *_STRIDES))
            and len(self.scales) <= 2
            and all(tap in (8, 16) and _is_number(factor) and factor > 0 for tap, factor in self.scales)
            and _is_number(self.dropout)
            and 0 <= self.dropout < 1
            and self.upsampling in _UPSAMPLINGS
            and type(self.head_batch_norm) is bool
            and self.head in (_HEADS if self.is_efficientnet else _HEADS[:1])
            and all(getattr(self, name) == value for name, value in _FIXED[self.trunk].items())
        )
        if not sensible:
            raise CheckpointError(
                tr("no network can be built from this description: {description}", description=asdict(self))
            )

    @classmethod
    def vgg16(cls, stride: int = 8, at_once: bool = False, upsampling: str = "bilinear") -> Architecture:
        """Return the paper's network as released.

        It is VGG-16 with padding 100, fc6 and fc7 of 4096 channels.

        Args:
            stride: 32, 16 or 8.
            at_once: scale the taps, as the FCN-8s that was trained in one stage does.
            upsampling: "bilinear", or "learned" for weights whose deconvolutions are something else.
        """
        scales = tuple(pair for pair in _AT_ONCE if pair[0] >= stride) if at_once else ()
        return cls("vgg16", 1.0, 4096, False, "caffe", stride, scales, 0.5, upsampling)

    @classmethod
    def vgg16_same(cls, batch_norm: bool, stride: int = 8) -> Architecture:
        """VGG-16 in the layout of torchvision's ``vgg16`` and ``vgg16_bn``, with their padding.

        As there, fc6 and fc7 are not batch-normalised.
        """
        return cls("vgg16", 1.0, 4096, batch_norm, "same", stride, (), 0.5, head_batch_norm=not batch_norm)

    @classmethod
    def slim(cls, width: float = 0.25, stride: int = 8) -> Architecture:
        """Return a batch-normalised VGG-16 that trains on a CPU.

        It has ``width`` times the channels, and trains from scratch.
        """
        return cls("slim", width, max(64, round(1024 * width / 8) * 8), stride=stride)

    @classmethod
    def alexnet(cls, torchvision: bool = False, stride: int = 32) -> Architecture:
        """Return the paper's FCN-AlexNet.

        It is CaffeNet with padding 100, or over AlexNet as torchvision has it.
        """
        return cls("alexnet_torchvision" if torchvision else "alexnet", 1.0, 4096, False, "caffe", stride, (), 0.5)

    @classmethod
    def resnet(cls, depth: int) -> Architecture:
        """Return torchvision's FCN over a dilated ResNet.

        The ResNet has 50 or 101 layers.
        """
        return cls(f"resnet{depth}", **_RESNET)

    @classmethod
    def article(cls) -> Architecture:
        """Return the FCN8 of the seed article.

        Taps are concatenated, and all upsampling is learned.
        """
        return cls("article", 1.0, **_ARTICLE)

    @classmethod
    def efficientnet(cls, number: int = 0, stride: int = 8, head: str = "plain") -> Architecture:
        """An FCN over EfficientNet-Lite0, 1 or 2."""
        return cls(f"efficientnet-lite{number}", stride=stride, head=head, **_EFFICIENTNET)

    @property
    def is_efficientnet(self) -> bool:
        """Whether the trunk is an EfficientNet."""
        return self.trunk.startswith("efficientnet-")

    @property
    def is_linear_in_taps(self) -> bool:
        """Whether the scores of each class are linear in the taps."""
        return self.trunk not in ("resnet50", "resnet101", "article") and self.upsampling == "bilinear"

    @property
    def has_taps(self) -> bool:
        """Whether it can be an FCN-32s, -16s or -8s, as one likes."""
        return "stride" not in _FIXED[self.trunk]

    def has_trunk_of(self, other: Architecture) -> bool:
        """Whether both have the same trunk, so that weights of one are a start for the other."""
        return all(getattr(self, name) == getattr(other, name) for name in _OF_THE_TRUNK)

    @property
    def title(self) -> str:
        """Name for people, as "FCN-8s, slim VGG-16 x 0.25"."""
        if self.trunk in _TITLES:
            return _TITLES[self.trunk]
        if self.trunk in _ALEXNETS:
            trunk = _ALEXNETS[self.trunk]
        elif self.is_efficientnet:
            trunk = f"EfficientNet-Lite{self.trunk[-1]}{' with a light head' if self.head == 'light' else ''}"
        elif self.trunk == "slim":
            trunk = f"slim VGG-16 x {self.width:g}"
        elif self.batch_norm:
            trunk = "VGG-16-BN"
        else:
            trunk = "VGG-16" if self.padding == "caffe" else "VGG-16 with 'same' padding"
        learned = ", learned upsampling" if self.upsampling == "learned" else ""
        return f"FCN-{self.stride}s{' at once' if self.scales else ''}, {trunk}{learned}"

    def as_json(self) -> dict[str, object]:
        """The description as plain JSON values."""
        data = asdict(self) | {"scales": [list(pair) for pair in self.scales]}
        defaults = {f.name: f.default for f in fields(self) if f.name in _ADDED_LATER}
        return {key: value for key, value in data.items() if key not in defaults or value != defaults[key]}

    @classmethod
    def from_json(cls, data: object) -> Architecture:
        """The description from what `as_json` gave.

        Raises:
            CheckpointError: if it is anything else.
        """
        known = {f.name for f in fields(cls)}
        required = known - set(_ADDED_LATER)
        if not isinstance(data, Mapping) or not required <= set(data) <= known:
            raise CheckpointError(tr("the network's description should have {keys}", keys=listed(sorted(required))))
        try:
            scales = tuple((int(tap), float(factor)) for tap, factor in data["scales"])
            return cls(**{**data, "scales": scales})
        except (TypeError, ValueError, OverflowError) as error:
            raise CheckpointError(
                tr("the network's description has a value of the wrong kind: {reason}", reason=error)
            ) from error


_ALEXNETS = {"alexnet": "AlexNet", "alexnet_torchvision": "AlexNet of torchvision"}
_TITLES = {
    "resnet50": "FCN, ResNet-50",
    "resnet101": "FCN, ResNet-101",
    "article": "FCN8 of the article",
}

_NAMED = {
    "vgg16-32s": Architecture.vgg16(32),
    "vgg16-16s": Architecture.vgg16(16),
    "vgg16-8s": Architecture.vgg16(8),
    "vgg16-8s-atonce": Architecture.vgg16(8, at_once=True),
    **{f"vgg16-same-{stride}s": Architecture.vgg16_same(batch_norm=False, stride=stride) for stride in (32, 16, 8)},
    **{f"vgg16bn-{stride}s": Architecture.vgg16_same(batch_norm=True, stride=stride) for stride in (32, 16, 8)},
    **{f"alexnet-{stride}s": Architecture.alexnet(stride=stride) for stride in (32, 16, 8)},
    **{f"alexnet-torchvision-{stride}s": Architecture.alexnet(True, stride) for stride in (32, 16, 8)},
    "resnet50": Architecture.resnet(50),
    "resnet101": Architecture.resnet(101),
    "article": Architecture.article(),
    "slim": Architecture.slim(),
    **{
        f"efficientnet-lite{number}-{stride}s": Architecture.efficientnet(number, stride)
        for number in (0, 1, 2)
        for stride in (32, 16, 8, 4, 2)
    },
    "efficientnet-lite0-8s-light": Architecture.efficientnet(0, 8, "light"),
    "efficientnet-lite0-4s-light": Architecture.efficientnet(0, 4, "light"),
}


def named(name: str) -> Architecture:
    """Return the architecture of a name.

    Examples are "vgg16-8s", and "slim-0.5", the slim network of half of VGG-16's channels.

    "vgg16-8s-learned" has learned upsampling, and so has every other FCN with that ending.

    Raises:
        CheckpointError: if there is none.
    """
    if name in _NAMED:
        return _NAMED[name]
    head, _, width = name.partition("-")
    with suppress(ValueError, OverflowError, CheckpointError):
        if name.endswith(LEARNED):
            return replace(named(name.removesuffix(LEARNED)), upsampling="learned")
        if head == "slim":
            return Architecture.slim(float(width))
    raise CheckpointError(
        tr(
            "'{name}' is no architecture; say {names}, or slim-WIDTH of a width from 0.05 to 2, as slim-0.5; "
            "{ending} behind the name of an FCN makes its upsampling learned",
            name=name,
            names=listed(_NAMED),
            ending=LEARNED,
        )
    )
