from __future__ import annotations

import json

import pytest
import torch

from fcn_studio.errors import CheckpointError
from fcn_studio.fcn.model.architecture import Architecture
from fcn_studio.fcn.model.build import build
from fcn_studio.fcn.model.receptive_field import IMAGE, Grid


def small_caffe(stride: int, scales: tuple[tuple[int, float], ...] = ()) -> Architecture:
    return Architecture("slim", 0.125, 24, False, "caffe", stride, scales, 0.0)


@pytest.mark.parametrize(("stride", "crops"), [(32, (19,)), (16, (5, 27)), (8, (5, 9, 31))])
def test_crops_of_the_released_prototxt_files_are_derived(stride: int, crops: tuple[int, ...]) -> None:
    assert build(small_caffe(stride), 3).crops == crops


@pytest.mark.parametrize(("stride", "last"), [(32, 16), (16, 8), (8, 4)])
def test_crops_of_same_padding_are_derived(stride: int, last: int) -> None:
    assert build(Architecture.slim(0.125, stride), 3).crops[-1] == last


def test_receptive_field_of_fc7_is_vggs() -> None:
    assert Architecture.vgg16().stride == 8
    with torch.device("meta"):
        assert build(Architecture.vgg16(), 21).trunk.grids[32].field == 404


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
    with torch.device("meta"), torch.inference_mode():
        network = build(architecture, 2).eval()
        for height in [*range(1, 36, 1 if stride == 8 else 5), 63, 64, 65, 97, 225, 375]:
            width = 500 - height if height < 500 else 1
            assert network(torch.empty(1, 3, height, width)).shape == (1, 2, height, width)


def test_parameters_of_vgg16_are_the_published_number() -> None:
    with torch.device("meta"):
        network = build(Architecture.vgg16(), 21)
    assert round(sum(p.numel() for p in network.parameters()) / 1e6, 2) == 134.36


def test_upsampling_is_computed_and_not_stored() -> None:
    keys = build(Architecture.slim(0.125), 4).state_dict().keys()
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
