#!/usr/bin/env python3
"""Few-shot: what each level makes of a few labelled images.

Usage: python benchmarks/few_shot.py DATA [--sets ruralstreet cwfid] [--methods quick full slim]
                                     [--images 1 2 5 10 20] [--draws 3] [--minutes 1] [--json FILE]

DATA holds VOC trees with a train and a val list. Each draw takes the first images of the shuffled train list; NumPy's
generator of seed 0, 1, ... shuffles it. Every network is scored on the whole val list at the images' own size, from
one confusion matrix, which counts only classes that are in the truth or predicted. CPU seconds are those of the
training, without scoring, in one thread.

quick and full start from the bundled trunk, "general". slim is a baseline: the slim VGG-16 that the networks bundled
with earlier versions were made of, trained from nothing on the same images for as many minutes as full. Those earlier
networks themselves are no longer here; ../shared/FCN.md, section 8, has their figures.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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

METHODS = ("quick", "full", "slim")


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


def config_of(method: str, minutes: float) -> TrainConfig:
    """Return the settings of a method."""
    if method == "quick":
        return TrainConfig(Level.QUICK)
    if method == "full":
        return TrainConfig(Level.FULL, minutes=minutes)
    return TrainConfig(Level.SCRATCH, minutes=minutes, width=0.25)


def score(data: DataSet, images: Sequence[LabelledImage], method: str, minutes: float) -> tuple[float, float]:
    """Return the mean IoU on the val list and the CPU seconds of the training."""
    base = load_checkpoint(bundled()[GENERAL]) if method != "slim" else None
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "network.safetensors"
        outcome = result_of(train(config_of(method, minutes), images, [], data.table, base, CPU, out))
        figures = result_of(evaluate(Predictor(load_checkpoint(out)), data.val, data.table))
    return figures.mean_iou, outcome.cpu_seconds


def main() -> int:
    """Print the table, and write it with ``--json``; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="+", default=["ruralstreet", "cwfid"])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--images", nargs="+", type=int, default=[1, 2, 5, 10, 20])
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=1.0, help="wall minutes of full and slim")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    print(f"{'set':14} {'method':8} {'images':>6} {'mean IoU':>9} {'lowest':>7} {'highest':>8} {'CPU-s':>7}")
    for name in options.sets:
        data = DataSet.read(options.data / name)
        for method in options.methods:
            for count in (number for number in options.images if number <= len(data.train)):
                draws = [data.draw(seed, count) for seed in range(options.draws)]
                found = [score(data, images, method, options.minutes) for images in draws]
                scores, seconds = zip(*found, strict=True)
                mean, cost = float(np.mean(scores)), float(np.mean(seconds))
                print(
                    f"{name:14} {method:8} {count:6} {mean:9.3f} {min(scores):7.3f} {max(scores):8.3f} {cost:7.1f}",
                    flush=True,
                )
                rows.append({"set": name, "method": method, "images": count, "scores": scores, "seconds": seconds})
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
