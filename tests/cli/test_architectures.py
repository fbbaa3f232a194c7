"""`fcn-studio train --architecture` with names of docs/NETWORKS.md, one step, as narrow as can be."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from fcn_studio import cli
from fcn_studio.core.classes import ClassTable
from fcn_studio.fcn.model.architecture import _NAMED, LEARNED, Architecture, named
from fcn_studio.fcn.model.build import build
from fcn_studio.fcn.model.family import FAMILY, FamilyMember
from fcn_studio.fcn.weights.checkpoint import Checkpoint, Preprocessing, load_checkpoint, save_checkpoint
from tests.bench.networks import Row, counted
from tests.helpers import ROOT

pytestmark = pytest.mark.usefixtures("bundled")

TRAINED = (
    *(name for name in _NAMED if not name.startswith(("efficientnet", "resnet101"))),
    *("efficientnet-lite0-2s", "efficientnet-lite0-4s-light", "efficientnet-lite1-8s", "efficientnet-lite2-32s"),
    *("vgg16-8s-learned", "alexnet-16s-learned", "efficientnet-lite0-4s-learned", "slim-0.25-learned"),
)
"""Of deep trunks some: that the layers of each are found and its sizes fit is in tests/fcn/model/test_family.py."""
DOC = (ROOT / "docs" / "NETWORKS.md").read_text(encoding="utf-8")


def narrowed(architecture: Architecture) -> Architecture:
    """The same with few channels, where the network has a width."""
    if architecture.trunk in ("vgg16", "alexnet", "alexnet_torchvision"):
        return replace(architecture, width=0.0625, fc=16)
    return replace(architecture, width=0.0625) if architecture.trunk == "article" else architecture


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, architecture in _NAMED.items():
        monkeypatch.setitem(_NAMED, name, narrowed(architecture))


def train(folder: Path, out: Path, *words: str) -> int:
    return cli.main(["train", str(folder), "--device", "cpu", "--steps", "1", "--out", str(out), *words])


@pytest.mark.parametrize("name", TRAINED)
@pytest.mark.usefixtures("narrow")
def test_every_architecture_is_trained_by_its_name(name: str, micrograph_project: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.safetensors"
    words = ("--level", "scratch", "--architecture", name, "--input-scale", "0.25", "--batch-size", "2")
    assert train(micrograph_project, out, *words) == 0
    assert load_checkpoint(out).architecture == named(name)


@pytest.mark.parametrize(
    ("recipe", "name"),
    [("paper", "alexnet-32s"), ("paper", "alexnet-8s"), ("paper", "vgg16-16s"), ("paper-atonce", "alexnet-16s")],
)
@pytest.mark.usefixtures("narrow")
def test_the_papers_recipes_end_at_the_stride_of_the_architecture(
    recipe: str, name: str, micrograph_project: Path, tmp_path: Path
) -> None:
    out = tmp_path / "net.safetensors"
    words = ("--level", "scratch", "--recipe", recipe, "--architecture", name, "--input-scale", "0.25")
    assert train(micrograph_project, out, *words) == 0
    assert load_checkpoint(out).architecture == named(name)


@pytest.mark.parametrize(
    ("start", "name", "more"),
    [
        ("alexnet-torchvision-32s", "alexnet-torchvision-16s", ("--recipe", "paper")),
        ("vgg16-same-8s", "vgg16-same-32s", ()),
        ("vgg16bn-8s", "vgg16bn-16s-learned", ("--level", "quick")),
    ],
)
@pytest.mark.usefixtures("narrow")
def test_the_stride_over_an_imported_trunk_can_be_chosen(
    start: str, name: str, more: tuple[str, ...], micrograph_project: Path, tmp_path: Path
) -> None:
    trunk, out = tmp_path / "trunk.safetensors", tmp_path / "net.safetensors"
    made = build(named(start), 1)
    state = {key: made.adapted(key, value, []) for key, value in made.state_dict().items()}
    save_checkpoint(Checkpoint(named(start), ClassTable((), 0), Preprocessing(input_scale=0.25), state), trunk)
    assert train(micrograph_project, out, "--network", str(trunk), "--architecture", name, *more) == 0
    assert load_checkpoint(out).architecture == named(name)


@pytest.mark.parametrize("member", FAMILY, ids=lambda member: member.name)
def test_size_and_cost_are_as_counted(member: FamilyMember) -> None:
    weights, operations = counted(Row(named(member.name), trained=True))
    assert (member.parameters, member.gflops) == (round(weights / 1e6, 1), round(operations / 1e9, 1))
    assert member.sentence.endswith(".")
    learned = member.name + LEARNED
    if member.can_learn_upsampling:
        assert named(learned).upsampling == "learned"


def test_the_family_is_complete() -> None:
    assert {member.name for member in FAMILY} == set(_NAMED)


def test_the_page_on_networks_has_the_command_of_each() -> None:
    listed = set(re.findall(r"--architecture ([\w.-]+)", DOC))
    assert set(_NAMED) <= listed
    for name in listed:
        named(name)
