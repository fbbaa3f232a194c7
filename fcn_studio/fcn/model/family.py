"""The networks to train from scratch, with their size and cost.

Importing it loads no torch. The numbers are counted for 21 classes and an image of 375 x 500, as in docs/NETWORKS.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from fcn_studio.fcn.model.architecture import Architecture, named
from fcn_studio.i18n import tr_noop


@dataclass(frozen=True, slots=True)
class FamilyMember:
    """A network of the family.

    Attributes:
        name: as ``train --architecture`` takes it.
        parameters: number of weights, in millions.
        gflops: operations for an image of 375 x 500, in thousands of millions.
    """

    name: str
    parameters: float
    gflops: float

    @property
    def architecture(self) -> Architecture:
        """Its description."""
        return named(self.name)

    @property
    def megabytes(self) -> float:
        """Size of its file."""
        return 4 * self.parameters

    @property
    def can_learn_upsampling(self) -> bool:
        """Whether it has fixed upsampling that could be learned instead."""
        return self.architecture.trunk not in ("resnet50", "resnet101", "article")

    @property
    def sentence(self) -> str:
        """What to know before choosing it, in English, marked for translation."""
        described = self.architecture
        if described.head == "light":
            return _LIGHT
        return _FINE if described.stride < 8 else _SENTENCES[described.trunk]


_LIGHT = tr_noop("Starts from weights of ImageNet; sees more of the surroundings. Good for objects.")
_FINE = tr_noop("For thin structures, as cracks and wires; slower than 8s.")
_SENTENCES = {
    "vgg16": tr_noop("The network of the FCN paper. Large: needs a graphics card and very many labelled images."),
    "slim": tr_noop("Small; learns from nothing on a processor. Needs some hundred labelled images."),
    "alexnet": tr_noop(
        "The smaller network of the FCN paper: fast, coarse borders. Needs very many labelled images."
    ),
    "alexnet_torchvision": tr_noop("AlexNet with torchvision's layers: fast, coarse borders."),
    "resnet50": tr_noop("Dilated ResNet without skips, as torchvision has it. Needs a graphics card."),
    "resnet101": tr_noop("Dilated ResNet without skips, as torchvision has it. Needs a graphics card."),
    "article": tr_noop("The network of the seed article: joins its taps, learns all upsampling. Very slow."),
    "efficientnet-lite0": tr_noop(
        "Starts from weights of ImageNet that come with the program: the best first choice."
    ),
    "efficientnet-lite1": tr_noop(
        "Larger than Lite0. Starts from random weights: import its trunk for a better start."
    ),
    "efficientnet-lite2": tr_noop(
        "Larger than Lite1. Starts from random weights: import its trunk for a better start."
    ),
}

FAMILY = (
    FamilyMember("efficientnet-lite0-8s", 3.0, 3.0),
    FamilyMember("efficientnet-lite0-32s", 3.0, 3.0),
    FamilyMember("efficientnet-lite0-16s", 3.0, 3.0),
    FamilyMember("efficientnet-lite0-4s", 3.0, 3.0),
    FamilyMember("efficientnet-lite0-2s", 3.0, 3.0),
    FamilyMember("efficientnet-lite0-8s-light", 3.4, 3.2),
    FamilyMember("efficientnet-lite0-4s-light", 3.4, 3.3),
    FamilyMember("vgg16-32s", 134.3, 292.6),
    FamilyMember("vgg16-16s", 134.4, 292.7),
    FamilyMember("vgg16-8s", 134.4, 292.7),
    FamilyMember("vgg16-8s-atonce", 134.4, 292.7),
    FamilyMember("vgg16-same-32s", 134.3, 161.7),
    FamilyMember("vgg16-same-16s", 134.4, 161.7),
    FamilyMember("vgg16-same-8s", 134.4, 161.7),
    FamilyMember("vgg16bn-32s", 134.4, 161.7),
    FamilyMember("vgg16bn-16s", 134.4, 161.7),
    FamilyMember("vgg16bn-8s", 134.4, 161.7),
    FamilyMember("alexnet-32s", 57.0, 32.5),
    FamilyMember("alexnet-16s", 57.0, 32.5),
    FamilyMember("alexnet-8s", 57.0, 32.5),
    FamilyMember("alexnet-torchvision-32s", 57.1, 32.3),
    FamilyMember("alexnet-torchvision-16s", 57.1, 32.3),
    FamilyMember("alexnet-torchvision-8s", 57.1, 32.3),
    FamilyMember("resnet50", 33.0, 200.0),
    FamilyMember("resnet101", 51.9, 312.2),
    FamilyMember("article", 31.9, 1486.8),
    FamilyMember("slim", 2.6, 8.0),
    FamilyMember("efficientnet-lite1-32s", 3.7, 3.9),
    FamilyMember("efficientnet-lite1-16s", 3.7, 3.9),
    FamilyMember("efficientnet-lite1-8s", 3.7, 3.9),
    FamilyMember("efficientnet-lite1-4s", 3.7, 3.9),
    FamilyMember("efficientnet-lite1-2s", 3.7, 4.0),
    FamilyMember("efficientnet-lite2-32s", 4.4, 4.5),
    FamilyMember("efficientnet-lite2-16s", 4.4, 4.5),
    FamilyMember("efficientnet-lite2-8s", 4.4, 4.5),
    FamilyMember("efficientnet-lite2-4s", 4.4, 4.5),
    FamilyMember("efficientnet-lite2-2s", 4.4, 4.5),
)
"""Every network with a name, the first choice first."""
