#!/usr/bin/env python3
"""Train the bundled networks from `general`, on a CPU; interrupt and resume it as you like.

Usage: python benchmarks/train_shipped.py street|voc --data FOLDER --work FOLDER [--steps N] [--threads N]
                                          [--leave-out PREFIX] [--seed N]

``--data`` is the VOC tree (CamVid for street; PASCAL VOC and SBD animals for voc). ``--work`` keeps the resume file
and what comes out: ``<name>.safetensors``. The same command resumes an interrupted training, and gives the same
weights. The file is the average of the weights at the end; validation images choose nothing. The script ends with the
figures on them.

``--leave-out`` trains without the images whose names begin so, and scores on them: a drive that was never seen.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import torch  # noqa: E402

from fcn_studio.core.classes import ClassTable  # noqa: E402
from fcn_studio.core.metrics import Figures  # noqa: E402
from fcn_studio.core.snapshot import LabelledImage, pack  # noqa: E402
from fcn_studio.core.training import Level, TrainConfig  # noqa: E402
from fcn_studio.fcn.device import CPU  # noqa: E402
from fcn_studio.fcn.distributed import ALONE  # noqa: E402
from fcn_studio.fcn.inference.evaluate import evaluate  # noqa: E402
from fcn_studio.fcn.inference.predictor import Predictor  # noqa: E402
from fcn_studio.fcn.model.architecture import named  # noqa: E402
from fcn_studio.fcn.model.fcn import Network  # noqa: E402
from fcn_studio.fcn.training.calibrate import calibrate  # noqa: E402
from fcn_studio.fcn.training.crop_sampler import channel_lut, channel_pixels  # noqa: E402
from fcn_studio.fcn.training.folded_norm import fold_norms  # noqa: E402
from fcn_studio.fcn.training.recipe import Recipe  # noqa: E402
from fcn_studio.fcn.training.resume import input_digests, read_unfinished  # noqa: E402
from fcn_studio.fcn.training.stage_trainer import StageTrainer  # noqa: E402
from fcn_studio.fcn.training.stages import TrainingRequest, TrainingStage  # noqa: E402
from fcn_studio.fcn.training.train import train_stage  # noqa: E402
from fcn_studio.fcn.training.training_set import TrainingSet, reshaped  # noqa: E402
from fcn_studio.fcn.transforms import Augmentation  # noqa: E402
from fcn_studio.fcn.weights.checkpoint import Checkpoint, load_checkpoint, save_checkpoint  # noqa: E402
from fcn_studio.formats.images.images import read_image  # noqa: E402
from fcn_studio.formats.project.runs import state_of  # noqa: E402
from fcn_studio.formats.voc.found_classes import found_classes  # noqa: E402
from fcn_studio.formats.voc.masks import read_mask  # noqa: E402

GENERAL = ROOT / "resources" / "networks" / "general.safetensors"

RECIPE = Recipe(
    1000, score=3e-3, head=3e-3, late=4e-4, early=4e-4, warm_up=0.06, average=0.99, statistics=False, evaluations=1,
    balanced=False, lovasz_from=0.0, lovasz_step=8,
)  # fmt: skip
LOVASZ = 0.5
BATCH = 8
REPORT_EVERY = 20
_MANY_PIXELS = 200
"""An image shows a class if it has more pixels of it than this."""
_MOST_REPEATS = 6


@dataclass(frozen=True)
class Shipped:
    """How one network is trained, and what its file says.

    Attributes:
        architecture: name of its shape.
        input_scale: factor on the images before the network.
        crop: (height, width) of a view.
        scales: smallest and largest size of an image pixel in a view.
        rare_share: share of the views placed on a class drawn by its rarity.
        colour: strength of the changes of colour.
        repeat: exponent of the repeats of images that show rare classes; 0 shows all equally often.
        judged_by: the classes of which there are enough images; empty for all.
        source, licence, note: what the file says of the data and the network.
    """

    architecture: str
    input_scale: float
    crop: tuple[int, int]
    scales: tuple[float, float]
    rare_share: float
    colour: float
    repeat: float
    judged_by: tuple[str, ...]
    source: str
    licence: str
    note: str


NETWORKS = {
    "street": Shipped(
        "efficientnet-lite0-8s",
        1.25,
        (288, 352),
        (0.8, 2.0),
        0.0,
        0.5,
        0.0,
        (),
        "CamVid; the trunk began as EfficientNet-Lite0's on ImageNet",
        "the data are for research and education; the trunk's weights are under Apache-2.0",
        "",
    ),
    "voc": Shipped(
        "efficientnet-lite0-8s-light",
        1.0,
        (256, 256),
        (0.5, 1.4),
        0.5,
        1.0,
        0.5,
        ("background", "cat", "cow", "dog", "horse", "person", "sheep"),
        "PASCAL VOC 2012 and SBD, images with animals; the trunk began as EfficientNet-Lite0's on ImageNet",
        "the data are for research; the trunk's weights are under Apache-2.0",
        "It knows cat, cow, dog, horse, person and sheep, some others a little, and the rest not.",
    ),
}


@dataclass(frozen=True, slots=True)
class ShippedStage(TrainingStage):
    """The one stage of such a training."""

    shipped: Shipped = field(kw_only=True)

    def start(self, request: TrainingRequest, *, anew: bool) -> Checkpoint:
        """Return `general` with this network's classes, taps and head."""
        start = reshaped(TrainingStage.start(self, request, anew=anew), named(self.shipped.architecture))
        assert request.base is not None
        return replace(
            start,
            preprocessing=replace(start.preprocessing, input_scale=self.shipped.input_scale),
            parent=request.base.parent or request.base.sha256,
        )

    def network(self, request: TrainingRequest, start: Checkpoint) -> Network:
        """Build the network with its normalisation folded."""
        return fold_norms(TrainingStage.network(self, request, start))

    def recipe(self, request: TrainingRequest, start: Checkpoint) -> Recipe:
        """Return the recipe of all bundled networks."""
        return RECIPE.scaled(request.config.rate)

    def augmentation(self, request: TrainingRequest, start: Checkpoint, device: torch.device) -> Augmentation:
        """Return the views of this network."""
        shipped = self.shipped
        return Augmentation(shipped.crop, shipped.scales, colour=shipped.colour, rare_share=shipped.rare_share)


def labelled(folder: Path, names: Sequence[str], table: ClassTable) -> list[LabelledImage]:
    """Return images of a VOC tree with their masks."""
    found = []
    for name in names:
        path = next(folder.glob(f"JPEGImages/{name}.*"))
        size = read_image(path).shape[1::-1]
        found.append(
            pack(path.name, str(path), read_mask(folder / f"SegmentationClass/{name}.png", size, table).label_map)
        )
    return found


def split(folder: Path, leave_out: str) -> tuple[list[str], list[str]]:
    """Return the names of the training and the validation images."""
    train, val = ((folder / f"ImageSets/Segmentation/{part}.txt").read_text().split() for part in ("train", "val"))
    if leave_out:
        val = [name for name in (*train, *val) if name.startswith(leave_out)]
        train = [name for name in train if not name.startswith(leave_out)]
    return train, val


def repeated(images: Sequence[LabelledImage], table: ClassTable, exponent: float) -> Iterator[LabelledImage]:
    """Yield each image as often as the rarest class that it shows asks for.

    Source: Gupta, Dollar & Girshick 2019, "LVIS", section 4.2 (repeat factor sampling), relative to the class that
    most images show behind the background.
    """
    shown = channel_pixels(images, channel_lut(table))[:, : len(table)] > _MANY_PIXELS
    counts = np.sort(shown.sum(0))
    often = counts[-2] if len(counts) > 1 else counts[-1]
    times = np.maximum(1, (often / np.maximum(shown.sum(0), 1)) ** exponent)
    for image, row in zip(images, shown, strict=True):
        yield from [image] * min(_MOST_REPEATS, round(float(np.where(row, times, 1).max())))


def trained(
    name: str, folder: Path, work: Path, config: TrainConfig, leave_out: str, first: Path = GENERAL
) -> tuple[Path, float, int]:
    """Train a network, or resume its training; return its file, CPU seconds and steps."""
    shipped, out = NETWORKS[name], work / f"{name}.safetensors"
    table = found_classes(folder, {})
    assert table is not None, f"{folder} has no class_names.txt"
    images = labelled(folder, split(folder, leave_out)[0], table)
    train_set = list(repeated(images, table, shipped.repeat))
    base = load_checkpoint(first)
    digests = input_digests(config, train_set, (), table, base.sha256)
    state = read_unfinished(state_of(out)) if state_of(out).exists() else None
    if state is not None:
        state.require_same(digests)
    print(f"{len(images)} images, {len(train_set)} with repeats, from step {state.step if state else 0}", flush=True)
    request = TrainingRequest(config, TrainingSet.of(train_set, table), (), table, base, CPU, out, digests)
    trainer = StageTrainer(request, ShippedStage(0, 1, config.level, shipped=shipped), ALONE, state, None)
    losses: list[float] = []
    for report in train_stage(trainer):
        losses.append(report.loss)
        if report.step % REPORT_EVERY == 0:
            mean, minutes = np.nanmean(losses[-REPORT_EVERY:]), report.cpu_seconds / 60
            print(f"step {report.step} of {report.total_steps}  loss {mean:.4f}  CPU {minutes:.1f} min", flush=True)
    outcome = trainer.outcome()
    return out, outcome.cpu_seconds, outcome.steps


def scored(checkpoint: Checkpoint, images: Sequence[LabelledImage], table: ClassTable) -> Figures:
    """Return the figures of a network."""
    scoring = evaluate(Predictor(checkpoint), images, table)
    while True:
        try:
            next(scoring)
        except StopIteration as end:
            figures: Figures = end.value
            return figures


def described(name: str, folder: Path, path: Path, leave_out: str) -> Figures:
    """Calibrate a trained network and write its figures and origin into its file; return the figures."""
    shipped, checkpoint = NETWORKS[name], load_checkpoint(path)
    table = found_classes(folder, {})
    assert table is not None
    images = labelled(folder, split(folder, leave_out)[1], table)
    # Fitted on every second image, and told from the others.
    fitted = calibrate(replace(checkpoint, temperature=1.0), images[::2], CPU)
    assert fitted is not None, "no labelled pixel to find a temperature on"
    checkpoint = replace(checkpoint, temperature=fitted.temperature)
    seen = calibrate(checkpoint, images[1::2], CPU)
    figures = scored(checkpoint, images, table)
    final = replace(
        checkpoint,
        trained_on=tuple(dict.fromkeys(checkpoint.trained_on)),
        validation=figures.as_json(table),
        source=shipped.source,
        licence=shipped.licence,
        note=shipped.note,
    )
    digest = save_checkpoint(final, path, half=True)
    print(f"temperature {fitted.temperature:.3f}: expected calibration error {fitted.error_before:.4f} at 1, "
          f"{seen.error_before if seen else math.nan:.4f} with it on the other half")  # fmt: skip
    print(f"{path}  {path.stat().st_size / 1e6:.1f} MB  sha256 {digest}")
    return figures


def main() -> None:
    """Train one network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=list(NETWORKS))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=RECIPE.steps)
    parser.add_argument("--rate", type=float, default=1.0, help="factor on the learning rates")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=Path, default=GENERAL, help="a network that this script has made")
    parser.add_argument("--leave-out", default="", metavar="PREFIX")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.work.mkdir(parents=True, exist_ok=True)
    config = TrainConfig(
        Level.FULL, steps=options.steps, batch_size=BATCH, seed=options.seed, lovasz=LOVASZ, rate=options.rate,
        precision="fp32",
    )  # fmt: skip
    path, seconds, steps = trained(options.name, options.data, options.work, config, options.leave_out, options.start)
    print(f"{steps} steps, {seconds / 60:.1f} CPU-minutes", flush=True)
    figures = described(options.name, options.data, path, options.leave_out)
    names = {info.index: info.name for info in load_checkpoint(path).table}
    judged_by = NETWORKS[options.name].judged_by
    iou = {names[index]: value for index, value in figures.iou.items()}
    mean = np.mean([value for name, value in iou.items() if not judged_by or name in judged_by])
    print(
        f"mean IoU {mean:.4f}  pixel accuracy {figures.pixel_accuracy:.4f}  mean accuracy {figures.mean_accuracy:.4f}"
    )
    print("  ".join(f"{name} {value:.3f}" for name, value in iou.items()))


if __name__ == "__main__":
    main()
