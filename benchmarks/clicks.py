#!/usr/bin/env python3
"""Clicks: how many it takes until a region is right, by smart click and by GrabCut.

Usage: python benchmarks/clicks.py DATA [--sets camvid ccp cwfid voc_animal ruralstreet] [--regions 10] [--most 20]
                                        [--seed 0] [--quick]

DATA holds VOC trees. A region is a connected region of one class of a random image of the val list, of at least 300
pixels and at most 60 % of the image, which is made smaller to 480 pixels. From nothing, the first click is inside the
region. From the prediction of the bundled network for the set, the network's region of that class is corrected. Each
further click is in the largest wrong region, at a random place that is likelier the farther it is from the border,
for people do not hit the middle (RClicks, 2024). NoC@85 is the number of clicks until the IoU is 0.85, at most
``--most``. Void does not count. --quick takes three regions of each set and at most eight clicks: some two minutes.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

from fcn_studio.core.class_map import map_classes  # noqa: E402
from fcn_studio.core.classes import VOID, ClassTable  # noqa: E402
from fcn_studio.core.image_pyramid import ImageRgb  # noqa: E402
from fcn_studio.core.labels import LabelMap, Mask  # noqa: E402
from fcn_studio.core.prediction import likelihood  # noqa: E402
from fcn_studio.core.raster import Point  # noqa: E402
from fcn_studio.core.region import Region  # noqa: E402
from fcn_studio.core.regions.clicks import HALF, Clicks, clicked_region, connected_to  # noqa: E402
from fcn_studio.core.regions.grabcut import cut_around  # noqa: E402
from fcn_studio.fcn.device import CPU  # noqa: E402
from fcn_studio.fcn.inference.predictor import Predictor  # noqa: E402
from fcn_studio.fcn.live.click_fit import likely_inside  # noqa: E402
from fcn_studio.fcn.live.extractor import FeatureExtractor  # noqa: E402
from fcn_studio.fcn.live.features import Features  # noqa: E402
from fcn_studio.fcn.transforms import resized, resized_labels, scaled_size  # noqa: E402
from fcn_studio.fcn.weights.catalogue import GENERAL, resolve  # noqa: E402
from fcn_studio.fcn.weights.checkpoint import Checkpoint, load_checkpoint  # noqa: E402
from fcn_studio.formats.images.images import read_image  # noqa: E402
from fcn_studio.formats.project.project_folder import ProjectFolder  # noqa: E402
from fcn_studio.jobs.snapshot import collect_now  # noqa: E402

NETWORKS = {"camvid": "street", "ruralstreet": "street", "voc_animal": "voc"}
BACKGROUND = {"background", "soil", "null"}
SIDE, LEAST, LARGEST = 480, 300, 0.6
TARGETS = (0.85, 0.90)


@dataclass(frozen=True)
class Case:
    """One region that is to be found."""

    image_rgb: ImageRgb
    region: Mask
    void: Mask
    features: Features
    prior: LabelMap | None


def cases(data: Path, name: str, count: int, seed: int) -> Iterator[Case]:
    """Yield regions of a data set, one of an image."""
    with ProjectFolder.open(data / name, writable=False) as project:
        found, table = collect_now(project), project.config.table
    images = found.val or found.train
    checkpoint = load_checkpoint(resolve(NETWORKS.get(name, GENERAL)))
    extractor = FeatureExtractor(checkpoint, CPU)
    rng = np.random.default_rng(seed)
    for number in rng.permutation(len(images)):
        image_rgb, label_map = read_image(Path(images[number].image_path)), images[number].label_map()
        if max(label_map.shape) > SIDE:
            size = scaled_size(label_map.shape, SIDE / max(label_map.shape))
            image_rgb, label_map = resized(image_rgb, size), resized_labels(label_map, size)
        parts = regions(label_map, table)
        if not parts or not count:
            continue
        index, region = parts[rng.integers(len(parts))]
        prior = predicted(checkpoint, image_rgb, table, index)
        yield Case(image_rgb, region, label_map == VOID, extractor.extract(image_rgb).features(), prior)
        count -= 1


def regions(label_map: LabelMap, table: ClassTable) -> list[tuple[int, Mask]]:
    """Return the regions of an image that are neither small nor background, with their class indices."""
    parts = []
    for info in table.active:
        if info.name in BACKGROUND:
            continue
        own = (label_map == info.index).view(np.uint8)
        _, numbers, stats, _ = cv2.connectedComponentsWithStats(own, connectivity=4)
        areas = stats[1:, cv2.CC_STAT_AREA]
        fitting = np.flatnonzero((areas >= LEAST) & (areas <= LARGEST * label_map.size)) + 1
        parts += [(info.index, numbers == number) for number in fitting]
    return parts


def predicted(checkpoint: Checkpoint, image_rgb: ImageRgb, table: ClassTable, index: int) -> LabelMap | None:
    """Return how likely each pixel has a class by the network, None if it does not know the class."""
    known = map_classes(checkpoint.table, table, {})
    if index not in known.values():
        return None
    return likelihood(Predictor(checkpoint).predict(image_rgb).mapped(known), index, SIDE)


def smart(case: Case, clicks: Clicks, prior: LabelMap | None) -> Region | None:
    """Return what smart click outlines."""
    return clicked_region(case.image_rgb, clicks, likely_inside(case.features, clicks, prior))


def grabcut(case: Case, clicks: Clicks, prior: LabelMap | None) -> Region | None:
    """Return what GrabCut makes of the clicks."""
    return cut_around(case.image_rgb, clicks, None if prior is None else prior >= HALF)


METHODS: dict[str, Callable[[Case, Clicks, LabelMap | None], Region | None]] = {"smart": smart, "grabcut": grabcut}


def place_in(wrong: Mask, rng: np.random.Generator) -> Point:
    """Return a place in the largest region of a mask."""
    _, numbers, stats, _ = cv2.connectedComponentsWithStats(wrong.view(np.uint8), connectivity=4)
    largest = numbers == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    depth = cv2.distanceTransform(np.pad(largest, 1).view(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1].ravel()
    depth[depth < 0.3 * depth.max()] = 0
    y, x = divmod(int(rng.choice(depth.size, p=depth / depth.sum())), wrong.shape[1])
    return x + 0.5, y + 0.5


def largest_of(wrong: Mask) -> int:
    """Return the pixels of the largest region of a mask."""
    stats = cv2.connectedComponentsWithStats(wrong.view(np.uint8), connectivity=4)[2]
    return int(stats[1:, cv2.CC_STAT_AREA].max(initial=0))


def ious(case: Case, method: str, prior: LabelMap | None, most: int, seed: int) -> tuple[list[float], float]:
    """Return the IoU before any click and after each, and the CPU seconds of a click."""
    rng, own, clicks, seconds = np.random.default_rng(seed), np.zeros_like(case.region), Clicks(), []
    if prior is not None and ((prior >= HALF) & case.region).any():
        inside = [(float(x), float(y)) for y, x in np.argwhere(case.region)[::7]]
        own = connected_to(prior >= HALF, inside)
    found = [iou(case, own)]
    while len(found) <= most and found[-1] < TARGETS[-1]:
        missing, extra = case.region & ~own, own & ~case.region & ~case.void
        if not clicks.inside_xy:
            place = place_in(missing if 10 * missing.sum() > case.region.sum() else case.region, rng)
            clicks = clicks._replace(inside_xy=(place,))
        elif largest_of(missing) >= largest_of(extra):
            clicks = clicks._replace(inside_xy=(*clicks.inside_xy, place_in(missing, rng)))
        else:
            clicks = clicks._replace(outside_xy=(*clicks.outside_xy, place_in(extra, rng)))
        began = time.process_time()
        region = METHODS[method](case, clicks, prior)
        seconds.append(time.process_time() - began)
        own = np.zeros_like(case.region)
        if region is not None:
            own[region.rect.slices] = region.stencil != 0
        found.append(iou(case, own))
    return found, float(np.mean(seconds)) if seconds else 0.0


def iou(case: Case, own: Mask) -> float:
    """Return intersection over union, without void."""
    return float((own & case.region).sum() / ((own | case.region) & ~case.void).sum())


def row(name: str, start: str, method: str, runs: list[tuple[list[float], float]], most: int) -> str:
    """Return one row of the table."""
    counts = [
        np.mean([next((n for n, value in enumerate(found) if value >= target), most) for found, _ in runs])
        for target in TARGETS
    ]
    after = [np.mean([max(found[: n + 1]) for found, _ in runs]) for n in (1, 3, 5)]
    cells = [name, start, method, str(len(runs)), *(f"{count:.1f}" for count in counts)]
    return "| " + " | ".join([*cells, *(f"{value:.2f}" for value in after), f"{runs_seconds(runs):.2f}"]) + " |"


def runs_seconds(runs: list[tuple[list[float], float]]) -> float:
    """Return the mean CPU seconds of a click."""
    return float(np.mean([seconds for _, seconds in runs]))


def main() -> int:
    """Print the table; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="+", default=["camvid", "ccp", "cwfid", "voc_animal", "ruralstreet"])
    parser.add_argument("--regions", type=int, default=10)
    parser.add_argument("--most", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="few regions and clicks")
    options = parser.parse_args()
    count, most = (3, 8) if options.quick else (options.regions, options.most)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    print("| set | from | method | regions | NoC@85 | NoC@90 | IoU, 1 click | 3 | 5 | CPU s a click |")
    print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
    for name in options.sets:
        found = list(cases(options.data, name, count, options.seed))
        for start, used in (("nothing", found), ("prediction", [case for case in found if case.prior is not None])):
            for method in METHODS if used else ():
                priors = [case.prior if start == "prediction" else None for case in used]
                runs = [
                    ious(case, method, prior, most, number)
                    for number, (case, prior) in enumerate(zip(used, priors, strict=True))
                ]
                print(row(name, start, method, runs, most), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
