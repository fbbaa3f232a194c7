"""The command line writes over nothing that is not a result of its own."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from fcn_studio import cli
from fcn_studio.core.training import Level, TrainConfig
from fcn_studio.errors import UsageError
from fcn_studio.formats.images.images import write_png
from fcn_studio.jobs import headless
from fcn_studio.jobs.outputs import check_json, check_log
from tests.helpers import contents, tiny_checkpoint

pytestmark = pytest.mark.usefixtures("bundled")
STEPS = TrainConfig(Level.QUICK, steps=1)


def test_predictions_replace_those_of_before_only_if_told(micrograph_project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    headless.segment(micrograph_project, device="cpu", out=out)
    before = contents(out)
    with pytest.raises(UsageError, match=r"holds micrograph-01\.png already; .* add --overwrite"):
        headless.segment(micrograph_project, device="cpu", out=out)
    assert contents(out) == before
    assert headless.segment(micrograph_project, device="cpu", out=out, overwrite=True)["written"] == 8


def test_photographs_of_the_same_names_stay(micrograph_project: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    write_png(other / "micrograph-03.png", np.zeros((9, 9, 3), np.uint8))
    before = contents(other)
    with pytest.raises(UsageError, match=r"holds micrograph-03\.png already"):
        headless.segment(micrograph_project, device="cpu", out=other)
    assert contents(other) == before


def test_another_project_is_left_alone_even_if_told(micrograph_project: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    write_png(plain / "picture.png", np.zeros((32, 32, 3), np.uint8))
    before = contents(micrograph_project)
    for out in (micrograph_project, micrograph_project / "SegmentationClass"):
        with pytest.raises(UsageError, match="belongs to the project"):
            headless.segment(plain, device="cpu", out=out, overwrite=True)
    assert contents(micrograph_project) == before


def test_a_network_is_written_over_nothing_but_networks(micrograph_project: Path, tmp_path: Path) -> None:
    image = micrograph_project / "micrograph-01.png"
    before = contents(micrograph_project)
    for out, words in (
        (image, "is no network"),
        (tmp_path, "is no network"),
        (tmp_path / "no" / "x", "does not exist"),
    ):
        with pytest.raises(UsageError, match=words):
            headless.train(micrograph_project, STEPS, device="cpu", out=out)
    assert contents(micrograph_project) == before
    own = tmp_path / "net.safetensors"
    for _ in range(2):
        assert headless.train(micrograph_project, STEPS, device="cpu", out=own)["steps"] == 1
    base = tiny_checkpoint(tmp_path / "base.safetensors")
    with pytest.raises(UsageError, match="is the network that the training starts from"):
        headless.train(micrograph_project, STEPS, network=str(base), device="cpu", out=base)
    assert sorted(os.listdir(tmp_path)) == ["base.safetensors", "micrographs", "net.safetensors"]


def test_what_cannot_be_written_is_told_before_the_training(
    micrograph_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("fcn_studio.jobs.outputs.tempfile.TemporaryFile", refuse)
    with pytest.raises(UsageError, match="cannot be written: Permission denied"):
        headless.train(micrograph_project, STEPS, device="cpu", out=tmp_path / "net.safetensors")


def test_logs_and_results_replace_only_their_like(
    micrograph_project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = micrograph_project / "micrograph-01.png"
    before = image.read_bytes()
    for path in (image, micrograph_project / "fcn-studio.toml"):
        with pytest.raises(UsageError, match="is no log"):
            check_log(path)
    assert cli.main(["networks", "--json", str(image)]) == 2
    assert "is no JSON" in capsys.readouterr().err
    assert image.read_bytes() == before
    result, log = tmp_path / "r.json", tmp_path / "log.csv"
    for content in ("", "{}", '\n[1, "a"]'):
        result.write_text(content)
        check_json(result)
    log.write_text("step,loss\n1,0.5\n")
    (tmp_path / "log.jsonl").write_text('{"step": 1}\n')
    for path in (log, tmp_path / "log.jsonl", tmp_path / "new.csv"):
        check_log(path)
    check_json(Path("-"))
