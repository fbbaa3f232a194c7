#!/usr/bin/env python3
"""Train the networks that are shipped, from random weights, on a CPU; stop it and start it again as you like.

Usage: python benchmarks/train_shipped.py street|voc --data FOLDER --work FOLDER [--steps N] [--decay N] [--threads N]
                                          [--start FILE] [--leave-out PREFIX]

``--data`` is the VOC tree (CamVid for street; PASCAL VOC and SBD animals for voc). ``--work`` keeps the state, a CSV
with a line a validation, and what comes out: ``<name>.safetensors``. The course is warm-up, a constant rate, and a
decay to zero: the constant part may be made longer at any time by a larger ``--steps``, and the decay, which starts
from wherever it is, is then done anew. The file is the average of the weights at the end of the decay; validation
images choose nothing. Ended by any means, the same command goes on from the last state, bit by bit.

``--start`` begins with the trunk of another network of the same width, its score layers being new.

``--leave-out`` trains without the images whose names begin so, and scores on them: a drive that was never seen.
"""

from __future__ import annotations

import argparse
import copy
import csv
import math
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import torch  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from fcn_studio.core.classes import VOID  # noqa: E402
from fcn_studio.core.metrics import ConfusionMatrix, Figures  # noqa: E402
from fcn_studio.core.snapshot import LabelledImage, pack  # noqa: E402
from fcn_studio.fcn.device import CPU  # noqa: E402
from fcn_studio.fcn.inference.predictor import Predictor  # noqa: E402
from fcn_studio.fcn.model.architecture import Architecture  # noqa: E402
from fcn_studio.fcn.model.build import build  # noqa: E402
from fcn_studio.fcn.model.score_map import ScoreMap  # noqa: E402
from fcn_studio.fcn.model.upsampling import bilinear_kernel  # noqa: E402
from fcn_studio.fcn.training.calibrate import calibrate  # noqa: E402
from fcn_studio.fcn.training.losses import lovasz_softmax  # noqa: E402
from fcn_studio.fcn.training.recipe import initialise  # noqa: E402
from fcn_studio.fcn.transforms import Augmentation, normalise, random_view, resized, resized_labels  # noqa: E402
from fcn_studio.fcn.weights.checkpoint import Checkpoint, Preprocessing, as_stored, load_checkpoint, save_checkpoint  # noqa: E402
from fcn_studio.formats.images.images import read_image  # noqa: E402
from fcn_studio.formats.importers import found_classes  # noqa: E402
from fcn_studio.formats.voc.masks import read_mask  # noqa: E402

Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""An image uint8 (H, W, 3) and its label map uint8 (H, W)."""


@dataclass(frozen=True)
class Recipe:
    """The numbers of one network.

    Attributes:
        width: of the slim trunk.
        input_scale: of the network; views are scaled around it.
        crop: (height, width) of a view.
        scales: smallest and largest size of an image pixel in a view.
        batch: views a step.
        rate: learning rate between warm-up and decay.
        rarest: class weights and the repeats of images are made for classes with at least this share of the
            pixels; what is rarer counts as one of that share.
        repeat: exponent of the repeats of images of rare classes; 0 shows all equally often.
        lovasz: weight of the Lovasz term while the rate decays.
    """

    width: float
    input_scale: float
    crop: tuple[int, int]
    scales: tuple[float, float]
    batch: int
    rate: float
    rarest: float
    repeat: float
    lovasz: float


RECIPES = {
    # Not 1: views are always resampled, and a picture that is not is sharper than all that was seen.
    "street": Recipe(0.375, 0.9, (192, 256), (0.6, 1.35), 8, 2e-3, 0.005, 0.0, 0.5),
    "voc": Recipe(0.375, 0.5, (160, 192), (0.35, 0.85), 8, 2e-3, 0.0175, 0.5, 0.5),
}
MAIN_CLASSES = {"voc": ("background", "cat", "cow", "dog", "horse", "person", "sheep")}
"""The classes of which a set has enough to judge by; all, where nothing is said."""

ABOUT = {
    "street": ("CamVid", "the data are for research and education", ""),
    "voc": (
        "PASCAL VOC 2012 and SBD, pictures with animals",
        "the data are for research",
        "It has learned cat and horse a little, dog, sheep, cow and person less, and the others hardly or not.",
    ),
}
"""Source, licence and note that a network carries."""

WARM_UP = 300
AVERAGE = 0.9995
CLIP_NORM = 5.0
WEIGHT_DECAY = 2e-2
SAVE_SECONDS = 120.0
VALIDATE_CPU_SECONDS = 900.0


class Data:
    """A VOC tree in memory; training images no larger than they are shown."""

    def __init__(self, folder: Path, recipe: Recipe, leave_out: str) -> None:
        self.folder = folder
        table = found_classes(folder, {})
        assert table is not None, f"{folder} has no class_names.txt"
        self.table = table
        train, val = (_lines(folder / f"ImageSets/Segmentation/{part}.txt") for part in ("train", "val"))
        if leave_out:
            val = [name for name in (*train, *val) if name.startswith(leave_out)]
            train = [name for name in train if not name.startswith(leave_out)]
        self.val = val
        shrink = min(1.0, recipe.scales[1])
        self.shrink = shrink
        self.pairs = [_shrunk(self.read(name), shrink) for name in train]
        self.names = train
        counts = np.array([np.bincount(labels.ravel(), minlength=256)[: len(table)] for _, labels in self.pairs])
        self.shares = counts.sum(0) / counts.sum()
        self.present = counts > 100

    def read(self, name: str) -> Pair:
        """One image with its label map, at full size."""
        image = read_image(self.image_path(name))
        mask = self.folder / f"SegmentationClass/{name}.png"
        return image, read_mask(mask, image.shape[1::-1], self.table).label_map

    def image_path(self, name: str) -> Path:
        """The image of a name in the lists."""
        return next(self.folder.glob(f"JPEGImages/{name}.*"))

    def weights(self, rarest: float) -> NDArray[np.float64]:
        """Weight of each class in the loss: the root of median frequency balancing, over classes not too rare."""
        shares = np.maximum(self.shares, rarest)
        median = np.median(self.shares[self.shares >= rarest])
        return np.clip(np.sqrt(median / shares), 0.3, 3.0)

    def repeats(self, rarest: float, exponent: float) -> NDArray[np.float64]:
        """Chance of each image, by the rarest class it shows that is not too rare.

        Source: Gupta, Dollar & Girshick 2019, "LVIS", section 4.2 (repeat factor sampling).
        """
        share_of_images = self.present.mean(0)
        usable = self.shares >= rarest
        factor = np.where(usable, (share_of_images[usable].max() / np.maximum(share_of_images, 1e-9)) ** exponent, 1)
        chance = np.where(self.present, factor, 1).max(1)
        return np.asarray(chance / chance.sum())


def _lines(path: Path) -> list[str]:
    return path.read_text().split()


def _shrunk(pair: Pair, scale: float) -> Pair:
    image, labels = pair
    shape = round(image.shape[0] * scale), round(image.shape[1] * scale)
    return resized(image, shape), resized_labels(labels, shape)


class Views:
    """Random views of the training set; all of its chance is in one generator, which can be saved."""

    def __init__(self, data: Data, recipe: Recipe, seed: int) -> None:
        low, high = recipe.scales
        self.rng = np.random.default_rng(seed)
        self._data, self._batch = data, recipe.batch
        self._augmentation = Augmentation(recipe.crop, (low / data.shrink, high / data.shrink))
        self._chances = data.repeats(recipe.rarest, recipe.repeat)
        self._weights = data.weights(recipe.rarest)

    def batch(self) -> tuple[Tensor, Tensor]:
        """uint8 (N, h, w, 3) and int64 (N, h, w)."""
        views = [self._view() for _ in range(self._batch)]
        images, labels = (np.stack(part) for part in zip(*views, strict=True))
        return torch.from_numpy(images), torch.from_numpy(labels).long()

    def _view(self) -> Pair:
        image, labels = self._data.pairs[int(self.rng.choice(len(self._chances), p=self._chances))]
        return random_view(image, labels, self._augmentation, self.rng, self._anchor(labels))

    def _anchor(self, labels: NDArray[np.uint8]) -> tuple[int, int] | None:
        """For half of the views a pixel of a class drawn by its weight."""
        if self.rng.random() < 0.5:
            return None
        counts = np.bincount(labels.ravel(), minlength=256)[: len(self._weights)]
        wanted = np.where(counts > 0, self._weights, 0)
        if not wanted.any():
            return None
        channel = self.rng.choice(len(wanted), p=wanted / wanted.sum())
        places = np.flatnonzero(labels.ravel() == channel)
        y, x = divmod(int(places[self.rng.integers(len(places))]), labels.shape[1])
        return x, y


class StageTrainer:
    """A network on its way; `run` goes on from wherever the work folder says."""

    def __init__(
        self, name: str, data: Data, work: Path, recipe: Recipe, steps: int, decay: int, start: Path | None = None
    ) -> None:
        self.name, self.data, self.work, self.recipe = name, data, work, recipe
        self.steps, self.decay = steps, decay
        torch.manual_seed(0)
        self.architecture = Architecture.slim(recipe.width)
        self.network = build(self.architecture, len(data.table)).to(memory_format=torch.channels_last)
        initialise(self.network)
        if start is not None:
            stored = load_checkpoint(start).state
            trunk = {key: value for key, value in stored.items() if key.startswith("trunk.")}
            self.network.load_state_dict(self.network.state_dict() | trunk)
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.views = Views(data, recipe, 0)
        decays = [p for n, p in self.network.named_parameters() if p.ndim > 1 and not n.startswith("score")]
        rest = [p for n, p in self.network.named_parameters() if not (p.ndim > 1 and not n.startswith("score"))]
        groups = [{"params": decays, "weight_decay": WEIGHT_DECAY}, {"params": rest, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=recipe.rate, fused=True)
        self.weights = torch.tensor(data.weights(recipe.rarest), dtype=torch.float32)
        pixels = np.concatenate([image[::8, ::8].reshape(-1, 3) for image, _ in data.pairs])
        self.preprocessing = Preprocessing("rgb", _triple(pixels.mean(0)), _triple(pixels.std(0)), recipe.input_scale)
        self.step_done, self.started_decay, self.cpu_seconds, self.loss = 0, 0, 0.0, math.nan

    def run(self) -> None:
        """The constant part, then the decay."""
        steady, final = self.work / "steady.pt", self.work / "decay.pt"
        if not (self._load(final) and self.started_decay == self.steps):
            self._load(steady)
            self.started_decay = max(self.steps, self.step_done)
            self._until(self.steps, steady)
            self.started_decay = self.step_done
        self._until(self.started_decay + self.decay, final)
        self._save_network()

    def _until(self, end: int, state: Path) -> None:
        cpu, saved, validated = time.process_time(), time.monotonic(), time.process_time()
        while self.step_done < end:
            self._step()
            if self.step_done == end or time.monotonic() - saved > SAVE_SECONDS:
                now = time.process_time()
                self.cpu_seconds, cpu, saved = self.cpu_seconds + now - cpu, now, time.monotonic()
                self._save(state)
            if self.step_done == end or time.process_time() - validated > VALIDATE_CPU_SECONDS:
                spent = time.process_time()
                self._validate()
                validated = time.process_time()
                cpu += validated - spent  # scoring is no training

    def _rate(self) -> float:
        """Factor on the learning rate of the next step."""
        if self.step_done < WARM_UP:
            return (self.step_done + 1) / WARM_UP
        if self.step_done < self.started_decay:
            return 1.0
        return max(0.0, 1 - (self.step_done - self.started_decay) / self.decay)

    def _step(self) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.rate * self._rate()
        images, target = self.views.batch()
        self.network.train()
        with torch.autocast("cpu", torch.bfloat16):
            features = self.network.trunk(normalise(images, self.preprocessing))
        # Scores in single precision, which is exact, and in which the upsampling is faster than in bf16.
        score_map = self.network.score_map({s: f.float() for s, f in features.items()}, *target.shape[1:])
        scores, target = at_every_second_pixel(score_map), target[:, ::2, ::2]
        loss = functional.cross_entropy(scores, target, self.weights, ignore_index=VOID)
        if self.step_done >= self.started_decay:
            loss = loss + self.recipe.lovasz * lovasz_softmax(scores, target)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), CLIP_NORM)
        value = float(loss.detach())
        if not (math.isfinite(value) and math.isfinite(float(norm))):
            raise SystemExit(f"{self.name}: the loss is no number at step {self.step_done}")
        self.optimiser.step()
        self.step_done += 1
        self.loss = value if math.isnan(self.loss) else 0.99 * self.loss + 0.01 * value
        keep = min(AVERAGE, (1 + self.step_done) / (10 + self.step_done))
        with torch.no_grad():
            pairs = zip(self.average.state_dict().values(), self.network.state_dict().values(), strict=True)
            for mean, value in pairs:
                mean.lerp_(value, 1 - keep) if mean.is_floating_point() else mean.copy_(value)

    # --- files ----------------------------------------------------------------------------------------------

    def _save(self, path: Path) -> None:
        state = {
            "network": self.network.state_dict(), "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(), "rng": self.views.rng.bit_generator.state,
            "torch": torch.get_rng_state(), "step": self.step_done, "cpu": self.cpu_seconds, "loss": self.loss,
            "decay": self.started_decay,
        }  # fmt: skip
        beside = path.with_suffix(".part")
        torch.save(state, beside)
        os.replace(beside, path)

    def _load(self, path: Path) -> bool:
        if not path.exists():
            return False
        state: Mapping[str, Any] = torch.load(path, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.views.rng.bit_generator.state = state["rng"]
        torch.set_rng_state(state["torch"])
        self.step_done, self.cpu_seconds, self.loss = state["step"], state["cpu"], state["loss"]
        self.started_decay = state["decay"]
        return True

    def _checkpoint(self) -> Checkpoint:
        weights = {k: as_stored(v, half=True).to(v.dtype, copy=True) for k, v in self.average.state_dict().items()}
        names = tuple(self.data.image_path(name).name for name in self.data.names)
        return Checkpoint(self.architecture, self.data.table, self.preprocessing, weights, trained_on=names)

    def _figures(self) -> Figures:
        predictor, confusion = Predictor(self._checkpoint()), ConfusionMatrix()
        for name in self.data.val:
            image, truth = self.data.read(name)
            confusion.add(truth, predictor.predict(image).label_map)
        return confusion.figures(info.index for info in self.data.table)

    def _validate(self) -> Figures:
        figures = self._figures()
        wanted = MAIN_CLASSES.get(self.name, [info.name for info in self.data.table])
        named = {self.data.table.name_of(i): value for i, value in figures.iou.items()}
        main = float(np.mean([named[name] for name in wanted if name in named]))
        row: dict[str, object] = {
            "step": self.step_done, "images": self.step_done * self.recipe.batch,
            "cpu_minutes": round(self.cpu_seconds / 60, 1), "loss": round(self.loss, 4),
            "rate": round(self._rate(), 3),
            "mean_iou": round(main, 4), "pixel_accuracy": round(figures.pixel_accuracy, 4),
        }  # fmt: skip
        row |= {name: round(named.get(name, math.nan), 3) for name in wanted}
        path = self.work / "log.csv"
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            if new:
                writer.writeheader()
            writer.writerow(row)
        print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
        return figures

    def _save_network(self) -> None:
        checkpoint = self._checkpoint()
        # Fitted on every second image, and told from the others.
        half, others = (self._labelled(self.data.val[start::2]) for start in (0, 1))
        fitted = calibrate(checkpoint, half, CPU)
        assert fitted is not None, "no labelled pixel to find a temperature on"
        checkpoint = replace(checkpoint, temperature=fitted.temperature)
        seen = calibrate(checkpoint, others, CPU)
        figures = self._figures()
        path = self.work / f"{self.name}.safetensors"
        source, licence, note = ABOUT[self.name]
        described = replace(
            checkpoint, validation=figures.as_json(self.data.table), source=source, licence=licence, note=note
        )
        digest = save_checkpoint(described, path, half=True)
        print(f"temperature {fitted.temperature:.3f}: expected calibration error {fitted.error_before:.4f} at 1, "
              f"{seen.error_before if seen else math.nan:.4f} with it on the other half")  # fmt: skip
        print(f"{path}  {path.stat().st_size / 1e6:.1f} MB  sha256 {digest}")

    def _labelled(self, names: list[str]) -> list[LabelledImage]:
        return [pack(name, str(self.data.image_path(name)), self.data.read(name)[1]) for name in names]


def at_every_second_pixel(score_map: ScoreMap) -> Tensor:
    """The scores (N, C, ceil(H / 2), ceil(W / 2)) of pixels with even row and column, without making the others.

    They cost a quarter; that the views lie anywhere makes up for the pixels that are left out. Upsampling is a
    transposed convolution, of which every second output is one with every second weight of the kernel and half the
    stride.
    """
    kernel = bilinear_kernel(score_map.kernel)[score_map.crop % 2 :: 2, score_map.crop % 2 :: 2]
    weight = kernel.expand(score_map.values.shape[1], 1, -1, -1)
    scores = functional.conv_transpose2d(
        score_map.values, weight, stride=score_map.factor // 2, groups=score_map.values.shape[1]
    )
    crop, (height, width) = score_map.crop // 2, score_map.size
    return scores[:, :, crop : crop + -(-height // 2), crop : crop + -(-width // 2)]


def _triple(values: NDArray[np.floating[Any]]) -> tuple[float, float, float]:
    red, green, blue = values.tolist()
    return red, green, blue


def main() -> None:
    """Train one network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=list(RECIPES))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=12000, help="before the decay")
    parser.add_argument("--decay", type=int, default=3000, help="steps of the decay")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--start", type=Path, help="a network to take the trunk of")
    parser.add_argument("--leave-out", default="", metavar="PREFIX")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.work.mkdir(parents=True, exist_ok=True)
    recipe = RECIPES[options.name]
    data = Data(options.data, recipe, options.leave_out)
    StageTrainer(options.name, data, options.work, recipe, options.steps, options.decay, options.start).run()


if __name__ == "__main__":
    main()
