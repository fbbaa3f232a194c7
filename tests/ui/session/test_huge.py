"""A large image through the real window, small enough for every run; `benchmarks/huge.py` does it at 16k."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fcn_studio.formats.images import image_loading
from fcn_studio.formats.images.images import read_image
from fcn_studio.formats.voc.masks import read_mask
from fcn_studio.ui.session import image_prefetch, images
from tests.trust.huge import Sitting, blocks, draw, forget_peak, memory_gb
from tests.ui.conftest import Studio, draw_project

SIDE = 3000
linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


@pytest.fixture(autouse=True)
def staged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_loading, "REDUCED_SIDE", 512)
    for module in (images, image_prefetch):
        monkeypatch.setattr(module, "STAGED_FROM", 1_000_000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = draw_project(tmp_path / "project", images=0)
    draw(made / "a.jpg", SIDE)
    return made


@linux
def test_a_large_image_is_painted_predicted_verified_and_saved(
    make_studio: Callable[[], Studio], folder: Path
) -> None:
    studio = make_studio()
    before = memory_gb()
    forget_peak()
    figures = Sitting(studio, folder).run()  # type: ignore[arg-type]
    assert figures["first pixels"] < figures["whole picture"]
    document, project = studio.session.document, studio.session.project
    assert document is not None
    assert project is not None
    assert document.history.redo_title == "Verify"
    studio.session.autosave.drain()
    mask = read_mask(project.annotations.mask_path(project.samples[0]), (SIDE, SIDE), studio.session.table).label_map
    expected = blocks(SIDE, SIDE)[0]
    y, x = np.ogrid[:SIDE, :SIDE]
    far = (x - SIDE / 2) ** 2 + (y - SIDE / 2) ** 2 > (SIDE / 32 + 2) ** 2  # beyond the stroke
    assert np.array_equal(mask[far], expected[far])
    assert (mask[SIDE // 2 - 20 : SIDE // 2 + 20, SIDE // 2 - 20 : SIDE // 2 + 20] == 1).all()
    pixels = SIDE * SIDE / 1e9
    assert figures["open: GB at most"] - before < 9 * pixels + 0.1
    assert figures["save: GB at most"] - before < 14 * pixels + 0.1


@linux
def test_the_measure_sees_what_is_held(
    make_studio: Callable[[], Studio], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = []

    def wasteful(path: Path, **limits: object) -> np.ndarray:
        whole = read_image(path, **limits)  # type: ignore[arg-type]
        held.append(whole.astype(np.float64))  # 24 bytes a pixel
        return whole

    monkeypatch.setattr(image_loading, "whole_image", wasteful)
    studio = make_studio()
    before = memory_gb()
    forget_peak()
    sitting = Sitting(studio, folder)  # type: ignore[arg-type]
    sitting._open()
    assert sitting.figures["open: GB at most"] - before > 9 * SIDE * SIDE / 1e9 + 0.1
