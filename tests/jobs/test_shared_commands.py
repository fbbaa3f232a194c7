"""Two processes share a command, and do what one does; the failure of one ends both with a sentence."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import redirect_stderr
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
import torch

from fcn_studio import cli
from fcn_studio.core.sample import Status
from fcn_studio.fcn.inference.predictor import Predictor
from fcn_studio.fcn.weights.catalogue import GENERAL, bundled
from fcn_studio.formats.project.project_folder import ProjectFolder
from tests.fork_server import fork_server
from tests.helpers import contents, tiny_checkpoint
from tests.ranks import rank, together

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch has no torch.distributed"),
]


@pytest.fixture(scope="module", autouse=True)
def server_of_forks() -> Iterator[None]:
    """The server that `together` uses."""
    with fork_server("tests.trust.preload", __name__):
        yield


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that predicts two classes on the micrographs."""
    return tiny_checkpoint(tmp_path_factory.mktemp("network") / "net.safetensors", seed=1)


def command(words: list[str], dies: bool, tell: Connection) -> None:
    """One process of a command, the second of which may die at its second image; tells its code and its words."""
    torch.set_num_threads(1)
    honest, calls = Predictor.predict_many, []

    def deadly(*arguments: object) -> object:
        calls.append(1)
        if dies and rank() == 1 and len(calls) == 2:
            os._exit(3)
        return honest(*arguments)  # type: ignore[arg-type]

    Predictor.predict_many = deadly  # type: ignore[assignment,method-assign]
    with redirect_stderr(io.StringIO()) as said:
        code = cli.main(words)
    tell.send(f"{code} {said.getvalue().strip()}")


def run(*words: object, dies: bool = False) -> list[str]:
    """Run a command in two processes; the code and the words of each."""
    return together(command, [str(word) for word in words], dies)


def result(path: Path) -> dict[str, Any]:
    """What ``--json`` has written, without the time."""
    return {key: value for key, value in json.loads(path.read_text()).items() if key != "seconds"}


def masks(folder: Path) -> dict[str, str]:
    """Digests of the masks below a folder."""
    return {name: digest for name, (digest, _) in contents(folder).items() if name.endswith(".png")}


def test_two_processes_score_as_one(micrograph_project: Path, network: Path, tmp_path: Path) -> None:
    with ProjectFolder.open(micrograph_project, writable=False) as project:
        verified = [s for s in project.samples if project.annotations.status(s) is Status.VERIFIED]
    assert len(verified) == 2
    words = ["evaluate", micrograph_project, "--network", network, "--split", "all", "--boundary"]
    words += ["--device", "cpu", "--json"]
    for name in ("whole", "broken"):  # then the share of the second process has no image that can be read
        assert cli.main([str(word) for word in [*words, tmp_path / f"{name}1"]]) == 0
        said = run(*words, tmp_path / f"{name}2")
        assert [line[0] for line in said] == ["0", "0"], said
        assert result(tmp_path / f"{name}1") == result(tmp_path / f"{name}2")
        verified[1].image_path.write_bytes(b"no image")
    assert "left out" in said[0]
    assert said[1].strip() == "0"


@pytest.mark.skipif(GENERAL not in bundled(), reason="this checkout has no bundled network")
def test_two_processes_judge_as_one(micrograph_project: Path, tmp_path: Path) -> None:
    words = ["suspects", str(micrograph_project), "--device", "cpu", "--json"]
    assert cli.main([*words, str(tmp_path / "1")]) == 0
    said = run(*words, tmp_path / "2")
    assert [line.strip() for line in said] == ["0", "0"]
    one, two = result(tmp_path / "1"), result(tmp_path / "2")
    assert len(one["images"]) == 2
    assert two["images"] == pytest.approx(one["images"], abs=1e-5)
    assert len(two["regions"]) == len(one["regions"])


def test_two_processes_segment_as_one(micrograph_project: Path, network: Path, tmp_path: Path) -> None:
    (micrograph_project / "micrograph-04.png").write_bytes(b"no image")
    twin = Path(shutil.copytree(micrograph_project, tmp_path / "twin"))
    words = ["--network", network, "--device", "cpu", "--json"]
    assert cli.main(["segment", str(micrograph_project), *map(str, words), str(tmp_path / "1")]) == 0
    said = run("segment", twin, *words, tmp_path / "2")
    assert [line[0] for line in said] == ["0", "0"], said
    assert result(tmp_path / "1") == {**result(tmp_path / "2"), "failed": result(tmp_path / "1")["failed"]}
    assert masks(twin / "SegmentationClass") == masks(micrograph_project / "SegmentationClass")
    one, two = (sorted(p.name for p in f.rglob("*")) for f in (micrograph_project, twin))
    assert one == two
    assert not (twin / ".fcn-studio" / "lock").exists()

    assert run("segment", twin, "--out", tmp_path / "out2", *words, tmp_path / "3")[1].strip() == "0"
    assert (
        cli.main(["segment", str(twin), "--out", str(tmp_path / "out1"), *map(str, words), str(tmp_path / "1")]) == 0
    )
    found = masks(tmp_path / "out1")
    assert found == masks(tmp_path / "out2")
    assert len(set(found.values())) == 7


def test_the_failure_of_one_process_ends_all(micrograph_project: Path, network: Path, tmp_path: Path) -> None:
    words = ["segment", micrograph_project, "--network", network, "--device", "cpu", "--json", tmp_path / "json"]
    said = run(*words, dies=True)
    assert said[1] == "died"
    assert said[0].startswith("2 fcn-studio: another process has failed or is gone"), said
    assert not (tmp_path / "json").exists()
    assert not (micrograph_project / ".fcn-studio" / "lock").exists()
    with ProjectFolder.open(micrograph_project, writable=False) as project:
        states = [project.annotations.status(sample) for sample in project.samples]
    assert 1 <= states.count(Status.PRELABELLED) <= 2

    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "micrograph-01.png").touch()
    said = run(*words, "--out", tmp_path / "out")
    assert "add --overwrite" in said[0], said
    assert "another process has failed" in said[1], said
