from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.project import ProjectConfig
from fcn_studio.errors import ProjectError
from fcn_studio.formats.project.project_file import read_project_file, write_project_file

TABLE = ClassTable.from_names(["background", 'cell "x"', "Zellkörper"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fcn-studio.toml"


def test_a_config_is_read_back(path: Path) -> None:
    config = replace(ProjectConfig.new(TABLE.changed(1, colour=(1, 2, 3))), val_percent=33)
    write_project_file(path, config, path.parent / "previous")
    assert read_project_file(path) == config


def test_what_unlabelled_becomes() -> None:
    assert ProjectConfig.new(TABLE).unlabelled_index == 0
    assert ProjectConfig.new(ClassTable.from_names(["Sky"])).unlabelled_index == VOID
    assert ProjectConfig(TABLE, "void").unlabelled_index == VOID
    assert ProjectConfig(ClassTable.from_names(["Sky"]), "background").unlabelled_index == VOID


def test_unknown_keys_and_comments_are_kept(path: Path) -> None:
    config = ProjectConfig.new(TABLE)
    write_project_file(path, config, path.parent / "previous")
    text = path.read_text().replace("[split]", "owner = 'me' # keep\n[split]\nseed = 4")
    text = "# my notes\n" + text.replace('name = "background"', 'name = "background" # bg\nicon = "x"')
    path.write_text(f"{text}\n[extra]\na = 1\n")
    changed = replace(config, table=config.table.changed(0, name="nothing").added("dog"), val_percent=30)
    write_project_file(path, changed, path.parent / "previous")
    assert read_project_file(path) == changed
    kept = path.read_text()
    for line in ["# my notes", "owner = 'me' # keep", "seed = 4", 'name = "nothing" # bg', 'icon = "x"', "[extra]"]:
        assert line in kept
    write_project_file(path, changed, path.parent / "previous")
    assert path.read_text() == kept


GOOD = 'format = 1\nid = "a"\nunlabelled = "void"\nnext_index = 2\n'
CLASS = '[[class]]\nindex = {}\nname = "{}"\ncolour = "{}"\n'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("format = 1\nid = = 3\n", "broken at line 2"),
        ("format = 1\nformat = 1\n", "broken"),
        ("\xff", "broken"),
        ("", 'has no "format"'),
        (GOOD.replace("format = 1", "format = 2"), "format 2.*update"),
        (GOOD.replace("format = 1", 'format = "1"'), "not a whole number"),
        (GOOD.replace('"void"', '"cat"'), 'must be "background" or "void"'),
        (GOOD.replace("next_index = 2\n", ""), 'no "next_index"'),
        (GOOD + "[split]\nval_percent = 101\n", "0 to 100"),
        (GOOD + CLASS.format(0, "a", "red"), "no colour"),
        (GOOD + CLASS.format(0, "a", "#000000") + CLASS.format(0, "b", "#000000"), "index 0 occurs twice"),
        (GOOD + CLASS.format(0, "a", "#000000") + CLASS.format(1, "A", "#000000"), "'A' occurs twice"),
        (GOOD + CLASS.format(7, "a", "#000000"), "next_index is 2"),
        (GOOD + CLASS.format(255, "a", "#000000"), "indices are 0 to 254"),
        (GOOD + "class = 3\n", "not a list"),
    ],
)
def test_a_broken_file_is_told_and_never_written_over(path: Path, text: str, sentence: str) -> None:
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ProjectError, match=sentence) as caught:
        read_project_file(path)
    assert str(path) in str(caught.value)
    with pytest.raises(ProjectError):
        write_project_file(path, ProjectConfig.new(TABLE), path.parent / "previous")
    assert path.read_bytes() == text.encode("latin-1")
