#!/usr/bin/env python3
"""Train a slim FCN-8s on CamVid for a budget, score it, and print it beside the published figures.

Usage: python benchmarks/camvid.py [--data FOLDER] [--work FOLDER] [--minutes 20 | --steps N] [--width 0.25]
                                   [--leave-out PREFIX] [--resume] [--device auto] [--json FILE]

``--data`` is a VOC tree of CamVid (default: ``camvid`` in FCN_STUDIO_DATA, else in shared/data beside the checkout);
it is only read. ``--work`` gets ``camvid.safetensors``, its log and, until it has finished, its state, from which
``--resume`` goes on. ``--leave-out 0001TP`` holds back all images whose ids begin so, validates on them, and does not
train on them: a drive that was never seen.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from fcn_studio.core.training import Level, TrainConfig  # noqa: E402
from fcn_studio.errors import FcnStudioError  # noqa: E402
from fcn_studio.formats.project.project_folder import ProjectFolder  # noqa: E402
from fcn_studio.jobs import headless  # noqa: E402

PUBLISHED = (
    ("FCN-8, ImageNet VGG-16", 57.0, 88.0),
    ("classic upsampling, from scratch", 55.2, 86.8),
    ("SegNet", 46.4, 62.5),
    ("Bayesian SegNet", 63.1, 86.9),
    ("DeepLab-LFOV", 61.6, None),
    ("Dilation8", 65.3, 79.0),
    ("FC-DenseNet56, from scratch", 58.9, 88.9),
    ("FC-DenseNet103, from scratch", 66.9, 91.5),
)
"""Mean IoU and pixel accuracy, percent, on the 233 test images. Source: Jégou et al. 2017 ("Tiramisu"), table 3."""


def data_folder() -> Path:
    """CamVid where the tests look for data."""
    return Path(os.environ.get("FCN_STUDIO_DATA", ROOT.parent / "shared" / "data")) / "camvid"


def held_out(data: Path, prefix: str, work: Path) -> Path:
    """A list of the images whose ids begin so."""
    with ProjectFolder.open(data, writable=False) as project:
        names = [sample.image_id for sample in project.samples if Path(sample.image_id).name.startswith(prefix)]
    path = work / f"without-{prefix}.txt"
    path.write_text("\n".join(names) + "\n")
    return path


def train(options: argparse.Namespace, out: Path) -> dict[str, Any]:
    """Train, or go on."""
    val_list = held_out(options.data, options.leave_out, options.work) if options.leave_out else None
    config = TrainConfig() if options.resume else TrainConfig(
        Level.SCRATCH, None if options.steps else options.minutes, options.steps, width=options.width
    )  # fmt: skip
    log = options.work / "camvid.csv"
    return headless.train(
        options.data, config, device=options.device, out=out, log=log, resume=options.resume, val_list=val_list
    )


def print_table(miou: float, accuracy: float, what: str) -> None:
    """Ours beside the published."""
    print(f"\n{'network':36} {'mean IoU':>9} {'pixel accuracy':>15}   scored on")
    print(f"{'ours':36} {100 * miou:9.1f} {100 * accuracy:15.1f}   {what}")
    for name, published, pixels in PUBLISHED:
        print(f"{name:36} {published:9.1f} {'' if pixels is None else f'{pixels:.1f}':>15}   test, 233 images")
    print(
        "\nNot the same images: the published figures are of CamVid's test split. Its official val split is easier\n"
        "by about ten points of mean IoU, for its frames lie between training frames of the same drives; a drive\n"
        "left out (--leave-out) is nearer to test. Classes (11), void and resolution (360 x 480) are the same."
    )


def main() -> int:
    """Train, score, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=data_folder())
    parser.add_argument("--work", type=Path, default=Path("camvid-work"))
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--width", type=float, default=0.25)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--leave-out", metavar="PREFIX", default="")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    out = options.work / "camvid.safetensors"
    try:
        result = {"training": train(options, out)}
    except FcnStudioError as error:
        print(error, file=sys.stderr)
        return 2
    figures = result["training"]["figures"]
    if figures is None:
        raise SystemExit("there was nothing to validate on")
    what = f"drive {options.leave_out}, left out" if options.leave_out else "val"
    print_table(figures["mean_iou"], figures["pixel_accuracy"], f"{what}, {figures['images']} images")
    if not options.leave_out:
        result["val"] = headless.evaluate(options.data, network=str(out), device=options.device, boundary=True)
    if options.json:
        from fcn_studio.jobs.outputs import write_json

        write_json(result, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
