"""What every file of class names promises: it tells the classes of a folder that is opened for the first time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fcn_studio.core.classes import voc_table
from fcn_studio.errors import ProjectError
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.voc.found_classes import CLASS_FILES, ClassFile, found_classes
from tests.formats.helpers import make_project


def text(name: str, content: str) -> Callable[[Path], Path]:
    """Return a function that makes a project with a text file."""

    def make(folder: Path) -> Path:
        make_project(folder, ["a.jpg"], table=None)
        (folder / name).write_text(content, encoding="utf-8")
        return folder

    return make


VOC = [c.name for c in voc_table()]
EXAMPLES: dict[str, tuple[Callable[[Path], Path], list[str]]] = {
    "class_names.txt": (text("class_names.txt", "background\ncell\n"), ["background", "cell"]),
    "labels.txt": (text("labels.txt", "__ignore__\n_background_\ncell\n"), ["_background_", "cell"]),
    "labelmap.txt": (
        text("labelmap.txt", "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncell:9,9,9::\n"),
        ["background", "cell"],
    ),
    "voc": (lambda folder: make_project(folder, ["2007_000032.jpg"], {"2007_000032": 20}, table=None), VOC),
}
"""Row -> what makes a folder for it, and the names of the classes."""


@pytest.mark.parametrize("row", CLASS_FILES, ids=lambda row: row.name)
def test_first_opening_takes_its_classes(row: ClassFile, tmp_path: Path) -> None:
    make, names = EXAMPLES[row.name]
    folder = make(tmp_path / "project")
    assert list(folder.glob(row.pattern))
    with ProjectFolder.open(folder, writable=False) as project:
        assert [c.name for c in project.config.table] == names
        table = row.classes(folder, project.annotations.masks)
        assert table == project.config.table
    assert row.classes(make_project(tmp_path / "empty", ["a.jpg"], table=None), {}) is None


def test_the_first_that_finds_classes_is_used(tmp_path: Path) -> None:
    folder = make_project(tmp_path / "project", ["a.jpg"], {"a": 20}, table=None)
    for row in CLASS_FILES[:3]:
        EXAMPLES[row.name][0](folder)
    (folder / "class_names.txt").write_text("one\ntwo\n")
    found = found_classes(folder, {})
    assert found is not None
    assert [c.name for c in found] == ["one", "two"]
    (folder / "class_names.txt").write_text("one\none\n")
    with pytest.raises(ProjectError, match=r"class_names.txt: .*correct the file"):
        found_classes(folder, {})
