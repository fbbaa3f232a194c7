"""The host with the real process: it labels, dies, is told to stop, and leaves nothing behind."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.context import SpawnProcess
from multiprocessing.process import BaseProcess
from pathlib import Path

import psutil
import pytest

from fcn_studio.core.training import Level, TrainConfig, TrainProgress
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.jobs.micrographs import CLASSES
from fcn_studio.jobs.protocol import (
    Cancelled,
    Done,
    Failed,
    FineTuneJob,
    Predicted,
    Progress,
    Ready,
    SegmentJob,
    Started,
)
from fcn_studio.jobs.snapshot import collect_now
from tests.fork_server import fork_server
from tests.helpers import ROOT
from tests.jobs.helpers import Listener, segment_all
from tests.patience import PATIENCE_S, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    monkeypatch.setattr("fcn_studio.jobs.process.supervisor.EXIT_TIMEOUT", PATIENCE_S)
    made = Listener()
    yield made
    made.close()


def kill(listener: Listener) -> int:
    """End the process as the kernel does when memory is short; which it was."""
    pid = listener.supervisor.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    return pid


def fine_tune_job(project: Path, network: Path) -> FineTuneJob:
    with ProjectFolder.open(project, writable=False) as folder:
        snapshot = collect_now(folder)
    config = TrainConfig(Level.FULL, steps=100_000, batch_size=1)
    out = project / "best.safetensors"
    return FineTuneJob(config, CLASSES, snapshot.train, (), str(network), "", str(out), "cpu")


def test_a_day_in_the_life_of_a_host(listener: Listener, micrograph_project: Path, tiny_network: Path) -> None:
    """One story, because each process that starts loads torch."""
    supervisor = listener.supervisor
    assert supervisor.pid is None

    # It labels.
    one = segment_all(micrograph_project, tiny_network)
    first = supervisor.submit(one)
    end = listener.end_of(first)
    assert isinstance(end, Done), end
    assert str(end.device).startswith("CPU")
    assert isinstance(listener.replies[0], Ready)
    predicted = [r.news for r in listener.replies if isinstance(r, Progress)]
    assert all(isinstance(p, Predicted) for p in predicted)
    assert len(predicted) == 8

    # An interactive job is served between two images of a long one, and a long one is cancelled.
    endless = segment_all(micrograph_project, tiny_network, repeat=200)
    long = supervisor.submit(endless)
    listener.news_of(long)
    quick = supervisor.submit(replace(one, images=one.images[:1]), interactive=True)
    assert isinstance(listener.end_of(quick), Done)
    supervisor.cancel(long)
    assert isinstance(listener.end_of(long), Cancelled)
    said = len(listener.replies)
    after = supervisor.submit(replace(one, images=one.images[:1]))
    assert isinstance(listener.end_of(after), Done)
    assert not [r for r in listener.replies[said:] if r.job_id == long]  # type: ignore[union-attr]

    # It is killed while it labels; a job that only waited is done by the next process.
    doomed = supervisor.submit(endless)
    listener.news_of(doomed)
    waiting = supervisor.submit(replace(one, images=one.images[:2]))
    first_pid = kill(listener)
    end = listener.end_of(doomed)
    assert isinstance(end, Failed)
    assert "SIGKILL" in end.sentence
    assert "Your labels are safe" in end.sentence
    assert not end.trace
    assert isinstance(listener.end_of(waiting), Done)
    assert supervisor.pid != first_pid

    # It is stopped while it trains, and keeps its best.
    training = supervisor.submit(fine_tune_job(micrograph_project, tiny_network))
    listener.wait(
        lambda r: (
            isinstance(r, Progress) and r.job_id == training and isinstance(r.news, TrainProgress) and r.news.step > 0
        )
    )
    supervisor.cancel(training, keep=True)
    end = listener.end_of(training)
    assert isinstance(end, Done), end
    assert end.result.stopped  # type: ignore[attr-defined]
    assert (micrograph_project / "best.safetensors").is_file()

    # It is closed while it works.
    supervisor.submit(endless)
    pid = supervisor.pid
    assert pid is not None
    listener.close()
    assert not psutil.pid_exists(pid)
    assert supervisor.pid is None


def test_the_process_ends_when_its_parent_is_killed() -> None:
    code = (
        "import threading, time\n"
        "from fcn_studio.jobs.process.supervisor import ProcessSupervisor\n"
        "host = ProcessSupervisor(lambda reply: None)\n"
        "threading.Thread(target=host.run, daemon=True).start()\n"
        "host.warm_up()\n"
        "while host.pid is None: time.sleep(0.01)\n"
        "print(host.pid, flush=True)\n"
        "time.sleep(3600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    _, alive = psutil.wait_procs([child], timeout=PATIENCE_S)
    assert not [p for p in alive if p.status() != psutil.STATUS_ZOMBIE]


# --- what needs no torch: the process's side is a script ----------------------------------------------------------


def idle_child(connection: object) -> None:
    """A process that is ready, begins every job, and never ends one."""
    connection.send(Ready("nowhere"))  # type: ignore[attr-defined]
    while True:
        try:
            request = connection.recv()  # type: ignore[attr-defined]
        except EOFError:
            return
        if type(request).__name__ == "Submit" and request.job.checkpoint != "waits":
            connection.send(Started(request.job_id))  # type: ignore[attr-defined]


def mad_child(connection: object) -> None:
    """A process that talks nonsense as soon as it is given a job."""
    connection.send(Ready("nowhere"))  # type: ignore[attr-defined]
    request = connection.recv()  # type: ignore[attr-defined]
    connection.send(Started(request.job_id))  # type: ignore[attr-defined]
    if request.job.checkpoint == "value":
        connection.send({"not": "a reply"})  # type: ignore[attr-defined]
    else:
        connection.send_bytes(b"\x80\x05never pickled")  # type: ignore[attr-defined]
    time.sleep(3600)


def dead_child(connection: object) -> None:
    """A process that ends before it is ready."""
    sys.exit(3)


def deaf_child(connection: object) -> None:
    """A process that is ready and dies of every job before it has begun it."""
    connection.send(Ready("nowhere"))  # type: ignore[attr-defined]
    connection.recv()  # type: ignore[attr-defined]
    sys.exit(4)


@pytest.fixture(scope="module")
def start_method() -> Iterator[str]:
    with fork_server(__name__) as method:
        yield method


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch, start_method: str) -> Callable[[Callable[[object], None]], None]:
    monkeypatch.setattr("fcn_studio.jobs.process.supervisor.START_METHOD", start_method)
    return lambda serve: monkeypatch.setattr("fcn_studio.jobs.process.supervisor.serve", serve)


def named(name: str) -> object:
    from tests.jobs.helpers import job

    return job(name)


def test_a_job_that_hangs_after_its_cancel_costs_the_process_not_the_next_job(
    listener: Listener, child: Callable[[object], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    child(idle_child)
    monkeypatch.setattr("fcn_studio.jobs.process.supervisor.GRACE", 0.3)
    supervisor = listener.supervisor
    hangs = supervisor.submit(named("hangs"))  # type: ignore[arg-type]
    listener.wait(lambda r: isinstance(r, Started) and r.job_id == hangs)
    pid = supervisor.pid
    supervisor.cancel(hangs)
    assert isinstance(listener.end_of(hangs), Cancelled)
    follows = supervisor.submit(named("waits"))  # type: ignore[arg-type]
    wait_until(lambda: supervisor.pid not in (pid, None))
    assert not [r for r in listener.replies if isinstance(r, Failed)], follows


def test_cancelling_a_job_that_only_waits_leaves_the_process_alone(
    listener: Listener, child: Callable[[object], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    child(idle_child)
    # Whatever must reach its next step within this time is killed at once.
    monkeypatch.setattr("fcn_studio.jobs.process.supervisor.GRACE", 0.0)
    supervisor = listener.supervisor
    busy = supervisor.submit(named("busy"))  # type: ignore[arg-type]
    listener.wait(lambda r: isinstance(r, Started) and r.job_id == busy)
    pid = supervisor.pid
    waits = supervisor.submit(named("waits"))  # type: ignore[arg-type]
    supervisor.cancel(waits)
    assert isinstance(listener.end_of(waits), Cancelled)
    after = supervisor.submit(named("after"))  # type: ignore[arg-type]
    listener.wait(lambda r: isinstance(r, Started) and r.job_id == after)
    assert supervisor.pid == pid
    assert not [r for r in listener.replies if isinstance(r, Failed)]


@pytest.mark.parametrize("nonsense", ["value", "bytes"])
def test_nonsense_on_the_pipe_costs_the_job_and_a_sentence(
    listener: Listener, child: Callable[[object], None], nonsense: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fcn_studio.jobs.process.supervisor.EXIT_TIMEOUT", 0.0)  # it lives, and would be waited for
    child(mad_child)
    job_id = listener.supervisor.submit(named(nonsense))  # type: ignore[arg-type]
    end = listener.end_of(job_id)
    assert isinstance(end, Failed)
    assert "sent what cannot be understood" in end.sentence
    assert "Your labels are safe" in end.sentence
    child(idle_child)
    again = listener.supervisor.submit(named("again"))  # type: ignore[arg-type]
    listener.wait(lambda r: isinstance(r, Started) and r.job_id == again)


def test_a_process_that_cannot_begin_fails_its_jobs_once_and_is_not_started_for_ever(
    listener: Listener, child: Callable[[object], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[BaseProcess] = []
    real = BaseProcess.start
    monkeypatch.setattr(BaseProcess, "start", lambda process: (begun.append(process), real(process)))
    child(dead_child)
    jobs = [listener.supervisor.submit(named("one")), listener.supervisor.submit(named("two"))]  # type: ignore[arg-type]
    for job_id in jobs:
        end = listener.end_of(job_id)
        assert isinstance(end, Failed)
    listener.close()
    assert 0 < len(begun) <= len(jobs)


def test_a_job_that_kills_every_process_before_it_begins_is_given_to_two_only(
    listener: Listener, child: Callable[[object], None]
) -> None:
    child(deaf_child)
    job_id = listener.supervisor.submit(named("poison"))  # type: ignore[arg-type]
    end = listener.end_of(job_id)
    assert isinstance(end, Failed)
    assert "ended with code 4" in end.sentence
    wait_until(lambda: listener.supervisor.pid is None)
    assert len([r for r in listener.replies if isinstance(r, Ready)]) == 2


def test_a_process_that_cannot_be_started_ahead_costs_nothing(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: SpawnProcess) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(SpawnProcess, "start", fail)
    listener.supervisor.warm_up()
    job_id = listener.supervisor.submit(SegmentJob("", ()))
    reply = listener.end_of(job_id)
    assert isinstance(reply, Failed)
    assert "cannot be started (Cannot allocate memory)" in reply.sentence
    assert listener.supervisor.pid is None
