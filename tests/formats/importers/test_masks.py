"""Mask files of every encoding are read to their values."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fcn_studio.core.classes import voc_palette
from fcn_studio.errors import MaskError
from fcn_studio.formats.importers import BY_NAME, DATA_SETS
from fcn_studio.formats.importers.base import MaskSource
from fcn_studio.formats.importers.data_sets import ADE20K, CAMVID
from fcn_studio.formats.importers.known_values import KNOWN_DATA_SETS

LABELS = np.zeros((8, 12), np.uint8)
LABELS[:3, :5], LABELS[5:, 4:] = 1, 2


def opened(folder: Path) -> MaskSource:
    assert BY_NAME["masks"].found(folder)
    return BY_NAME["masks"].open(folder)


def values(source: MaskSource, name: str) -> dict[str, int]:
    """Return value -> number of pixels of one mask."""
    item = next(item for item in source.items if item.name == name)
    found = source.read(item, (12, 8))
    return {source.classes[index].value: count for index, count in Counter(found.ravel().tolist()).items()}


def save_all(folder: Path) -> None:
    """Write the labels as grey, palette, 16 bit, R=G=B, LA, 4 bit, colour and with transparency."""
    folder.mkdir()
    palette = Image.fromarray(LABELS)
    palette.putpalette(voc_palette().tobytes())
    palette.save(folder / "palette.png")
    palette.save(folder / "bitmap.bmp")
    Image.fromarray(LABELS).save(folder / "grey.tif")
    Image.fromarray(LABELS.astype(np.uint16) * 1000).save(folder / "sixteen.png")
    Image.fromarray(np.dstack([LABELS] * 3)).save(folder / "equal.png")
    Image.fromarray(np.dstack([LABELS, np.full_like(LABELS, 255)]), "LA").save(folder / "la.png")
    palette.save(folder / "four.png", bits=4)
    Image.fromarray(voc_palette()[LABELS]).save(folder / "colour.png")
    opacity = np.where(LABELS == 2, 0, 255).astype(np.uint8)
    Image.fromarray(np.dstack([voc_palette()[LABELS], opacity])).save(folder / "rgba.png")


def test_every_encoding_gives_its_own_values(tmp_path: Path) -> None:
    save_all(tmp_path / "masks")
    source = opened(tmp_path)
    a, b, c = (int((value == LABELS).sum()) for value in range(3))
    for name in ("palette", "bitmap", "grey", "la", "four"):
        assert values(source, name) == {"0": a, "1": b, "2": c}, name
    assert values(source, "sixteen") == {"0": a, "1000": b, "2000": c}
    assert values(source, "equal") == {"#000000": a, "#010101": b, "#020202": c}
    assert values(source, "colour") == {"#000000": a, "#800000": b, "#008000": c}
    assert values(source, "rgba") == {"#000000": a, "#800000": b, "transparent": c}


def test_blended_masks_are_refused_with_the_file(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    Image.fromarray(noise).save(tmp_path / "photo.jpg")
    source = opened(tmp_path)
    for item, words in zip(
        source.items, ("noise.png: 1,600 different", "photo.jpg: a mask in the format JPEG"), strict=True
    ):
        with pytest.raises(MaskError, match=words):
            source.read(item, None)


def test_differing_palettes_are_read_as_colours(tmp_path: Path) -> None:
    for name, colours in (("a", [0, 0, 0, 9, 9, 9]), ("b", [9, 9, 9, 0, 0, 0])):
        image = Image.fromarray(LABELS // 2)
        image.putpalette(colours)
        image.save(tmp_path / f"{name}.png")
    source = opened(tmp_path)
    c = int((LABELS == 2).sum())
    assert values(source, "a") == {"#000000": 96 - c, "#090909": c}
    assert values(source, "b") == {"#090909": 96 - c, "#000000": c}


def test_colours_of_one_known_data_set_are_named(tmp_path: Path) -> None:
    assert tuple(known.name for known in KNOWN_DATA_SETS) == DATA_SETS
    camvid = {name: colour for name, colour in CAMVID if name in ("Sky", "Wall", "Void")}
    Image.fromarray(np.array([list(camvid.values())], np.uint8)).save(tmp_path / "a_L.png")
    source = opened(tmp_path)
    source.read(source.items[0], (3, 1))
    assert {found.name: found.colour for found in source.classes} == camvid
    assert source.items[0].name == "a"
    assert ADE20K[149] == "flag"
