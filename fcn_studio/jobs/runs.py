"""A run of a project: its folder, its log, and what becomes of its network. Both shells use it."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from fcn_studio.core.training import Adoption, TrainConfig, TrainOutcome, TrainProgress, Verdict, judge
from fcn_studio.fcn.catalogue import read_info
from fcn_studio.formats.atomic import told, write_atomically
from fcn_studio.formats.project_folder import ProjectFolder


@dataclass(frozen=True)
class Run:
    """One folder ``.fcn-studio/runs/NNNN``."""

    folder: Path

    @property
    def name(self) -> str:
        """Number of the run."""
        return f"run {self.folder.name}"

    @property
    def checkpoint(self) -> Path:
        """The best network of the run."""
        return self.folder / "best.safetensors"

    def log(self, progress: TrainProgress) -> None:
        """Append one report to the log; a loss that is no number is null.

        Raises:
            ProjectError: if it cannot be written.
        """
        path = self.folder / "log.jsonl"
        row = asdict(progress) | {"loss": progress.loss if math.isfinite(progress.loss) else None}
        with told("written", path), path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def begin(project: ProjectFolder, config: TrainConfig) -> Run:
    """Make the folder of a new run and note what it is to do.

    Raises:
        ProjectError: if the folder cannot be written.
    """
    run = Run(project.runs.new_dir())
    _write_json(run.folder / "config.json", asdict(config))
    return run


def finish(project: ProjectFolder, run: Run, outcome: TrainOutcome) -> Adoption:
    """Judge a run's network by the rule of adoption and put it in use if it passes.

    Raises:
        CheckpointError: if the run left no checkpoint.
        ProjectError: if the folder cannot be written.
    """
    info = read_info(run.checkpoint)
    adoption = judge(outcome, {c.index: c.name for c in project.config.table})
    result = {
        "verdict": adoption.verdict.value,
        "reasons": list(adoption.reasons),
        "val_ids": list(outcome.val_ids),
        "trained_on": outcome.trained_on,
        "figures": outcome.figures.as_json(project.config.table) if outcome.figures else None,
        "baseline": outcome.baseline.as_json(project.config.table) if outcome.baseline else None,
    }
    _write_json(run.folder / "result.json", result)
    if adoption.adopted:
        project.runs.set_current(run.checkpoint, info.sha256, compared=adoption.verdict is Verdict.ADOPTED)
    return adoption


def _write_json(path: Path, value: object) -> None:
    """Raises: ProjectError if it cannot be written."""
    write_atomically(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())
