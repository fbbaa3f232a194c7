"""The table of docs/NETWORKS.md says what the code is."""

from __future__ import annotations

import re

import pytest

from tests.bench.networks import ROWS, counted
from tests.helpers import ROOT

TEXT = (ROOT / "docs" / "NETWORKS.md").read_text(encoding="utf-8")


def table() -> dict[str, list[str]]:
    """Name -> further cells of the table of costs."""
    rows = re.findall(r"^\| `([^`]+)` \|(.+)\|$", TEXT, re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split("|")] for name, cells in rows}


def test_every_network_has_a_line() -> None:
    assert list(table()) == list(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_parameters_and_operations_are_as_counted(name: str) -> None:
    weights, operations = counted(ROWS[name])
    assert table()[name][:3] == [
        ROWS[name].architecture.title,
        f"{weights / 1e6:.2f}",
        f"{operations / 1e9:.1f}",
    ]


def test_the_tests_that_are_named_exist() -> None:
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", TEXT)
    assert len(named) >= 8
    for file, test in named:
        (path,) = (ROOT / "tests" / "fcn").rglob(file)
        assert f"def {test}(" in path.read_text(encoding="utf-8"), (file, test)
