from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import torch

from fcn_studio.errors import CheckpointError
from fcn_studio.fcn.weights.caffemodel import read_caffemodel
from tests.fcn.others import blob, caffemodel, message, varint, whole

WEIGHTS = {
    "conv1.weight": torch.arange(54, dtype=torch.float32).reshape(2, 3, 3, 3) / 7,
    "conv1.bias": torch.tensor([1.5, -2.0]),
    "scale.weight": torch.full((300,), 0.01),
}


def read(path: Path, data: bytes) -> dict[str, np.ndarray]:
    path.write_bytes(data)
    found = read_caffemodel(path)
    return {f"{layer.name}.{i}": np.array(b) for layer in found for i, b in enumerate(layer.blobs)}


def layer(*blobs: bytes, name: bytes = b"conv1") -> bytes:
    return message(100, message(1, name) + b"".join(message(7, b) for b in blobs))


@pytest.mark.parametrize("how", [{}, {"v1": True}, {"old": True}, {"double": True}, {"odd": ("conv1", "scale")},
                                 {"odd": ("conv1", "scale"), "double": True}])  # fmt: skip
def test_the_weights_of_every_way_to_write_them_are_read(tmp_path: Path, how: dict[str, object]) -> None:
    found = read(tmp_path / "a.caffemodel", caffemodel(WEIGHTS, **how))
    assert list(found) == ["conv1.0", "conv1.1", "scale.0"]
    for got, wanted in zip(found.values(), WEIGHTS.values(), strict=True):
        assert np.array_equal(got.ravel(), wanted.numpy().ravel())
    if "old" not in how:
        assert found["conv1.0"].shape == (2, 3, 3, 3)
        assert found["conv1.1"].shape == (2,)
    else:
        assert found["conv1.1"].shape == (1, 1, 1, 2)


def test_pieces_of_packed_and_single_numbers_follow_each_other(tmp_path: Path) -> None:
    one = np.arange(3, dtype=np.float32)
    single = blob(one, packed=False)[:10]  # two numbers without the shape
    data = layer(message(5, one.tobytes()) + single + whole(55, 3) + message(5, one.tobytes()))
    assert read(tmp_path / "a", data)["conv1.0"].tolist() == [0, 1, 2, 0, 1, 0, 1, 2]


FLAWS = {
    "empty": b"",
    "text": b"name: 'net'\nlayer { name: 'conv1' }\n",
    "no weights": message(1, b"net") + layer(),
    "a number without end": b"\xff" * 20,
    "a group": b"\x0b\x0c",
    "field 0": b"\x00\x00",
    "length of 2^62": varint(100 << 3 | 2) + varint(2**62),
    "shape of 2^62": layer(message(5, bytes(8)) + message(7, message(1, varint(2**31) + varint(2**31)))),
    "negative shape": layer(message(5, bytes(8)) + message(7, message(1, varint(2**64 - 1) + varint(2**64 - 2)))),
    "another shape": layer(message(5, bytes(8)) + message(7, message(1, varint(3)))),
    "endless shape": layer(message(5, bytes(4)) + message(7, message(1, b"\x01" * 5000))),
    "endless shape, one by one": layer(message(5, bytes(4)) + message(7, whole(1, 1) * 5000)),
    "within a number": layer(message(5, bytes(7))),
    "two kinds of numbers": layer(message(5, bytes(4)) + message(8, bytes(8))),
    "twice": layer(message(5, bytes(4))) * 2,
    "many blobs": layer(*[message(5, bytes(4))] * 17),
    "ends in the middle": caffemodel(WEIGHTS)[:-40],
}  # fmt: skip


@pytest.mark.parametrize("flaw", FLAWS)
def test_damaged_files_are_refused_with_a_sentence(tmp_path: Path, flaw: str) -> None:
    with pytest.raises(CheckpointError, match=r"net\.caffemodel: ") as caught:
        read(tmp_path / "net.caffemodel", FLAWS[flaw])
    assert len(str(caught.value)) < 500


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "gone", tmp_path):
        with pytest.raises(CheckpointError, match="cannot be read"):
            read_caffemodel(path)


def test_no_file_takes_more_time_than_its_size_allows(tmp_path: Path) -> None:
    megabytes = 1
    files = {
        "fields": whole(90, 1) * (megabytes << 19),
        "fields in a blob": layer(whole(9, 1) * (megabytes << 19)),
        "runs of one": layer((blob(np.zeros(1, np.float32), packed=False)[:5] + whole(1, 1)) * (megabytes << 17)),
        "two keys in turn": layer((b"\x2d" + bytes(4) + b"\x35" + bytes(4)) * (megabytes << 16)),
    }  # fmt: skip
    for name, data in files.items():
        started = time.process_time()
        with pytest.raises(CheckpointError, match=r"fields|no weights"):
            read(tmp_path / "a", data)
        assert time.process_time() - started < 3, name
    started = time.process_time()
    many = layer(np.repeat(np.frombuffer(b"\x2d\0\0\x80\x3f", np.uint8)[None], 1_000_000, 0).tobytes())
    assert read(tmp_path / "a", many)["conv1.0"].sum() == 1_000_000
    assert time.process_time() - started < 3
