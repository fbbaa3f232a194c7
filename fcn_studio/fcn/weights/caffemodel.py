"""Read Caffe's weight files from the wire format of protocol buffers.

The file is mapped, and blobs are views of it: a file of half a gigabyte takes no memory until its weights are used.
What is not about weights is passed over. Every length is held against the message it lies in, and the number of
fields is limited, so that no file takes more time than its size allows.

Source: ``caffe.proto`` (https://github.com/BVLC/caffe), messages NetParameter, LayerParameter, V1LayerParameter,
BlobProto and BlobShape; https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fcn_studio.errors import CheckpointError
from fcn_studio.i18n import tr
from fcn_studio.paths import open_file

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
_MAX_FIELDS = 100_000
"""In all messages together; a released net has some thousands."""

_MAX_LAYERS, _MAX_BLOBS, _MAX_DIMENSIONS, _MAX_NAME = 5000, 16, 8, 200

_LAYER, _OLD_LAYER = 100, 2
_NAMES = {_LAYER: (1, 7), _OLD_LAYER: (4, 6)}
"""Field of a layer in NetParameter -> its own fields of name and blobs."""

_SHAPE, _DATA, _DOUBLE_DATA = 7, 5, 8
_LEGACY = (1, 2, 3, 4)
"""num, channels, height, width: the shape of a blob before it had one."""


@dataclass(frozen=True)
class CaffeLayer:
    """A layer that has weights.

    Attributes:
        name: of the layer.
        blobs: its arrays of float32 or float64, read-only views of the file: the weight, then the bias.
    """

    name: str
    blobs: tuple[NDArray[np.floating], ...] = field(repr=False)


def read_caffemodel(path: Path) -> list[CaffeLayer]:
    """Read the layers of a ``.caffemodel`` that have weights.

    They are in the order of the file.

    Raises:
        CheckpointError: if it cannot be read, or is not a ``.caffemodel``.
    """
    try:
        with open_file(path) as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        layers = list(_WireReader(data).layers())
    except OSError as error:
        raise CheckpointError(
            tr("{path}: the file cannot be read: {reason}", path=path, reason=error.strerror or error)
        ) from error
    except ValueError as error:  # an empty file cannot be mapped, either
        raise CheckpointError(
            tr("{path}: the file is damaged, or does not hold weights of Caffe ({reason})", path=path, reason=error)
        ) from error
    if not layers:
        raise CheckpointError(tr("{path}: there are no weights in it; choose a .caffemodel", path=path))
    return layers


class _WireReader:
    """A reader of messages.

    Every fault of the file raises ValueError.
    """

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._left = _MAX_FIELDS

    def layers(self) -> Iterator[CaffeLayer]:
        """Yield the layers with blobs.

        Each name may occur once.
        """
        seen: set[str] = set()
        for number, kind, first, last in self._fields(0, len(self._data)):
            if kind != _BYTES or number not in _NAMES:
                continue
            layer = self._layer(first, last, *_NAMES[number])
            if not layer.blobs:
                continue
            if layer.name in seen or len(seen) >= _MAX_LAYERS:
                raise ValueError(tr("layer '{name}' is there twice, or is one of too many", name=layer.name))
            seen.add(layer.name)
            yield layer

    def _layer(self, start: int, end: int, name_field: int, blobs_field: int) -> CaffeLayer:
        name = ""
        blobs: list[NDArray[np.floating]] = []
        for number, kind, first, last in self._fields(start, end):
            if number == name_field and kind == _BYTES:
                name = self._data[first : min(last, first + _MAX_NAME)].decode("utf-8", "replace")
            elif number == blobs_field and kind == _BYTES:
                if len(blobs) >= _MAX_BLOBS:
                    raise ValueError(tr("layer '{name}' has too many blobs", name=name))
                blobs.append(self._blob(first, last))
        return CaffeLayer(name, tuple(blobs))

    def _blob(self, start: int, end: int) -> NDArray[np.floating]:
        """Read one array in its shape."""
        shape: tuple[int, ...] | None = None
        legacy: dict[int, int] = {}
        pieces: dict[int, list[NDArray[np.floating]]] = {_DATA: [], _DOUBLE_DATA: []}
        for number, kind, first, last in self._fields(start, end):
            if number == _SHAPE and kind == _BYTES:
                shape = self._shape(first, last)
            elif number in _LEGACY and kind == _VARINT:
                legacy[number] = first
            elif (number == _DATA and kind in (_BYTES, _FOUR)) or (
                number == _DOUBLE_DATA and kind in (_BYTES, _EIGHT)
            ):
                pieces[number].append(self._numbers(number, kind, first, last))
        if pieces[_DATA] and pieces[_DOUBLE_DATA]:
            raise ValueError(tr("a blob has numbers of two kinds"))
        values = pieces[_DATA] or pieces[_DOUBLE_DATA] or [np.empty(0, np.float32)]
        flat = values[0] if len(values) == 1 else np.concatenate(values)
        if shape is None:
            shape = tuple(legacy.get(number, 1) for number in _LEGACY) if legacy else (flat.size,)
        if len(shape) > _MAX_DIMENSIONS or math.prod(shape) != flat.size or any(side < 0 for side in shape):
            raise ValueError(
                tr("a blob of {shape} has {count} numbers", shape=str(list(shape))[:80], count=flat.size)
            )
        return flat.reshape(shape)

    def _shape(self, start: int, end: int) -> tuple[int, ...]:
        sides: list[int] = []
        for number, kind, first, last in self._fields(start, end):
            if number != 1:
                continue
            if kind == _VARINT:
                sides.append(first)
            elif kind == _BYTES:
                while first < last and len(sides) <= _MAX_DIMENSIONS:
                    side, first = self._varint(first, last)
                    sides.append(side)
            if len(sides) > _MAX_DIMENSIONS:
                raise ValueError(tr("a blob has too many dimensions"))
        return tuple(sides)

    def _numbers(self, number: int, kind: int, start: int, end: int) -> NDArray[np.floating]:
        """Read the numbers of a field.

        Packed ones are a view, single ones a copy.
        """
        dtype = np.dtype("<f4" if number == _DATA else "<f8")
        if kind == _BYTES:
            if (end - start) % dtype.itemsize:
                raise ValueError(tr("a blob ends within a number"))
            return np.frombuffer(self._data, dtype, (end - start) // dtype.itemsize, start)
        record = dtype.itemsize + 1
        run = np.frombuffer(self._data, np.uint8, end - start + 1, start - 1).reshape(-1, record)
        return run[:, 1:].copy().view(dtype).ravel()

    def _fields(self, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """Yield (number, wire type, first, last) of each field between two places.

        The value of a varint is in ``first``. Other values lie from ``first`` to ``last``. A run of single numbers of
        one field is given as one field.
        """
        at = start
        while at < end:
            self._left -= 1
            if self._left < 0:
                raise ValueError(tr("it has more than {count:,} fields", count=_MAX_FIELDS))
            before = at
            key, at = self._varint(at, end)
            number, kind = key >> 3, key & 7
            if kind == _VARINT:
                first, at = self._varint(at, end)
            elif kind == _BYTES:
                length, first = self._varint(at, end)
                at = first + length
            elif kind in (_EIGHT, _FOUR):
                first = at
                at += 8 if kind == _EIGHT else 4
                if first == before + 1 and at <= end:
                    at = self._end_of_run(before, end, at - before)
            else:
                raise ValueError(tr("wire type {kind} is unknown", kind=kind))
            if at > end or not number:
                raise ValueError(tr("a field is longer than the message around it"))
            yield number, kind, first, at

    def _end_of_run(self, start: int, end: int, record: int) -> int:
        """Return where a run of records ends.

        All begin with the same byte as the record at ``start``.
        """
        key, at, step = self._data[start], start + record, 64
        while at + record <= end:
            count = min(step, (end - at) // record)
            same = np.frombuffer(self._data, np.uint8, count * record, at)[::record] == key
            if not same.all():
                return at + int(np.argmin(same)) * record
            at, step = at + count * record, step * 2
        return at

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        """Read a whole number in groups of seven bits.

        Returns (value, place behind it).
        """
        value = 0
        for position in range(10):
            if at >= end:
                break
            byte = self._data[at]
            at += 1
            value |= (byte & 0x7F) << (7 * position)
            if byte < 0x80:
                return value, at
        raise ValueError(tr("a number does not end"))
