#!/usr/bin/env python3
"""Live: what strokes make of a picture and of the next ones, and what a stroke costs.

Usage: python benchmarks/live.py DATA --quality [--sets cwfid ruralstreet camvid voc_animal] [--pictures 8]
                                      [--dabs 2 5 10] [--next 10] [--every 4] [--methods taps live]
                                      [--json FILE]
       python benchmarks/live.py DATA --latency [--strokes 9]
       python benchmarks/live.py DATA --window [--rounds 25] [--strokes 9]
       Each takes --quick: one small set, few pictures and strokes, to see that it runs.

DATA holds VOC trees. The pictures are the first of the val list, then of the train list, made smaller to 700 pixels.
For every class a picture is given so many round dabs of radius 3, inside of the class, drawn at random. The figures
are the mean IoU over all pixels of the same pictures, and of the pictures that follow every n-th of them, each from
one confusion matrix; classes in neither truth nor result do not count.

    taps     linear scores of the bundled trunk's taps at strides 2 to 32, fitted to the pixels under the dabs
    colours  the same of the picture's own colours and edges, without a network
    both     the same of both
    forest   a random forest of 100 trees on ilastik's filters, without a network; needs scikit-learn
    live     the program's live job

--latency prints CPU and wall seconds of live jobs from a growing number of strokes, through the runner of the
network's process, for a picture of 480 x 360 pixels with 11 classes, and the same enlarged to 12 megapixels. --window
does so in the whole window, until the screen has the prediction, and measures the brush beside Live: strokes with and
without it take turns, and the ratio of their times is printed.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from fcn_studio.core.classes import VOID, ClassTable  # noqa: E402
from fcn_studio.core.labels import LabelMap  # noqa: E402
from fcn_studio.core.metrics import ConfusionMatrix  # noqa: E402
from fcn_studio.core.snapshot import LabelledImage, pack  # noqa: E402
from fcn_studio.core.with_result import result_of  # noqa: E402
from fcn_studio.fcn.live.features import Features  # noqa: E402
from fcn_studio.fcn.live.learner import LiveLearner, drawn  # noqa: E402
from fcn_studio.fcn.training.linear_fit import LinearFit, LinearScores  # noqa: E402
from fcn_studio.fcn.transforms import resized, resized_labels, scaled_size  # noqa: E402
from fcn_studio.fcn.weights.catalogue import GENERAL, resolve  # noqa: E402
from fcn_studio.formats.images.images import read_image  # noqa: E402
from fcn_studio.formats.project.project_folder import ProjectFolder  # noqa: E402
from fcn_studio.jobs.live import LiveLearners  # noqa: E402
from fcn_studio.jobs.protocol import LiveJob, LivePrediction  # noqa: E402
from fcn_studio.jobs.run import JobRunner  # noqa: E402
from fcn_studio.jobs.snapshot import collect_now  # noqa: E402

SIDE, RADIUS, TREES = 700, 3, 100
METHODS = ("taps", "colours", "both", "forest", "live")
SIGMAS = (0.3, 0.7, 1.0, 1.6, 3.5, 5.0, 10.0)
BASE = str(resolve(GENERAL))

Labeller = Callable[["Picture"], LabelMap]
"""Labels a picture after it has learned from the dabs of one."""


@dataclass(frozen=True)
class Picture:
    """A picture on disk with its truth."""

    path: Path
    truth: LabelMap

    def labelled(self, label_map: LabelMap) -> LabelledImage:
        """Return the picture with some labels."""
        return pack(self.path.name, str(self.path), label_map)

    @property
    def blank(self) -> LabelledImage:
        """The picture without labels."""
        return self.labelled(np.full_like(self.truth, VOID))


def pictures_of(data: Path, count: int, folder: Path) -> tuple[list[Picture], ClassTable]:
    """Return the first pictures of a VOC tree, made smaller, and its classes."""
    with ProjectFolder.open(data, writable=False) as project:
        snapshot, table = collect_now(project), project.config.table
    found = []
    for number, image in enumerate((*snapshot.val, *snapshot.train)[:count]):
        size = scaled_size(image.shape, min(1.0, SIDE / max(image.shape)))
        path = folder / f"{data.name}{number}.png"
        cv2.imwrite(str(path), resized(read_image(Path(image.image_path)), size)[..., ::-1])
        found.append(Picture(path, resized_labels(image.label_map(), size)))
    return found, table


def dabs_of(truth: LabelMap, table: ClassTable, count: int, seed: int, radius: int = RADIUS) -> LabelMap:
    """Return a label map with dabs inside of each class."""
    rng = np.random.default_rng(seed)
    dabs = np.full_like(truth, VOID)
    for info in table.active:
        inside = truth == info.index
        depth = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 3)
        centres = np.argwhere(inside & (depth >= min(radius, max(1, depth.max() * 0.6))))
        for y, x in centres[rng.integers(len(centres), size=count)] if len(centres) else ():
            dab = cv2.circle(np.zeros_like(truth), (int(x), int(y)), radius, 1, -1)
            dabs[(dab > 0) & inside] = info.index
    return dabs


class Arms:
    """The methods, over features that are computed once."""

    def __init__(self, table: ClassTable, cache: Path) -> None:
        self.table, self._cache = table, str(cache)
        self._learner: LiveLearner = LiveLearners().learner(BASE, "cpu")
        self.indices = np.array(sorted(info.index for info in table.active))

    def names(self) -> list[str]:
        """Return those that can run here."""
        return [name for name in METHODS if name != "forest" or importlib.util.find_spec("sklearn")]

    def learned(self, name: str, picture: Picture, dabs: LabelMap) -> Labeller:
        """Return a labeller by the dabs of a picture."""
        if name == "live":
            return self._live(picture, dabs)
        if name == "forest":
            return self._forest(picture, dabs)
        return self._linear(name, picture, dabs)

    def _features(self, picture: Picture) -> Features:
        return self._learner.features(picture.blank, self._cache)

    def _live(self, picture: Picture, dabs: LabelMap) -> Labeller:
        def label(other: Picture) -> LabelMap:
            job = LiveJob(BASE, self.table, picture.labelled(dabs), device="cpu", cache=self._cache)
            if other is not picture:
                job = replace(job, image=other.blank, others=(job.image,))
            return run(JobRunner(), job).prediction.label_map

        return label

    def _linear(self, name: str, picture: Picture, dabs: LabelMap) -> Labeller:
        features = self._features(picture)
        taps, own = features.groups[:2]
        columns = {"taps": slice(0, taps), "colours": slice(taps, taps + own), "both": slice(0, taps + own)}[name]
        sample = drawn(picture.labelled(dabs), features, self.table, 10**6)
        channels = torch.from_numpy(np.searchsorted(self.indices, sample.classes.numpy()))
        counts = torch.bincount(channels, minlength=len(self.indices)).clamp(min=1).float()
        chosen = sample.features[:, columns]
        zero = LinearScores(torch.zeros(len(counts), chosen.shape[1]), torch.zeros(len(counts)))
        fit = LinearFit(chosen, channels, 1 / counts[channels], zero)
        scores = zero
        for _ in range(3):
            scores = fit.step(scores)
        weight = torch.zeros(len(counts), sample.features.shape[1])
        weight[:, columns] = scores.weight

        def label(other: Picture) -> LabelMap:
            found = self._features(other)
            channel = found.scores(weight, scores.bias).argmax(0).numpy()
            return resized_labels(self.indices[channel].astype(np.uint8), found.full_size)

        return label

    def _forest(self, picture: Picture, dabs: LabelMap) -> Labeller:
        forest = importlib.import_module("sklearn.ensemble").RandomForestClassifier(TREES, random_state=0)
        forest.fit(ilastik_filters(picture)[dabs != VOID], dabs[dabs != VOID])

        def label(other: Picture) -> LabelMap:
            filters = ilastik_filters(other)
            return np.asarray(forest.predict(filters.reshape(-1, filters.shape[2]))).reshape(other.truth.shape)

        return label


def ilastik_filters(picture: Picture) -> NDArray[np.float32]:
    """Return the filters that ilastik offers by default, of each colour, float32 (H, W, c)."""
    image = read_image(picture.path).astype(np.float32)
    planes = []
    for sigma in SIGMAS:
        smooth = cv2.GaussianBlur(image, (0, 0), sigma)
        dx, dy = cv2.Sobel(smooth, -1, 1, 0, scale=1 / 8), cv2.Sobel(smooth, -1, 0, 1, scale=1 / 8)
        xx, yy, xy = (cv2.Sobel(smooth, -1, *order, scale=1 / 4) for order in ((2, 0), (0, 2), (1, 1)))
        planes += [smooth, cv2.Laplacian(smooth, -1), cv2.magnitude(dx, dy)]
        planes.append(smooth - cv2.GaussianBlur(image, (0, 0), 0.66 * sigma))
        tensor = [cv2.GaussianBlur(part, (0, 0), 0.5 * sigma) for part in (dx * dx, dy * dy, dx * dy)]
        for a, b, c in ((xx, yy, xy), tensor):
            middle, half = (a + b) / 2, np.sqrt((a - b) ** 2 / 4 + c * c)
            planes += [middle + half, middle - half]
    return np.concatenate(planes, 2, dtype=np.float32)


def run(runner: JobRunner, job: LiveJob) -> LivePrediction:
    """Run a live job to its end."""
    result = result_of(runner.run(job))
    assert isinstance(result, LivePrediction)
    return result


def quality(data: Path, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield a row for each number of dabs and method."""
    with tempfile.TemporaryDirectory() as folder:
        pictures, table = pictures_of(data, options.pictures + options.next, Path(folder))
        arms = Arms(table, Path(folder) / "cache")
        for count in options.dabs:
            for name in (known for known in arms.names() if known in options.methods):
                same, later, began = ConfusionMatrix(), ConfusionMatrix(), time.process_time()
                for number, picture in enumerate(pictures[: options.pictures]):
                    label = arms.learned(name, picture, dabs_of(picture.truth, table, count, number))
                    same.add(picture.truth, label(picture))
                    if number % options.every == 0:
                        for other in pictures[number + 1 : number + 1 + options.next]:
                            later.add(other.truth, label(other))
                found = [figures.mean_iou for figures in (m.figures(arms.indices.tolist()) for m in (same, later))]
                seconds = time.process_time() - began
                yield {
                    "set": data.name,
                    "dabs": count,
                    "method": name,
                    "same": found[0],
                    "next": found[1] if options.next else float("nan"),
                    "s": seconds,
                }


def small_and_large(data: Path, folder: Path) -> tuple[tuple[Picture, Picture], ClassTable]:
    """Return a picture in a folder of its own, the same enlarged to 12 megapixels in another, and its classes."""
    places = folder / "small", folder / "large"
    for place in places:
        place.mkdir()
    (picture,), table = pictures_of(data, 1, places[0])
    large = Picture(places[1] / "large.jpg", resized_labels(picture.truth, (3000, 4000)))
    cv2.imwrite(str(large.path), resized(read_image(picture.path), (3000, 4000))[..., ::-1])
    return (picture, large), table


def latency(data: Path, strokes: int) -> None:
    """Print CPU and wall seconds of live jobs."""
    with tempfile.TemporaryDirectory() as folder:
        (small, large), table = small_and_large(data, Path(folder))
        for shown, radius in ((small, RADIUS), (large, 8 * RADIUS)):
            runner, cpu, wall = JobRunner(), [], []
            for count in range(1, strokes + 1):
                painted = shown.labelled(dabs_of(shown.truth, table, count, 0, radius))
                began = time.process_time(), time.perf_counter()
                run(runner, LiveJob(BASE, table, painted, device="cpu"))
                cpu.append(time.process_time() - began[0])
                wall.append(time.perf_counter() - began[1])
            height, width = shown.truth.shape
            for clock, seconds in (("CPU-s", cpu), ("s of wall time", wall)):
                print(
                    f"{width} x {height}: first job {seconds[0]:.2f}, then median {np.median(seconds[1:]):.2f}, "
                    f"slowest {max(seconds[1:]):.2f} {clock}",
                    flush=True,
                )


def window(data: Path, rounds: int, strokes: int) -> Iterator[dict[str, Any]]:
    """Yield figures of the brush beside Live, and of strokes until their prediction, for two sizes of image."""
    if not os.environ.get("DISPLAY"):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory() as folder:
        for name in ("CONFIG", "STATE"):
            os.environ[f"FCN_STUDIO_{name}_DIR"] = str(Path(folder) / name)
        from tests.bench.live_window import LiveWindow  # the variables are read when it is imported

        for shown in small_and_large(data, Path(folder))[0]:
            opened, image = LiveWindow(shown.path.parent), "{1} x {0}".format(*shown.truth.shape)
            try:
                yield {"image": image, "what": "stroke to prediction"} | opened.until_prediction(strokes)
                yield {"image": image, "what": "brush (ms)"} | opened.beside(rounds, 2)
            finally:
                opened.close()


def main() -> int:
    """Print what is asked for; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--quality", action="store_true")
    parser.add_argument("--latency", action="store_true")
    parser.add_argument("--window", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--sets", nargs="+", default=["cwfid", "ruralstreet", "camvid", "voc_animal"])
    parser.add_argument("--pictures", type=int, default=8)
    parser.add_argument("--dabs", nargs="+", type=int, default=[2, 5, 10])
    parser.add_argument("--next", type=int, default=10, help="pictures that follow")
    parser.add_argument(
        "--every", type=int, default=4, help="of how many pictures one is judged by those that follow"
    )
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--strokes", type=int, default=9)
    parser.add_argument("--rounds", type=int, default=25, help="turns of Live and idle, of 40 moves each")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.quick:
        options.sets, options.pictures, options.dabs, options.next = ["ruralstreet"], 1, [5], 1
        options.strokes, options.rounds = 3, 1
    torch.set_num_threads(1)
    if options.latency:
        latency(options.data / "camvid", options.strokes)
    rows = []
    for row in window(options.data / "camvid", options.rounds, options.strokes) if options.window else ():
        rows.append(row)
        print("  ".join(f"{k} {v:.3g}" if isinstance(v, float) else str(v) for k, v in row.items()), flush=True)
    for name in options.sets if options.quality else ():
        for row in quality(options.data / name, options):
            rows.append(row)
            print("{set:12} {dabs:3} dabs {method:8} same {same:.3f}  next {next:.3f}  {s:6.1f} CPU-s".format(**row))
            sys.stdout.flush()
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
