"""Files of others' networks, made from one of ours: what their programs would have written."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fcn_studio.fcn.model.architecture import Architecture
from fcn_studio.fcn.model.build import build
from fcn_studio.fcn.model.fcn import Network
from fcn_studio.fcn.model.upsampling import dense_bilinear

NARROW = {"width": 0.125, "fc": 16}
KERNELS = {
    32: {"upscore": 64},
    16: {"upscore2": 4, "upscore16": 32},
    8: {"upscore2": 4, "upscore_pool4": 4, "upscore8": 16},
}


def narrow(stride: int = 8, **changes: object) -> Architecture:
    """The paper's network with few channels."""
    return replace(Architecture.vgg16(stride), **{**NARROW, **changes})


def network(architecture: Architecture, classes: int = 21, seed: int = 0) -> Network:
    """With random weights, scores and statistics of batches too."""
    torch.manual_seed(seed)
    made = build(architecture, classes)
    for name, value in made.state_dict().items():
        if "running_var" in name:
            value.uniform_(0.5, 2)
        elif value.is_floating_point():
            value.copy_(torch.randn_like(value) * (0.1 if value.ndim < 2 else (2 / value[0].numel()) ** 0.5))
    return made.eval()


def caffe_weights(made: Network, *, stride: int = 8, kernels: bool = True) -> dict[str, Tensor]:
    """A network's weights under Caffe's names, with the dense kernels of its fixed upsampling."""
    found = {".".join(key.split(".")[-2:]): value.clone() for key, value in made.state_dict().items()}
    classes = found["score_fr.weight"].shape[0]
    for name, size in KERNELS[stride].items() if kernels else ():
        found.setdefault(f"{name}.weight", dense_bilinear(classes, size))
    return found


def torchvision_vgg(made: Network) -> dict[str, Tensor]:
    """A trunk's weights as torchvision's VGG-16 has them; before batch normalisation with biases, as there."""
    state, found, place = made.state_dict(), {}, 0
    generator = torch.Generator().manual_seed(3)
    for stage in range(1, 6):
        for i in (1, 2, 3) if stage > 2 else (1, 2):
            key = f"trunk.stages.stage{stage}."
            found[f"features.{place}.weight"] = state[f"{key}conv{stage}_{i}.weight"]
            if f"{key}bn{stage}_{i}.weight" in state:
                bias = torch.randn(state[f"{key}bn{stage}_{i}.weight"].shape, generator=generator)
                found[f"features.{place}.bias"] = bias
                for kind in ("weight", "bias", "running_mean", "running_var"):
                    found[f"features.{place + 1}.{kind}"] = state[f"{key}bn{stage}_{i}.{kind}"]
                found[f"features.{place + 1}.running_mean"] = found[f"features.{place + 1}.running_mean"] + bias
                place += 1
            else:
                found[f"features.{place}.bias"] = state[f"{key}conv{stage}_{i}.bias"]
            place += 2
        place += 1
    for number, layer in ((0, "fc6"), (3, "fc7")):
        found[f"classifier.{number}.weight"] = state[f"trunk.head.{layer}.weight"].flatten(1)
        found[f"classifier.{number}.bias"] = state[f"trunk.head.{layer}.bias"]
    found["classifier.6.weight"], found["classifier.6.bias"] = torch.zeros(1000, 16), torch.zeros(1000)
    return {name: value.clone() for name, value in found.items()}


# --- the wire format of protocol buffers --------------------------------------------------------------------------


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def whole(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value)


def message(number: int, body: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(body)) + body


def blob(values: np.ndarray, *, packed: bool = True, old: bool = False, double: bool = False) -> bytes:
    """A BlobProto; ``old`` has num, channels, height and width in place of a shape."""
    sides = (1,) * (4 - values.ndim) + values.shape if old else values.shape
    if old:
        shape = b"".join(whole(i, side) for i, side in enumerate(sides, 1))
    else:
        shape = message(7, message(1, b"".join(varint(side) for side in sides)))
    number, kind, code = (8, 1, "<d") if double else (5, 5, "<f")
    if packed:
        return message(number, values.astype(code).tobytes()) + shape
    key = varint(number << 3 | kind)
    return b"".join(key + struct.pack(code, value) for value in values.ravel()) + shape


def caffemodel(
    weights: Mapping[str, Tensor], *, v1: bool = False, odd: Iterable[str] = (), extra: bytes = b"", **how: bool
) -> bytes:
    """A NetParameter; layers without weights and fields that nobody knows among it. ``odd`` layers are unpacked."""
    layers: dict[str, list[tuple[str, Tensor]]] = {}
    for name, value in weights.items():
        layers.setdefault(name.rpartition(".")[0], []).append((name, value))
    out = message(1, b"a net") + whole(99, 7) + varint(98 << 3 | 5) + b"\0\0\0\0" + varint(97 << 3 | 1) + bytes(8)
    name_field, blobs_field, number = (4, 6, 2) if v1 else (1, 7, 100)
    out += message(number, message(name_field, b"data") + (whole(5, 12) if v1 else message(2, b"Python")))
    for layer, found in layers.items():
        body = message(name_field, layer.encode()) + (whole(5, 4) if v1 else message(2, b"Convolution"))
        body += message(13, b"\x08\x01" * 3)
        for _, value in sorted(found, reverse=True):  # weight, then bias
            data = blob(value.numpy(), **({"packed": False} if layer in odd else {}), **how)
            body += message(blobs_field, data + message(6, bytes(8)))
        out += message(number, body)
    return out + extra


def write(path: Path, weights: Mapping[str, Tensor], **how: object) -> Path:
    """A ``.caffemodel`` or ``.pth`` of weights, by the suffix."""
    if path.suffix == ".pth":
        torch.save(dict(weights), path, **how)
    else:
        path.write_bytes(caffemodel(weights, **how))  # type: ignore[arg-type]
    return path
