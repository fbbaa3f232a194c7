from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image


def write_png(path: Path, image_rgb: np.ndarray) -> Path:
    Image.fromarray(image_rgb).save(path)
    return path


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small convolutions are faster, and sums are always the same, on one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
