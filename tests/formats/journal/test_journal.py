"""Journal files: whole frames come back, half ones and damage end them, failures leave them as they were."""

from __future__ import annotations

import errno
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fcn_studio.core.history import AnnotationState, Motion
from fcn_studio.core.journal import Entry
from fcn_studio.core.sample import Status
from fcn_studio.errors import ProjectError, ProjectLocked
from fcn_studio.formats.journal import journal as journal_module
from fcn_studio.formats.journal.journal import JournalFile, JournalHead, read_journal
from fcn_studio.formats.journal.journal_folder import JournalFolder, set_aside

HEAD = JournalHead("sub/pícture 1.jpg", 600, 300, "ab" * 32, AnnotationState(Status.PRELABELLED, "c0" * 32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "one.journal"


def entry(number: int) -> Entry:
    rng = np.random.default_rng(number)
    noise = rng.integers(0, 3, (44, 256), np.uint8)
    contents = {(1, 0): (noise, np.full_like(noise, 2)), (0, 2): (np.full((256, 88), 7, np.uint8), 2)}
    before, after = HEAD.state, AnnotationState(Status.IN_PROGRESS)
    return Entry(Motion.DO, number, f"Brush stroke {number}", before, after, contents, contents).packed()


def write(path: Path, count: int) -> list[Entry]:
    file = JournalFile.begin(path, HEAD)
    entries = [entry(number) for number in range(count)]
    for one in entries:
        file.append(one)
    file.announce("ef" * 32)
    file.sync()
    file.close()
    return entries


def test_what_was_written_is_read(path: Path) -> None:
    entries = write(path, 3)
    found = read_journal(path)
    assert found.head == HEAD
    assert list(found.entries) == entries
    assert found.masks == {"ab" * 32, "ef" * 32}
    assert found.size == path.stat().st_size


def test_names_that_are_not_utf8_survive(path: Path) -> None:
    head = JournalHead(os.fsdecode(b"caf\xe9\n.jpg"), 8, 6, None, AnnotationState(Status.NEW))
    JournalFile.begin(path, head).close()
    found = read_journal(path)
    assert found.head == head
    assert found.masks == {None}
    assert found.entries == ()


def test_a_journal_cut_anywhere_has_the_whole_frames_before_the_cut(path: Path) -> None:
    entries = write(path, 2)
    data = path.read_bytes()
    counts = []
    for length in range(0, len(data), 3):
        path.write_bytes(data[:length])
        try:
            found = read_journal(path)
        except ProjectError:
            counts.append(-1)
            continue
        assert list(found.entries) == entries[: len(found.entries)]
        counts.append(len(found.entries))
    assert counts == sorted(counts)
    assert set(counts) == {-1, 0, 1, 2}


def test_a_flipped_bit_ends_the_journal_before_its_frame(path: Path) -> None:
    entries = write(path, 2)
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    lost = 0
    for at in rng.integers(0, len(data), 200).tolist():
        path.write_bytes(data[:at] + bytes([data[at] ^ (1 << int(rng.integers(8)))]) + data[at + 1 :])
        try:
            found = read_journal(path)
        except ProjectError:
            lost += 1
            continue
        assert list(found.entries) == entries[: len(found.entries)]
        assert found.size < len(data)
    assert 0 < lost < 200


def test_going_on_cuts_off_what_was_half_written(path: Path) -> None:
    write(path, 1)
    with path.open("ab") as file:
        file.write(b"\x10\x00\x00\x00half")
    file = JournalFile.resume(read_journal(path))
    file.append(entry(7))
    file.close()
    assert [one.serial for one in read_journal(path).entries] == [0, 7]


def part(number: int, title: str = "Erase") -> Entry:
    """A part of a stroke, with a tile of its own."""
    contents = {(0, number): (number, 2)}
    return Entry(Motion.DO, 77, title, HEAD.state, AnnotationState(Status.IN_PROGRESS), contents, contents)


def test_parts_of_a_stroke_are_one_entry_until_its_step_supersedes_them(path: Path) -> None:
    file = JournalFile.begin(path, HEAD)
    file.append(entry(0))
    file.append_part(part(0))
    file.announce("ef" * 32)  # the save of an earlier step, done while the stroke lasts
    file.append_part(part(1))
    found = read_journal(path)
    assert found.unfinished
    assert [one.serial for one in found.entries] == [0, 77]
    assert found.entries[-1].now == {(0, 0): (0, 2), (0, 1): (1, 2)}
    assert found.masks == {"ab" * 32, "ef" * 32}
    file.append(entry(1))
    file.close()
    found = read_journal(path)
    assert list(found.entries) == [entry(0), entry(1)]
    assert not found.unfinished


def test_a_cancelled_stroke_leaves_nothing(path: Path) -> None:
    file = JournalFile.begin(path, HEAD)
    file.append(entry(0))
    file.append_part(part(0))
    file.cancel_parts()
    file.append_part(part(1))
    file.close()
    found = read_journal(path)
    assert found.entries[:1] == (entry(0),)
    assert found.entries[1].now == {(0, 1): (1, 2)}


def test_an_unfinished_stroke_stays_a_step_when_the_journal_goes_on(path: Path) -> None:
    file = JournalFile.begin(path, HEAD)
    file.append_part(part(0))
    file.append_part(part(1))
    file.close()
    unfinished = read_journal(path).entries[-1]
    file = JournalFile.resume(read_journal(path))
    file.append(entry(5))
    file.append_part(part(2))
    file.close()
    found = read_journal(path)
    assert found.entries == (unfinished, entry(5), part(2))


def test_a_full_disk_leaves_the_journal_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = JournalFile.begin(path, HEAD)
    file.append(entry(0))

    class Full:
        """Takes some bytes, then none."""

        def __init__(self, real: object) -> None:
            self.real = real
            self.left = 40

        def write(self, data: bytes) -> int:
            if not self.left:
                raise OSError(errno.ENOSPC, "No space left on device")
            part, self.left = data[: self.left], max(0, self.left - len(data))
            return int(self.real.write(part))  # type: ignore[attr-defined]

        def __getattr__(self, name: str) -> object:
            return getattr(self.real, name)

    real = file._file
    monkeypatch.setattr(file, "_file", Full(real))
    with pytest.raises(OSError, match="No space left"):
        file.append(entry(1))
    assert read_journal(path).size == path.stat().st_size == file.size
    monkeypatch.setattr(file, "_file", real)
    file.append(entry(2))
    file.close()
    assert [one.serial for one in read_journal(path).entries] == [0, 2]


def _frame(payload: bytes, crc: int) -> bytes:
    return struct.pack("<II", len(payload), zlib.crc32(payload, crc)) + payload


@pytest.mark.parametrize(
    ("value", "stream"),
    [(-20, zlib.compress(bytes(10_000_000))[:20]), (-9999, b"short"), (1 << 40, b""), (-11, b"no zlib at")],
)
def test_hostile_streams_end_the_journal_and_take_no_memory(path: Path, value: int, stream: bytes) -> None:
    file = JournalFile.begin(path, HEAD)
    file.append(entry(0))
    row = f"[[0,0,{value},2]]"
    text = (
        '{"kind":"entry","motion":"do","serial":1,"title":"x","before":["new",""],"after":["new",""],'
        f'"first":[],"now":{row}}}'
    ).encode()
    with path.open("ab") as raw:
        raw.write(_frame(struct.pack("<I", len(text)) + text + stream, file._crc))
    file.close()
    assert [one.serial for one in read_journal(path).entries] == [0]


def test_a_bomb_in_a_stream_is_not_inflated(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = zlib.compress(bytes(50_000_000), 9)
    with pytest.raises(ValueError, match="another length"):
        journal_module._check_stream(bomb, 65_536)


# --- the folder ---------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[JournalFolder]:
    monkeypatch.setenv("FCN_STUDIO_STATE_DIR", str(tmp_path / "state"))
    made = JournalFolder("../../../etc", tmp_path)
    yield made
    made.close()


def test_no_project_id_leaves_the_state_folder(folder: JournalFolder, tmp_path: Path) -> None:
    assert folder.path.resolve().parent == (tmp_path / "state" / "journals").resolve()


def test_copies_of_a_project_have_journals_of_their_own(folder: JournalFolder, tmp_path: Path) -> None:
    other = JournalFolder("../../../etc", tmp_path / "copy")
    assert other.path != folder.path
    other.close()
    assert not other.path.exists()


def test_one_process_holds_the_journals(folder: JournalFolder, tmp_path: Path) -> None:
    with pytest.raises(ProjectLocked):
        JournalFolder("../../../etc", tmp_path)


def test_journals_are_found_latest_first_and_empty_ones_deleted(folder: JournalFolder) -> None:
    for number, name in enumerate(("a", "b", "c")):
        file = JournalFile.begin(folder.path_of(name), JournalHead(name, 600, 300, None, HEAD.state))
        if name != "b":
            file.append(entry(number))
        file.close()
        os.utime(folder.path_of(name), (1000 + number, 1000 + number))
    folder.path_of("d").write_bytes(b"rubbish")
    journals, problems = folder.read_all()
    assert [journal.head.image_id for journal in journals] == ["c", "a"]
    assert len(problems) == 1
    assert "is not a readable journal" in problems[0]
    assert not folder.path_of("b").exists()
    assert folder.path_of("d").exists()


def test_a_journal_set_aside_is_still_found_and_not_written_over(folder: JournalFolder) -> None:
    path = folder.path_of("a")
    write(path, 1)
    aside = set_aside(path)
    assert not path.exists()
    assert folder.read_all()[0][0].path == aside
    assert set_aside(path) == path
