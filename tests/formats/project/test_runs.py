"""``current.json``: the network in use, what its classes mean here, and those before it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fcn_studio.errors import ProjectError
from fcn_studio.formats.project.runs import Runs, UsedNetwork

SHA, OTHER = "ab" * 32, "cd" * 32


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    folder = tmp_path / ".fcn-studio" / "runs"
    folder.mkdir(parents=True)
    return Runs(folder, tmp_path)


def file_of(runs: Runs) -> Path:
    return runs.folder / "current.json"


def test_what_classes_mean_is_kept_with_each_network_of_the_chain(runs: Runs) -> None:
    runs.set_current("street", SHA, compared=False, class_map={"Car": 3, "Sky": 255})
    runs.set_current("voc", OTHER, compared=False)
    assert "class_map" not in json.loads(file_of(runs).read_text())
    assert runs.current() == UsedNetwork("voc", OTHER, compared=False)
    assert runs.go_back() == UsedNetwork("street", SHA, compared=False, class_map={"Car": 3, "Sky": 255})


def test_another_map_of_the_network_in_use_is_no_step_to_go_back_over(runs: Runs) -> None:
    runs.set_current("street", SHA, compared=True)
    runs.set_current("street", SHA, compared=False, class_map={"Car": 3})
    (only,) = runs.chain()
    assert only == UsedNetwork("street", SHA, compared=True, class_map={"Car": 3})
    runs.set_current("street", SHA, compared=False)
    assert runs.current() == UsedNetwork("street", SHA, compared=True)
    assert runs.go_back() is None


def test_a_file_of_before_there_were_maps_is_read(runs: Runs) -> None:
    row = {"checkpoint": "street", "sha256": SHA, "compared": True}
    file_of(runs).write_text(json.dumps({**row, "previous": [row]}))
    assert runs.chain() == [UsedNetwork("street", SHA), UsedNetwork("street", SHA)]


@pytest.mark.parametrize("place", ["current", "previous"])
@pytest.mark.parametrize(
    "value", ["[]", '"Car"', "null", '{"Car": -1}', '{"Car": 256}', '{"Car": "3"}', '{"Car": 1e3}']
)
def test_a_map_that_is_none_makes_the_file_broken_and_nothing_else(runs: Runs, value: str, place: str) -> None:
    good, bad = '"checkpoint": "a", "sha256": "b", "compared": true', f'"class_map": {value}'
    head, row = (f"{good}, {bad}", good) if place == "current" else (good, f"{good}, {bad}")
    file_of(runs).write_text(f'{{{head}, "previous": [{{{row}}}]}}')
    before = file_of(runs).read_bytes()
    with pytest.raises(ProjectError, match=r"is broken .*delete it to use the bundled network"):
        runs.current()
    with pytest.raises(ProjectError, match="is broken"):
        runs.set_current("street", SHA, compared=True)
    assert file_of(runs).read_bytes() == before


@pytest.mark.parametrize("rows", ['["checkpoint"]', '"ab"', "[[]]", "[7]", "7"])
def test_rows_that_are_no_networks_make_it_broken(runs: Runs, rows: str) -> None:
    file_of(runs).write_text(f'{{"checkpoint": "a", "sha256": "b", "compared": true, "previous": {rows}}}')
    with pytest.raises(ProjectError, match="is broken"):
        runs.chain()
