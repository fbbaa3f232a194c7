"""The family against the networks written out plainly, with one random state dict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import segmentation, vgg

from fcn_studio.fcn.model.architecture import Architecture
from fcn_studio.fcn.model.build import build
from fcn_studio.fcn.model.fcn import Network
from tests.fcn.plain import PlainAlexNet, PlainArticle, PlainFCN, interpolating

SIZES = [(1, 1), (33, 47), (97, 131), (160, 160), (191, 254)]
CLASSES = 7
NARROW = [8, 16, 32, 64, 64]

PAPER = {
    "8s": Architecture.vgg16(8),
    "at once": Architecture.vgg16(8, at_once=True),
    "16s": Architecture.vgg16(16),
    "32s": Architecture.vgg16(32),
}


def narrow(architecture: Architecture) -> Architecture:
    return replace(architecture, width=0.125, fc=24)


def randomise(network: nn.Module, seed: int = 0) -> None:
    """He's weights, some bias, and statistics as if something had been learned."""
    chance = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            fan_in = module.weight[0].numel()
            module.weight.data.normal_(std=(2 / fan_in) ** 0.5, generator=chance)
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5, generator=chance)
            module.running_mean.normal_(std=0.2, generator=chance)
            module.running_var.uniform_(0.5, 2, generator=chance)
        if getattr(module, "bias", None) is not None and not isinstance(module, nn.ConvTranspose2d):
            module.bias.data.normal_(std=0.1, generator=chance)


def caffe_state(network: Network) -> dict[str, Tensor]:
    """Its weights under the released networks' names."""
    return {".".join(key.split(".")[-2:]): value for key, value in network.state_dict().items()}


def assert_equal(ours: Tensor, theirs: Tensor, tolerance: float) -> None:
    """The same scores, and the same best class wherever there is one within the precision of the numbers."""
    assert ours.shape == theirs.shape
    largest = float(theirs.abs().max())
    assert float((ours - theirs).abs().max()) < tolerance * largest
    first, second = theirs.topk(2, dim=1).values.unbind(1)
    tied = first - second < 4 * torch.finfo(theirs.dtype).eps * largest
    assert tied.float().mean() < 0.001
    np.testing.assert_array_equal(ours.argmax(1)[~tied], theirs.argmax(1)[~tied])


def compare(
    network: Network, plain: nn.Module, sizes: list[tuple[int, int]], dtype: torch.dtype = torch.float32
) -> None:
    """Both give the same scores; the plain one interpolates where ours has no weights for it."""
    tolerance = 1e-5 if dtype == torch.float32 else 1e-13
    network = network.to(dtype)
    state = caffe_state(network)
    for name, module in plain.named_modules():
        if isinstance(module, nn.ConvTranspose2d) and f"{name}.weight" not in state:
            state[f"{name}.weight"] = interpolating(module.in_channels, module.kernel_size[0]).to(dtype)
    plain.load_state_dict(state, strict=True, assign=True)
    with torch.inference_mode():
        for size in sizes:
            image = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(size[0])) * 60
            assert_equal(network(image.to(dtype)), plain(image.to(dtype)), tolerance)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", PAPER)
def test_vgg16_gives_the_scores_of_the_released_networks(name: str, dtype: torch.dtype) -> None:
    architecture = narrow(PAPER[name])
    network = build(architecture, CLASSES).eval()
    randomise(network)
    plain = PlainFCN(NARROW, 24, CLASSES, architecture.stride, bool(architecture.scales)).eval()
    compare(network, plain, SIZES if dtype == torch.float32 else SIZES[:3], dtype)


@pytest.mark.parametrize("name", PAPER)
def test_learned_upsampling_may_be_anything(name: str) -> None:
    architecture = narrow(replace(PAPER[name], upsampling="learned"))
    network = build(architecture, CLASSES).eval()
    randomise(network)
    for module in network.modules():
        if isinstance(module, nn.ConvTranspose2d):
            module.weight.data.add_(torch.randn(module.weight.shape) * 0.1)
    plain = PlainFCN(NARROW, 24, CLASSES, architecture.stride, bool(architecture.scales)).eval()
    compare(network, plain, [(33, 47), (97, 131)])


def test_vgg16_of_full_width_has_the_weights_of_the_released_network() -> None:
    with torch.device("meta"):
        ours = caffe_state(build(Architecture.vgg16(), 21))
        theirs = PlainFCN([64, 128, 256, 512, 512], 4096, 21, 8, False).state_dict()
    computed = {key for key in theirs if "upscore" in key}  # ours has no weights for them
    assert {key: value.shape for key, value in ours.items()} == {
        key: value.shape for key, value in theirs.items() if key not in computed
    }


@pytest.mark.parametrize("upsampling", ["bilinear", "learned"])
@pytest.mark.parametrize(
    ("torchvision_layout", "widths"),
    [(False, [24, 64, 96, 96, 64]), (True, [16, 48, 96, 64, 64])],
    ids=["caffe", "torchvision"],
)
def test_alexnet_gives_the_scores_of_the_released_network(
    torchvision_layout: bool, widths: list[int], upsampling: str
) -> None:
    architecture = Architecture.alexnet(torchvision_layout)
    network = build(replace(architecture, width=0.25, fc=24, upsampling=upsampling), CLASSES).eval()
    randomise(network)
    plain = PlainAlexNet(widths, 24, CLASSES, groups=1 if torchvision_layout else 2).eval()
    compare(network, plain, SIZES)
    assert network.crops == (18,)


def test_torchvisions_alexnet_has_the_layers_of_our_layout() -> None:
    with torch.device("meta"):
        theirs = torchvision.models.alexnet(weights=None)
        ours = build(Architecture.alexnet(torchvision=True), 2)
    shapes = [tuple(layer.weight.shape) for layer in theirs.features if isinstance(layer, nn.Conv2d)]
    convolutions = [layer for layer in ours.trunk.stages.modules() if isinstance(layer, nn.Conv2d)]
    assert [tuple(layer.weight.shape) for layer in convolutions] == shapes
    assert theirs.classifier[1].weight.shape == ours.trunk.head.fc6.weight.flatten(1).shape
    assert theirs.classifier[4].weight.shape == ours.trunk.head.fc7.weight.flatten(1).shape


@pytest.mark.parametrize("batch_norm", [False, True])
def test_torchvisions_vgg16_gives_our_taps(batch_norm: bool) -> None:
    """A bias ahead of normalisation is taken from its mean: (x + b) - m = x - (m - b)."""
    layers: list[int | str] = []
    for wide, depth in zip(NARROW, (2, 2, 3, 3, 3), strict=True):
        layers += [*[wide] * depth, "M"]
    theirs = nn.Sequential(vgg.make_layers(layers, batch_norm), nn.Linear(NARROW[-1] * 49, 24), nn.Linear(24, 24))
    theirs.eval()
    randomise(theirs)
    network = build(narrow(Architecture.vgg16_same(batch_norm)), CLASSES).eval()
    blocks = [block for block in network.trunk.stages.modules() if isinstance(block, nn.Conv2d | nn.BatchNorm2d)]
    bias = torch.zeros(())
    with torch.no_grad():
        for ours, layer in zip(
            blocks, [m for m in theirs[0] if isinstance(m, nn.Conv2d | nn.BatchNorm2d)], strict=True
        ):
            state = layer.state_dict()
            if isinstance(layer, nn.Conv2d) and batch_norm:
                bias = state.pop("bias")
            if isinstance(layer, nn.BatchNorm2d):
                state["running_mean"] = state["running_mean"] - bias
            ours.load_state_dict(state, strict=True)
        head = network.trunk.head
        head.fc6.weight.copy_(theirs[1].weight.view(24, -1, 7, 7))
        head.fc7.weight.copy_(theirs[2].weight.view(24, -1, 1, 1))
        head.fc6.bias.copy_(theirs[1].bias)
        head.fc7.bias.copy_(theirs[2].bias)
        image = torch.randn(1, 3, 224, 224)
        taps = network.features(image)
        pool5 = theirs[0](image)
        classified = theirs[2](theirs[1](pool5.flatten(1)).relu()).relu()
        torch.testing.assert_close(taps[32][0, :, 3, 3], classified[0], rtol=1e-4, atol=1e-4)
        stop = [i for i, layer in enumerate(theirs[0]) if isinstance(layer, nn.MaxPool2d)][2] + 1
        torch.testing.assert_close(taps[8], theirs[0][:stop](image), rtol=1e-4, atol=1e-4)


def test_resnet_gives_torchvisions_scores() -> None:
    network = build(Architecture.resnet(50), 5).eval()
    theirs = segmentation.fcn_resnet50(weights=None, weights_backbone=None, num_classes=5).eval()
    randomise(network)
    theirs.load_state_dict(network.state_dict(), strict=True)
    with torch.inference_mode():
        for size in ((1, 1), (33, 47), (64, 80)):
            image = torch.randn(1, 3, *size)
            assert torch.equal(network(image), theirs(image)["out"])


def test_resnet101_has_torchvisions_weights() -> None:
    with torch.device("meta"):
        ours = build(Architecture.resnet(101), 21).state_dict()
        theirs = segmentation.fcn_resnet101(weights=None, weights_backbone=None, num_classes=21).state_dict()
    assert {key: value.shape for key, value in ours.items()} == {key: value.shape for key, value in theirs.items()}


def article(classes: int = 5) -> Network:
    network = build(replace(Architecture.article(), width=0.0625), classes).double().eval()
    randomise(network)
    for module in network.modules():
        if isinstance(module, nn.ConvTranspose2d):
            module.weight.data.add_(torch.randn(module.weight.shape) * 0.1)
            module.bias.data.normal_(std=0.5)
    return network


def test_the_articles_network_gives_the_articles_scores_where_that_runs() -> None:
    network, plain = article(), PlainArticle([8, 16, 24, 16, 32], 5).double().eval()
    plain.load_state_dict(network.state_dict(), strict=True)
    with torch.inference_mode():
        for size in ((32, 32), (64, 96)):
            image = torch.randn(2, 3, *size, dtype=torch.double)
            assert torch.equal(network(image), plain(image))
        with pytest.raises(RuntimeError, match="Sizes of tensors"):
            plain(torch.randn(1, 3, 60, 80, dtype=torch.double))
        assert network(torch.randn(1, 3, 60, 80, dtype=torch.double)).shape == (1, 5, 60, 80)


def test_the_article_of_full_width_has_the_articles_weights() -> None:
    with torch.device("meta"):
        ours = build(Architecture.article(), 21).state_dict()
        theirs = PlainArticle([96, 256, 384, 256, 512], 21).state_dict()
    assert {key: value.shape for key, value in ours.items()} == {key: value.shape for key, value in theirs.items()}


def test_the_articles_collapsed_tail_gives_the_scores_of_the_plain_one_with_its_borders() -> None:
    network = article()
    collapsed = network.for_inference()
    with torch.inference_mode():
        for size in ((1, 1), (32, 32), (33, 47), (97, 131)):
            image = torch.randn(2, 3, *size, dtype=torch.double)
            plain = network(image)
            assert float((collapsed(image) - plain).abs().max() / plain.abs().max()) < 1e-13
        kernel = collapsed.collapsed.kernel_00
        assert tuple(kernel.shape) == (16 + 32 + 5, 5, 16, 16)
