"""A training that is killed at any moment leaves the project with networks that work."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fcn_studio.formats.project.project_folder import ProjectFolder
from tests.trust.deaths import warm_forks
from tests.trust.trainings import kill_trainings, make_project

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="children are forked from a warm server"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tiny_network: Path) -> Path:
    """Two projects, and a network."""
    made = tmp_path_factory.mktemp("trainings")
    make_project(made / "project")
    make_project(made / "victim")
    shutil.copy(tiny_network, made / "tiny.safetensors")
    return made


@pytest.fixture(scope="module", autouse=True)
def forks(folder: Path) -> Iterator[None]:
    with warm_forks(folder / "fault", ended_after=10, stuck_after=120):
        yield


def test_a_killed_training_leaves_networks_that_work(folder: Path) -> None:
    killed = kill_trainings(folder / "project", folder / "tiny.safetensors", 16)
    assert killed.broken == []
    assert killed.writing > 0, "no kill fell into a write: the test proves nothing"
    assert killed.adopted > 0, "no kill came after an adoption"
    left = list((folder / "project").rglob(".*.tmp"))
    then = time.time() - 7200
    for path in left:
        os.utime(path, (then, then))
    with ProjectFolder.open(folder / "project", writable=True):
        assert not any(path.exists() for path in left)


def test_files_written_in_place_would_be_found_broken(folder: Path) -> None:
    killed = kill_trainings(folder / "victim", folder / "tiny.safetensors", 8, in_place=True)
    assert len(killed.broken) >= killed.kills / 4, f"only {len(killed.broken)} of {killed.kills} kills did harm"
