"""EfficientNet-Lite as a trunk: against a plain implementation, in tiles, and with a light head."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from fcn_studio import paths
from fcn_studio.core.classes import ClassTable
from fcn_studio.errors import CheckpointError
from fcn_studio.fcn.inference.fast_network import FastNetwork
from fcn_studio.fcn.model.architecture import Architecture, named
from fcn_studio.fcn.model.build import build
from fcn_studio.fcn.model.efficientnet import padded_to_multiple
from fcn_studio.fcn.model.fcn import FCN, Network
from fcn_studio.fcn.weights.checkpoint import adapt, load_checkpoint
from fcn_studio.fcn.weights.key_mapping import checkpoint_of

from ..plain_efficientnet import PlainEfficientNet, fused, reflected
from .test_parity import randomise

SIZES = [(1, 1), (33, 47), (375, 500), (500, 333)]
CLASSES = 5
SCORES = {32: "score_fr", 16: "score_pool4", 8: "score_pool3", 4: "score_pool2", 2: "score_pool1"}


def from_plain(plain: PlainEfficientNet, stride: int) -> Network:
    """Our network with the plain one's trunk and random scores."""
    checkpoint = adapt(checkpoint_of(plain.state_dict()), ClassTable.from_names([f"c{i}" for i in range(CLASSES)]))
    network = build(Architecture.efficientnet(int(checkpoint.architecture.trunk[-1]), stride), CLASSES).eval()
    randomise(network)
    trunk = {key: value for key, value in checkpoint.state.items() if key.startswith("trunk.")}
    network.load_state_dict(network.state_dict() | trunk)
    return network


def image_of(size: tuple[int, int]) -> Tensor:
    return torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(size[1]))


def assert_close(ours: Tensor, theirs: Tensor) -> None:
    assert ours.shape == theirs.shape
    assert float((ours - theirs).abs().max()) < 1e-5 * float(theirs.abs().max())


@pytest.mark.parametrize("stride", [32, 16, 8, 4, 2])
def test_scores_are_those_of_the_plain_implementation(stride: int) -> None:
    plain = PlainEfficientNet(0).eval()
    randomise(plain)
    network = from_plain(plain, stride)
    scores = {tap: network.get_submodule(name) for tap, name in SCORES.items() if tap >= stride}
    with torch.inference_mode():
        for size in SIZES if stride == 8 else SIZES[:2]:
            image = image_of(size)
            assert_close(network(image), fused(plain.taps(reflected(image)), scores, size))


@pytest.mark.parametrize("number", [1, 2])
def test_larger_variants_have_the_taps_of_the_plain_implementation(number: int) -> None:
    plain = PlainEfficientNet(number).eval()
    randomise(plain)
    network = from_plain(plain, 2)
    with torch.inference_mode():
        ours, theirs = network.features(image_of((64, 96))), plain.taps(image_of((64, 96)))
    assert ours.keys() == {2, 4, 8, 16, 32}
    for stride, tap in ours.items():
        assert_close(tap, theirs[stride])


@pytest.mark.parametrize("size", SIZES)
def test_what_labels_has_the_scores_of_the_network(size: tuple[int, int]) -> None:
    """With normalisation folded, channels last, and the padding of the plain implementation."""
    plain = PlainEfficientNet(0).eval()
    randomise(plain)
    network = from_plain(plain, 8)
    preprocessing = checkpoint_of(plain.state_dict()).preprocessing
    image = torch.randint(0, 256, (1, *size, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    scores = {tap: copy.deepcopy(network.get_submodule(SCORES[tap])) for tap in (32, 16, 8)}
    with torch.inference_mode():
        expected = fused(plain.taps(reflected((image.permute(0, 3, 1, 2).float() - 127) / 128)), scores, size)
        fast = FastNetwork(network, preprocessing)
        assert not [module for module in fast.network.modules() if isinstance(module, nn.BatchNorm2d)]
        assert_close(fast.score_map(image, 2**30).whole(), expected)


def test_the_bundled_trunk_has_the_taps_of_the_plain_implementation() -> None:
    """Its half precision apart: the plain one is given the same numbers."""
    general = load_checkpoint(paths.resource("networks") / "general.safetensors")
    assert len(general.table) == 0
    assert general.architecture.trunk == "efficientnet-lite0"
    with pytest.raises(Exception, match="a start for fine-tuning"):
        general.build()
    plain = PlainEfficientNet(0).eval()
    names = list(checkpoint_of(named_by_number(plain)).state.items())
    theirs = list(plain.state_dict())
    state = plain.state_dict() | {
        theirs[int(value.flatten()[0])]: general.state[key] for key, value in names if key.startswith("trunk.")
    }
    plain.load_state_dict(state)
    network = adapt(general, ClassTable.from_names(["a", "b"])).build()
    with torch.inference_mode():
        image = image_of((96, 64))
        ours, expected = network.features(image), plain.taps(image)
    for stride, tap in ours.items():
        assert_close(tap, expected[stride])
        assert 0.5 < float(tap.std()) < 20


def named_by_number(plain: nn.Module) -> dict[str, Tensor]:
    """Its weights, each filled with the number of its place."""
    return {
        key: torch.full(value.shape, float(number)) for number, (key, value) in enumerate(plain.state_dict().items())
    }


def test_images_are_reflected_more_than_once_where_they_are_small() -> None:
    row = torch.arange(3.0).expand(1, 1, 1, 3)
    padded = padded_to_multiple(row, 8)
    assert padded.shape == (1, 1, 8, 8)
    assert padded[0, 0, 7].tolist() == [0, 1, 2, 1, 0, 1, 2, 1]


@pytest.mark.parametrize("name", ["efficientnet-lite0-8s", "efficientnet-lite0-4s-light"])
def test_tiles_with_their_halo_give_the_whole(name: str) -> None:
    network = build(named(name), 3).double().eval()
    randomise(network)
    assert network.exact_tiles
    step = network.alignment
    halo = -(-network.halo // step) * step
    image = torch.randn(1, 3, 40, 2 * halo + 64 + 37, dtype=torch.double)
    with torch.inference_mode():
        whole = network(image)
        tile = network(image[..., : halo + 64 + halo])[..., halo : halo + 64]
        rim = network(image[..., halo:])[..., halo:]
    scale = whole.abs().max()
    assert float((tile - whole[..., halo : halo + 64]).abs().max() / scale) < 1e-12
    assert float((rim - whole[..., 2 * halo :]).abs().max() / scale) < 1e-12


def test_a_light_head_begins_with_the_scores_without_it() -> None:
    plain = build(named("efficientnet-lite0-8s"), 3).eval()
    randomise(plain)
    light = build(named("efficientnet-lite0-8s-light"), 3).eval()
    assert isinstance(light, FCN)
    state = light.state_dict()
    for key, value in plain.state_dict().items():
        if state[key].shape != value.shape:
            padded = torch.zeros_like(state[key])
            padded[:, : value.shape[1]] = value
            value = padded
        state[key] = value
    light.load_state_dict(state)
    image = image_of((60, 70))
    with torch.inference_mode():
        torch.testing.assert_close(light(image), plain(image))


def test_the_context_of_a_small_image_is_its_mean() -> None:
    light = build(named("efficientnet-lite0-8s-light"), 3).eval()
    assert isinstance(light, FCN)
    assert light.head is not None
    tap = torch.randn(1, 320, 8, 8)
    with torch.inference_mode():
        expected = light.head.context(tap.mean((2, 3), keepdim=True)).relu().expand(-1, -1, 8, 8)
        torch.testing.assert_close(light.head._context_of(tap), expected)


def test_other_efficientnets_are_refused() -> None:
    state = PlainEfficientNet(0).state_dict()
    with pytest.raises(CheckpointError, match="of 15 blocks; only Lite0, Lite1 and Lite2"):
        checkpoint_of({key: value for key, value in state.items() if not key.startswith("_blocks.15.")})
    with pytest.raises(CheckpointError, match="_se_reduce"):
        checkpoint_of(state | {"_blocks.3._se_reduce.weight": torch.zeros(1)})
    with pytest.raises(CheckpointError):
        Architecture.from_json(named("efficientnet-lite0-8s").as_json() | {"stride": 64})
    with pytest.raises(CheckpointError):
        Architecture.from_json(named("vgg16-8s").as_json() | {"head": "light"})
