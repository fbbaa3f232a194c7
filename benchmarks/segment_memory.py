#!/usr/bin/env python3
"""Memory of `fcn-studio segment` on large photos: the peak of the whole process, with street and with FCN-8s VGG-16.

Usage: python benchmarks/segment_memory.py [--size 4000x3000] [--images 1] [--networks street vgg16] [--json FILE]

Photos of noise are made in a temporary folder and segmented by the command line in a process of its own, on the CPU
with one thread. The VGG-16 has random weights and 21 classes. The bar is 3 GB for each. FCN-8s VGG-16 takes some
CPU-minutes for a photo of 12 megapixels. Not for Windows, which does not tell the peak of a child.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
BAR_GB = 3.0
KIBIBYTE = 1 if sys.platform == "darwin" else 1024


def draw_photos(folder: Path, size: tuple[int, int], count: int) -> None:
    """JPEGs of coarse noise."""
    import cv2
    import numpy as np

    rng = np.random.default_rng(0)
    for number in range(count):
        coarse = rng.integers(0, 256, (size[1] // 40 + 1, size[0] // 40 + 1, 3), np.uint8)
        cv2.imwrite(str(folder / f"photo{number}.jpg"), cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC))


SAVE_VGG16 = """
import sys
import torch
from fcn_studio.core.classes import ClassTable
from fcn_studio.fcn.model.architecture import Architecture
from fcn_studio.fcn.model.build import build
from fcn_studio.fcn.weights.checkpoint import Checkpoint, Preprocessing, save_checkpoint

torch.manual_seed(0)
architecture = Architecture.vgg16()
network = build(architecture, 21)
table = ClassTable.from_names([f"class {number}" for number in range(21)])
pre = Preprocessing("bgr", (104.00698793, 116.66876762, 122.67891434), (1.0, 1.0, 1.0), 1.0)
save_checkpoint(Checkpoint(architecture, table, pre, network.state_dict()), sys.argv[1])
"""


def segment(folder: Path, network: str, scratch: Path) -> dict[str, float]:
    """Peak memory and time of one run of the command line."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "FCN_STUDIO_CONFIG_DIR": str(scratch / "config"),
        "FCN_STUDIO_STATE_DIR": str(scratch / "state"),
    }
    command = [sys.executable, "-m", "fcn_studio", "segment", str(folder), "--network", network, "--device", "cpu"]
    process = subprocess.Popen([*command, "--out", str(scratch / "masks"), "--overwrite"], cwd=ROOT, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"segment ended with {process.returncode}")
    return {"peak GB": usage.ru_maxrss * KIBIBYTE / 1e9, "CPU-s": usage.ru_utime + usage.ru_stime}


def main() -> int:
    """Run all networks; the exit code says whether the bar was met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="4000x3000")
    parser.add_argument("--images", type=int, default=1)
    parser.add_argument("--networks", nargs="+", default=["street", "vgg16"], help="bundled names, files, or vgg16")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    width, height = (int(side) for side in options.size.split("x"))
    found = {}
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        (scratch / "photos").mkdir()
        draw_photos(scratch / "photos", (width, height), options.images)
        for network in options.networks:
            chosen = network
            if network == "vgg16":
                chosen = str(scratch / "vgg16.safetensors")
                environment = {**os.environ, "PYTHONPATH": str(ROOT)}
                subprocess.run([sys.executable, "-c", SAVE_VGG16, chosen], check=True, cwd=ROOT, env=environment)
            found[network] = segment(scratch / "photos", chosen, scratch)
    print(f"{options.images} photos of {options.size}" + "".join(f"{key:>12}" for key in ("peak GB", "CPU-s")))
    for network, figures in found.items():
        print(f"{network:<24}" + "".join(f"{value:12.2f}" for value in figures.values()))
    missed = [network for network, figures in found.items() if figures["peak GB"] >= BAR_GB]
    print(f"over {BAR_GB:g} GB: {', '.join(missed)}" if missed else f"all below {BAR_GB:g} GB")
    if options.json:
        report = {"size": options.size, "images": options.images, "networks": found, "missed": missed}
        options.json.write_text(json.dumps(report, indent=2))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
