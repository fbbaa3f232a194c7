#!/usr/bin/env python3
"""Images a second in training: ours against the plain recipe, and our augmentation against torchvision's, in one run.

Usage: python benchmarks/training.py [--rounds 5] [--steps 3] [--device auto] [--threads 1] [--quick] [--json FILE]

The plain recipe is what a tutorial does: batch 1, float32, NCHW, a crop and a flip made between two steps, AdamW.
Ours is the program's own `Optimisation` and `CropSource`: batches, channels last, crops by one affine warp in a
background thread, the average of the weights and a clipped gradient on top, bf16 on CUDA. Same network, same crop
size, same images. Rounds of the two take turns; medians are compared, CPU seconds beside wall. With CUDA a VGG-16
FCN-8s is timed too. --quick is a smoke run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch.nn import functional  # noqa: E402
from torchvision import tv_tensors  # noqa: E402
from torchvision.transforms import v2  # noqa: E402

from fcn_studio.core.classes import VOID, ClassTable  # noqa: E402
from fcn_studio.core.snapshot import pack  # noqa: E402
from fcn_studio.core.training import Level  # noqa: E402
from fcn_studio.fcn.device import choose_device, describe_device  # noqa: E402
from fcn_studio.fcn.model.architecture import Architecture, named  # noqa: E402
from fcn_studio.fcn.model.build import build  # noqa: E402
from fcn_studio.fcn.training.batch_sources import CropSource  # noqa: E402
from fcn_studio.fcn.training.crop_sampler import CropSampler, DecodedImages, channel_lut  # noqa: E402
from fcn_studio.fcn.training.optimisation import Optimisation  # noqa: E402
from fcn_studio.fcn.training.recipe import initialise, recipe_for  # noqa: E402
from fcn_studio.fcn.transforms import Augmentation, normalise, random_view  # noqa: E402
from fcn_studio.fcn.weights.checkpoint import Preprocessing  # noqa: E402
from fcn_studio.formats.images.images import write_png  # noqa: E402

CLASSES = 11
SHAPE = (360, 480)
Json = dict[str, Any]
Pair = tuple[np.ndarray, np.ndarray]


def pictures(count: int) -> list[Pair]:
    """Blocks of colour with noise, of CamVid's size."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(count):
        labels = rng.integers(0, CLASSES, (9, 12)).repeat(40, 0).repeat(40, 1).astype(np.uint8)
        image = 20 * labels[..., None] + rng.integers(0, 60, (*SHAPE, 3))
        made.append((image.clip(0, 255).astype(np.uint8), labels))
    return made


def ours(
    pairs: list[Pair], folder: Path, described: Architecture, crop: tuple[int, int], batch: int, device: torch.device
):
    """A step of the program's own training."""
    table = ClassTable.from_names([str(i) for i in range(CLASSES)])
    snapshot = []
    for number, (image, labels) in enumerate(pairs):
        write_png(folder / f"{number}.png", image)
        snapshot.append(pack(f"{number}", str(folder / f"{number}.png"), labels))
    network = build(described, CLASSES)
    initialise(network)
    recipe = recipe_for(Level.SCRATCH, batch_norm=described.batch_norm, foreign=True, images=len(pairs))
    optimisation = Optimisation(network, recipe, np.ones(CLASSES), device, batch, precision="auto")
    images = DecodedImages(snapshot, channel_lut(table))
    sampler = CropSampler(images, Augmentation(crop, (0.67, 1.27)), np.ones(CLASSES), 0)
    source = CropSource(sampler, Preprocessing(), batch, 0)
    return (lambda: optimisation.step(source.batch, 0.5)), source.close


def plain(
    pairs: list[Pair], described: Architecture, crop: tuple[int, int], device: torch.device
) -> Callable[[], None]:
    """A step of the plain recipe."""
    network = build(described, CLASSES)
    initialise(network)
    network.to(device).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
    rng = np.random.default_rng(0)

    def step() -> None:
        image, labels = pairs[rng.integers(len(pairs))]
        top, left = (int(rng.integers(0, side - part + 1)) for side, part in zip(SHAPE, crop, strict=True))
        window = slice(top, top + crop[0]), slice(left, left + crop[1])
        turn = slice(None, None, rng.choice([1, -1]))
        view = np.ascontiguousarray(image[window][:, turn])
        truth = np.ascontiguousarray(labels[window][:, turn])
        inputs = normalise(torch.from_numpy(view[None]), Preprocessing()).contiguous().to(device)
        optimiser.zero_grad()
        target = torch.from_numpy(truth[None]).long().to(device)
        loss = functional.cross_entropy(network(inputs), target, ignore_index=VOID)
        loss.backward()
        optimiser.step()
        float(loss.detach())

    return step


def timed(step: Callable[[], None], images: int, device: torch.device) -> tuple[float, float]:
    """Wall and CPU seconds an image."""
    wall, cpu = time.perf_counter(), time.process_time()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return (time.perf_counter() - wall) / images, (time.process_time() - cpu) / images


def duel(
    title: str,
    described: Architecture,
    crop: tuple[int, int],
    batch: int,
    device: torch.device,
    rounds: int,
    steps: int,
) -> Json:
    """Ours against plain, in turns."""
    pairs = pictures(8)
    with tempfile.TemporaryDirectory(prefix="fcn-studio-training-") as name:
        our_step, close = ours(pairs, Path(name), described, crop, batch, device)
        plain_step = plain(pairs, described, crop, device)
        times: dict[str, list[tuple[float, float]]] = {"ours": [], "plain": []}
        try:
            for turn in range(rounds + 1):  # the first warms up
                for _ in range(steps):
                    mine = timed(our_step, batch, device)
                    theirs = [timed(plain_step, 1, device) for _ in range(batch)]
                    if turn:
                        times["ours"].append(mine)
                        times["plain"] += theirs
        finally:
            close()
    row: Json = {"network": title, "crop": list(crop), "batch": batch}
    for who, found in times.items():
        wall, cpu = (statistics.median(column) for column in zip(*found, strict=True))
        row[who] = {"images_per_second": 1 / wall, "wall_ms": 1000 * wall, "cpu_ms": 1000 * cpu}
    row["ratio_wall"] = row["plain"]["wall_ms"] / row["ours"]["wall_ms"]
    row["ratio_cpu"] = row["plain"]["cpu_ms"] / row["ours"]["cpu_ms"]
    rates = [row[who]["images_per_second"] for who in ("plain", "ours")]
    print(
        f"{title:28} {crop[0]}x{crop[1]:<5} {rates[0]:8.2f} {rates[1]:8.2f} "
        f"{row['ratio_wall']:7.2f} {row['ratio_cpu']:7.2f}"
    )
    return row


def augmentations(views: int) -> Json:
    """CPU milliseconds a view of our one affine warp, and of torchvision's transforms for the same changes."""
    pairs, crop = pictures(4), (192, 256)
    rng = np.random.default_rng(0)
    joint = v2.Compose([
        v2.RandomAffine(0, scale=(0.67, 1.27), fill={tv_tensors.Image: 0, tv_tensors.Mask: VOID}),
        v2.RandomCrop(crop, pad_if_needed=True, fill={tv_tensors.Image: 0, tv_tensors.Mask: VOID}),
        v2.RandomHorizontalFlip(),
        v2.ColorJitter(0.3, 0.3, 0.4),
    ])  # fmt: skip

    def warp(image: np.ndarray, labels: np.ndarray) -> None:
        random_view(image, labels, Augmentation(crop, (0.67, 1.27)), rng)

    def torchvision(image: np.ndarray, labels: np.ndarray) -> None:
        joint(tv_tensors.Image(torch.from_numpy(image).permute(2, 0, 1)), tv_tensors.Mask(torch.from_numpy(labels)))

    times: dict[str, list[float]] = {"warp": [], "torchvision": []}
    for number in range(views):
        for name, how in (("warp", warp), ("torchvision", torchvision)):
            began = time.process_time()
            how(*pairs[number % len(pairs)])
            times[name].append(time.process_time() - began)
    row = {name: 1000 * statistics.median(found) for name, found in times.items()}
    warped, theirs = row["warp"], row["torchvision"]
    print(f"\na view of {crop[0]}x{crop[1]}: {warped:.2f} CPU-ms by one warp, {theirs:.2f} by transforms.v2")
    return row


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = choose_device(options.device)
    rounds, steps = (1, 1) if options.quick else (options.rounds, options.steps)
    print(f"{describe_device(device)}, torch {torch.__version__}\n")
    print(f"{'network':28} {'crop':9} {'plain/s':>8} {'ours/s':>8} {'wall':>7} {'CPU':>7}")
    slim = Architecture.slim(0.25)
    rows = [duel(slim.title, slim, (160, 208), 4 if device.type == "cpu" else 16, device, rounds, steps)]
    if device.type == "cuda":
        vgg = named("vgg16bn-8s")
        rows.append(duel(vgg.title, vgg, (384, 512), 8, device, rounds, steps))
    views = augmentations(20 if options.quick else 200)
    result = {"device": str(describe_device(device)), "rows": rows, "augmentation": views}
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
