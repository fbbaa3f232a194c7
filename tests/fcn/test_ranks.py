"""Two processes learn what one does, and neither outlives the other's failure."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from fcn_studio.core.training import Level, TrainConfig
from fcn_studio.errors import TrainingError
from fcn_studio.fcn.architecture import Architecture
from fcn_studio.fcn.ranks import share_of_environment
from fcn_studio.fcn.run_state import read_tensors
from fcn_studio.fcn.sources import Share
from fcn_studio.fcn.unfinished import read_unfinished
from fcn_studio.fcn.weights import Checkpoint, Preprocessing, active_table, save_checkpoint
from fcn_studio.formats.runs import state_of
from tests.helpers import ROOT

from .test_train import TABLE, scenes

CONFIG = TrainConfig(Level.FULL, steps=5, batch_size=4, keep_every=0)
CHILD = """
import os, sys
from pathlib import Path
import torch
from fcn_studio.errors import TrainingError
from fcn_studio.fcn import learner, run_state
from fcn_studio.fcn.device import CPU
from fcn_studio.fcn.train import train
from fcn_studio.fcn.weights import load_checkpoint
from tests.fcn.test_ranks import CONFIG, TABLE, scenes
torch.set_num_threads(1)
run_state._MOST_SHARE = 1e9
run_state.StateFile.remove = lambda self: None
folder, fault = Path(sys.argv[1]), sys.argv[2]
honest, calls = learner.weighted_loss, []
def faulty(*args):
    calls.append(1)
    if os.environ["RANK"] == "1" and fault == "memory" and len(calls) == 6:
        return honest(*args) * float("nan")
    if os.environ["RANK"] == "1" and len(calls) == 3:
        if fault == "memory":
            raise torch.OutOfMemoryError("no")
        if fault == "error":
            raise ValueError("broken")
        if fault == "death":
            os._exit(3)
    return honest(*args)
learner.weighted_loss = faulty
base = load_checkpoint(folder / "base.safetensors")
work = train(CONFIG, scenes(folder, range(4)), scenes(folder, [50]), TABLE, base, CPU, folder / "net.st")
try:
    while True:
        next(work)
except StopIteration as end:
    print("ended", end.value.steps, *end.value.notes)
except (TrainingError, ValueError) as error:
    print("failed", error)
"""


def base(folder: Path) -> Checkpoint:
    """A tiny network without dropout; the full level leaves the statistics of its normalisation as they are."""
    from fcn_studio.fcn.weights import load_checkpoint

    torch.manual_seed(0)
    architecture = replace(Architecture.slim(0.0625), dropout=0.0)
    state = architecture.build(3).state_dict()
    save_checkpoint(
        Checkpoint(architecture, active_table(TABLE), Preprocessing(), state), folder / "base.safetensors"
    )
    return load_checkpoint(folder / "base.safetensors")


def together(folder: Path, fault: str = "none", size: int = 2) -> list[str]:
    """Train in some processes; what each said at last."""
    folder.mkdir(exist_ok=True)
    scenes(folder, [*range(4), 50])
    base(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(size)}
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, str(folder), fault],
            cwd=ROOT,
            env={**os.environ, **where, "RANK": str(rank), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(size)
    ]
    return [
        (out.strip().splitlines() or [err[-300:]])[-1] for out, err in (c.communicate(timeout=120) for c in children)
    ]


def learned(folder: Path) -> dict[str, torch.Tensor]:
    return read_tensors(read_unfinished(state_of(folder / "net.st")))


@pytest.mark.slow
@pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch has no torch.distributed")
def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    assert [words.split()[:2] for words in together(tmp_path / "one", size=1)] == [["ended", "5"]]
    assert [words.split()[:2] for words in together(tmp_path / "two")] == [["ended", "5"]] * 2
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
        ("death", ["failed another process"]),
    ],
)
def test_what_happens_to_one_happens_to_all(tmp_path: Path, fault: str, expected: list[str]) -> None:
    said = together(tmp_path / "x", fault)
    assert [words[: len(start)] for words, start in zip(said, expected, strict=False)] == expected, said


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
    with pytest.raises(TrainingError, match="make no sense together"):
        share_of_environment()


def test_shares_are_the_whole_and_nothing_twice() -> None:
    parts = [list(Share(rank, 3).of(7, 8)) for rank in range(3)]
    assert sorted(number for part in parts for number in part) == list(range(56, 64))
