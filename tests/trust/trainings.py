"""Trainings that are killed at any moment while they write, and what must be true of the project after each. Linux.

The processes are forked from a warm server, as in `tests.trust.deaths`.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from fcn_studio.core.labels import made_by_human
from fcn_studio.core.sample import Status
from fcn_studio.core.training import Level, TrainConfig, TrainOutcome
from fcn_studio.errors import FcnStudioError
from fcn_studio.formats import atomic
from fcn_studio.formats.images.images import write_png
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.jobs import runs
from fcn_studio.jobs.micrographs import CLASSES
from fcn_studio.jobs.protocol import FineTuneJob
from fcn_studio.jobs.run import JobRunner
from fcn_studio.jobs.snapshot import collect_now
from tests.patience import PATIENCE_S

Replace = Callable[[Path, bytes], None]

_TARGETS = (*["best.safetensors"] * 4, "current.json", "result.json", "config.json")
"""Files in whose writing a training is killed; the checkpoint takes longest."""
_MOST_RUNS = 2
_FLUSH_S = 0.01
"""Seconds that a flush takes here: as long on every machine, so that kills fall into it."""
_LONGEST_DELAY = 2 * _FLUSH_S
"""Seconds: about what writing a file takes here, so that the kill falls into it or beside it."""


def make_project(folder: Path) -> Path:
    """Tiny pictures with classes at random, all verified, so that a run takes tenths of a second."""
    lists = folder / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("0\n1\n")  # too few to be compared on: every network is put in use
    rng = np.random.default_rng(0)
    for number in range(6):
        write_png(folder / f"{number}.png", rng.integers(0, 256, (64, 64, 3), np.uint8))
    with ProjectFolder.open(folder, writable=True, table=CLASSES) as project:
        project.set_table(CLASSES)
        for sample in project.samples:
            label_map = rng.integers(0, len(CLASSES), (64, 64), np.uint8)
            project.annotations.save(sample, made_by_human(label_map), Status.VERIFIED)
    return folder


def write_in_place(path: Path, data: bytes) -> None:
    """What `paths.replace_file` must not be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        os.fsync(file.fileno())
        for start in range(0, len(data), 65536):
            file.write(data[start : start + 65536])
            file.flush()
            os.fsync(file.fileno())


def slow_disk() -> None:
    """Let every flush take what it takes on an old disk."""
    honest = os.fsync

    def fsync(descriptor: int) -> None:
        time.sleep(_FLUSH_S)
        honest(descriptor)

    os.fsync = fsync


def train_again_and_again(project: Path, network: Path, seed: int, in_place: bool, tell: Connection) -> None:
    """Child: one short run after the other, each judged and put in use; tells the pipe of every file it begins."""
    replace: Replace = write_in_place if in_place else atomic.replace_file

    def told(path: Path, data: bytes) -> None:
        tell.send_bytes(path.name.encode())
        replace(path, data)

    atomic.replace_file = told
    slow_disk()
    with ProjectFolder.open(project, writable=False) as folder:
        snapshot = collect_now(folder)
        while True:
            seed += 1
            config = TrainConfig(Level.FULL, steps=4, batch_size=1, seed=seed)
            run = runs.begin(folder, config)
            base = str(network)
            job = FineTuneJob(
                config, folder.config.table, snapshot.train, snapshot.val, base, "", str(run.checkpoint), "cpu"
            )
            runs.finish(folder, run, _trained(job))


def _trained(job: FineTuneJob) -> TrainOutcome:
    work = JobRunner(threads=1).run(job)
    while True:
        try:
            next(work)
        except StopIteration as end:
            outcome: TrainOutcome = end.value
            return outcome


def faults(project: Path) -> list[str]:
    """What is wrong with the networks of a project: nothing, whenever its trainings were killed."""
    from fcn_studio.fcn.weights.checkpoint import load_checkpoint

    found = []
    with ProjectFolder.open(project, writable=False) as folder:
        for path in (*folder.runs.checkpoints(), *folder.runs.folder.glob("[0-9]*/*.json")):
            try:
                json.loads(path.read_bytes()) if path.suffix == ".json" else load_checkpoint(path)
            except (FcnStudioError, ValueError) as error:
                found.append(f"{path.relative_to(project)}: {error}")
        try:
            current = folder.runs.current()
            if current is not None:
                path = current.path(project)
                assert path is not None
                if load_checkpoint(path).sha256 != current.sha256:
                    found.append("the network in use is not the one that current.json names")
        except FcnStudioError as error:
            found.append(f"the network in use: {error}")
    return found


@dataclass
class Killed:
    """What many killed trainings left.

    Attributes:
        kills: how many there were.
        broken: the faults found, by kill.
        writing: in how many the last file begun was not there yet, or left half.
        adopted: in how many a network of the project's own was in use.
        leftovers: half-written files beside the others at the end.
    """

    kills: int = 0
    broken: list[list[str]] = field(default_factory=list)
    writing: int = 0
    adopted: int = 0
    leftovers: int = 0


def kill_trainings(project: Path, network: Path, kills: int, *, seed: int = 0, in_place: bool = False) -> Killed:
    """Train and kill so many times in one project, at moments drawn from the seed.

    After a fault (only ``in_place`` may have one) the runs are thrown away, so that each is counted once.
    """
    rng = random.Random(seed)
    result = Killed()
    runs_folder = project / ".fcn-studio" / "runs"
    for number in range(kills):
        before = len(list(project.rglob(".*.tmp")))
        _kill_one(project, network, rng, seed + 1000 * number, in_place)
        result.kills += 1
        found = faults(project)
        left = list(project.rglob(".*.tmp"))
        result.writing += len(left) > before or bool(found)
        result.adopted += (runs_folder / "current.json").exists()
        if found:
            result.broken.append(found)
        if found or number % 5 == 4:  # else the earlier runs are looked at again and again
            result.leftovers += len(left)
            shutil.rmtree(runs_folder)
    result.leftovers += len(list(project.rglob(".*.tmp")))
    return result


def _kill_one(project: Path, network: Path, rng: random.Random, seed: int, in_place: bool) -> None:
    ours, theirs = multiprocessing.Pipe(duplex=False)
    context = multiprocessing.get_context("forkserver")
    process = context.Process(target=train_again_and_again, args=(project, network, seed, in_place, theirs))
    process.start()
    theirs.close()
    try:
        target, writes = rng.choice(_TARGETS).encode(), rng.randint(1, _MOST_RUNS)
        while writes:
            assert ours.poll(PATIENCE_S), "the training writes nothing"
            writes -= ours.recv_bytes() == target
        time.sleep(rng.uniform(0, _LONGEST_DELAY))
    finally:
        process.kill()
        process.join()
        code = process.exitcode
        process.close()
        ours.close()
    assert code == -signal.SIGKILL, f"the training ended by itself with code {code}"
