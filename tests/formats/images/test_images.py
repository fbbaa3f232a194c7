from __future__ import annotations

import contextlib
import errno
import io
import struct
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from fcn_studio.errors import ImageError
from fcn_studio.fcn.device import is_out_of_memory
from fcn_studio.formats.images.images import image_size, is_upright_jpeg, quiet_pillow, read_image
from tests.data import shared_data

# What is seen at each orientation, as rot90 and flips of the stored picture; written apart from the code's table.
SEEN = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: np.rot90(np.fliplr(a), 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(np.fliplr(a), -1),
    8: lambda a: np.rot90(a, 1),
}


def picture() -> np.ndarray:
    """Four different corners, 32 x 48 pixels, in blocks that JPEG keeps."""
    blocks = np.array(
        [[[250, 10, 10], [10, 250, 10], [10, 10, 250]], [[240, 240, 10], [10, 10, 10], [250, 250, 250]]]
    )
    return np.kron(blocks, np.ones((16, 16, 1))).astype(np.uint8)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_orientation_is_applied_to_pixels_and_size_alike(tmp_path: Path, suffix: str, orientation: int) -> None:
    path = tmp_path / f"a{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {".jpg": {"quality": 100, "subsampling": 0}, ".webp": {"lossless": True}}.get(suffix, {})
    Image.fromarray(picture()).save(path, exif=exif, **options)
    expected = SEEN[orientation](picture())
    seen = read_image(path)
    assert seen.shape == expected.shape
    assert np.abs(seen.astype(int) - expected).max() <= 8
    assert image_size(path) == (expected.shape[1], expected.shape[0])
    assert seen.flags.c_contiguous
    assert seen.flags.writeable


def test_real_rotated_photographs_line_up_with_their_masks() -> None:
    folder = shared_data("hard", "exif")
    images = sorted((folder / "JPEGImages").iterdir())
    assert len(images) == 7
    turns = [lambda a: a, lambda a: a[::-1], lambda a: a[:, ::-1], lambda a: a[::-1, ::-1]]
    edges = []
    for path in images:
        with Image.open(folder / "SegmentationClass_display_orientation" / f"{path.stem}.png") as mask:
            objects = np.asarray(mask)
        image = read_image(path)
        assert image.shape[:2] == objects.shape
        assert image_size(path) == (objects.shape[1], objects.shape[0])
        edges.append([_edges_under(image, turn(objects)) for turn in turns])
    assert np.mean(edges, axis=0).argmax() == 0


def _edges_under(image: np.ndarray, mask: np.ndarray) -> float:
    """How strong the picture's edges are under a mask's border (VOC's 255), as a multiple of the picture's mean."""
    gradient = np.hypot(*np.gradient(image.mean(2)))
    return float(gradient[mask == 255].mean() / gradient.mean())


@pytest.mark.parametrize("name", ["2007_001872_o5", "2007_002789_o7", "2008_005770_o3", "2010_003887_o6"])
def test_rotated_photographs_equal_their_upright_copies(name: str) -> None:
    upright = read_image(shared_data("voc_animal", "JPEGImages", f"{name[:11]}.jpg"))
    turned = Image.fromarray(read_image(shared_data("hard", "exif", "JPEGImages", f"{name}.jpg")))
    small = np.asarray(turned.resize(upright.shape[1::-1], Image.Resampling.BOX))
    assert np.abs(small.astype(int) - upright).mean() < 12
    assert np.abs(small[::-1].astype(int) - upright).mean() > 20


def test_odd_formats_give_the_picture() -> None:
    folder = shared_data("hard", "formats")
    reference = read_image(folder / "bmp.bmp")
    close = ["progressive.jpg", "cmyk.jpg", "lzw.tif", "webp.webp", "rgb16.png", "palette.png"]
    for name in close:
        assert np.abs(read_image(folder / name).astype(int) - reference).mean() < 12, name
    grey = reference.astype(float) @ [0.299, 0.587, 0.114]
    for name in ["gray.jpg", "gray16_12bit_range.png", "gray16_full.tif", "la.png"]:
        image = read_image(folder / name)
        assert (image[:, :, 0] == image[:, :, 2]).all(), name
        assert np.abs(image[:, :, 0] - grey).mean() < (8 if name == "gray.jpg" else 1), name
    assert set(np.unique(read_image(folder / "onebit.png"))) == {0, 255}
    assert read_image(folder / "1x1.png").shape == (1, 1, 3)
    assert read_image(folder / "4000x1.png").shape == (1, 4000, 3)
    assert read_image(folder / "3x5000.jpg").shape == (5000, 3, 3)
    for name in ["anim.gif", "anim.webp", "multipage.tif"]:
        assert read_image(folder / name).shape == (375, 500, 3)


def test_every_format_has_the_size_its_header_says() -> None:
    for path in sorted(shared_data("hard", "formats").iterdir()):
        height, width = read_image(path).shape[:2]
        assert image_size(path) == (width, height), path.name


def test_damaged_files_give_a_sentence_or_the_picture() -> None:
    folder = shared_data("hard", "corrupt")
    for path in sorted(folder.iterdir()):
        if path.name in ("jpg_named.png", "png_named.jpg"):
            assert read_image(path).ndim == 3
            continue
        with pytest.raises(ImageError) as caught:
            read_image(path)
        assert str(path) in str(caught.value)
        assert "remove it" in str(caught.value)
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


@pytest.mark.parametrize("large", [False, True])
def test_too_little_memory_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool) -> None:
    """The file is as it should be: nobody may be told to remove it."""
    path = tmp_path / "a.png"
    Image.fromarray(picture()).save(path)

    def none_left(*_: object, **__: object) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory") if large else MemoryError

    if large:
        monkeypatch.setattr("fcn_studio.formats.images.images.IN_PLACE_FROM", 1)
        monkeypatch.setattr("mmap.mmap", none_left)
    else:
        monkeypatch.setattr(ImageFile.ImageFile, "load", none_left)
    with pytest.raises(
        ImageError, match=r"a\.png: there is not enough memory to read the image; close other"
    ) as told:
        read_image(path)
    assert "damaged" not in str(told.value)
    assert not is_out_of_memory(told.value), "smaller batches or tiles would not help"


def test_transparent_pixels_are_grey_and_opaque_ones_exact(tmp_path: Path) -> None:
    rgba = np.zeros((2, 256, 4), np.uint8)
    rgba[0, :, 0] = np.arange(256)
    rgba[0, :, 3] = 255
    rgba[1, :, :3] = 200
    Image.fromarray(rgba).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert (image[0, :, 0] == np.arange(256)).all()
    assert (image[1] == 128).all()
    palette = Image.fromarray(np.array([[0, 1]], np.uint8))
    palette.putpalette([9, 9, 9, 200, 100, 50])
    palette.save(tmp_path / "p.png", transparency=0)
    assert read_image(tmp_path / "p.png").tolist() == [[[128, 128, 128], [200, 100, 50]]]


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (np.array([[0, 4095]], np.uint16), [0, 255]),
        (np.array([[0, 65535]], np.uint16), [0, 255]),
        (np.array([[7, 200]], np.uint16), [7, 200]),
        (np.array([[0, 2048]], np.int32), [0, 128]),
        (np.array([[-5, 100000]], np.int32), [0, 255]),
        (np.array([[0.0, 0.5]], np.float32), [0, 128]),
        (np.array([[100.0, 300.0]], np.float32), [0, 255]),
        (np.array([[np.nan, 1.0]], np.float32), [0, 255]),
        (np.array([[3.0, 3.0]], np.float32), [0, 0]),
    ],
)
def test_deep_samples_are_scaled(tmp_path: Path, samples: np.ndarray, expected: list[int]) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(samples).save(path)
    assert read_image(path)[0, :, 0].tolist() == expected


def test_lab_and_ycbcr_become_rgb(tmp_path: Path) -> None:
    grey = Image.new("RGB", (4, 4), (128, 128, 128))
    for mode in ("YCbCr", "LAB"):
        path = tmp_path / f"{mode}.tif"
        image = grey.convert(mode) if mode == "YCbCr" else Image.new("LAB", (4, 4), (137, 128, 128))
        image.save(path)
        assert np.abs(read_image(path).astype(int) - 128).max() <= 6


def test_a_header_that_claims_too_much_is_refused_before_decoding(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    path = tmp_path / "bomb.png"
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")))
    with pytest.raises(ImageError, match=r"bomb\.png: 50000 x 50000 pixels is over 2 gigapixels"):
        read_image(path)
    with pytest.raises(ImageError, match="over 2 gigapixels"):
        image_size(path)
    Image.new("RGB", (20, 10)).save(tmp_path / "a.png")
    with pytest.raises(ImageError, match="over the limit"):
        read_image(tmp_path / "a.png", max_pixels=199)


def test_missing_files_and_folders_give_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="cannot be opened: No such file"):
        read_image(tmp_path / "none.png")
    with pytest.raises(ImageError, match="cannot be opened"):
        image_size(tmp_path)


def test_files_cut_or_flipped_anywhere_only_raise_our_error(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    for kind in ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP"):
        buffer = io.BytesIO()
        Image.fromarray(random.integers(0, 255, (24, 24, 3), dtype=np.uint8)).save(buffer, kind)
        whole = np.frombuffer(buffer.getvalue(), np.uint8)
        for trial in range(60):
            data = whole.copy()
            data[random.integers(0, len(data), 4)] = random.integers(0, 256, 4)
            path = tmp_path / f"a.{kind.lower()}"
            path.write_bytes(data[: random.integers(0, len(data))] if trial % 3 == 0 else data)
            with contextlib.suppress(ImageError):
                assert read_image(path).shape[2] == 3


def test_pillow_warnings_do_not_escape_from_any_thread() -> None:
    assert warnings.filters[0][0] == "error"
    before = list(warnings.filters)
    ready = threading.Barrier(4)

    def work() -> None:
        for _ in range(50):
            with quiet_pillow():
                warnings.warn_explicit("odd metadata", UserWarning, "x.py", 1, module="PIL.TiffImagePlugin")
        ready.wait()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert warnings.filters == before


def test_upright_jpegs_are_told_from_all_others(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(picture()).save(tmp_path / "up.jpg")
    Image.fromarray(picture()).save(tmp_path / "turned.jpg", exif=exif)
    Image.fromarray(picture()).save(tmp_path / "png.png")
    Image.fromarray(picture()).convert("CMYK").save(tmp_path / "cmyk.jpg")
    found = {p.stem: is_upright_jpeg(p) for p in tmp_path.iterdir()}
    assert found == {"up": True, "turned": False, "png": False, "cmyk": False}
