"""The command ``classes`` lists classes, changes them, and leaves a project with unsaved strokes alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fcn_studio import cli
from fcn_studio.formats.journal.journal_folder import JournalFolder
from fcn_studio.formats.project.project_file import read_project_file
from fcn_studio.formats.voc.masks import indices_in
from tests.formats.helpers import fingerprint, make_project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_project(tmp_path / "made", ["0.png", "1.png", "2.png"], {"0": 1, "1": 2})


def run(capsys: pytest.CaptureFixture[str], folder: Path, *options: str) -> dict[str, object]:
    assert cli.main(["classes", str(folder), *options, "--json", "-"]) == 0
    result: dict[str, object] = json.loads(capsys.readouterr().out)
    return result


def rows(listed: dict[str, object]) -> dict[str, tuple[object, ...]]:
    assert isinstance(listed["classes"], list)
    return {row["name"]: (row["images"], row["pixels"], row["replaced_by"]) for row in listed["classes"]}


def test_classes_are_listed_merged_deleted_retired_and_taken_back(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = rows(run(capsys, folder))
    assert before == {"background": (0, 0, None), "cell": (1, 48, None), "debris": (1, 48, None)}
    assert run(capsys, folder, "--merge", "cell=debris")["changed"] == ["0.png"]
    assert rows(run(capsys, folder)) == {"background": (0, 0, None), "debris": (2, 96, None), "cell": (0, 0, 2)}
    assert run(capsys, folder, "--take-back")["changed"] == ["0.png"]
    assert rows(run(capsys, folder)) == before
    run(capsys, folder, "--delete", "cell=void", "--delete", "2=unlabelled", "--retire", "debris")
    assert indices_in(folder / "SegmentationClass" / "0.png") == {255}
    listed = run(capsys, folder)
    assert listed["void"] == {"images": 1, "pixels": 48}
    assert listed["unlabelled_pixels"] == 48
    run(capsys, folder, "--use-again", "cell")
    assert [info.name for info in read_project_file(folder / "fcn-studio.toml").table.active] == [
        "background",
        "cell",
    ]


@pytest.mark.parametrize("options", [("--merge", "cell"), ("--delete", "cell=nothing"), ("--retire", "background")])
def test_what_makes_no_sense_changes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    before = {name: found for name, found in fingerprint(folder).items() if found[0] != "folder"}
    assert cli.main(["classes", str(folder), *options]) == 2
    assert "fcn-studio: " in capsys.readouterr().err
    assert {name: found for name, found in fingerprint(folder).items() if found[0] != "folder"} == before


def test_a_project_with_strokes_that_are_not_saved_is_left_alone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journals = JournalFolder("", folder)
    journals.close()
    journals.path.mkdir(parents=True, exist_ok=True)
    (journals.path / "some.journal").write_bytes(b"strokes of an unknown kind")
    assert cli.main(["classes", str(folder), "--merge", "cell=debris"]) == 2
    assert "strokes on this computer" in capsys.readouterr().err
    assert indices_in(folder / "SegmentationClass" / "0.png") == {1}
