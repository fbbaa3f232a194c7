"""Checkpoints that somebody else made: no code of theirs runs, and none takes more memory than its size allows."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from fcn_studio.core.classes import ClassTable
from fcn_studio.errors import CheckpointError
from fcn_studio.fcn.model.architecture import Architecture
from fcn_studio.fcn.model.build import build
from fcn_studio.fcn.weights.catalogue import METADATA_KEY, read_info
from fcn_studio.fcn.weights.checkpoint import Checkpoint, Preprocessing, load_checkpoint, save_checkpoint
from tests.helpers import run_python

Header = dict[str, Any]

SMALL_MB = 120
"""What reading a header of the largest size may take, whatever is in it."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small checkpoint that can be loaded."""
    torch.manual_seed(0)
    table = ClassTable.from_names(["background", "cell"])
    architecture = Architecture("slim", 0.05, 8, True, "same", 8, (), 0.1)
    checkpoint = Checkpoint(architecture, table, Preprocessing(), build(architecture, 2).state_dict())
    path = tmp_path_factory.mktemp("sound") / "a.safetensors"
    save_checkpoint(checkpoint, path)
    return path.read_bytes()


class Bait:
    """Unpickled, it makes a file."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return os.mkdir, (str(self.canary),)


# --- files that are no safetensors --------------------------------------------------------------------------------


def pickled(canary: Path) -> bytes:
    return pickle.dumps({"state_dict": Bait(canary)})


def zipped(canary: Path) -> bytes:
    buffer = io.BytesIO()
    torch.save({"state_dict": Bait(canary)}, buffer)
    return buffer.getvalue()


def before_zip(canary: Path) -> bytes:
    buffer = io.BytesIO()
    torch.save({"state_dict": Bait(canary)}, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


def tarred(canary: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            data = pickled(canary)
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def scripted(canary: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("net/constants.pkl", pickled(canary))
        archive.writestr("net/data.pkl", pickled(canary))
        archive.writestr("net/code/__torch__.py", f"import os\nos.mkdir({str(canary)!r})\n")
    return buffer.getvalue()


def deflated(canary: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("net/data/0", bytes(256 << 20))
        archive.writestr("net/data.pkl", pickled(canary))
    return buffer.getvalue()


def no_stride(canary: Path) -> bytes:
    buffer = io.BytesIO()
    torch.save({"weight": torch.zeros(1).expand(10**5, 10**5), "bait": Bait(canary)}, buffer)
    return buffer.getvalue()


FOREIGN = [pickled, zipped, before_zip, tarred, scripted, deflated, no_stride]


@pytest.mark.parametrize("make", FOREIGN, ids=lambda make: make.__name__)
@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_what_could_run_code_is_refused_unread(tmp_path: Path, make: Callable[[Path], bytes], suffix: str) -> None:
    canary = tmp_path / "it ran"
    path = tmp_path / f"net{suffix}"
    path.write_bytes(make(canary))
    for read in (load_checkpoint, read_info):
        with pytest.raises(CheckpointError, match=r"net\.(safetensors|pt): "):
            read(path)
    assert not canary.exists()


def test_the_bait_works(tmp_path: Path) -> None:
    pickle.loads(pickled(tmp_path / "it ran"))  # the negative control
    assert (tmp_path / "it ran").exists()


# --- safetensors that lie -----------------------------------------------------------------------------------------


def parts(data: bytes) -> tuple[Header, bytes]:
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def whole(header: Header | bytes, body: bytes) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def described(data: bytes, **changes: object) -> bytes:
    """With another description in its metadata."""
    header, body = parts(data)
    fields = json.loads(header["__metadata__"][METADATA_KEY]) | changes
    header["__metadata__"][METADATA_KEY] = json.dumps(fields)
    return whole(header, body)


def architecture(data: bytes, **changes: object) -> bytes:
    """With other numbers in its architecture."""
    fields = json.loads(parts(data)[0]["__metadata__"][METADATA_KEY])["architecture"]
    return described(data, architecture=fields | changes)


def tensor(data: bytes, **changes: object) -> bytes:
    """With other words on the weight of the last layer."""
    header, body = parts(data)
    header["score_fr.weight"] |= changes
    return whole(header, body)


def overlapping(data: bytes) -> bytes:
    header, body = parts(data)
    names = [name for name in header if name != "__metadata__"]
    first = header[names[0]]["data_offsets"]
    header[names[1]]["data_offsets"] = [first[0], first[0] + 4]
    return whole(header, body)


def twice(data: bytes) -> bytes:
    header, body = parts(data)
    text = json.dumps(header)
    entry = json.dumps(header["score_fr.bias"] | {"shape": [2**40]})
    return whole((text[:-1] + f', "score_fr.bias": {entry}}}').encode(), body)


def not_a_number(data: bytes) -> bytes:
    header, body = parts(data)
    start, end = header["score_fr.weight"]["data_offsets"]
    return whole(header, body[:start] + struct.pack("<f", float("nan")) * ((end - start) // 4) + body[end:])


def deep(data: bytes) -> bytes:
    header, body = parts(data)
    text = header["__metadata__"][METADATA_KEY]
    header["__metadata__"][METADATA_KEY] = text.replace(
        '"validation": null', '"validation": ' + "[" * 9000 + "]" * 9000
    )
    return whole(header, body)


def classes(*rows: tuple[object, object]) -> list[dict[str, object]]:
    return [{"index": index, "name": name, "colour": [1, 2, 3]} for index, name in rows]


LIES: dict[str, Callable[[bytes], bytes]] = {
    "header of 2^62 bytes": lambda data: struct.pack("<Q", 2**62) + data[8:],
    "header of all bytes": lambda data: struct.pack("<Q", len(data)) + data[8:],
    "offsets behind the end": lambda data: tensor(data, data_offsets=[0, 2**50]),
    "offsets the wrong way": lambda data: tensor(data, data_offsets=[64, 0]),
    "overlapping": overlapping,
    "a name twice": twice,
    "huge shape": lambda data: tensor(data, shape=[2**31, 2**31]),
    "endless shape": lambda data: tensor(data, shape=[1] * 100_000),
    "negative shape": lambda data: tensor(data, shape=[-1, 8, 1, 1]),
    "no numbers": not_a_number,
    "wrong type": lambda data: tensor(data, dtype="F64"),
    "unknown type": lambda data: tensor(data, dtype="OBJECT"),
    "cut off": lambda data: data[:-1],
    "more behind it": lambda data: data + b"x",
    "width 1e9": lambda data: architecture(data, width=1e9),
    "width of 400 digits": lambda data: architecture(data, width=10**400),
    "fc of a billion": lambda data: architecture(data, fc=10**9),
    "the widest": lambda data: architecture(data, width=2.0, fc=8192),
    "many scales": lambda data: architecture(data, scales=[[8, 1.0]] * 10_000),
    "scale of 400 digits": lambda data: architecture(data, scales=[[8, 10**400]]),
    "a million classes": lambda data: described(data, classes=classes(*((i, f"c{i}") for i in range(100_000)))),
    "class 255": lambda data: described(data, classes=classes((0, "a"), (255, "b"))),
    "class -1": lambda data: described(data, classes=classes((-1, "a"), (1, "b"))),
    "class 1e3": lambda data: described(data, classes=classes((0, "a"), (1e3, "b"))),
    "a class's name with NUL": lambda data: described(data, classes=classes((0, "a"), (1, "b\0c"))),
    "a class's name with a line break": lambda data: described(data, classes=classes((0, "a"), (1, "b\nc"))),
    "classes with one name": lambda data: described(data, classes=classes((0, "a"), (1, "A"))),
    "scaled up a thousand times": lambda data: described(
        data, preprocessing={"channel_order": "rgb", "mean": [1, 1, 1], "std": [1, 1, 1], "input_scale": 1000}
    ),
    "temperature of 400 digits": lambda data: described(data, temperature=10**400),
    "deep": deep,
    "metadata that are a list": lambda data: whole(parts(data)[0] | {"__metadata__": []}, parts(data)[1]),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_lies_are_refused_with_a_sentence(tmp_path: Path, sound: bytes, lie: str) -> None:
    path = tmp_path / "liar.safetensors"
    path.write_bytes(sound)
    assert load_checkpoint(path).table.name_of(1) == "cell"
    data = LIES[lie](sound)
    assert data != sound
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=r"liar\.safetensors: ") as caught:
        load_checkpoint(path)
    assert len(str(caught.value)) < 1000, "a sentence, not the file"


@pytest.mark.parametrize("lie", [{"validation": []}, {"trained_on": {}}, {"architecture": 3}, {"classes": {}}])
def test_headers_are_refused_whose_values_are_of_another_kind(
    tmp_path: Path, sound: bytes, lie: dict[str, object]
) -> None:
    path = tmp_path / "liar.safetensors"
    path.write_bytes(described(sound, **lie))
    for read in (load_checkpoint, read_info):
        with pytest.raises(CheckpointError, match=r"liar\.safetensors: "):
            read(path)


# --- memory -------------------------------------------------------------------------------------------------------

LOAD = """
import json, sys, time
from pathlib import Path
from fcn_studio.errors import CheckpointError
from fcn_studio.fcn.weights.catalogue import read_info
from fcn_studio.fcn.weights.checkpoint import load_checkpoint

def peak():
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024

folder, found = Path(sys.argv[1]), {}
load_checkpoint(folder / "0 sound.safetensors").build()
for path in sorted(folder.iterdir()):
    before, started, outcomes = peak(), time.process_time(), []
    for read in (read_info, load_checkpoint):
        try:
            read(path)
            outcomes.append("loaded")
        except CheckpointError as error:
            outcomes.append(str(error)[:300])
    found[path.name.partition(".")[0][2:]] = outcomes, peak() - before, time.process_time() - started
print(json.dumps(found))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_no_checkpoint_takes_more_memory_than_its_size_allows(tmp_path: Path, sound: bytes) -> None:
    header, body = parts(sound)
    wide = Architecture("slim", 0.5, 256, True, "same", 8, (), 0.1)
    table = ClassTable.from_names(["background", "cell"])
    checkpoint = Checkpoint(wide, table, Preprocessing(), build(wide, 2).state_dict())
    save_checkpoint(checkpoint, tmp_path / "9 large.safetensors")
    empty = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    files = {
        "0 sound": sound,
        "1 lists": whole(b'{"a":[' + b"[]," * 2_600_000 + b"[]]}", body),
        "2 objects": whole(b'{"a":[' + b'{"b":{}},' * 800_000 + b"1]}", body),
        "3 words": whole(b'{"a":[' + b'"ab",' * 1_500_000 + b"1]}", body),
        "4 widest": architecture(sound, width=2.0, fc=8192),
        "5 empty": whole(header | {f"x{i}": empty for i in range(90_000)}, b""),
        "6 zip": deflated(tmp_path / "it ran"),
        "7 sparse": sound,
    }  # fmt: skip
    for name, data in files.items():
        (tmp_path / f"{name}.safetensors").write_bytes(data)
    with (tmp_path / "7 sparse.safetensors").open("r+b") as file:
        file.truncate(300 << 20)
    done = run_python(LOAD, str(tmp_path))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["sound"][0] == found["large"][0] == ["loaded", "loaded"]
    for name, (outcomes, mb, cpu) in found.items():
        size = next(tmp_path.glob(f"? {name}.safetensors")).stat().st_size / 2**20
        assert mb < (2 * size + 10 if name == "large" else SMALL_MB), (name, mb, size)
        assert cpu < 3, (name, cpu)
        if name not in ("sound", "large"):
            assert outcomes[1] != "loaded", name
    assert not (tmp_path / "it ran").exists()


def test_a_checkpoint_that_is_saved_can_be_loaded_however_many_images_it_names(tmp_path: Path, sound: bytes) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(sound)
    checkpoint = load_checkpoint(path)
    names = tuple(f"folder/of/a/usual/depth/photograph-{number:06}.jpg" for number in range(300_000))
    save_checkpoint(replace(checkpoint, trained_on=names), path)
    assert load_checkpoint(path).trained_on == ()  # so many are not named, and the file can be read
    save_checkpoint(replace(checkpoint, trained_on=names[:50_000]), path)
    assert load_checkpoint(path).trained_on == names[:50_000]
    assert read_info(path).trained_on == 50_000
