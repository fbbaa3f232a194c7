from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fcn_studio.errors import CheckpointError
from fcn_studio.fcn.architecture import Architecture
from fcn_studio.fcn.backbones import VGG16_STAGES
from fcn_studio.fcn.geometry import IMAGE, Grid
from fcn_studio.fcn.network import FCN


def small_caffe(stride: int, scales: tuple[tuple[int, float], ...] = ()) -> Architecture:
    return Architecture("slim", 0.125, 24, False, "caffe", stride, scales, 0.0)


@pytest.mark.parametrize(("stride", "crops"), [(32, (19,)), (16, (5, 27)), (8, (5, 9, 31))])
def test_crops_of_the_released_prototxt_files_are_derived(stride: int, crops: tuple[int, ...]) -> None:
    assert small_caffe(stride).build(3).crops == crops


@pytest.mark.parametrize(("stride", "last"), [(32, 16), (16, 8), (8, 4)])
def test_crops_of_same_padding_are_derived(stride: int, last: int) -> None:
    assert Architecture.slim(0.125, stride).build(3).crops[-1] == last


def test_receptive_field_of_fc7_is_vggs() -> None:
    assert Architecture.vgg16().stride == 8
    with torch.device("meta"):
        assert Architecture.vgg16().build(21).trunk.grids[32].field == 404


def test_grids_that_do_not_fall_on_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fall"):
        IMAGE.conv(2, stride=2).index_of(IMAGE)
    with pytest.raises(ValueError, match="do not fall"):
        IMAGE.index_of(IMAGE.conv(2))
    assert IMAGE.index_of(Grid().conv(3, padding=1)) == 0


@pytest.mark.parametrize("padding", ["same", "caffe"])
@pytest.mark.parametrize("stride", [8, 16, 32])
def test_output_has_the_inputs_size_for_every_size(padding: str, stride: int) -> None:
    architecture = Architecture("slim", 0.125, 8, True, padding, stride, (), 0.0)
    with torch.device("meta"):
        network = architecture.build(2).eval()
        for height in [*range(1, 40), 63, 64, 65, 97, 131, 225, 360, 375]:
            width = 500 - height if height < 500 else 1
            assert network(torch.empty(1, 3, height, width)).shape == (1, 2, height, width)


class PlainFCN(nn.Module):
    """The released network, written out with typed-in crops and dense transposed convolutions."""

    def __init__(self, stages: list[int], fc: int, classes: int) -> None:
        super().__init__()
        channels = 3
        for number, (wide, (_, depth)) in enumerate(zip(stages, VGG16_STAGES, strict=True), start=1):
            for i in range(1, depth + 1):
                pad = 100 if number == i == 1 else 1
                self.add_module(f"conv{number}_{i}", nn.Conv2d(channels, wide, 3, padding=pad))
                channels = wide
        self.fc6 = nn.Conv2d(channels, fc, 7)
        self.fc7 = nn.Conv2d(fc, fc, 1)
        self.score_fr = nn.Conv2d(fc, classes, 1)
        self.score_pool4 = nn.Conv2d(stages[3], classes, 1)
        self.score_pool3 = nn.Conv2d(stages[2], classes, 1)
        self.classes = classes

    def up(self, x: Tensor, factor: int) -> Tensor:
        size = 2 * factor
        kernel = torch.zeros(self.classes, self.classes, size, size)
        for i in range(size):
            for j in range(size):
                value = (1 - abs(i - (factor - 0.5)) / factor) * (1 - abs(j - (factor - 0.5)) / factor)
                kernel[range(self.classes), range(self.classes), i, j] = value
        return functional.conv_transpose2d(x, kernel, stride=factor)

    def forward(self, image: Tensor, stride: int, scales: dict[int, float]) -> Tensor:
        height, width = image.shape[2:]
        pools, x = [], image
        for number, (_, depth) in enumerate(VGG16_STAGES, start=1):
            for i in range(1, depth + 1):
                x = self.get_submodule(f"conv{number}_{i}")(x).relu()
            x = functional.max_pool2d(x, 2, 2, ceil_mode=True)
            pools.append(x)
        score = self.score_fr(self.fc7(self.fc6(x).relu()).relu())
        if stride == 32:
            return self.up(score, 32)[:, :, 19 : 19 + height, 19 : 19 + width]
        score = self.up(score, 2)
        h, w = score.shape[2:]
        score = score + self.score_pool4(pools[3] * scales.get(16, 1))[:, :, 5 : 5 + h, 5 : 5 + w]
        if stride == 16:
            return self.up(score, 16)[:, :, 27 : 27 + height, 27 : 27 + width]
        score = self.up(score, 2)
        h, w = score.shape[2:]
        score = score + self.score_pool3(pools[2] * scales.get(8, 1))[:, :, 9 : 9 + h, 9 : 9 + w]
        return self.up(score, 8)[:, :, 31 : 31 + height, 31 : 31 + width]


def caffe_names(network: FCN) -> dict[str, Tensor]:
    return {".".join(key.split(".")[-2:]): value for key, value in network.state_dict().items()}


@pytest.mark.parametrize("stride", [8, 16, 32])
@pytest.mark.parametrize("size", [(1, 1), (33, 47), (97, 131)])
@pytest.mark.parametrize("scales", [(), ((16, 0.01), (8, 0.0001))])
def test_same_numbers_as_the_network_written_out(
    stride: int, size: tuple[int, int], scales: tuple[tuple[int, float], ...]
) -> None:
    torch.manual_seed(stride)
    architecture = small_caffe(stride, scales)
    network = architecture.build(7).eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.normal_(module.bias, std=0.1)
    plain = PlainFCN([8, 16, 32, 64, 64], 24, 7).eval()
    missing = plain.load_state_dict(caffe_names(network), strict=False)
    assert not missing.unexpected_keys
    image = torch.randn(2, 3, *size) * 60
    with torch.inference_mode():
        ours, theirs = network(image), plain(image, stride, dict(scales))
    assert ours.shape == theirs.shape
    assert (ours - theirs).abs().max() / theirs.abs().max() < 1e-5
    np.testing.assert_array_equal(ours.argmax(1), theirs.argmax(1))


def test_parameters_of_vgg16_are_the_published_number() -> None:
    with torch.device("meta"):
        network = Architecture.vgg16().build(21)
    assert round(sum(p.numel() for p in network.parameters()) / 1e6, 2) == 134.36


def test_upsampling_is_computed_and_not_stored() -> None:
    keys = Architecture.slim(0.125).build(4).state_dict().keys()
    assert not [key for key in keys if "upscore" in key]


@pytest.mark.parametrize("architecture", [Architecture.vgg16(16), Architecture.slim(), small_caffe(8, ((16, 0.5),))])
def test_description_survives_json(architecture: Architecture) -> None:
    assert Architecture.from_json(json.loads(json.dumps(architecture.as_json()))) == architecture


@pytest.mark.parametrize(
    "nonsense",
    [
        None,
        [],
        {},
        Architecture().as_json() | {"extra": 1},
        Architecture().as_json() | {"trunk": "resnet"},
        Architecture().as_json() | {"width": float("nan")},
        Architecture().as_json() | {"width": 100},
        Architecture().as_json() | {"fc": 10**9},
        Architecture().as_json() | {"fc": "256"},
        Architecture().as_json() | {"stride": 7},
        Architecture().as_json() | {"scales": [[4, 1.0]]},
        Architecture().as_json() | {"scales": 3},
        Architecture().as_json() | {"batch_norm": 1},
        Architecture().as_json() | {"dropout": 1},
        Architecture().as_json() | {"padding": ["same"]},
    ],
)
def test_nonsense_descriptions_are_refused(nonsense: object) -> None:
    with pytest.raises(CheckpointError):
        Architecture.from_json(nonsense)
