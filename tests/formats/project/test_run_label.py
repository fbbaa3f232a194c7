"""What a user says of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from fcn_studio.errors import ProjectError
from fcn_studio.formats.project.run_label import LONGEST_NAME, NAME, RunLabel, read_run_label, write_run_label


def test_a_label_is_read_as_it_was_written_and_an_empty_one_is_no_file(tmp_path: Path) -> None:
    folder = tmp_path / "0001"
    folder.mkdir()
    assert read_run_label(folder) == RunLabel()
    label = RunLabel("the größte", "two\nlines \udcff", pinned=True)
    write_run_label(tmp_path, folder, label)
    assert read_run_label(folder) == label
    write_run_label(tmp_path, folder, RunLabel())
    assert not (folder / NAME).exists()


@pytest.mark.parametrize("text", ["", "[]", '{"name": "a"}', '{"name": 1, "note": "", "pinned": true}'])
def test_a_broken_label_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    with pytest.raises(ProjectError, match=r"label\.json is broken"):
        read_run_label(tmp_path)


def test_a_label_of_somebody_is_one_short_line(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text('{"name": "a\\n b%s", "note": "", "pinned": 1}' % ("c" * 999))
    found = read_run_label(tmp_path)
    assert (found.name[:4], len(found.name), found.pinned) == ("a bc", LONGEST_NAME, False)
