"""`fcn-studio train`: starts of every kind, runs that go on, options that mean nothing, odd lists and names."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.labels import Provenance
from fcn_studio.core.sample import Status
from fcn_studio.core.training import Level, RecipeName, TrainConfig
from fcn_studio.errors import TrainingError, UsageError
from fcn_studio.fcn.model.build import build
from fcn_studio.fcn.weights.catalogue import read_info
from fcn_studio.fcn.weights.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.jobs import headless, runs
from fcn_studio.jobs.commands import trainings
from fcn_studio.jobs.networks import network_of, start_of
from tests.helpers import save_half
from tests.jobs.test_headless import stop_at

pytestmark = pytest.mark.usefixtures("bundled")
QUICK = TrainConfig(Level.QUICK, steps=2, batch_size=2)


@pytest.fixture
def verified(micrograph_project: Path) -> Path:
    """The micrographs, all verified: some to train on, some to validate on."""
    with ProjectFolder.open(micrograph_project, writable=True) as project:
        for sample in project.samples:
            save_half(project, sample, Provenance.HUMAN, Status.VERIFIED)
    return micrograph_project


@pytest.mark.parametrize("level", [Level.QUICK, Level.FULL])
def test_a_trunk_without_classes_begins_a_fine_tune_that_is_validated(
    verified: Path, tmp_path: Path, tiny_network: Path, level: Level
) -> None:
    full = load_checkpoint(tiny_network)
    made = build(full.architecture, 1)
    state = {key: made.adapted(key, value, []) for key, value in made.state_dict().items()}
    trunk = tmp_path / "trunk.safetensors"
    save_checkpoint(Checkpoint(full.architecture, ClassTable((), 0), full.preprocessing, state), trunk)
    assert read_info(trunk).trunk_only
    result = headless.train(verified, TrainConfig(level, steps=2), network=str(trunk), device="cpu")
    assert result["steps"] == 2
    assert result["validated_on"] > 0
    assert result["figures"] is not None
    assert result["run"] == "run 0001"


def test_a_run_that_goes_on_is_judged_beside_the_network_before_it(
    verified: Path, tiny_network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_at(monkeypatch, 2)
    first = headless.train(verified, replace(QUICK, level=Level.FULL, steps=8), device="cpu")
    assert first["stopped"]
    with ProjectFolder.open(verified, writable=True) as project:
        run = runs.Run(project.runs.unfinished()[-1])
        project.runs.set_current(run.checkpoint, read_info(run.checkpoint).sha256, compared=True)  # by any verdict
    second = headless.train(verified, TrainConfig(), device="cpu", resume=True)
    assert second["baseline"] == first["baseline"]
    with ProjectFolder.open(verified, writable=True) as project:
        chain = project.runs.chain()
        assert len(chain) == (1 if second["verdict"] != "candidate" else 0)
        assert all(used.sha256 == read_info(run.checkpoint).sha256 for used in chain)
        if chain:
            project.runs.go_back()
        network = network_of(project)
        assert network is not None
        assert network.path == tiny_network


def test_a_run_that_cannot_go_on_stays_in_use(verified: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stop_at(monkeypatch, 2)
    assert headless.train(verified, replace(QUICK, steps=8), device="cpu")["stopped"]
    with ProjectFolder.open(verified, writable=True) as project:
        run = runs.Run(project.runs.unfinished()[-1])
        project.runs.set_current(run.checkpoint, read_info(run.checkpoint).sha256, compared=True)
        save_half(project, project.samples[0], Provenance.HUMAN, Status.VERIFIED, 2)
        before = project.runs.chain()
    with pytest.raises(TrainingError, match="started with other images or labels"):
        headless.train(verified, TrainConfig(), device="cpu", resume=True)
    with ProjectFolder.open(verified, writable=False) as project:
        assert project.runs.chain() == before
        assert run.state.is_file()


@pytest.mark.parametrize(
    ("config", "network", "words"),
    [
        (TrainConfig(architecture="vgg16-8s"), "", "--architecture vgg16-8s does not have the trunk of "),
        (TrainConfig(input_scale=0.5), "", "--input-scale"),
        (TrainConfig(width=0.5), "", "--width"),
        (TrainConfig(Level.SCRATCH, architecture="slim-0.5", width=0.5), "", "--width"),
        (TrainConfig(Level.QUICK, crop=(64, 64)), "", "--crop"),
        (TrainConfig(Level.QUICK, precision="bf16"), "", "--precision"),
        (TrainConfig(recipe=RecipeName.PAPER, crop=(64, 64)), "", "--crop"),
        (TrainConfig(Level.SCRATCH), "street", "--network"),
        (TrainConfig(seed=1 << 64), "", "--seed"),
    ],
)
def test_options_that_would_do_nothing_are_refused(
    micrograph_project: Path, config: TrainConfig, network: str, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        headless.train(micrograph_project, config, network=network, device="cpu")


def test_lists_of_validation_images_may_come_from_windows(verified: Path, tmp_path: Path) -> None:
    names = tmp_path / "held-out.txt"
    names.write_bytes("\ufeffmicrograph-01.png\r\nmicrograph-02 \r\n".encode())
    result = headless.train(verified, QUICK, device="cpu", val_list=names)
    assert (result["trained_on"], result["validated_on"]) == (5, 2), "the one that the split holds back is left out"


def test_lists_that_would_validate_on_nothing_are_refused(micrograph_project: Path, tmp_path: Path) -> None:
    names = tmp_path / "held-out.txt"
    with ProjectFolder.open(micrograph_project, writable=False) as project:
        new = next(s.image_id for s in project.samples if project.annotations.status(s) is Status.NEW)
    for content, words in (("\n \n", "names no image"), (f"{new}\n", f"'{new}' is not verified")):
        names.write_text(content)
        with pytest.raises(UsageError, match=words):
            headless.train(micrograph_project, QUICK, device="cpu", val_list=names)


@pytest.mark.skipif(sys.platform != "linux", reason="names elsewhere are text")
def test_names_that_are_no_utf8_cost_no_verdict(micrograph_project: Path) -> None:
    for image in sorted(micrograph_project.glob("*.png")):
        image.rename(image.with_name(image.stem + os.fsdecode(b"-\xe9.png")))
    with ProjectFolder.open(micrograph_project, writable=True) as project:
        for sample in project.samples:
            save_half(project, sample, Provenance.HUMAN, Status.VERIFIED)
        ids = {sample.image_id for sample in project.samples}
    assert headless.train(micrograph_project, QUICK, device="cpu")["validated_on"] == len(ids)
    result = json.loads((micrograph_project / ".fcn-studio/runs/0001/result.json").read_bytes())
    assert set(result["val_ids"]) == ids
    assert json.loads((micrograph_project / ".fcn-studio/splits.json").read_bytes()).keys() == ids


def test_few_verified_images_are_compared_on_folds(
    verified: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = headless.train(verified, QUICK, device="cpu")
    assert (result["trained_on"], result["validated_on"]) == (7, 8)
    assert result["verdict"] == "adopted"
    assert "compared on 4 folds of your 8 images" in capsys.readouterr().out
    assert result["baseline"]["images"] == 8
    stored = (verified / ".fcn-studio/splits.json").read_bytes()
    apart = headless.train(verified, QUICK, device="cpu", out=tmp_path / "net.safetensors")
    assert (apart["validated_on"], apart["baseline"]) == (1, None)
    whole = headless.train(verified, replace(QUICK, level=Level.FULL), device="cpu")
    assert "compared on 1 image that was held back" in whole["reasons"]
    assert (verified / ".fcn-studio/splits.json").read_bytes() == stored


def test_the_papers_recipe_from_scratch_warns_of_itself(
    verified: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(trainings, "_train", lambda *arguments: {})
    headless.train(verified, TrainConfig(Level.SCRATCH, recipe=RecipeName.PAPER), device="cpu")
    assert "start from a trunk trained on ImageNet" in capsys.readouterr().err
    for config in (TrainConfig(Level.SCRATCH), TrainConfig(recipe=RecipeName.PAPER)):
        headless.train(verified, config, device="cpu")
        assert capsys.readouterr().err == ""


def test_a_fine_tune_starts_from_no_run(verified: Path, tiny_network: Path, tmp_path: Path) -> None:
    """Chained fine-tunes forget: each starts from the last network in use that is no run."""
    other = tmp_path / "other.safetensors"
    save_checkpoint(replace(load_checkpoint(tiny_network), note="another"), other)

    def start() -> str:
        with ProjectFolder.open(verified, writable=False) as project:
            info = start_of(project)
            assert info is not None
            return info.sha256

    bundled_one = start()
    assert bundled_one == read_info(tiny_network).sha256
    result = headless.train(verified, QUICK, device="cpu")
    with ProjectFolder.open(verified, writable=True) as project:
        run = project.runs.checkpoints()[0]
        project.runs.set_current(run, read_info(run).sha256, compared=True)  # by any verdict
    assert start() == bundled_one
    headless.train(verified, QUICK, device="cpu")
    with ProjectFolder.open(verified, writable=True) as project:
        second = project.runs.checkpoints()[1]
        assert load_checkpoint(second).parent == bundled_one
        project.runs.set_current(other, read_info(other).sha256, compared=False)
        project.runs.set_current(second, read_info(second).sha256, compared=True)
    assert start() == read_info(other).sha256
    other.unlink()  # the one before it serves
    assert start() == bundled_one
    named = headless.train(verified, QUICK, network=str(run), device="cpu", out=tmp_path / "named.safetensors")
    assert load_checkpoint(named["checkpoint"]).parent == read_info(run).sha256
    assert result["run"] == "run 0001"
