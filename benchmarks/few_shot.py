"""Few-shot: mean IoU of each fine-tune level from a few labelled images.

Usage: python benchmarks/few_shot.py DATA [--sets ruralstreet cwfid] [--levels quick better full slim]
                                     [--images 1 2 5 10 20] [--draws 3] [--json FILE]

DATA holds VOC trees with a train and a val list. Each draw takes the first images of the shuffled train list; NumPy's
generator of seed 0, 1, ... shuffles it. Every network is scored on the whole val list at the images' own size, from
one confusion matrix, which counts only classes that are in the truth or predicted. CPU seconds are those of the
training, without scoring, in one thread. With --json, each result is written to FILE at once, and results that FILE
has are not made again.

quick, better and full start from the bundled trunk, "general", and take their own numbers of steps. slim is a
baseline: the slim VGG-16 that the networks bundled with earlier versions were made of, trained from nothing on the
same images in as many steps as full. Those earlier networks themselves are no longer here.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from fcn_studio.core.classes import ClassTable  # noqa: E402
from fcn_studio.core.snapshot import LabelledImage  # noqa: E402
from fcn_studio.core.training import Level, TrainConfig  # noqa: E402
from fcn_studio.core.with_result import result_of  # noqa: E402
from fcn_studio.fcn.device import CPU  # noqa: E402
from fcn_studio.fcn.inference.evaluate import evaluate  # noqa: E402
from fcn_studio.fcn.inference.predictor import Predictor  # noqa: E402
from fcn_studio.fcn.training.train import train  # noqa: E402
from fcn_studio.fcn.weights.catalogue import GENERAL, bundled  # noqa: E402
from fcn_studio.fcn.weights.checkpoint import load_checkpoint  # noqa: E402
from fcn_studio.formats.project.project_folder import ProjectFolder  # noqa: E402
from fcn_studio.jobs.snapshot import collect_now  # noqa: E402

SLIM = "slim"
LEVELS = ("quick", "better", "full", SLIM)
SLIM_STEPS = 200


@dataclass(frozen=True)
class DataSet:
    """The classes of a data set, and the images of its lists."""

    table: ClassTable
    train: tuple[LabelledImage, ...]
    val: tuple[LabelledImage, ...]

    @classmethod
    def read(cls, folder: Path) -> DataSet:
        """Read a VOC tree; nothing is written."""
        with ProjectFolder.open(folder, writable=False) as project:
            snapshot = collect_now(project)
            return cls(project.config.table, snapshot.train, snapshot.val)

    def draw(self, seed: int, count: int) -> list[LabelledImage]:
        """Return the first images of the shuffled train list."""
        order = np.random.default_rng(seed).permutation(len(self.train))
        return [self.train[number] for number in order[:count]]


def config_of(level: str) -> TrainConfig:
    """Return the settings of a level."""
    if level == SLIM:
        return TrainConfig(Level.SCRATCH, steps=SLIM_STEPS, width=0.25, keep_every=None)
    return TrainConfig(Level(level), keep_every=None)


def score(data: DataSet, images: Sequence[LabelledImage], level: str) -> tuple[float, float]:
    """Return the mean IoU on the val list and the CPU seconds of the training."""
    base = load_checkpoint(bundled()[GENERAL]) if level != SLIM else None
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "network.safetensors"
        outcome = result_of(train(config_of(level), images, [], data.table, base, CPU, out))
        figures = result_of(evaluate(Predictor(load_checkpoint(out)), data.val, data.table))
    return figures.mean_iou, outcome.cpu_seconds


@dataclass
class Results:
    """The results so far, and the file that keeps them."""

    path: Path | None
    rows: list[dict[str, Any]]

    @classmethod
    def read(cls, path: Path | None) -> Results:
        """Return the results of a file; none if there is no such file."""
        return cls(path, json.loads(path.read_text()) if path is not None and path.exists() else [])

    def of(self, **key: object) -> list[dict[str, Any]]:
        """Return the rows with these values."""
        return [row for row in self.rows if all(row[name] == value for name, value in key.items())]

    def add(self, **row: object) -> None:
        """Add a row, and write all of them."""
        self.rows.append(row)
        if self.path is not None:
            self.path.write_text(json.dumps(self.rows, indent=1) + "\n")


def main() -> int:
    """Make and print the table; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="+", default=["ruralstreet", "cwfid"])
    parser.add_argument("--levels", nargs="+", choices=LEVELS, default=list(LEVELS))
    parser.add_argument("--images", nargs="+", type=int, default=[1, 2, 5, 10, 20])
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    results = Results.read(options.json)
    print(
        f"{'set':14} {'level':8} {'images':>6} {'draws':>5} {'mean IoU':>9} {'lowest':>7} {'highest':>8} {'CPU-s':>7}"
    )
    for name, level in itertools.product(options.sets, options.levels):
        data = DataSet.read(options.data / name)
        for count in (number for number in options.images if number <= len(data.train)):
            key = {"set": name, "level": level, "images": count}
            for draw in range(options.draws):
                if not results.of(**key, draw=draw):
                    mean_iou, seconds = score(data, data.draw(draw, count), level)
                    results.add(**key, draw=draw, mean_iou=mean_iou, cpu_seconds=seconds)
            rows = [row for row in results.of(**key) if row["draw"] < options.draws]
            found = [row["mean_iou"] for row in rows]
            seconds = np.mean([row["cpu_seconds"] for row in rows])
            print(
                f"{name:14} {level:8} {count:6} {len(rows):5} {np.mean(found):9.3f} {min(found):7.3f} "
                f"{max(found):8.3f} {seconds:7.1f}",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
