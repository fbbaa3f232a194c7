"""Frames of films and pages of TIFFs become images of a folder."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from fcn_studio.core.with_result import result_of
from fcn_studio.errors import ImageError, UsageError
from fcn_studio.formats.images.frames import Every
from fcn_studio.formats.images.images import read_image
from fcn_studio.jobs.import_masks.frames import import_frames, run_import_frames


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """25 frames at 10 a second, each of its own grey."""
    path = tmp_path_factory.mktemp("film") / "street.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for number in range(25):
        writer.write(np.full((48, 64, 3), 10 * number, np.uint8))
    writer.release()
    return path


def test_frames_are_written_once_and_numbered_as_in_the_film(film: Path, tmp_path: Path) -> None:
    (tmp_path / "street-000010.jpg").write_bytes(b"mine")
    result = result_of(import_frames(film, tmp_path, Every.parsed("1s")))
    assert result.written == ["street-000000.jpg", "street-000020.jpg"]
    assert result.kept == 1
    assert (tmp_path / "street-000010.jpg").read_bytes() == b"mine"
    assert read_image(tmp_path / "street-000020.jpg").mean() == pytest.approx(200, abs=3)
    for every, numbers in (("0.2s", range(0, 25, 2)), ("0.3s", range(0, 25, 3)), ("0.25s", (0, 3, 5, 8, 10, 13, 15))):
        result = result_of(import_frames(film, tmp_path / every, Every.parsed(every)))
        assert result.written[: len(numbers)] == [f"street-{number:06}.jpg" for number in numbers]
    (tmp_path / "JPEGImages").mkdir()
    result = result_of(import_frames(film, tmp_path, Every.parsed("12f"), "png"))
    assert sorted(path.name for path in (tmp_path / "JPEGImages").iterdir()) == result.written
    assert result.written == ["street-000000.png", "street-000012.png", "street-000024.png"]


def test_closed_early_the_images_stay(film: Path, tmp_path: Path) -> None:
    steps = import_frames(film, tmp_path, Every.parsed("1f"))
    assert [next(steps), next(steps)] == [(1, 25), (2, 25)]
    steps.close()
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["street-000000.jpg", "street-000001.jpg"]


def test_pages_keep_their_depth(tmp_path: Path) -> None:
    stack = np.arange(3 * 6 * 8, dtype=np.uint16).reshape(3, 6, 8) * 100
    tifffile.imwrite(tmp_path / "cells.tif", stack, photometric="minisblack")
    out = tmp_path / "out"
    report = run_import_frames(tmp_path / "cells.tif", out, every=None, png=False, quality=95, max_pixels=100)
    assert report["written"] == ["cells-000000.tif", "cells-000001.tif", "cells-000002.tif"]
    assert all(np.array_equal(tifffile.imread(out / f"cells-00000{i}.tif"), stack[i]) for i in range(3))
    with pytest.raises(ImageError, match="over the limit"):
        run_import_frames(tmp_path / "cells.tif", out, every=None, png=False, quality=95, max_pixels=40)


def test_what_is_no_film_is_refused_with_a_sentence(film: Path, tmp_path: Path) -> None:
    broken, picture = tmp_path / "broken.mp4", tmp_path / "one.tif"
    broken.write_bytes(b"no film" * 99)
    Image.new("L", (8, 8)).save(picture)
    with pytest.raises(ImageError, match=r"broken.mp4: not a film .*; convert it"):
        result_of(import_frames(broken, tmp_path, Every.parsed("1s")))
    with pytest.raises(ImageError, match="64 x 48 pixels are over the limit"):
        result_of(import_frames(film, tmp_path, Every.parsed("1s"), max_pixels=3000))
    with pytest.raises(UsageError, match="neither a film nor a TIFF"):
        run_import_frames(picture, tmp_path, every="1f", png=False, quality=95, max_pixels=9999)
    for text in ("1", "s", "0s", "-1f", "0.5f", "1e3s"):
        with pytest.raises(UsageError, match="write seconds as 1s"):
            Every.parsed(text)


def test_a_film_that_is_cut_off_is_told(film: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.avi"
    cut.write_bytes(film.read_bytes()[:9000])
    result = result_of(import_frames(cut, tmp_path, Every.parsed("1f")))
    assert 0 < len(result.written) < 25
    assert "of 25 frames; it may be cut off" in result.notice
