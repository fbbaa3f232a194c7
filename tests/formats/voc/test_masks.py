from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp
from PIL import Image

from fcn_studio.core.classes import ClassTable, voc_palette, voc_table
from fcn_studio.core.labels import LabelMap
from fcn_studio.errors import GreyMaskFound, MaskError, MaskUnmapped, ProjectError
from fcn_studio.formats.voc.masks import encode_mask, read_mask, write_mask
from tests.data import shared_data

ALL = ClassTable.from_names(f"class {i}" for i in range(255))
label_maps = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("masks")


@settings(max_examples=80, deadline=None)
@given(label_map=label_maps)
def test_a_mask_is_read_back_exactly(folder: Path, label_map: LabelMap) -> None:
    path = folder / "a.png"
    write_mask(path, label_map)
    read = read_mask(path, label_map.shape[::-1], ALL)
    assert (read.label_map == label_map).all()
    assert read.notices == ()
    assert read.label_map.flags.writeable


@pytest.mark.parametrize(
    "label_map",
    [np.zeros((3, 5), np.uint8), np.full((3, 5), 255, np.uint8), np.arange(256, dtype=np.uint8).reshape(16, 16)],
    ids=["zeros", "void", "all values"],
)
def test_a_mask_is_mode_p_of_8_bits_with_the_full_palette(tmp_path: Path, label_map: LabelMap) -> None:
    write_mask(tmp_path / "a.png", label_map)
    data = (tmp_path / "a.png").read_bytes()
    assert (data[24], data[25]) == (8, 3)  # IHDR: bit depth, colour type palette
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == "P"
        assert image.getpalette() == voc_palette().ravel().tolist()
        assert (np.asarray(image) == label_map).all()
        assert (np.asarray(image.convert("RGB")) == voc_palette()[label_map]).all()
    non_contiguous = np.asfortranarray(label_map)
    assert encode_mask(non_contiguous) == data


@pytest.mark.parametrize("colours", [2, 4, 16, 21])
def test_short_palettes_are_read_as_indices(tmp_path: Path, colours: int) -> None:
    label_map = (np.arange(24, dtype=np.uint8) % min(colours, 21)).reshape(4, 6)
    image = Image.fromarray(label_map)
    image.putpalette(list(range(colours)) * 3)
    image.save(tmp_path / "a.png")
    assert (read_mask(tmp_path / "a.png", (6, 4), voc_table()).label_map == label_map).all()


FOREIGN = [
    ("ok_P.png", None),
    ("P_gray_palette.png", None),
    ("gray_index.png", "grey mask"),
    ("binary255.png", GreyMaskFound, "grey mask of only two values", "255 first at x=214, y=132"),
    ("class77_out_of_range.png", MaskUnmapped, "value 77 at x=0, y=0 is no class index"),
    ("half_size.png", MaskError, "187 x 250 pixels, its image 375 x 500"),
    ("rgb_colour.png", MaskUnmapped, "in colour", "value [224, 224, 192] at x=214, y=132"),
    ("rgb_colour.jpg", MaskError, "not a PNG"),
    ("u16.png", MaskUnmapped, "16 bits", "value 255 at x=214, y=132"),
]


@pytest.mark.parametrize("case", FOREIGN, ids=lambda case: str(case[0]))
def test_foreign_masks_are_read_or_refused_with_a_sentence(case: tuple[object, ...]) -> None:
    name, kind, *sentences = case
    path = shared_data("hard", "bad_masks", str(name))
    if isinstance(kind, type):
        with pytest.raises(MaskError) as caught:
            read_mask(path, (375, 500), voc_table())
        assert type(caught.value) is kind
        assert all(str(s) in str(caught.value) for s in [path, *sentences])
        return
    read = read_mask(path, (375, 500), voc_table())
    assert set(np.unique(read.label_map)) == {0, 12, 255}
    assert any(str(kind) in notice for notice in read.notices) == (kind is not None)


def test_a_grey_mask_of_two_values_is_read_once_somebody_says_how() -> None:
    path = shared_data("hard", "bad_masks", "binary255.png")
    read = read_mask(path, (375, 500), voc_table(), grey_as_indices=True)
    assert set(np.unique(read.label_map)) == {0, 255}


def test_grey_of_few_bits_is_never_guessed(tmp_path: Path) -> None:
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "bit.png")
    with pytest.raises(GreyMaskFound):
        read_mask(tmp_path / "bit.png", (2, 1), voc_table())
    read = read_mask(tmp_path / "bit.png", (2, 1), voc_table(), grey_as_indices=True)
    assert read.label_map.tolist() == [[1, 0]]
    # Pillow scales grey of 4 bits by 17: index 1 would come out as class 17.
    raw = _png(depth=4, colour_type=0, rows=b"\0\x10")
    (tmp_path / "nibble.png").write_bytes(raw)
    with pytest.raises(MaskError, match="2 or 4 bits"):
        read_mask(tmp_path / "nibble.png", (2, 1), voc_table())


def _png(depth: int, colour_type: int, rows: bytes) -> bytes:
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 2, 1, depth, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_a_mask_cut_anywhere_is_refused_and_left_alone(tmp_path: Path) -> None:
    whole = encode_mask(np.random.default_rng(1).integers(0, 21, (20, 20), dtype=np.uint8))
    path = tmp_path / "a.png"
    for length in range(0, len(whole) - 16, 64):
        path.write_bytes(whole[:length])
        with pytest.raises(MaskError, match=r"a\.png"):
            read_mask(path, (20, 20), voc_table())
        assert path.read_bytes() == whole[:length]


def test_a_retired_class_is_still_read(tmp_path: Path) -> None:
    from dataclasses import replace

    table = voc_table()
    retired = replace(table, classes=(*table.classes[:-1], replace(table.classes[-1], retired=True)))
    write_mask(tmp_path / "a.png", np.full((2, 2), 20, np.uint8))
    assert (read_mask(tmp_path / "a.png", (2, 2), retired).label_map == 20).all()


def test_a_full_disk_leaves_the_old_mask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    write_mask(path, np.zeros((4, 4), np.uint8))
    old = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for call in ("replace", "fsync"):
        with monkeypatch.context() as patched:
            patched.setattr(os, call, full)
            with pytest.raises(ProjectError, match=r"a\.png cannot be written.*unchanged.*No space left"):
                write_mask(path, np.ones((4, 4), np.uint8))
        assert path.read_bytes() == old
        assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("name", ["x" * 251, "ä" * 125, "a b #%", "-", "日本"])
def test_any_name_of_up_to_255_bytes_can_be_written(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name}.png"
    write_mask(path, np.ones((2, 2), np.uint8))
    write_mask(path, np.zeros((2, 2), np.uint8))
    assert not read_mask(path, (2, 2), voc_table()).label_map.any()


def test_a_few_stray_pixels_of_an_unknown_index_are_void_and_told(tmp_path: Path) -> None:
    """One such pixel used to leave the whole mask out; more than one in a thousand are a class that is missing."""
    table = ClassTable.from_names(["background", "cat"])
    label_map = np.zeros((40, 50), np.uint8)
    label_map[:, 25:] = 1
    stray = label_map.copy()
    stray[3, 4] = 77
    write_mask(tmp_path / "a.png", stray)
    read = read_mask(tmp_path / "a.png", (50, 40), table)
    expected = label_map.copy()
    expected[3, 4] = 255
    assert (read.label_map == expected).all()
    assert read.notices == (
        "a.png: 1 pixel has an index that is no class of this project (value 77 at x=4, y=3); it is void",
    )
    stray[39, 49] = 9
    write_mask(tmp_path / "a.png", stray)
    assert "2 pixels have an index" in read_mask(tmp_path / "a.png", (50, 40), table).notices[0]
    stray[0, 0] = 9
    write_mask(tmp_path / "a.png", stray)
    with pytest.raises(MaskError, match="value 9 at x=0, y=0 is no class index"):
        read_mask(tmp_path / "a.png", (50, 40), table)
