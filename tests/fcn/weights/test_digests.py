from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from fcn_studio import paths
from fcn_studio.fcn.weights import digests


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FCN_STUDIO_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(digests, "LARGE", 100)
    return tmp_path / "state" / "digests.json"


def digest(path: Path) -> str:
    with paths.open_file(path) as file:
        return digests.digest_of(file)


def settled(path: Path, data: bytes, age: float = 10) -> str:
    """A file that was written a while ago; its true digest."""
    path.write_bytes(data)
    stamp = path.stat().st_mtime - age
    os.utime(path, (stamp, stamp))
    return hashlib.sha256(data).hexdigest()


def test_a_large_file_is_read_once(tmp_path: Path, own_state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = settled(tmp_path / "a", b"a" * 200)
    assert digest(tmp_path / "a") == wanted
    monkeypatch.setattr(digests.hashlib, "file_digest", lambda *_: pytest.fail("read again"))
    assert digest(tmp_path / "a") == wanted
    monkeypatch.undo()


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    first = settled(tmp_path / "a", b"a" * 200)
    assert digest(tmp_path / "a") == first
    second = settled(tmp_path / "a", b"b" * 200, age=20)
    assert digest(tmp_path / "a") == second != first


def test_small_and_fresh_files_are_not_remembered(tmp_path: Path, own_state: Path) -> None:
    small = settled(tmp_path / "a", b"a" * 50)
    assert digest(tmp_path / "a") == small
    fresh = tmp_path / "b"
    fresh.write_bytes(b"b" * 200)
    assert digest(fresh) == hashlib.sha256(b"b" * 200).hexdigest()
    assert not own_state.exists()


@pytest.mark.parametrize("damage", [b"", b"[]", b"{", b'{"a": 3}', b"\xff", b"x" * (1 << 19)])
def test_a_damaged_memory_is_forgotten(tmp_path: Path, own_state: Path, damage: bytes) -> None:
    own_state.parent.mkdir(parents=True)
    own_state.write_bytes(damage)
    wanted = settled(tmp_path / "a", b"a" * 200)
    assert digest(tmp_path / "a") == wanted
    assert wanted in own_state.read_text()
