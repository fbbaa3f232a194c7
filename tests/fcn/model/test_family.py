"""What all networks of the family keep to: any size, tiles, other classes, descriptions."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.training import Level
from fcn_studio.errors import CheckpointError
from fcn_studio.fcn.device import CPU
from fcn_studio.fcn.inference.predictor import Predictor
from fcn_studio.fcn.model.architecture import _NAMED, Architecture, named
from fcn_studio.fcn.model.build import build
from fcn_studio.fcn.model.fcn import Network
from fcn_studio.fcn.model.upsampling import LearnedUpsample, dense_bilinear, is_bilinear
from fcn_studio.fcn.training.batch_sources import Batch
from fcn_studio.fcn.training.optimisation import Optimisation
from fcn_studio.fcn.training.recipe import initialise, parameter_groups, recipe_for
from fcn_studio.fcn.training.training_set import at_stride
from fcn_studio.fcn.transforms import normalise
from fcn_studio.fcn.weights.checkpoint import Checkpoint, Preprocessing, adapt, load_checkpoint
from tests.bench.networks import without_weights

from .test_parity import article, randomise

TINY = {
    "vgg": Architecture("slim", 0.125, 16, True, "same", 8, (), 0.0),
    "caffe": Architecture("slim", 0.125, 16, False, "caffe", 8, (), 0.0, "learned"),
    "alexnet": replace(Architecture.alexnet(), width=0.25, fc=16),
    "alexnet-8s": replace(Architecture.alexnet(torchvision=True, stride=8), width=0.25, fc=16),
    "article": replace(Architecture.article(), width=0.0625),
}


def heights(name: str) -> tuple[int, ...]:
    """Heights to try; few of the deepest trunks."""
    if name == "resnet101" or name.startswith("vgg16"):  # as resnet50; as in test_fcn.py
        return 1, 33
    if name == "resnet50" or "lite" in name:
        return 1, 2, 7, 8, 31, 32, 33, 97
    return *range(1, 36, 3), 64, 65, 97, 225, 375


@pytest.mark.parametrize("name", _NAMED)
def test_scores_have_the_images_size_for_every_size(name: str) -> None:
    network, device = without_weights(lambda: build(named(name), 3).eval())
    width = 500 if device.type == "meta" else 131
    with torch.inference_mode():
        for height in heights(name):
            size = height, width - height
            assert network(torch.zeros(2, 3, *size, device=device)).shape == (2, 3, *size)


@pytest.mark.parametrize("name", _NAMED)
def test_quick_and_scratch_find_their_layers(name: str) -> None:
    with torch.device("meta"):
        network = build(named(name), 3)
    counts = {}
    for level in Level:
        parameter_groups(network, recipe_for(level, batch_norm=True, foreign=True, images=100))
        counts[level] = sum(parameter.requires_grad for parameter in network.parameters())
    assert counts[Level.QUICK] == 2 * len(network.score_layers)
    assert counts[Level.SCRATCH] == len(list(network.parameters()))
    names = [name for name, _ in network.named_parameters()]
    for prefixes in (network.score_layers, network.head_layers, network.early_layers):
        assert all(any(name.startswith(prefix) for name in names) for prefix in prefixes)


@pytest.mark.parametrize("name", _NAMED)
def test_descriptions_survive_json(name: str) -> None:
    assert Architecture.from_json(json.loads(json.dumps(named(name).as_json()))) == named(name)


def test_describing_a_network_loads_no_torch() -> None:
    code = "import sys, fcn_studio.fcn.model.architecture as a; a.named('slim'); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_architectures_have_names() -> None:
    assert named("slim-0.5") == Architecture.slim(0.5)
    assert named("vgg16bn-8s").title == "FCN-8s, VGG-16-BN"
    assert named("vgg16-8s-atonce").scales == ((16, 0.01), (8, 0.0001))
    assert named("alexnet-16s").title == "FCN-16s, AlexNet"
    assert named("efficientnet-lite2-4s-learned").title == "FCN-4s, EfficientNet-Lite2, learned upsampling"
    for wrong in (
        "resnet50-learned",
        "vgg19-learned",
        "vgg19",
        "slim-",
        "slim-x",
        "slim-nan",
        "slim-inf",
        "slim-1e9",
        "slim-9",
        "",
    ):
        with pytest.raises(CheckpointError, match=rf"'{wrong}' is no architecture; .*vgg16-8s.*from 0.05 to 2"):
            named(wrong)


@pytest.mark.parametrize("name", ["resnet50", "article"])
def test_what_has_no_taps_is_not_trained_as_in_the_paper(name: str) -> None:
    checkpoint = Checkpoint(named(name), ClassTable.from_names(["a", "b"]), Preprocessing(), {})
    assert not checkpoint.architecture.has_taps
    with pytest.raises(
        CheckpointError, match=f"'{checkpoint.architecture.title}' has no taps for them; choose a slim network"
    ):
        at_stride(checkpoint, 32)


@pytest.mark.parametrize(
    "changes",
    [
        {"trunk": "alexnet", "stride": 8},
        {"trunk": "alexnet", "padding": "same"},
        {"trunk": "resnet50", "upsampling": "learned"},
        {"trunk": "resnet34"},
        {"trunk": "article", "upsampling": "bilinear"},
        {"trunk": ["slim"]},
        {"upsampling": "nearest"},
        {"head_batch_norm": 0},
    ],
)
def test_descriptions_of_what_there_is_not_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(CheckpointError):
        Architecture.from_json(Architecture().as_json() | changes)


def test_checkpoints_from_before_the_family_load(tiny_network: Path) -> None:
    """Their description has no word of what came later, as the file of a slim network still has not."""
    loaded = load_checkpoint(tiny_network)
    assert set(loaded.architecture.as_json()).isdisjoint({"upsampling", "head_batch_norm", "head"})
    network = loaded.build()
    assert network.score_layers == ("score_fr", "score_pool4", "score_pool3")
    assert network.state_dict().keys() >= {"trunk.stages.stage1.conv1_1.weight", "trunk.head.bn6.running_var"}


# --- tiles ----------------------------------------------------------------------------------------------------------


def tile_differs(network: Network, tile: int, halo: int) -> float:
    """Largest relative difference of a tile, computed with a halo to its sides, from the whole of a wide image."""
    start = -(-network.halo // network.alignment) * network.alignment
    image = torch.randn(1, 3, 70, 2 * start + tile + 37, dtype=torch.double)
    with torch.inference_mode():
        whole = network(image)
        window = network(image[:, :, :, start - halo : start + tile + halo])
    inner, expected = window[..., halo : halo + tile], whole[..., start : start + tile]
    return float((inner - expected).abs().max() / whole.abs().max())


@pytest.mark.parametrize("name", ["vgg", "caffe", "alexnet", "alexnet-8s", "article"])
def test_tiles_with_their_halo_give_the_whole(name: str) -> None:
    network = build(TINY[name], 3).double().eval()
    randomise(network)
    network = network.for_inference()
    step = network.alignment
    assert network.exact_tiles
    assert tile_differs(network, 64, -(-network.halo // step) * step) < 1e-13
    assert tile_differs(network, 64, step) > 1e-6


def test_tiles_of_resnet_are_exact_only_in_images_of_whole_cells() -> None:
    network = build(Architecture.resnet(50), 2).eval()
    assert not network.exact_tiles
    image = torch.randn(1, 3, 16, 520)
    with torch.inference_mode():
        whole, tile, odd = network(image), network(image[..., : 64 + 232]), network(image[..., :517])
    torch.testing.assert_close(tile[..., :64], whole[..., :64], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(tile[..., :64], odd[..., :64], rtol=1e-4, atol=1e-5)


def test_the_halo_is_what_the_scores_reach() -> None:
    for name in ("vgg", "alexnet", "alexnet-8s", "article"):
        network = build(TINY[name], 2).double().eval()
        randomise(network)
        side = 2 * network.halo + 64
        image = torch.zeros(1, 3, 8, side, dtype=torch.double, requires_grad=True)
        network(image)[:, :, :, side // 2 - 32 : side // 2 + 32].abs().sum().backward()
        touched = image.grad.abs().sum((0, 1, 2)).nonzero().flatten()
        assert touched.min() >= side // 2 - 32 - network.halo
        assert touched.max() < side // 2 + 32 + network.halo


# --- learned upsampling and other classes ---------------------------------------------------------------------------


def test_learned_upsampling_begins_bilinear_and_stays_so_at_the_start_of_a_training() -> None:
    learned = build(TINY["caffe"], 3).eval()
    fixed = build(replace(TINY["caffe"], upsampling="bilinear"), 3).eval()
    initialise(learned)
    fixed.load_state_dict(learned.state_dict(), strict=False)
    image = torch.randn(1, 3, 40, 50)
    torch.testing.assert_close(learned(image), fixed(image))
    assert [name for name, _ in learned.named_parameters() if "upscore" in name] == [
        "upscore2.weight",
        "upscore_pool4.weight",
        "upscore8.weight",
    ]


@pytest.mark.parametrize("size", [4, 16, 63])
def test_bilinear_weights_are_told_from_learned_ones(size: int) -> None:
    weight = dense_bilinear(3, size)
    assert is_bilinear(weight)
    assert is_bilinear(weight.half().float())
    spoiled = weight.clone()
    spoiled[0, 1, 2, 2] = 0.01
    assert not is_bilinear(spoiled)
    assert not is_bilinear(weight[:2])


def adapted_checkpoint(architecture: Architecture, network: Network) -> tuple[Checkpoint, Checkpoint]:
    table = ClassTable.from_names(["a", "b", "c"])
    checkpoint = Checkpoint(architecture, table, Preprocessing(), network.state_dict())
    return checkpoint, adapt(checkpoint, ClassTable.from_names(["c", "new", "a"]))


def test_learned_kernels_keep_what_passes_among_kept_classes() -> None:
    network = build(TINY["caffe"], 3)
    for module in network.modules():
        if isinstance(module, LearnedUpsample):
            nn.init.normal_(module.weight)
    before, after = adapted_checkpoint(TINY["caffe"], network)
    old, new = before.state["upscore8.weight"], after.state["upscore8.weight"]
    assert torch.equal(new[0, 0], old[2, 2])
    assert torch.equal(new[0, 2], old[2, 0])
    assert torch.equal(new[2, 0], old[0, 2])
    assert torch.equal(new[1, 1], dense_bilinear(1, 16)[0, 0])
    assert not new[1, [0, 2]].any()
    assert not new[[0, 2], 1].any()
    assert torch.equal(after.state["score_fr.weight"][0], before.state["score_fr.weight"][2])


@pytest.mark.parametrize("name", [*TINY, "resnet50"])
def test_a_trunk_without_classes_is_given_some(name: str) -> None:
    """As a file of a trunk alone has it: weights with no row for a class."""
    with torch.device("meta"):
        network = build(TINY.get(name) or named(name), 1)
        wanted = build(TINY.get(name) or named(name), 2).state_dict()
    for key, value in network.state_dict().items():
        value = torch.zeros(value.shape, dtype=value.dtype)
        none = network.adapted(key, value, [])
        assert network.adapted(key, none, [None, None]).shape == wanted[key].shape, key


@pytest.mark.parametrize("name", TINY)
def test_kept_classes_have_the_scores_that_they_had(name: str) -> None:
    network = build(TINY[name], 3).eval() if name != "article" else article(3).float()
    randomise(network)
    before, after = adapted_checkpoint(TINY[name], network)
    image = torch.randn(1, 3, 40, 70)
    with torch.inference_mode():
        old, new = before.build()(image), after.build()(image)
    assert new.shape == (1, 3, 40, 70)
    if name == "article":  # the evidence of a class that is gone had a part in all scores; that of b is missing
        assert torch.isfinite(new).all()
        return
    torch.testing.assert_close(new[:, [0, 2]], old[:, [2, 0]])
    assert not new[:, 1].any()


def test_more_classes_change_no_score_of_the_article() -> None:
    network = article(3).float()
    table = ClassTable.from_names(["a", "b", "c"])
    checkpoint = Checkpoint(TINY["article"], table, Preprocessing(), network.state_dict())
    more = adapt(checkpoint, ClassTable.from_names(["b", "new", "c", "a"]))
    image = torch.randn(1, 3, 40, 70)
    with torch.inference_mode():
        old, new = checkpoint.build()(image), more.build()(image)
    torch.testing.assert_close(new[:, [0, 2, 3]], old[:, [1, 2, 0]], rtol=1e-4, atol=1e-4)
    assert not new[:, 1].any()
    assert more.state["stage5.0.weight"][1].any()


# --- training and labelling -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "level"),
    [*((name, level) for name in TINY for level in (Level.SCRATCH, Level.QUICK)), ("resnet50", Level.SCRATCH)],
)
def test_every_kind_learns_and_labels(name: str, level: Level) -> None:
    architecture = TINY.get(name) or named(name)
    torch.manual_seed(0)
    network = build(architecture, 2)
    initialise(network)
    before = {key: value.clone() for key, value in network.named_parameters()}
    recipe = recipe_for(level, batch_norm=True, foreign=True, images=100)
    optimisation = Optimisation(network, recipe, np.ones(2), CPU, 2)
    image = np.zeros((48, 64, 3), np.uint8)
    image[:, 32:] = 255
    image[::2, :, 1] = 128
    target = torch.from_numpy((image[:, :, 0] > 0).astype(np.int64)).expand(2, -1, -1)
    preprocessing = Preprocessing(mean=(127.0, 127.0, 127.0), std=(127.0, 127.0, 127.0))
    inputs = normalise(torch.from_numpy(image)[None], preprocessing).expand(2, -1, -1, -1)
    losses = []
    for _ in range(2 if name == "resnet50" else 8):
        optimisation.step(lambda device: [Batch(inputs, target)], 0.3)
        losses.append(optimisation.loss)
    assert losses[-1] < losses[0]
    changed = {key for key, value in optimisation.network.named_parameters() if not torch.equal(value, before[key])}
    if level is Level.QUICK:
        assert {key.rpartition(".")[0] for key in changed} == set(network.score_layers)
    else:
        assert len(changed) >= 0.9 * len(before)
    checkpoint = Checkpoint(
        architecture, ClassTable.from_names(["a", "b"]), preprocessing, optimisation.average.state_dict()
    )
    prediction = Predictor(checkpoint).predict(image, "x")
    with torch.inference_mode():
        expected = checkpoint.build()(normalise(torch.from_numpy(image)[None], preprocessing))[0].argmax(0)
    assert (prediction.label_map == expected.numpy()).mean() > 0.999
