"""Networks of others: the same scores as the network they were made from, or a sentence and nothing left behind."""

from __future__ import annotations

import argparse
import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from fcn_studio.core.classes import VOC_NAMES, ClassTable
from fcn_studio.errors import ArchitectureUndecided, CheckpointError, NetworkCannotHelp
from fcn_studio.fcn.model.architecture import Architecture
from fcn_studio.fcn.model.fcn import Network
from fcn_studio.fcn.model.upsampling import dense_bilinear
from fcn_studio.fcn.weights.checkpoint import Checkpoint, adapt, load_checkpoint
from fcn_studio.fcn.weights.convert import convert
from fcn_studio.fcn.weights.key_mapping import PREPROCESSING, checkpoint_of
from fcn_studio.fcn.weights.published import PUBLISHED
from tests.fcn.others import caffe_weights, narrow, network, torchvision_vgg, write
from tests.fcn.plain import PlainArticle
from tests.trust.test_checkpoints import FOREIGN

IMAGE = torch.randn(1, 3, 33, 47, generator=torch.Generator().manual_seed(5)) * 60


def imported(source: Path, **how: object) -> Checkpoint:
    out = source.parent / "out.safetensors"
    convert(source, out, **how)  # type: ignore[arg-type]
    return load_checkpoint(out)


def equal(found: Tensor, wanted: Tensor) -> None:
    assert (found - wanted).abs().max() < 1e-5 * wanted.abs().max()
    assert torch.equal(found.argmax(1), wanted.argmax(1))


@torch.inference_mode()
def same_scores(found: Checkpoint, made: Network) -> None:
    equal(found.build()(IMAGE), made(IMAGE))


@torch.inference_mode()
def as_caffe(weights: dict[str, Tensor], image: Tensor, pool4: float = 1, pool3: float = 1) -> Tensor:
    """FCN-8s written down layer by layer, with the crops of its prototxt: no code of ours."""
    x, taps = functional.pad(image, (99,) * 4), {}
    for stage, depth in enumerate((2, 2, 3, 3, 3), 1):
        for i in range(1, depth + 1):
            layer = f"conv{stage}_{i}"
            x = functional.conv2d(x, weights[f"{layer}.weight"], weights[f"{layer}.bias"], padding=1).relu()
        x = taps[stage] = functional.max_pool2d(x, 2, 2, ceil_mode=True)
    for layer in ("fc6", "fc7"):
        x = functional.conv2d(x, weights[f"{layer}.weight"], weights[f"{layer}.bias"]).relu()

    def score(layer: str, tap: Tensor) -> Tensor:
        return functional.conv2d(tap, weights[f"{layer}.weight"], weights[f"{layer}.bias"])

    x = functional.conv_transpose2d(score("score_fr", x), weights["upscore2.weight"], stride=2)
    skip = score("score_pool4", taps[4] * pool4)[:, :, 5 : 5 + x.shape[2], 5 : 5 + x.shape[3]]
    x = functional.conv_transpose2d(x + skip, weights["upscore_pool4.weight"], stride=2)
    skip = score("score_pool3", taps[3] * pool3)[:, :, 9 : 9 + x.shape[2], 9 : 9 + x.shape[3]]
    x = functional.conv_transpose2d(x + skip, weights["upscore8.weight"], stride=8)
    return x[:, :, 31 : 31 + image.shape[2], 31 : 31 + image.shape[3]]


@pytest.mark.parametrize("name", ["net.caffemodel", "net.pth"])
@torch.inference_mode()
def test_an_fcn8s_gives_the_scores_of_the_released_net(tmp_path: Path, name: str) -> None:
    weights = caffe_weights(network(narrow()))
    how = {"architecture": "vgg16-8s"} if name.endswith(".pth") else {}
    found = imported(write(tmp_path / name, weights), **how)
    equal(found.build()(IMAGE), as_caffe(weights, IMAGE))
    assert [c.name for c in found.table] == list(VOC_NAMES)
    assert found.preprocessing == PREPROCESSING["caffe"]
    assert found.architecture == narrow()
    assert (found.source, len(found.source_sha256)) == (name, 64)


@pytest.mark.parametrize("stride", [32, 16])
@pytest.mark.parametrize("how", [{}, {"v1": True, "old": True}, {"odd": ("conv1_1", "score_fr")}])
def test_the_coarser_nets_in_every_way_to_write_them(tmp_path: Path, stride: int, how: dict[str, object]) -> None:
    made = network(narrow(stride))
    weights = caffe_weights(made, stride=stride)
    if "old" in how:  # whose biases alone had another shape
        weights = {name: value for name, value in weights.items() if value.ndim in (1, 4)}
    found = imported(write(tmp_path / "net.caffemodel", weights, **how))
    assert found.architecture == narrow(stride)
    same_scores(found, made)


@torch.inference_mode()
def test_scales_of_at_once_training_are_read_or_known(tmp_path: Path) -> None:
    made = network(narrow(scales=((16, 0.01), (8, 0.0001))))
    weights = caffe_weights(made)
    scales = {"scale_pool4.weight": torch.full((64,), 0.01), "scale_pool3.weight": torch.full((32,), 0.0001)}
    found = imported(write(tmp_path / "net.caffemodel", weights | scales))
    assert found.architecture.scales == ((16, 0.01), (8, 0.0001))
    equal(found.build()(IMAGE), as_caffe(weights, IMAGE, 0.01, 0.0001))
    scales["scale_pool3.weight"][3] = 1
    with pytest.raises(CheckpointError, match="scales channels differently"):
        imported(write(tmp_path / "net.caffemodel", weights | scales))


@torch.inference_mode()
def test_kernels_that_are_not_bilinear_are_kept(tmp_path: Path) -> None:
    made = network(narrow(upsampling="learned"), classes=3)
    weights = caffe_weights(made, kernels=False)
    found = imported(write(tmp_path / "net.pth", weights), classes=("a", "b", "c"), architecture="vgg16-8s")
    assert found.architecture.upsampling == "learned"
    equal(found.build()(IMAGE), as_caffe(weights, IMAGE))


def test_of_a_net_with_two_tasks_the_semantic_one_is_taken() -> None:
    made = network(narrow(), classes=33)
    weights = caffe_weights(made)
    two = {}
    for name, value in weights.items():
        task = name.startswith(("score_", "upscore"))
        two[name.replace(".", "_sem.") if task else name] = value
        if task:
            two[name.replace(".", "_geo.")] = value[:3]
    row = PUBLISHED["siftflow-fcn8s-heavy"]
    with pytest.raises(CheckpointError, match="is a FCN-8s"):
        checkpoint_of(two, row)  # it is narrower than what was published
    found = checkpoint_of(two, replace(row, architecture=narrow()))
    assert found.preprocessing == PREPROCESSING["sift-flow"]
    assert found.table.name_of(32) == "window"
    same_scores(found, made)


def test_scales_that_a_pth_does_not_have_are_those_of_the_published_network() -> None:
    made = network(narrow(scales=((16, 0.01), (8, 0.0001))))
    row = replace(PUBLISHED["pytorch-fcn8s-atonce"], architecture=made_as(made))
    same_scores(checkpoint_of(caffe_weights(made), row), made)


def made_as(made: Network) -> Architecture:
    return narrow(scales=tuple(made.scales.items()))  # type: ignore[arg-type, attr-defined]


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("zipped", [True, False])
def test_files_of_pytorchs_old_and_new_ways(tmp_path: Path, wrapped: bool, zipped: bool) -> None:
    made = network(narrow(), classes=21)
    weights = caffe_weights(made)
    content = {"epoch": 3, "model_state_dict": weights} if wrapped else weights
    torch.save(content, tmp_path / "net.pth", _use_new_zipfile_serialization=zipped)
    same_scores(imported(tmp_path / "net.pth", architecture="vgg16-8s"), made)


# --- torchvision --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_norm", [False, True])
@torch.inference_mode()
def test_a_vgg16_of_torchvision_becomes_a_trunk_with_the_same_features(tmp_path: Path, batch_norm: bool) -> None:
    made = network(replace(Architecture.vgg16_same(batch_norm), width=0.125, fc=16), classes=2)
    found = imported(write(tmp_path / "vgg.pth", torchvision_vgg(made)))
    assert found.preprocessing == PREPROCESSING["imagenet"]
    assert len(found.table) == 0
    with pytest.raises(NetworkCannotHelp, match="a start for fine-tuning"):
        found.build()
    table = ClassTable.from_names(["a", "b", "c"])
    started = adapt(found, table).build()
    for stride, tap in started.features(IMAGE).items():
        torch.testing.assert_close(tap, made.features(IMAGE)[stride], rtol=1e-4, atol=1e-4)
    assert not started(IMAGE).any(), "its scores begin at zero"


def test_the_vgg16_of_caffe_keeps_caffes_ways() -> None:
    row = PUBLISHED["vgg16-caffe"]
    made = network(replace(Architecture.vgg16_same(False), width=0.125, fc=16), classes=2)
    found = checkpoint_of(torchvision_vgg(made), replace(row, architecture=narrow()))
    assert found.architecture == narrow()
    assert found.preprocessing == PREPROCESSING["caffe"]


@torch.inference_mode()
def test_an_alexnet_of_torchvision_becomes_a_trunk() -> None:
    architecture = replace(Architecture.alexnet(torchvision=True), width=0.125, fc=16)
    made = network(architecture, classes=2)
    theirs = {}
    for number, place in enumerate((0, 3, 6, 8, 10), 1):
        for kind in ("weight", "bias"):
            name = f"trunk.stages.stage{min(number, 3)}.conv{number}.{kind}"
            theirs[f"features.{place}.{kind}"] = made.state_dict()[name]
    for place, layer in ((1, "fc6"), (4, "fc7")):
        theirs[f"classifier.{place}.weight"] = made.state_dict()[f"trunk.head.{layer}.weight"].flatten(1)
        theirs[f"classifier.{place}.bias"] = made.state_dict()[f"trunk.head.{layer}.bias"]
    theirs |= {"classifier.6.weight": torch.zeros(1000, 16), "classifier.6.bias": torch.zeros(1000)}
    found = checkpoint_of(theirs)
    assert found.architecture == architecture
    started = adapt(found, ClassTable.from_names(["a", "b"])).build()
    assert torch.equal(started.features(IMAGE)[32], made.features(IMAGE)[32])


def test_the_papers_alexnet(tmp_path: Path) -> None:
    made = network(replace(Architecture.alexnet(), width=0.125, fc=16))
    weights = {".".join(key.split(".")[-2:]): value for key, value in made.state_dict().items()}
    weights["upscore.weight"] = dense_bilinear(21, 63)
    found = imported(write(tmp_path / "net.caffemodel", weights))
    assert found.architecture == replace(Architecture.alexnet(), width=0.125, fc=16)
    same_scores(found, made)


@torch.inference_mode()
def test_torchvisions_fcn_gives_the_scores_that_it_gives_there() -> None:
    from torchvision.models.segmentation import fcn_resnet50

    torch.manual_seed(0)
    theirs = fcn_resnet50(weights=None, weights_backbone=None, num_classes=21, aux_loss=True).eval()
    found = checkpoint_of(theirs.state_dict(), PUBLISHED["fcn-resnet50"])
    assert not any(name.startswith("aux") for name in found.state)
    assert found.table.name_of(15) == "person"
    equal(found.build()(IMAGE / 60), theirs(IMAGE / 60)["out"])


# --- refusals -----------------------------------------------------------------------------------------------------

Spoil = Callable[[dict[str, Tensor]], object]


def without(name: str) -> Spoil:
    return lambda weights: weights.pop(name)


FLAWS: dict[str, Spoil] = {
    "missing": without("conv4_2.bias"),
    "no scores": without("score_fr.weight"),
    "no first layer": without("conv1_1.weight"),
    "too much": lambda weights: weights.update({"conv9_9.weight": torch.zeros(3)}),
    "another shape": lambda weights: weights.update({"conv2_1.weight": torch.zeros(16, 8, 3, 2)}),
    "a scalar": lambda weights: weights.update({"fc6.weight": torch.zeros(())}),
    "no numbers": lambda weights: weights["conv3_1.weight"].view(-1)[5].fill_(torch.nan),
    "endless": lambda weights: weights["score_pool3.bias"].fill_(torch.inf),
    "unlike scores": lambda weights: weights.update({"score_pool4.bias": torch.zeros(20)}),
    "unnamed classes": lambda weights: weights.update(
        {n: v[:20].clone() for n, v in weights.items() if n.startswith("score_")}
    ),
    "odd width": lambda weights: weights.update({"conv4_1.weight": torch.zeros(9, 32, 3, 3)}),
    "no width": without("conv4_1.weight"),
    "kernels of no shape": lambda weights: weights.update({"upscore8.weight": torch.zeros(5)}),
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_other_weights_are_refused_with_a_sentence(tmp_path: Path, flaw: str) -> None:
    weights = caffe_weights(network(narrow()))
    FLAWS[flaw](weights)
    out = tmp_path / "out.safetensors"
    for name in ("net.pth", "net.caffemodel"):
        if flaw == "a scalar" and name == "net.caffemodel":
            continue
        with pytest.raises(CheckpointError, match=r"net\.(pth|caffemodel)") as caught:
            convert(write(tmp_path / name, weights), out)
        assert len(str(caught.value)) < 600
    assert not out.exists()


@pytest.mark.parametrize("make", FOREIGN, ids=lambda make: make.__name__)
def test_pickles_run_no_code(tmp_path: Path, make: Callable[[Path], bytes]) -> None:
    canary = tmp_path / "it ran"
    (tmp_path / "net.pth").write_bytes(make(canary))
    with pytest.raises(CheckpointError, match=r"net\.pth"):
        convert(tmp_path / "net.pth", tmp_path / "out.safetensors")
    assert not canary.exists()
    assert not (tmp_path / "out.safetensors").exists()


def pickled(**content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def deflated(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
    return buffer.getvalue()


LIES: dict[str, Callable[[], bytes]] = {
    "no stride": lambda: pickled(w=torch.zeros(1).expand(10**5, 10**5)),
    "the same storage over and over": lambda: pickled(**dict.fromkeys(map(str, range(50)), torch.zeros(10**5))),
    "deflated": lambda: deflated(pickled(w=torch.zeros(10**6))),
    "sparse": lambda: pickled(w=torch.zeros(5, 5).to_sparse()),
    "integers": lambda: pickled(w=torch.zeros(5, dtype=torch.int32)),
    "a list": lambda: pickled(w=[1, 2]),
    "nothing": lambda: pickled(),
    "nested": lambda: pickled(model={"w": {"x": torch.zeros(1)}}),
    "cut off": lambda: pickled(w=torch.zeros(1000))[:-300],
    "only a head": lambda: b"PK\x03\x04",
    "a pickle's head": lambda: b"\x80\x02",
}


@pytest.mark.parametrize("lie", LIES)
def test_pth_files_that_lie_are_refused(tmp_path: Path, lie: str) -> None:
    (tmp_path / "net.pth").write_bytes(LIES[lie]())
    with pytest.raises(CheckpointError, match=r"net\.pth"):
        convert(tmp_path / "net.pth", tmp_path / "out.safetensors")


# --- the table ----------------------------------------------------------------------------------------------------


def test_the_table_makes_sense() -> None:
    for name, row in PUBLISHED.items():
        assert row.name == name
        assert row.preprocessing in PREPROCESSING
        assert len(row.classes) in (0, 21, 33, 60)
        assert row.size > 10**8
        assert row.trusted == (row.url.startswith("https://") or name == "fcn8s-heavy")
        assert row.trunk_only == (name in ("vgg16", "vgg16-bn", "vgg16-caffe", "alexnet"))
        ClassTable.from_names(row.classes)


class Elsewhere:
    """A class of a training script, which is not there when its file is read."""

    opened = False

    def __setstate__(self, state: object) -> None:
        Elsewhere.opened = True


def as_people_have_them(state: dict[str, Tensor]) -> dict[str, object]:
    """The files that training scripts write around the same weights."""
    elsewhere = Elsewhere()
    elsewhere.lr = 0.01  # type: ignore[attr-defined]
    return {
        "torchvision's script": {"model": state, "optimizer": {}, "epoch": 3, "args": argparse.Namespace(lr=0.01)},
        "a class of the script": {"state_dict": state, "config": elsewhere, "pytorch-lightning_version": "2.0"},
        "scalars of NumPy": {"model": state, "best_miou": np.float64(0.5)},
        "DataParallel": {f"module.{name}": value for name, value in state.items()},
        "Lightning": {"state_dict": {f"model.{name}": value for name, value in state.items()}, "epoch": 1},
        "both": {f"module.model.{name}": value for name, value in state.items()},
        "half precision": {
            name: value.half() if value.is_floating_point() else value for name, value in state.items()
        },
    }


@pytest.mark.parametrize("kind", as_people_have_them({}))
def test_files_of_training_scripts_are_imported(tmp_path: Path, kind: str) -> None:
    made = network(narrow(), classes=3)
    torch.save(as_people_have_them(caffe_weights(made))[kind], tmp_path / "net.pth")
    Elsewhere.opened = False
    found = imported(tmp_path / "net.pth", classes=("a", "b", "c"), architecture="vgg16-8s")
    assert not Elsewhere.opened, "code of the file has run"
    if kind != "half precision":
        same_scores(found, made)
    assert len(found.table) == 3


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_whole_module_is_refused_in_plain_words(tmp_path: Path, wrapped: bool) -> None:
    made = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1))
    torch.save({"model": made} if wrapped else made, tmp_path / "net.pth")
    with pytest.raises(CheckpointError, match=r"save the network's state_dict\(\) in Python") as caught:
        imported(tmp_path / "net.pth")
    assert "\x1b" not in str(caught.value)
    assert "weights_only" not in str(caught.value)


@torch.inference_mode()
def test_a_pth_of_an_fcn8s_says_neither_staged_nor_at_once_and_asks(tmp_path: Path) -> None:
    weights = caffe_weights(network(narrow()))
    source = write(tmp_path / "net.pth", weights)
    with pytest.raises(ArchitectureUndecided, match="--architecture vgg16-8s, or --architecture vgg16-8s-atonce"):
        imported(source)
    equal(imported(source, architecture="vgg16-8s").build()(IMAGE), as_caffe(weights, IMAGE))
    at_once = imported(source, architecture="vgg16-8s-atonce")
    assert at_once.architecture.scales == ((16, 0.01), (8, 0.0001))
    equal(at_once.build()(IMAGE), as_caffe(weights, IMAGE, 0.01, 0.0001))
    with pytest.raises(CheckpointError, match="and not 'vgg16-16s'"):
        imported(source, architecture="vgg16-16s")
    with pytest.raises(CheckpointError, match="'vgg19' is no"):
        imported(source, architecture="vgg19")
    coarse = write(tmp_path / "coarse.pth", caffe_weights(network(narrow(16)), stride=16))
    assert imported(coarse).architecture == narrow(16), "which has no tap that at-once training would scale alone"


@torch.inference_mode()
def test_the_articles_own_state_dict_is_imported(tmp_path: Path) -> None:
    torch.manual_seed(2)
    plain = PlainArticle([48, 128, 192, 128, 256], 3).eval()
    for value in plain.buffers():
        if value.is_floating_point():
            value.uniform_(0.5, 1.5)
    torch.save(plain.state_dict(), tmp_path / "fcn8.pth")
    found = imported(tmp_path / "fcn8.pth", classes=("a", "b", "c"))
    assert (found.architecture.trunk, found.architecture.width) == ("article", 0.5)
    image = IMAGE[:, :, :32, :32]
    equal(found.build()(image), plain(image))
