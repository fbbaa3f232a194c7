"""A reduced picture lies where the whole one does, and the whole one is what `read_image` gives."""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from fcn_studio.errors import ImageError, ImageTooLarge
from fcn_studio.formats.images import image_loading, images
from fcn_studio.formats.images.image_loading import reduced_image, whole_image
from fcn_studio.formats.images.images import read_image

SIZES = [(512, 384), (517, 389), (389, 515)]


def smooth(width: int, height: int) -> NDArray[np.uint8]:
    """A picture of soft blobs, so that a shift by part of a pixel shows."""
    rng = np.random.default_rng(width)
    small = rng.integers(40, 216, (height // 48 + 2, width // 48 + 2, 3), np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.fixture(autouse=True)
def small_counts_as_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_loading, "REDUCED_SIDE", 64)
    monkeypatch.setattr(images, "IN_PLACE_FROM", 1)


def off(reduced: NDArray[np.uint8], whole: NDArray[np.uint8]) -> float:
    """Mean difference in grey steps from the whole picture at the reduced size."""
    wanted = cv2.resize(whole, reduced.shape[1::-1], interpolation=cv2.INTER_AREA)
    return float(np.abs(reduced.astype(float) - wanted).mean())


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", SIZES)
def test_a_reduced_jpeg_shows_every_place_where_it_is(
    tmp_path: Path, size: tuple[int, int], orientation: int
) -> None:
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(smooth(*size)).save(path, quality=95, subsampling=0, exif=exif)
    reduced, whole = reduced_image(path), read_image(path)
    assert reduced is not None
    assert max(reduced.shape) < 150
    assert off(reduced, whole) < 1.0
    shifted = np.roll(whole, 4, axis=1)  # half a pixel of the reduced picture: the measure sees that
    assert off(reduced, shifted) > 1.0


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("size", SIZES)
def test_a_flat_tiff_is_mapped_not_read(tmp_path: Path, size: tuple[int, int], mode: str) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(smooth(*size)).convert(mode).save(path)
    whole = whole_image(path)
    assert np.array_equal(whole, read_image(path))
    assert not whole.flags.owndata
    assert not whole.flags.writeable
    reduced = reduced_image(path)
    assert reduced is not None
    assert off(reduced, read_image(path)) < 3.0


@pytest.mark.parametrize(
    "options",
    [{"compression": "tiff_lzw"}, {"compression": "jpeg"}, {"tiffinfo": {274: 6}}, {"tiffinfo": {262: 0}}],
    ids=str,
)
def test_what_is_not_flat_is_read(tmp_path: Path, options: dict[str, object]) -> None:
    path = tmp_path / "a.tif"
    picture = Image.fromarray(smooth(120, 90))
    (picture.convert("L") if options == {"tiffinfo": {262: 0}} else picture).save(path, **options)  # type: ignore[arg-type]
    whole = whole_image(path)
    assert np.array_equal(whole, read_image(path))
    assert whole.flags.writeable


def test_a_pyramid_gives_its_fitting_page(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    whole = smooth(512, 384)
    pages = [Image.fromarray(cv2.resize(whole, None, fx=f, fy=f, interpolation=cv2.INTER_AREA)) for f in (0.5, 0.25)]
    odd = Image.fromarray(smooth(100, 100))
    for page in (*pages, odd):
        page.encoderinfo = {"tiffinfo": {254: 1}}
    Image.fromarray(whole).save(path, save_all=True, append_images=[*pages, odd], compression="tiff_lzw")
    reduced = reduced_image(path)
    assert reduced is not None
    assert np.array_equal(reduced, np.asarray(pages[1]))
    assert np.array_equal(whole_image(path), whole)


@pytest.mark.parametrize("kind", ["png", "jpg", "tif"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_large_images_are_decoded_to_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, mode: str
) -> None:
    if kind == "jpg" and mode in ("RGBA", "P"):
        pytest.skip("a JPEG has no such colours")
    path = tmp_path / f"a.{kind}"
    Image.fromarray(smooth(517, 389)).convert(mode).save(
        path, **({"compression": "tiff_lzw"} if kind == "tif" else {})
    )
    in_place = read_image(path)
    monkeypatch.setattr(images, "IN_PLACE_FROM", 10**9)
    assert np.array_equal(in_place, read_image(path))
    assert in_place.flags.writeable
    assert in_place.flags.c_contiguous


def test_a_transparent_colour_is_seen_in_place_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(smooth(60, 50)).save(path, transparency=tuple(int(v) for v in smooth(60, 50)[3, 4]))
    in_place = read_image(path)
    assert tuple(in_place[3, 4]) == (128, 128, 128)
    monkeypatch.setattr(images, "IN_PLACE_FROM", 10**9)
    assert np.array_equal(in_place, read_image(path))


@pytest.mark.parametrize("kind", ["png", "jpg", "tif"])
def test_damage_in_any_stage_is_a_sentence(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    Image.fromarray(smooth(400, 300)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(ImageError, match=f"a.{kind}"):
        whole_image(path)
    if kind != "png":
        with pytest.raises(ImageError, match=f"a.{kind}"):
            reduced_image(path)


def test_the_limit_says_how_much_it_would_be(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (40, 30)).save(path)
    with pytest.raises(ImageTooLarge) as caught:
        read_image(path, max_pixels=1000)
    assert caught.value.pixels == 1200
    assert caught.value.memory == 1200 * images.BYTES_A_PIXEL


def test_a_picture_of_32768_pixels_a_side_is_read() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "wide.jpg"
        wide = np.zeros((64, 40_000, 3), np.uint8)
        wide[:, 33_000:, 0] = 200
        Image.fromarray(wide).save(path, quality=95)
        whole = read_image(path)
        assert whole.shape == wide.shape
        assert np.abs(whole[30, 39_000].astype(int) - (200, 0, 0)).max() < 5
