"""A training that was killed goes on as if nothing had happened, and only with what it was begun with."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.snapshot import LabelledImage, pack
from fcn_studio.core.training import Level, TrainConfig, TrainOutcome, TrainProgress
from fcn_studio.errors import TrainingError
from fcn_studio.fcn.device import CPU
from fcn_studio.fcn.training import resume_file as run_state_module
from fcn_studio.fcn.training.optimisation import Optimisation
from fcn_studio.fcn.training.resume import read_unfinished
from fcn_studio.fcn.training.train import train
from fcn_studio.fcn.weights.checkpoint import Checkpoint, load_checkpoint
from fcn_studio.formats.atomic import write_atomically
from fcn_studio.formats.project.runs import state_of
from fcn_studio.formats.project.training_lock import is_training, lock_of
from tests.fork_server import fork_server
from tests.helpers import tiny_checkpoint

from .test_train import TABLE, finish, scenes

STEPS = 8
SCRATCH = TrainConfig(Level.SCRATCH, steps=STEPS, batch_size=2, width=0.0625, keep_every=0)
QUICK = TrainConfig(Level.QUICK, steps=STEPS, keep_every=0)


def child(folder: Path, level: str, tell: Connection) -> None:
    """Train, tell every step and its loss, and never come to the end."""
    torch.set_num_threads(1)
    run_state_module._MOST_SHARE = 1e9  # after each step
    config, base = (SCRATCH, None) if level == "scratch" else (QUICK, load_checkpoint(folder / "base.safetensors"))
    for report in train(config, scenes(folder, range(3)), scenes(folder, [50]), TABLE, base, CPU, folder / "net.st"):
        tell.send((report.step, report.loss))
        if report.step == config.steps - 1:
            tell.recv()  # however late the kill comes, there is a training to kill


@pytest.fixture(scope="module")
def context() -> Iterator[Any]:
    with fork_server("tests.trust.preload", __name__) as method:
        yield multiprocessing.get_context(method)


def run(
    folder: Path,
    config: TrainConfig,
    base: Checkpoint | None = None,
    *,
    resume: bool = False,
    table: ClassTable = TABLE,
) -> tuple[list[TrainProgress], TrainOutcome]:
    images, val = scenes(folder, range(3)), scenes(folder, [50])
    return finish(train(config, images, val, table, base, CPU, folder / "net.st", resume=resume))


def stopped_at(folder: Path, config: TrainConfig, step: int, base: Checkpoint | None = None) -> list[TrainProgress]:
    """Run until after that step, then stop it."""
    work = train(config, scenes(folder, range(3)), scenes(folder, [50]), TABLE, base, CPU, folder / "net.st")
    reports = [next(work)]
    while reports[-1].step < step:
        reports.append(next(work))
    end(work)
    return reports


def end(work: Generator[TrainProgress, bool | None, TrainOutcome]) -> None:
    """Stop it, as Ctrl+C does."""
    with suppress(StopIteration):
        work.send(True)
        finish(work)


def losses(reports: Sequence[TrainProgress]) -> dict[int, float]:
    return {report.step: report.loss for report in reports if report.step}


def same_network(a: Path, b: Path) -> bool:
    return a.read_bytes() == b.read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
@pytest.mark.parametrize("level", ["scratch", "quick"])
def test_a_killed_training_goes_on_bit_by_bit(tmp_path: Path, level: str, context: Any) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        scenes(folder, [*range(3), 50])
    base_file = tiny_checkpoint(killed / "base.safetensors", TABLE)
    config, base = (SCRATCH, None) if level == "scratch" else (QUICK, load_checkpoint(base_file))
    reports, outcome = run(whole, config, base)

    ours, theirs = context.Pipe()
    process = context.Process(target=child, args=(killed, level, theirs))
    process.start()
    theirs.close()
    last, until = 0, random.randint(2, STEPS - 2)
    seen: dict[int, float] = {}
    while last < until:
        last, loss = ours.recv()
        seen[last] = loss
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL, "the training ended by itself"
    kept = read_unfinished(state_of(killed / "net.st"))
    assert kept.step >= until - 1
    assert lock_of(killed / "net.st").exists()
    assert not is_training(killed / "net.st")

    rest, resumed = run(killed, config, base, resume=True)
    expected = losses(reports)
    assert {step: expected[step] for step in seen if step} == {step: loss for step, loss in seen.items() if step}
    assert losses(rest) == {step: loss for step, loss in expected.items() if step > kept.step or step in losses(rest)}
    assert max(losses(rest)) == STEPS
    assert same_network(whole / "net.st", killed / "net.st")
    assert (resumed.figures, resumed.baseline, resumed.steps) == (outcome.figures, outcome.baseline, STEPS)
    assert not state_of(killed / "net.st").exists()
    assert not lock_of(killed / "net.st").exists()


def test_everything_the_training_is_made_of_is_equal_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only the best network: weights, average and optimiser of the last step, and torch's chance."""
    monkeypatch.setattr(run_state_module, "_MOST_SHARE", 1e9)
    monkeypatch.setattr(run_state_module.StateFile, "remove", lambda self: None)
    config = replace(SCRATCH, steps=9)
    finals = []
    for name, stops in (("whole", ()), ("parts", (2, 3, 6))):
        for number, stop in enumerate(stops):
            if number == 0:
                stopped_at(tmp_path / name, config, stop)
                continue
            images, val = scenes(tmp_path / name, range(3)), scenes(tmp_path / name, [50])
            work = train(config, images, val, TABLE, None, CPU, tmp_path / name / "net.st", resume=True)
            while next(work).step < stop:
                pass
            end(work)
        _, outcome = run(tmp_path / name, config, resume=bool(stops))
        state = read_unfinished(state_of(tmp_path / name / "net.st"))
        finals.append((run_state_module.read_tensors(state), state.values["best"], outcome.figures))
    (whole, *best), (parts, *best_again) = finals
    assert whole.keys() == parts.keys()
    assert any(key.startswith("optimiser.") and key.endswith("exp_avg") for key in whole)
    assert [key for key in whole if not torch.equal(whole[key], parts[key])] == []
    assert best == best_again


@pytest.mark.parametrize("how", ["stopped", "cancelled", "failed"])
def test_a_training_is_running_from_its_beginning_to_its_end_and_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    images, out = scenes(tmp_path, range(3)), tmp_path / "net.st"
    stopped_at(tmp_path, SCRATCH, 1)
    assert not is_training(out), "this process lives on, its training does not"
    work = train(SCRATCH, images, scenes(tmp_path, [50]), TABLE, None, CPU, out, resume=True)
    assert not is_training(out)
    next(work)
    assert is_training(out), "it has not written a state of its own yet"
    before = state_of(out).read_bytes()
    for resume in (True, False):
        with pytest.raises(TrainingError, match=f"still running \\(process {os.getpid()}\\)"):
            run(tmp_path, SCRATCH, resume=resume)
    assert state_of(out).read_bytes() == before
    if how == "failed":
        monkeypatch.setattr(Optimisation, "step", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            finish(work)
    elif how == "cancelled":
        work.close()
    else:
        end(work)
    assert not lock_of(out).exists()


@pytest.mark.usefixtures("counted_clock")
def test_clocks_go_on(tmp_path: Path) -> None:
    config = replace(SCRATCH, steps=None, minutes=0.1)
    before = stopped_at(tmp_path, config, 2)
    rest, outcome = run(tmp_path, config, resume=True)
    assert rest[0].elapsed >= before[-1].elapsed
    assert rest[0].cpu_seconds >= before[-1].cpu_seconds
    assert rest[0].fraction >= before[-1].fraction
    assert rest[-1].elapsed < 6 + 3
    assert not outcome.stopped


def test_it_goes_on_only_with_what_it_was_begun_with(tmp_path: Path) -> None:
    stopped_at(tmp_path, SCRATCH, 2)
    images, val = scenes(tmp_path, range(3)), scenes(tmp_path, [50])

    def refused(
        config: TrainConfig = SCRATCH, train_set: list[LabelledImage] = images, base: Checkpoint | None = None
    ) -> str:
        with pytest.raises(TrainingError) as told:
            next(train(config, train_set, val, TABLE, base, CPU, tmp_path / "net.st", resume=True))
        return str(told.value)

    assert "other settings" in refused(replace(SCRATCH, seed=3))
    changed = images[0].label_map().copy()
    changed[0, 0] = 7
    assert "other images or labels" in refused(train_set=[pack("0.png", images[0].image_path, changed), *images[1:]])
    base = load_checkpoint(tiny_checkpoint(tmp_path / "base.safetensors", TABLE))
    assert "started from another network" in refused(base=base)
    with pytest.raises(TrainingError, match="another class table"):
        run(tmp_path, SCRATCH, resume=True, table=ClassTable.from_names(["background", "b", "c", "d"]))
    (tmp_path / "net.st").unlink()
    assert "is gone" in refused()


def test_damage_is_told(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no unfinished training"):
        run(tmp_path, SCRATCH, resume=True)
    stopped_at(tmp_path, SCRATCH, 1)
    path = state_of(tmp_path / "net.st")
    good = path.read_bytes()
    for bad in (b"", good[:2000], good[: len(good) // 2], good.replace(b'"steps', b'"stept', 1), b"\x80\x04." * 99):
        write_atomically(path, bad)
        with pytest.raises(TrainingError, match="damaged"):
            run(tmp_path, SCRATCH, resume=True)
    write_atomically(path, good.replace(b"optimiser.trunk", b"optimiser.trump"))
    write_atomically(path, good.replace(b"average.trunk", b"average.trump"))
    with pytest.raises(TrainingError, match="damaged"):
        run(tmp_path, SCRATCH, resume=True)


def test_a_state_that_cannot_be_written_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        from fcn_studio.errors import ProjectError

        raise ProjectError(f"{path} cannot be written: No space left on device")

    monkeypatch.setattr(run_state_module, "write_atomically", full)
    _, outcome = run(tmp_path, replace(SCRATCH, steps=3))
    assert outcome.steps == 3
    assert [note for note in outcome.notes if "No space left" in note] == list(outcome.notes)
    assert len(outcome.notes) == 1


def test_nothing_is_kept_where_it_is_not_wanted(tmp_path: Path) -> None:
    stopped_at(tmp_path, replace(SCRATCH, keep_every=None), 2)
    assert not state_of(tmp_path / "net.st").exists()
    assert np.isfinite(load_checkpoint(tmp_path / "net.st").state["score_fr.weight"].numpy()).all()
