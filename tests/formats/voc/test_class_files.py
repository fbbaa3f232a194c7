"""Files that name classes are read as they are meant, and our own come back as the same classes."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fcn_studio.core.classes import ClassInfo, ClassTable, map_by_name
from fcn_studio.errors import ClassTableNeeded, ProjectError
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.voc.class_files import class_file_lines, read_class_file, write_class_files
from fcn_studio.formats.voc.text import text_lines
from tests.formats.helpers import make_project

FILES = ("class_names.txt", "labelmap.txt")

ODD = st.sampled_from(
    [
        "__ignore__", "_background_", "# label: a", "#hash", "unused_0", "unused_1", "unused_2", "void",
        "0 background", "0: background", "1,road", "a,b", "a,1", "a;b", "a:1,2,3::", "x::y", "a\\b", "\\a", "\\\\",
        "id,name", "name,r,g,b", "64 128 64 Animal", "road 1 2 3", "[a]", "{a}", "<a>", "背景", "nb\u00a0sp", '"q"',
        "0", "1 2", "void:224,224,192::",
        "a (retired 1)", "ZW\u200dJ", "\\unused_1", "0\\x", ":::",
    ]
)  # fmt: skip
NAMES = ODD | st.text(min_size=1, max_size=12) | st.text("01 ,:;#\\_ab\t", min_size=1, max_size=8)


def table_of(names: list[str], indices: list[int], retired: list[bool]) -> ClassTable:
    """Return a table, or skip the example if the program refuses it."""
    rows = zip(sorted(indices), names, retired, strict=True)
    try:
        return ClassTable(tuple(ClassInfo(i, n, (1, 2, 3), retired=r) for i, n, r in rows), max(indices) + 1)
    except ProjectError:
        assume(False)
        raise


@st.composite
def tables(draw: st.DrawFn) -> ClassTable:
    names = draw(st.lists(NAMES, min_size=1, max_size=5))
    indices = draw(st.lists(st.integers(0, 7), min_size=len(names), max_size=len(names), unique=True))
    dense = draw(st.booleans())
    retired = draw(st.lists(st.booleans(), min_size=len(names), max_size=len(names)))
    return table_of(names, list(range(len(names))) if dense else indices, retired)


@settings(max_examples=120, deadline=None)
@given(tables(), st.booleans())
def test_any_table_comes_back_from_either_file(table: ClassTable, void_row: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_class_files(Path(folder), table, void_row=void_row)
        for file in FILES:
            read = read_class_file(Path(folder) / file)
            assert read is not None
            assert [c.index for c in read] == [c.index for c in table]
            assert read.next_index == table.next_index
            names = {c.index: c.name for c in read}
            assert all(names[c.index] == c.name for c in table.active)


def test_names_are_written_as_they_are_where_that_can_be_read_back() -> None:
    table = ClassTable.from_names(["background", "road:wet", "a, b", "3 wheeler", "Zebra crossing"])
    assert class_file_lines(table, cvat=False) == [c.name for c in table]
    odd = ClassTable.from_names(["background", "# label: a"])
    assert class_file_lines(odd, cvat=False) == ["background", "\\# label: a"]


@pytest.mark.parametrize(
    "name", ["a\u2028b", "a\x0bb", "c\x85d", "tab\tx", "a\nb", "\ud800", "\ufeffx", "", " ", "\u2029"]
)
def test_names_that_no_file_of_lines_can_hold_are_refused(name: str) -> None:
    with pytest.raises(ProjectError, match="no usable name"):
        ClassTable.from_names(["background", name])
    with pytest.raises(ProjectError, match="no usable name"):
        ClassTable.from_names(["background"]).added(name)


def test_blanks_at_the_ends_are_no_part_of_a_name() -> None:
    table = ClassTable.from_names([" lead", "trail \u2028"])
    assert [c.name for c in table] == ["lead", "trail"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("0 background\n1 road\n2 car\n", {0: "background", 1: "road", 2: "car"}),
        ("0: background\n1: road\n", {0: "background", 1: "road"}),
        ("7\troad\n8\tside walk\n255\tvoid\n", {7: "road", 8: "side walk"}),
        ("0,background\n2,car\n", {0: "background", 2: "car"}),
        ("id;name\n1;car\n", {1: "car"}),
        ("name,r,g,b\nAnimal,64,128,64\nArchway,192,0,128\n", {0: "Animal", 1: "Archway"}),
        ("64 128 64\tAnimal\n192 0 128\tArchway\n", {0: "Animal", 1: "Archway"}),
        ("background,0\nroad,1\n", {0: "background", 1: "road"}),
        ("# my classes\nbackground\n# the rest\nroad\n", {0: "background", 1: "road"}),
        ("__ignore__\n_background_\ncat\n", {0: "_background_", 1: "cat"}),
        ("background\n\nroad\n", {0: "background", 2: "road"}),
        ("3 wheeler\ncar\n", {0: "3 wheeler", 1: "car"}),
        ("class 1\nclass 2\n", {0: "class 1", 1: "class 2"}),
        ("wall, brick\nroad\n", {0: "wall, brick", 1: "road"}),
        ("background\runused_1\r\ncar", {0: "background", 2: "car"}),
        ("background\ncar\u2028s\n", None),
        ("0 background\nroad\n", ClassTableNeeded),
        ('["background", "road"]\n', ClassTableNeeded),
        ("wall;stone\nroad;street\n", ClassTableNeeded),
        ("Idx\tRatio\tName\n1\t0.1576\twall\n", ClassTableNeeded),
        ("background\nroad:1,2,3::\n", ClassTableNeeded),
    ],
)  # fmt: skip
def test_labels_are_read_as_meant_or_asked(text: str, names: object, tmp_path: Path) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        path = tmp_path / "labels.txt"
        path.write_bytes(text.encode(encoding))
        if isinstance(names, dict):
            read = read_class_file(path)
            assert read is not None
            assert {c.index: c.name for c in read} == names
            assert read.next_index == max(names) + 1
        else:
            with pytest.raises(names or ProjectError, match=r"labels\.txt"):  # type: ignore[call-overload]
                read_class_file(path)


def test_colours_of_a_table_are_taken(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("name,r,g,b\nAnimal,64,128,64\n")
    read = read_class_file(tmp_path / "labels.txt")
    assert read is not None
    assert read.classes[0].colour == (64, 128, 64)


def test_background_of_labelme_is_background() -> None:
    theirs, ours = ClassTable.from_names(["_background_", "cat"]), ClassTable.from_names(["background", "dog", "Cat"])
    assert theirs.background_index == 0
    assert theirs.classes[0].colour == (0, 0, 0)
    assert map_by_name(theirs, ours) == {0: 0, 1: 2}
    assert map_by_name(ours, theirs) == {0: 0, 2: 1}
    both = replace(ours, classes=(*ours.classes, ClassInfo(3, "_background_", (0, 0, 0))), next_index=4)
    assert map_by_name(theirs, both) == {0: 3, 1: 2}


def test_lists_of_images_are_split_at_newlines_only(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_bytes("a\u2028b\r\nc\x85d\n\x0be\n".encode())
    assert text_lines(tmp_path / "train.txt", 100) == ["a\u2028b", "c\x85d", "\x0be"]


def test_a_row_of_void_takes_no_index_of_the_project(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg"], table=None)
    (tmp_path / "labelmap.txt").write_text("background:0,0,0::\ncell:128,0,0::\nvoid:224,224,192::\n")
    with ProjectFolder.open(tmp_path, writable=True) as project:
        project.save_config(project.config)
    with ProjectFolder.open(tmp_path, writable=False) as project:  # its file was said to be cut off
        assert project.config.table.next_index == 2
