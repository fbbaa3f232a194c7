from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fcn_studio.errors import ProjectError, ProjectLocked, TrainingError
from fcn_studio.formats.project.lock import ProjectLock, holder, process_start_time
from fcn_studio.formats.project.training_lock import TrainingLock, is_training, lock_of, require_idle


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".fcn-studio" / "lock"


def put(path: Path, **fields: object) -> None:
    path.parent.mkdir(exist_ok=True)
    own = {"host": socket.gethostname(), "pid": os.getpid(), "started": process_start_time(os.getpid())}
    path.write_text(json.dumps({**own, **fields}))


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_lock_says_who_holds_it_and_goes_with_its_folder(path: Path) -> None:
    with ProjectLock(path):
        owner = json.loads(path.read_text())
        assert owner == {"host": socket.gethostname(), "pid": os.getpid(), "started": process_start_time(os.getpid())}
        with pytest.raises(ProjectLocked, match=f"process {os.getpid()} on this host"):
            ProjectLock(path)
    assert not path.parent.exists()


def test_a_living_process_keeps_its_lock_and_a_dead_one_loses_it(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from fcn_studio.formats.project.lock import ProjectLock\n"
        "lock = ProjectLock(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ProjectLocked, match=f"process {holder.pid} on this host"):
            ProjectLock(path)
        holder.kill()
    ProjectLock(path).release()
    assert not path.exists()


def test_a_lock_of_a_dead_process_or_a_reused_number_is_taken_over(path: Path) -> None:
    for fields in ({"pid": dead_pid()}, {"started": "another boot:1"}, {"pid": 0}):
        put(path, **fields)
        with ProjectLock(path) as lock:
            assert json.loads(path.read_text())["pid"] == lock.owner.pid


def test_a_lock_of_another_host_asks(path: Path) -> None:
    put(path, host="elsewhere", pid=77)
    with pytest.raises(ProjectLocked, match=r"host elsewhere by process 77.*--break-lock"):
        ProjectLock(path)
    with ProjectLock(path, break_lock=True):
        assert json.loads(path.read_text())["host"] == socket.gethostname()


def test_an_unfinished_lock_counts_only_while_it_is_fresh(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("")
    with pytest.raises(ProjectLocked, match="try again"):
        ProjectLock(path)
    os.utime(path, (1, 1))
    ProjectLock(path).release()
    assert not path.exists()


def test_only_the_own_lock_is_released(path: Path) -> None:
    lock = ProjectLock(path)
    put(path, host="elsewhere")
    lock.release()
    assert path.exists()
    path.unlink()
    lock.release()


def test_a_lock_that_came_meanwhile_is_put_back(path: Path) -> None:
    lock = ProjectLock(path)
    held = path.read_bytes()
    lock._remove(b"the stale one that was judged")
    assert path.read_bytes() == held
    assert [p.name for p in path.parent.iterdir()] == ["lock"]
    lock.release()


def test_many_processes_at_a_stale_lock_get_one_winner(path: Path) -> None:
    put(path, pid=dead_pid())
    code = (
        "import sys; from pathlib import Path\n"
        "from fcn_studio.formats.project.lock import ProjectLock\nfrom fcn_studio.errors import ProjectLocked\n"
        "sys.stdin.readline()\n"
        "try: ProjectLock(Path(sys.argv[1])); print('won', flush=True); sys.stdin.read()\n"
        "except ProjectLocked: print('lost', flush=True)"
    )
    command = [sys.executable, "-c", code, str(path)]
    racers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    results = [racer.stdout.readline().strip() for racer in racers if racer.stdout is not None]
    for racer in racers:
        racer.communicate()
    assert sorted(results) == ["lost", "lost", "lost", "won"]


def test_a_folder_that_cannot_be_written_gives_a_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(ProjectError, match="only be opened to look at"):
        ProjectLock(blocked / ".fcn-studio" / "lock")


def test_who_holds_a_lock_is_seen_without_taking_it(path: Path) -> None:
    assert holder(path) is None
    with ProjectLock(path) as lock:
        assert holder(path) == lock.owner
    put(path, pid=dead_pid())
    assert holder(path) is None
    put(path, host="elsewhere", pid=77)
    assert (found := holder(path)) is not None
    assert found.host == "elsewhere"
    path.unlink()
    path.mkdir()
    assert holder(path) is None


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, rf"net\.st: its training is still running \(process {os.getpid()}\); wait for it, or stop it"),
        ({"host": "elsewhere", "pid": 77}, r"on host elsewhere \(process 77\).*surely gone, delete .*net\.st\.lock"),
        (None, "just beginning elsewhere"),
    ],
    ids=["here", "elsewhere", "unfinished"],
)
def test_a_network_is_trained_once_at_a_time(tmp_path: Path, fields: dict[str, object] | None, sentence: str) -> None:
    checkpoint = tmp_path / "net.st"
    if fields is None:
        lock_of(checkpoint).touch()
    else:
        put(lock_of(checkpoint), **fields)
    assert is_training(checkpoint)
    for refused in (TrainingLock, require_idle):
        with pytest.raises(TrainingError, match=sentence):
            refused(checkpoint)
    put(lock_of(checkpoint), pid=dead_pid())
    require_idle(checkpoint)
    with TrainingLock(checkpoint):
        assert is_training(checkpoint)
    assert list(tmp_path.iterdir()) == []


def test_a_training_that_cannot_be_locked_says_so(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"net\.st\.lock cannot be written"):
        TrainingLock(tmp_path / "gone" / "net.st")
