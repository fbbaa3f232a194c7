"""Every export that holds labels, read by the import formats, gives the same pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import LabelMap
from fcn_studio.core.sample import Split
from fcn_studio.formats.exporters import EXPORTERS
from fcn_studio.formats.importers import IMPORTERS
from fcn_studio.formats.importers.base import UNLABELLED, VOID_VALUE, SourceClass
from tests.formats.exporters.hard_maps import WITH_BACKGROUND, export, hard_project

READ_AS = {"voc": "cvat", "ultralytics": "masks", "camvid": "masks"}
"""Exports that are read by a format of another name."""

WITHOUT_VOID = {"coco", "yolo"}
"""Exports where background and void are both pixels without a shape."""

WITHOUT_BACKGROUND = WITHOUT_VOID | {"labelme"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, LabelMap]]:
    folder = tmp_path_factory.mktemp("round_trip") / "project"
    return folder, hard_project(folder, WITH_BACKGROUND)


@pytest.mark.parametrize("name", [row.name for row in EXPORTERS if row.name != "csv"])
def test_labels_come_back(name: str, project: tuple[Path, dict[str, LabelMap]], tmp_path: Path) -> None:
    folder, truth = project
    tree = export(folder, tmp_path, name)
    row = next(row for row in IMPORTERS if row.found(tree))
    assert row.name == READ_AS.get(name, name)
    source = row.open(tree)
    assert len(source.items) == len(truth)
    for item in source.items:
        assert item.image is not None
        assert item.split is (None if name in ("cvat", "nnunet") else Split.TRAIN)
        expected = truth[item.name.rpartition("/")[2].removesuffix("_leftImg8bit")]
        found = source.read(item, expected.shape[::-1])
        meaning = {UNLABELLED: 0, VOID_VALUE: VOID} | {i: index_of(c) for i, c in enumerate(source.classes)}
        if name in WITHOUT_VOID:
            expected = np.where(expected == VOID, 0, expected)
        assert np.array_equal(np.vectorize(meaning.get)(found), expected)
        assert (UNLABELLED in found) is (name in WITHOUT_BACKGROUND)


def index_of(source: SourceClass) -> int:
    """Return the index of a class, by its name, or else by its number."""
    if source.name.casefold() == "void":
        return VOID
    info = WITH_BACKGROUND.find(source.name)
    return int(source.value) if info is None else info.index
