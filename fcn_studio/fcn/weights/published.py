"""Networks that others have published: address, hash and classes of each.

A table and nothing more: no torch is loaded. `fcn_studio.fcn.weights.convert` reads the files.

Source of addresses, hashes and figures: the released nets' README and ``caffemodel-url`` files
(https://github.com/shelhamer/fcn.berkeleyvision.org), OpenCV's list of test models (the sha1), the README and source
of https://github.com/wkentaro/pytorch-fcn (its md5s), and torchvision's source, whose file names end in the first
eight digits of the sha256.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import urlsplit

from fcn_studio.core.classes import VOC_NAMES
from fcn_studio.fcn.model.architecture import Architecture, named
from fcn_studio.i18n import tr

Kind = Literal["caffemodel", "pytorch-fcn", "torchvision"]
"""Who wrote the file."""

_HEX_DIGITS = {"md5": 32, "sha1": 40, "sha256": 64}

_CORE_FLOPS = 50e9
"""What a processor core does in a second on these networks. Source: measured, FCN-8s on an EPYC 7003."""


@dataclass(frozen=True, slots=True)
class PublishedNetwork:
    """A network that can be downloaded, or imported from a file.

    Attributes:
        name: what it is called here and on the command line.
        title: for people.
        url: of the file.
        digest: ``"sha256:..."``, ``"sha1:..."`` or ``"md5:..."`` of the file, whole or its first digits; "" if nobody
            has published one.
        size: of the file in bytes, about.
        kind: who wrote the file.
        architecture: its shape.
        classes: names by class index; none of a trunk.
        gflops: of one image of 375 x 500, in thousands of millions of operations.
        figures: what it reached, and who says so; "" if nobody does.
        licence: in the publisher's words.
        preprocessing: key in `fcn_studio.fcn.weights.key_mapping.PREPROCESSING`.
        browser: whether the website may want a person to press a button first.
    """

    name: str
    title: str
    url: str
    digest: str
    size: int
    kind: Kind
    architecture: Architecture
    classes: tuple[str, ...]
    gflops: float
    figures: str
    licence: str
    preprocessing: str = "caffe"
    browser: bool = False

    @property
    def trunk_only(self) -> bool:
        """Whether it knows no class, and is only a start for fine-tuning."""
        return not self.classes

    @property
    def hash_is_whole(self) -> bool:
        """Whether the published hash is complete."""
        algorithm, _, digits = self.digest.partition(":")
        return bool(digits) and len(digits) == _HEX_DIGITS.get(algorithm)

    @property
    def trusted(self) -> bool:
        """Whether the download is proved to be the published file.

        HTTPS or a complete hash proves it.
        """
        return urlsplit(self.url).scheme == "https" or self.hash_is_whole

    @property
    def where_it_runs(self) -> str:
        """Time that labelling an image takes, as a sentence."""
        if self.trunk_only:
            return tr("a start for fine-tuning; it labels nothing by itself")
        seconds = self.gflops * 1e9 / _CORE_FLOPS
        return tr(
            "about {seconds:.0f} s of one processor core an image of 375 x 500; a graphics card is advised",
            seconds=seconds,
        )


PASCAL_CONTEXT_NAMES = (
    *VOC_NAMES, "bag", "bed", "bench", "book", "building", "cabinet", "ceiling", "clothes", "computer", "cup", "door",
    "fence", "floor", "flower", "food", "grass", "ground", "keyboard", "light", "mountain", "mouse", "curtain",
    "platform", "sign", "plate", "road", "rock", "shelves", "sidewalk", "sky", "snow", "bedcloth", "track", "tree",
    "truck", "wall", "water", "window", "wood",
)  # fmt: skip
"""PASCAL-Context's 59 classes behind background. Source: the released ``data/pascal-context/classes-59.txt``."""

SIFT_FLOW_NAMES = (
    "awning", "balcony", "bird", "boat", "bridge", "building", "bus", "car", "cow", "crosswalk", "desert", "door",
    "fence", "field", "grass", "moon", "mountain", "person", "plant", "pole", "river", "road", "rock", "sand", "sea",
    "sidewalk", "sign", "sky", "staircase", "streetlight", "sun", "tree", "window",
)  # fmt: skip
"""SIFT Flow's classes, from 0 on. Source: ``data/sift-flow/classes.txt``; ``siftflow_layers.py`` subtracts 1."""

_CAFFE = PublishedNetwork(
    "", "", "http://dl.caffe.berkeleyvision.org/", "", 0, "caffemodel", named("vgg16-8s"), VOC_NAMES, 293.6, "",
    "BSD-2-Clause and the BVLC model license (unrestricted use), as the README says",
)  # fmt: skip
_PYTORCH_FCN = replace(
    _CAFFE, kind="pytorch-fcn", url="https://drive.google.com/uc?id=", browser=True,
    licence="code MIT (Kentaro Wada); the weights are converted from the released Caffe nets",
)  # fmt: skip
_TORCHVISION = replace(
    _CAFFE, kind="torchvision", url="https://download.pytorch.org/models/", preprocessing="imagenet", classes=(),
    licence="BSD-3-Clause (torchvision); the weights' own is not stated",
)  # fmt: skip


def _caffe(name: str, title: str, megabytes: int, figures: str, **changes: Any) -> PublishedNetwork:
    """Return the row of a released net.

    Its file is named after it and its data set.
    """
    file = name if name.startswith(("pascalcontext", "siftflow")) else f"{name}-pascal"
    url = f"{_CAFFE.url}{file}.caffemodel"
    return replace(_CAFFE, name=name, title=title, url=url, size=megabytes * 10**6, figures=figures, **changes)


def _pytorch_fcn(
    name: str, title: str, drive: str, md5: str, megabytes: int, figures: str, **changes: Any
) -> PublishedNetwork:
    """Return the row of one of pytorch-fcn's files on Google Drive."""
    return replace(
        _PYTORCH_FCN, name=name, title=title, url=_PYTORCH_FCN.url + drive, digest=f"md5:{md5}",
        size=megabytes * 10**6, figures=figures, **changes,
    )  # fmt: skip


def _torchvision(name: str, title: str, file: str, size: int, figures: str, **changes: Any) -> PublishedNetwork:
    """Return the row of a file of torchvision.

    The file's name ends in the start of its sha256.
    """
    digits = file.rpartition("-")[2]
    changes = {"digest": f"sha256:{digits}", **changes}
    url = f"{_TORCHVISION.url}{file}.pth"
    return replace(_TORCHVISION, name=name, title=title, url=url, size=size, figures=figures, **changes)


_32S, _16S, _AT_ONCE = named("vgg16-32s"), named("vgg16-16s"), named("vgg16-8s-atonce")
_README = "mean IoU {} % on seg11valid (the README's)"
_CONTEXT = {"classes": PASCAL_CONTEXT_NAMES}
_SIFT_FLOW = {"classes": SIFT_FLOW_NAMES, "preprocessing": "sift-flow"}

_ROWS = (
    _caffe("fcn8s-heavy", "FCN-8s of the paper, VGG-16", 538,
           "mean IoU 65.5 % on seg11valid, 67.2 % on the VOC 2012 test set (the README's)",
           digest="sha1:c449ea74dd7d83751d1357d6a8c323fcf4038962"),
    _caffe("fcn16s-heavy", "FCN-16s of the paper, VGG-16", 539, _README.format("65.0"), architecture=_16S,
           gflops=293.4),
    _caffe("fcn32s-heavy", "FCN-32s of the paper, VGG-16", 545, _README.format("63.6"), architecture=_32S,
           gflops=293.3),
    _caffe("fcn8s-atonce", "FCN-8s trained all at once, VGG-16", 538, _README.format("65.4"),
           architecture=_AT_ONCE),
    _caffe("fcn-alexnet", "FCN-AlexNet", 235, _README.format("48.0"), architecture=named("alexnet-32s"), gflops=33.1),
    _caffe("pascalcontext-fcn8s-heavy", "FCN-8s for PASCAL-Context, VGG-16", 542, "", **_CONTEXT),
    _caffe("pascalcontext-fcn16s-heavy", "FCN-16s for PASCAL-Context, VGG-16", 553, "", architecture=_16S,
           **_CONTEXT),
    _caffe("pascalcontext-fcn32s-heavy", "FCN-32s for PASCAL-Context, VGG-16", 597, "", architecture=_32S,
           **_CONTEXT),
    _caffe("siftflow-fcn8s-heavy", "FCN-8s for SIFT Flow, VGG-16", 539, "", **_SIFT_FLOW),
    _caffe("siftflow-fcn16s-heavy", "FCN-16s for SIFT Flow, VGG-16", 542, "", architecture=_16S,
           **_SIFT_FLOW),
    _caffe("siftflow-fcn32s-heavy", "FCN-32s for SIFT Flow, VGG-16", 556, "", architecture=_32S,
           **_SIFT_FLOW),
    _pytorch_fcn("pytorch-fcn8s", "FCN-8s of pytorch-fcn, VGG-16", "1ieXWyoG68xqoHJPWdyrDyaIaaWlfmUxI",
                 "de93e540ec79512f8770033849c8ae89", 538, _README.format("65.5")),
    _pytorch_fcn("pytorch-fcn16s", "FCN-16s of pytorch-fcn, VGG-16", "1bctu58B6YH9bu6lBBSBB2rUeGlGhYLoP",
                 "a2d4035f669f09483b39c9a14a0d6670", 539, _README.format("65.0"), architecture=_16S,
                 gflops=293.4),
    _pytorch_fcn("pytorch-fcn32s", "FCN-32s of pytorch-fcn, VGG-16", "11k2Q0bvRQgQbT6-jYWeh6nmAsWlSCY3f",
                 "d3eb467a80e7da0468a20dfcbc13e6c8", 545, _README.format("63.6"), architecture=_32S,
                 gflops=293.3),
    _pytorch_fcn("pytorch-fcn8s-atonce", "FCN-8s all at once of pytorch-fcn, VGG-16", "0B9P1L--7Wd2vblE1VUIxV1o2d2M",
                 "bfed4437e941fef58932891217fe6464", 538, _README.format("65.4"), architecture=_AT_ONCE),
    _pytorch_fcn("vgg16-caffe", "VGG-16 as the paper begins with it, trained on ImageNet",
                 "1adDBTGY3GcEB_47dvcibajyzi872RAs3", "aa75b158f4181e7f6230029eb96c1b13", 553, "",
                 architecture=named("vgg16-8s"), classes=(), licence="CC BY 4.0 (VGG, University of Oxford)"),
    _torchvision("vgg16", "VGG-16 trained on ImageNet", "vgg16-397923af", 553_433_881, "",
                 architecture=named("vgg16-same-8s")),
    _torchvision("vgg16-bn", "VGG-16 with batch normalisation, trained on ImageNet", "vgg16_bn-6c64b313", 553_507_836,
                 "", architecture=named("vgg16bn-8s")),
    _torchvision("alexnet", "AlexNet trained on ImageNet", "alexnet-owt-7be5be79", 244_408_911, "",
                 architecture=named("alexnet-torchvision-32s"), gflops=33.1),
    _torchvision("fcn-resnet50", "torchvision's FCN over a dilated ResNet-50", "fcn_resnet50_coco-1167a1af",
                 141_567_418, "mean IoU 60.5 % on COCO val2017 with VOC's labels (torchvision's)", classes=VOC_NAMES,
                 architecture=named("resnet50"), gflops=200.0,
                 digest="sha256:1167a1affa42e1e62858f8d3fac12d109e0108327ffc91c5855a324b11683c36"),
    _torchvision("fcn-resnet101", "torchvision's FCN over a dilated ResNet-101", "fcn_resnet101_coco-7ecb50ca",
                 217_800_805, "mean IoU 63.7 % on COCO val2017 with VOC's labels (torchvision's)", classes=VOC_NAMES,
                 architecture=named("resnet101"), gflops=312.2),
)  # fmt: skip

PUBLISHED = {row.name: row for row in _ROWS}
"""Name -> network, in the order in which they are listed."""


def published_as(file_name: str) -> PublishedNetwork | None:
    """Return the network whose published file has this name, or None."""
    return next((row for row in _ROWS if urlsplit(row.url).path.rpartition("/")[2] == file_name), None)
