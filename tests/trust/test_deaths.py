"""The network's process dies in every way we know: the user is told, the next job works, nothing comes late."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fcn_studio.jobs.process import hang_detector
from fcn_studio.jobs.process.supervisor import ProcessSupervisor
from fcn_studio.jobs.protocol import Answers, Cancelled, Done, Failed, Progress, Silent
from tests.patience import wait_until
from tests.trust import deaths as deaths_module
from tests.trust.deaths import Deaths, dead, fault, warm_forks

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
    with warm_forks(folder / "fault", ended_after=3.0, stuck_after=2.0):
        yield


@pytest.fixture(scope="module")
def deaths(folder: Path) -> Iterator[Deaths]:
    made = Deaths(folder / "micrographs", folder / "tiny.safetensors", folder / "fault")
    yield made
    made.close()


@pytest.mark.parametrize(("mode", "phase"), SHORT)
def test_the_process_dies_and_the_next_job_works(deaths: Deaths, mode: str, phase: str) -> None:
    deaths.die(mode, phase)


class Careless(ProcessSupervisor):
    """Does not replace a process that has ended."""

    def _replace(self, sentence: str = "", *, told: bool = False) -> None:
        return


def test_a_supervisor_that_replaces_no_process_is_found_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Deaths(folder / "micrographs", folder / "tiny.safetensors", folder / "fault", Careless)

    def strike(*arguments: object) -> None:
        fault(*arguments)  # type: ignore[arg-type]
        broken.listener.patience = 2  # for a sentence that never comes

    monkeypatch.setattr(deaths_module, "fault", strike)
    try:
        with pytest.raises(AssertionError, match="waited in vain"):
            broken.die("KILL", "infer")
    finally:
        broken.close()


# --- a process that hangs is stopped by hand, comes back, is left at closing --------------------------------------


@pytest.fixture
def training(deaths: Deaths) -> tuple[int, int]:
    """The process at a training: its pid and the job."""
    return deaths.reach("train")


@pytest.fixture
def never_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that gives no sign is told of, and left alone."""
    monkeypatch.setattr(hang_detector, "ENDED_AFTER", 3600.0)


@pytest.mark.usefixtures("never_ended")
def test_a_process_that_comes_back_goes_on(deaths: Deaths, training: tuple[int, int]) -> None:
    pid, job_id = training
    listener, heard = deaths.listener, len(deaths.listener.replies)
    os.kill(pid, signal.SIGSTOP)
    silent = listener.wait(lambda r: isinstance(r, Silent), after=heard)
    assert isinstance(silent, Silent)
    assert "does not answer" in silent.sentence
    os.kill(pid, signal.SIGCONT)
    listener.wait(lambda r: isinstance(r, Answers), after=heard)
    listener.wait(lambda r: isinstance(r, Progress) and r.job_id == job_id, after=len(listener.replies))
    said = [type(r) for r in listener.replies[heard:] if not isinstance(r, Progress)]
    assert said == [Silent, Answers]
    assert listener.supervisor.pid == pid
    listener.supervisor.cancel(job_id)
    assert isinstance(listener.end_of(job_id), Cancelled)


@pytest.mark.usefixtures("never_ended")
def test_a_job_that_hangs_is_cancelled_before_its_process_is_killed(
    deaths: Deaths, training: tuple[int, int]
) -> None:
    pid, job_id = training
    os.kill(pid, signal.SIGSTOP)
    listener = deaths.listener
    listener.supervisor.cancel(job_id)
    told = listener.end_of(job_id)
    assert isinstance(told, Cancelled)
    assert listener.pids[listener.replies.index(told)] == pid, "it is told without waiting for the process"
    wait_until(lambda: dead(pid))
    deaths.die("KILL", "idle")


def test_a_job_that_waits_behind_one_that_hangs_is_done_by_the_next_process(
    deaths: Deaths, training: tuple[int, int]
) -> None:
    pid, job_id = training
    os.kill(pid, signal.SIGSTOP)
    waits = deaths.listener.supervisor.submit(deaths.one)
    assert isinstance(deaths.listener.end_of(waits), Done)
    assert isinstance(deaths.listener.end_of(job_id), Failed)
    wait_until(lambda: dead(pid))


@pytest.mark.usefixtures("never_ended")
@pytest.mark.parametrize("mode", ["STOP", "half a message", "held GIL"])
def test_closing_does_not_wait_for_a_process_that_hangs(
    folder: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hang_detector, "TOLD_AFTER", 1.0)
    own = Deaths(folder / "micrographs", folder / "tiny.safetensors", folder / "fault")
    pid, _ = own.reach("train")
    heard = len(own.listener.replies)
    fault(pid, mode, folder / "fault")
    own.listener.wait(lambda r: isinstance(r, Silent), after=heard)
    own.close()
    assert dead(pid)
