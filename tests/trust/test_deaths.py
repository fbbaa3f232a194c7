"""The network's process dies in every way we know: the user is told, the next job works, nothing comes late."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fcn_studio.jobs.host import Host
from tests.trust.deaths import Deaths, warm_forks

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="children are forked and killed by Linux signals"),
]

SHORT = [
    *[(mode, phase) for phase in ("idle", "load", "infer", "train") for mode in ("SEGV", "KILL")],
    ("ABRT", "train"),
    ("exit", "infer"),
    ("printed text", "idle"),
    ("random bytes", "infer"),
    ("cut pickle", "infer"),
    ("no such class", "train"),
    ("2^62 bytes", "infer"),
    ("2 GB", "train"),
    ("200 MB", "idle"),
    ("half a message", "infer"),
    ("STOP", "idle"),
    ("STOP", "train"),
    ("held GIL", "infer"),
    ("deadlock", "train"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tiny_network: Path, _demo: Path) -> Path:
    """A project and a network that no other test touches."""
    made = tmp_path_factory.mktemp("deaths")
    shutil.copytree(_demo, made / "micrographs")
    shutil.copy(tiny_network, made / "tiny.safetensors")
    return made


@pytest.fixture(scope="module", autouse=True)
def forks(folder: Path) -> Iterator[None]:
    with warm_forks(folder / "fault", ended_after=3.5, stuck_after=3.0):
        yield


@pytest.fixture(scope="module")
def deaths(folder: Path) -> Iterator[Deaths]:
    made = Deaths(folder / "micrographs", folder / "tiny.safetensors", folder / "fault")
    yield made
    made.close()


@pytest.mark.parametrize(("mode", "phase"), SHORT)
def test_the_process_dies_and_the_next_job_works(deaths: Deaths, mode: str, phase: str) -> None:
    deaths.die(mode, phase)


class Careless(Host):
    """Does not bury its dead."""

    def _bury(self, sentence: str = "", *, told: bool = False) -> None:
        return


def test_a_host_that_does_not_bury_its_dead_is_found_out(folder: Path) -> None:
    broken = Deaths(folder / "micrographs", folder / "tiny.safetensors", folder / "fault", Careless)
    broken.listener.patience = 3
    try:
        with pytest.raises(AssertionError, match="waited in vain"):
            broken.die("KILL", "infer")
    finally:
        broken.close()
