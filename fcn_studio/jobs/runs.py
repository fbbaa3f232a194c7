"""A run of a project.

It has a folder, a log, and a network with a verdict. The window and the command line use it.
"""

from __future__ import annotations

import csv
import json
import math
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from fcn_studio.core.metrics import Figures
from fcn_studio.core.training import Adoption, Level, TrainConfig, TrainOutcome, TrainProgress, Verdict, judge
from fcn_studio.errors import ProjectError, TrainingError
from fcn_studio.fcn.training.resume import Unfinished, read_unfinished
from fcn_studio.fcn.weights.catalogue import read_info
from fcn_studio.formats.atomic import CANNOT_WRITE, os_errors_as, write_atomically
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.project.runs import CHECKPOINT, state_of
from fcn_studio.formats.project.training_lock import is_training
from fcn_studio.formats.strict_json import parse, whole
from fcn_studio.i18n import tr, tr_noop
from fcn_studio.jobs.protocol import FineTuneJob
from fcn_studio.paths import read_file

_LONGEST_LOG = 4 << 20
"""Bytes; a training of an hour writes less."""

_COLUMNS = ("pixel_accuracy", "mean_accuracy", "mean_iou", "frequency_weighted_iou")


@dataclass(frozen=True)
class Run:
    """One folder ``.fcn-studio/runs/NNNN``."""

    folder: Path

    @property
    def name(self) -> str:
        """Number of the run."""
        return tr("run {number}", number=self.folder.name)

    @property
    def checkpoint(self) -> Path:
        """The best network of the run."""
        return self.folder / CHECKPOINT

    @property
    def state(self) -> Path:
        """File with what the training needs to go on.

        It is deleted once the training has finished.
        """
        return state_of(self.checkpoint)

    @property
    def result(self) -> Path:
        """File with the result of the run.

        It is not there before the run has been judged.
        """
        return self.folder / "result.json"

    @property
    def log_path(self) -> Path:
        """Its log, a JSON object a line."""
        return self.folder / "log.jsonl"

    def log(self, progress: TrainProgress) -> None:
        """Append one report to the log.

        Raises:
            ProjectError: if it cannot be written.
        """
        append(self.log_path, progress)


def append(path: Path, progress: TrainProgress) -> None:
    """Append one report to a log.

    The log is JSON lines, or a table if the file is called ``*.csv``. A loss that is no number is null, and empty in
    a table.

    Raises:
        ProjectError: if it cannot be written.
    """
    row: dict[str, Any] = asdict(progress) | {"loss": progress.loss if math.isfinite(progress.loss) else None}
    if row["figures"] is not None:
        del row["figures"]["confusion"]
    with os_errors_as(CANNOT_WRITE, path), path.open("a", encoding="utf-8", newline="") as file:
        if path.suffix.lower() != ".csv":
            file.write(json.dumps(row) + "\n")
            return
        figures = row.pop("figures") or {}
        row |= {name: figures.get(name) for name in _COLUMNS}
        table = csv.DictWriter(file, list(row))
        if file.tell() == 0:
            table.writeheader()
        table.writerow(row)


def read_log(folder: Path) -> list[TrainProgress]:
    """Return the log of a run, as far as it can be read.

    Of the figures it has the mean IoU and the IoU by class. The log of a very long run is left out.
    """
    try:
        lines = read_file(folder / "log.jsonl", _LONGEST_LOG).splitlines()
    except (OSError, ValueError):
        return []
    history = []
    for line in lines:
        with suppress(ValueError, TypeError, KeyError, AttributeError, OverflowError):  # a line that was cut off
            history.append(_progress(parse(line)))
    return history


def _progress(row: dict[str, Any]) -> TrainProgress:
    """Return the report of a line.

    Raises: ValueError, TypeError, KeyError, AttributeError or OverflowError if it is none.
    """
    figures, scored = row["figures"], None
    if figures is not None:
        iou = {int(index): _finite(value) for index, value in figures["iou"].items()}
        scored = Figures(math.nan, math.nan, _finite(figures["mean_iou"]), math.nan, iou, {})
    loss = math.nan if row["loss"] is None else _finite(row["loss"])
    fraction, elapsed, cpu_seconds = (_finite(row[name]) for name in ("fraction", "elapsed", "cpu_seconds"))
    step, total = int(_finite(whole(row["step"]))), int(_finite(whole(row["total_steps"])))
    return TrainProgress(step, total, fraction, loss, elapsed, cpu_seconds, scored)


def _finite(value: Any) -> float:
    """Return a number that can be drawn. Raises: TypeError, ValueError or OverflowError if it is none."""
    number = float(value)
    if not abs(number) < 1e15:
        raise ValueError(f"{value!r:.50} cannot be drawn")
    return number


def begin(project: ProjectFolder, config: TrainConfig) -> Run:
    """Make the folder of a new run and note its task.

    Of earlier runs that broke off only the last can still go on: their states are large.

    Raises:
        ProjectError: if the folder cannot be written.
    """
    run = Run(project.runs.new_dir())
    for earlier in broken_off(project)[:-1]:
        with os_errors_as(tr_noop("{path} cannot be deleted: {reason}"), earlier.state):
            earlier.state.unlink(missing_ok=True)
    try:
        _write_json(run.folder / "config.json", asdict(config))
    except ProjectError:
        discard(run)
        raise
    return run


def discard(run: Run) -> None:
    """Delete a run that has left nothing, not even a state.

    A run that is still being trained stays.
    """
    if not (run.checkpoint.exists() or run.state.exists() or is_training(run.checkpoint)):
        shutil.rmtree(run.folder, ignore_errors=True)


def broken_off(project: ProjectFolder) -> list[Run]:
    """Return the runs that can go on, oldest first.

    They have a state, and nobody trains them just now.
    """
    return [Run(folder) for folder in project.runs.unfinished() if not is_training(Run(folder).checkpoint)]


def interrupted(project: ProjectFolder) -> Unfinished | None:
    """Return the interrupted training of the last run, else None.

    It ended without a result, as in a crash, and can go on.
    """
    found = broken_off(project)
    if not found or found[-1].folder != project.runs.last() or found[-1].result.exists():
        return None
    try:
        return read_unfinished(found[-1].state)
    except TrainingError:  # damaged: a new fine-tune is the way on, and needs no word about it
        return None


def in_use(project: ProjectFolder, run: Run) -> bool:
    """Return whether the network of a run is the one in use."""
    current = project.runs.current()
    return current is not None and current.path(project.folder) == run.checkpoint


def same_again(job: FineTuneJob, earlier: Unfinished) -> FineTuneJob:
    """Return the job with the settings of an earlier training.

    The job goes on with that training.
    """
    config, class_map = earlier.config, earlier.config.class_map
    if config.level is Level.SCRATCH:
        return replace(job, config=config, baseline=earlier.base, baseline_map=class_map, base="", resume=True)
    return replace(job, config=config, base=earlier.base, base_map=class_map, resume=True)


def finish(project: ProjectFolder, run: Run, outcome: TrainOutcome) -> Adoption:
    """Judge a run's network by the rule of adoption.

    The network is put in use if it passes.

    Raises:
        CheckpointError: if the run left no checkpoint.
        ProjectError: if the folder cannot be written.
    """
    info = read_info(run.checkpoint)
    adoption = judge(outcome, {c.index: c.name for c in project.config.table})
    result = {
        "verdict": adoption.verdict.value,
        "reasons": [str(reason) for reason in adoption.reasons],
        "val_ids": list(outcome.val_ids),
        "trained_on": outcome.trained_on,
        "figures": outcome.figures.as_json(project.config.table) if outcome.figures else None,
        "baseline": outcome.baseline.as_json(project.config.table) if outcome.baseline else None,
    }
    _write_json(run.result, result)
    if adoption.adopted:
        project.runs.set_current(run.checkpoint, info.sha256, compared=adoption.verdict is Verdict.ADOPTED)
    return adoption


def _write_json(path: Path, value: object) -> None:
    """Raises: ProjectError if it cannot be written."""
    write_atomically(path, (json.dumps(value, indent=2) + "\n").encode())
