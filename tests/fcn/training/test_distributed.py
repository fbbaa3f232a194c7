"""Two processes learn what one does, and neither outlives the other's failure."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
import torch

from fcn_studio.core.training import Level, TrainConfig
from fcn_studio.errors import FcnStudioError, ProcessGroupError
from fcn_studio.fcn.device import CPU
from fcn_studio.fcn.distributed import Share, share_of_environment
from fcn_studio.fcn.model.architecture import Architecture
from fcn_studio.fcn.model.build import build
from fcn_studio.fcn.training import optimisation as learner_module
from fcn_studio.fcn.training import resume_file as run_state_module
from fcn_studio.fcn.training.resume import read_unfinished
from fcn_studio.fcn.training.resume_file import read_tensors
from fcn_studio.fcn.training.train import train
from fcn_studio.fcn.weights.checkpoint import (
    Checkpoint,
    Preprocessing,
    active_table,
    load_checkpoint,
    save_checkpoint,
)
from fcn_studio.formats.project.runs import state_of
from fcn_studio.formats.project.training_lock import TrainingLock
from tests.fork_server import fork_server
from tests.ranks import rank, together

from .test_train import TABLE, finish, scenes

CONFIG = TrainConfig(Level.FULL, steps=5, batch_size=4, keep_every=0)


@pytest.fixture(scope="module", autouse=True)
def server_of_forks() -> Iterator[None]:
    """The server that `train_together` uses."""
    with fork_server("tests.trust.preload", __name__):
        yield


def child(folder: Path, fault: str, tell: Connection) -> None:
    """One process of a training, in which something may go wrong; tells how it ended."""
    torch.set_num_threads(1)
    run_state_module._MOST_SHARE = 1e9  # a state after each step, which stays
    run_state_module.StateFile.remove = lambda self: None  # type: ignore[method-assign]
    honest, calls = learner_module.weighted_loss, []

    def faulty(*args: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        if rank() == 1 and len(calls) == 3:
            if fault == "memory":
                raise torch.OutOfMemoryError("no")
            if fault == "error":
                raise ValueError("broken")
            if fault == "death":
                os._exit(3)
        if rank() == 1 and fault == "memory" and len(calls) == 6:
            return honest(*args) * float("nan")
        return honest(*args)

    learner_module.weighted_loss = faulty
    start = load_checkpoint(folder / "base.safetensors")
    try:
        _, outcome = finish(train(CONFIG, scenes(folder, range(4)), [], TABLE, start, CPU, folder / "net.st"))
        tell.send(f"ended {outcome.steps} {' '.join(outcome.notes)}")
    except (FcnStudioError, ValueError) as error:
        tell.send(f"failed {error}")


def base(folder: Path) -> Checkpoint:
    """A tiny network without dropout; the full level leaves the statistics of its normalisation as they are."""
    torch.manual_seed(0)
    architecture = replace(Architecture.slim(0.0625), dropout=0.0)
    state = build(architecture, 3).state_dict()
    save_checkpoint(
        Checkpoint(architecture, active_table(TABLE), Preprocessing(), state), folder / "base.safetensors"
    )
    return load_checkpoint(folder / "base.safetensors")


def train_together(folder: Path, fault: str = "none", size: int = 2) -> list[str]:
    """Train in some processes; what each said at last."""
    folder.mkdir(exist_ok=True)
    scenes(folder, range(4))
    base(folder)
    return together(child, folder, fault, size=size)


def learned(folder: Path) -> dict[str, torch.Tensor]:
    return read_tensors(read_unfinished(state_of(folder / "net.st")))


@pytest.mark.slow
@pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch has no torch.distributed")
def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    assert [words.split()[:2] for words in train_together(tmp_path / "one", size=1)] == [["ended", "5"]]
    assert [words.split()[:2] for words in train_together(tmp_path / "two")] == [["ended", "5"]] * 2
    one, two = learned(tmp_path / "one"), learned(tmp_path / "two")
    start = base(tmp_path).state
    for kind in ("network", "average"):
        keys = [key for key in start if start[key].is_floating_point()]
        moved = max(float((one[f"{kind}.{key}"] - start[key]).abs().max()) for key in keys)
        apart = max(float((one[f"{kind}.{key}"] - two[f"{kind}.{key}"]).abs().max()) for key in keys)
        assert apart < 1e-4 < moved, (kind, apart, moved)
        assert apart < moved / 50, (kind, apart, moved)


@pytest.mark.slow
@pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch has no torch.distributed")
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("error", ["failed another process", "failed broken"]),
        ("memory", ["ended 5 out of memory: the batch is now", "ended 5 out of memory: the batch is now"]),
        ("death", ["failed another process", "died"]),
    ],
)
def test_what_happens_to_one_happens_to_all(tmp_path: Path, fault: str, expected: list[str]) -> None:
    said = train_together(tmp_path / "x", fault)
    assert [words[: len(start)] for words, start in zip(said, expected, strict=False)] == expected, said
    assert list((tmp_path / "x").glob("*.lock")) == []


@pytest.mark.slow
@pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch has no torch.distributed")
def test_what_another_trains_is_left_alone_by_all(tmp_path: Path) -> None:
    with TrainingLock(tmp_path / "net.st"):
        said = train_together(tmp_path)
    assert said[0].startswith(f"failed {tmp_path / 'net.st'}: its training is still running"), said
    assert said[1].startswith("failed another process"), said
    assert not (tmp_path / "net.st").exists()


def test_processes_are_known_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "SLURM_PROCID", "SLURM_NTASKS", "MASTER_ADDR"):
        monkeypatch.delenv(name, raising=False)
    assert share_of_environment() == Share(0, 1)
    monkeypatch.setenv("SLURM_PROCID", "2")
    monkeypatch.setenv("SLURM_NTASKS", "4")
    assert share_of_environment() == Share(0, 1)
    monkeypatch.setenv("MASTER_ADDR", "localhost")
    assert share_of_environment() == Share(2, 4)
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert share_of_environment() == Share(1, 2)
    monkeypatch.setenv("RANK", "5")
    with pytest.raises(ProcessGroupError, match="make no sense together"):
        share_of_environment()


def test_shares_are_the_whole_and_nothing_twice() -> None:
    parts = [list(Share(rank, 3).of(7, 8)) for rank in range(3)]
    assert sorted(number for part in parts for number in part) == list(range(56, 64))
