"""One picture in every encoding that Pillow and tifffile write: equal pixels, or a refusal with the true reason."""

from __future__ import annotations

import itertools
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from fcn_studio.core.classes import ClassInfo, ClassTable
from fcn_studio.core.grey_levels import GreyLevels
from fcn_studio.errors import ImageError
from fcn_studio.formats.images.image_loading import reduced_image, whole_image
from fcn_studio.formats.images.images import deep_image, image_size, is_upright_jpeg, read_image
from fcn_studio.formats.images.png_metadata import MOST_TEXT
from fcn_studio.formats.voc.masks import encode_mask, indices_in, read_mask
from tests.formats.images.test_images import SEEN

RGB = np.random.default_rng(3).integers(0, 256, (37, 53, 3), np.uint8)
RGB[0, 0], RGB[0, 1] = 0, 255
"""All of 0..1 is used, so that what is stretched from its least to its greatest value stays as it is."""

DEEP = {
    "uint8": lambda a: a,
    "uint16": lambda a: a.astype(np.uint16) * 257,
    "uint32": lambda a: a.astype(np.uint32) * 0x01010101,
    "int16": lambda a: a.astype(np.int16) - 128,
    "float32": lambda a: (a / 255).astype(np.float32),
    "float64": lambda a: a / 255,
}


def bands(count: int) -> np.ndarray:
    """(H, W, count): grey, grey and more, RGB, RGB and more."""
    colours = RGB if count >= 3 else RGB[:, :, :1]
    return np.dstack([colours, *[RGB[:, :, 1]] * (count - colours.shape[2])])


def expected(count: int) -> np.ndarray:
    return RGB if count >= 3 else np.repeat(RGB[:, :, :1], 3, axis=2)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7])
@pytest.mark.parametrize("kind", DEEP)
def test_tiffs_of_every_depth_and_number_of_bands(tmp_path: Path, kind: str, count: int) -> None:
    path = tmp_path / "a.tif"
    colours = 3 if count >= 3 else 1
    for compression, planes, tiles in itertools.product([None, "zlib"], [False, True], [False, True]):
        samples = DEEP[kind](bands(count))
        if count == 1:
            samples = samples[:, :, 0]
        elif planes:
            samples = np.moveaxis(samples, 2, 0)
        tifffile.imwrite(
            path,
            samples,
            photometric="rgb" if colours == 3 else "minisblack",
            planarconfig=None if count == 1 else "separate" if planes else "contig",
            compression=compression,
            extrasamples=["unspecified"] * (count - colours) or None,
            metadata=None,
            **({"tile": (16, 32)} if tiles else {"rowsperstrip": 10}),
        )
        assert image_size(path) == (53, 37)
        seen = read_image(path)
        difference = np.abs(seen.astype(int) - expected(count)).max()
        assert difference <= (1 if kind.startswith(("float", "int")) else 0), (compression, planes, tiles)
        assert np.array_equal(whole_image(path), seen)
        if not tiles and not compression and (deep := deep_image(path)) is not None:
            levels = GreyLevels((20, 90), (0.2, 0.4))
            assert np.array_equal(deep.rgb(levels), read_image(path, levels=levels))
        assert not is_upright_jpeg(path)
        reduced = reduced_image(path)
        assert reduced is None or reduced.shape[2] == 3


@pytest.mark.parametrize(("big", "order"), [*itertools.product([False, True], "<>")])
def test_byte_orders_and_bigtiff(tmp_path: Path, big: bool, order: str) -> None:
    path = tmp_path / "a.tif"
    samples = np.moveaxis(DEEP["uint16"](RGB), 2, 0)
    tifffile.imwrite(path, samples, photometric="rgb", planarconfig="separate", bigtiff=big, byteorder=order)
    assert np.array_equal(read_image(path), RGB)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_deep_planes(tmp_path: Path, orientation: int) -> None:
    path = tmp_path / "a.tif"
    tags = [(274, "H", 1, orientation, True)]
    samples = np.moveaxis(DEEP["uint16"](RGB), 2, 0)
    tifffile.imwrite(path, samples, photometric="rgb", planarconfig="separate", extratags=tags, metadata=None)
    seen = SEEN[orientation](RGB)
    assert np.array_equal(read_image(path), seen)
    assert image_size(path) == (seen.shape[1], seen.shape[0])


def test_white_may_be_zero_and_opacity_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, DEEP["float64"](255 - RGB[:, :, 0]), photometric="miniswhite", metadata=None)
    assert np.abs(read_image(path)[:, :, 0].astype(int) - RGB[:, :, 0]).max() <= 1
    clear = np.dstack([RGB, np.zeros(RGB.shape[:2], np.uint8)]).astype(np.uint16) * 257
    planes = np.moveaxis(clear, 2, 0)
    tifffile.imwrite(path, planes, photometric="rgb", planarconfig="separate", extrasamples=["unassalpha"])
    assert (read_image(path) == 128).all()


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate"])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK", "LAB"])
def test_what_pillow_compresses(tmp_path: Path, mode: str, compression: str) -> None:
    path = tmp_path / "a.tif"
    picture = Image.fromarray(RGB).convert("YCbCr" if mode == "LAB" else mode)
    picture = Image.frombytes("LAB", picture.size, picture.tobytes()) if mode == "LAB" else picture
    picture.save(path, compression=compression)
    with Image.open(path) as stored:
        assert np.array_equal(read_image(path), np.asarray(stored.convert("RGB")))


def test_what_is_not_read_says_why(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    samples = np.moveaxis(DEEP["float32"](RGB), 2, 0)
    tifffile.imwrite(path, samples, photometric="rgb", planarconfig="separate", compression="zlib")
    data = path.read_bytes()
    head = data.rindex(b"\x03\x01\x03\0\x01\0\0\0")  # tag 259, one SHORT
    path.write_bytes(data[: head + 8] + (5).to_bytes(2, "little") + data[head + 10 :])
    with pytest.raises(ImageError, match="compression LZW"):
        read_image(path)
    tifffile.imwrite(path, DEEP["float32"](np.dstack([RGB, RGB[:, :, :1]])), photometric="separated")
    with pytest.raises(ImageError, match="colours SEPARATED"):
        read_image(path)


def test_a_bomb_is_refused_before_it_inflates(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    samples = np.moveaxis(DEEP["float32"](RGB), 2, 0)
    tifffile.imwrite(path, samples, photometric="rgb", planarconfig="separate", compression="zlib", metadata=None)
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        offset, count = page.dataoffsets[0], page.databytecounts[0]
    bomb = zlib.compress(bytes(40 << 20), 9)[:count]
    data = bytearray(path.read_bytes())
    data[offset : offset + len(bomb)] = bomb
    path.write_bytes(data)
    with pytest.raises(ImageError, match="holds more than its header says"):
        read_image(path)


# --- metadata of PNGs ---------------------------------------------------------------------------------------------


def chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)


def metadata(kind: str, size: int) -> bytes:
    text = bytes(size)
    return {
        "tEXt": chunk(b"tEXt", b"a\0" + b"x" * size),
        "zTXt": chunk(b"zTXt", b"a\0\0" + zlib.compress(text)),
        "iTXt": chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(text)),
        "plain iTXt": chunk(b"iTXt", b"a\0\0\0\0\0" + b"x" * size),
        "iCCP": chunk(b"iCCP", b"a\0\0" + zlib.compress(text)),
    }[kind]


def png_with(path: Path, data: bytes, extra: bytes, *, behind: bool) -> None:
    """Put chunks behind the header, or behind the pixels."""
    at = len(data) - 12 if behind else 33
    path.write_bytes(data[:at] + extra + data[at:])


TABLE = ClassTable((ClassInfo(0, "background", (0, 0, 0)), ClassInfo(1, "thing", (128, 0, 0))), 2)


@pytest.mark.parametrize("behind", [False, True], ids=["before the pixels", "behind them"])
@pytest.mark.parametrize("size", [2_000_000, MOST_TEXT + 1])
@pytest.mark.parametrize("kind", ["tEXt", "zTXt", "iTXt", "plain iTXt", "iCCP"])
def test_large_metadata_damage_no_picture_and_no_mask(tmp_path: Path, kind: str, size: int, behind: bool) -> None:
    path, extra = tmp_path / "a.png", metadata(kind, size)
    Image.fromarray(RGB).save(path)
    png_with(path, path.read_bytes(), extra, behind=behind)
    assert np.array_equal(read_image(path), RGB)
    assert image_size(path) == (53, 37)
    label_map = (RGB[:, :, 0] > 127).astype(np.uint8)
    png_with(path, encode_mask(label_map), extra, behind=behind)
    assert np.array_equal(read_mask(path, (53, 37), TABLE).label_map, label_map)
    assert indices_in(path) == {0, 1}


def test_many_large_texts_are_within_a_bound_in_all(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(RGB).save(path)
    png_with(path, path.read_bytes(), metadata("zTXt", MOST_TEXT - 10) * 40, behind=False)
    assert np.array_equal(read_image(path), RGB)


def test_orientation_in_a_large_xmp_text_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", f'<x tiff:Orientation="6">{"history " * 300_000}</x>', zip=True)
    Image.fromarray(RGB).save(path, pnginfo=info)
    assert image_size(path) == (37, 53)
    assert np.array_equal(read_image(path), SEEN[6](RGB))
