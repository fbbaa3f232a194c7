"""What networks there are and what each knows, read from the files' headers alone: no torch is loaded.

A safetensors file begins with eight bytes, the length of a JSON header, whose ``__metadata__`` holds our description.
Source: https://github.com/huggingface/safetensors, "Format".
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fcn_studio import paths
from fcn_studio.core.classes import ClassInfo, ClassTable
from fcn_studio.errors import CheckpointError, ProjectError
from fcn_studio.formats.strict_json import parse, text, whole

METADATA_KEY = "fcn_studio"
SUFFIX = ".safetensors"
DEFAULT = "street"
"""Name of the bundled network that a new project begins with."""

MAX_HEADER = 8 << 20
"""Bytes; the names of a hundred thousand training images are fewer."""


@dataclass(frozen=True)
class NetworkInfo:
    """A checkpoint as its header describes it.

    Attributes:
        name: bundled name, or the file's name without suffix.
        path: the file.
        sha256: of the file: its identity.
        table: the classes it knows.
        architecture: its parts as in the file, for people.
        validation: its validation figures under plain names, or None.
        trained_on: number of images it was trained on.
        size: of the file, bytes.
    """

    name: str
    path: Path
    sha256: str
    table: ClassTable
    architecture: Mapping[str, object]
    validation: Mapping[str, object] | None
    trained_on: int
    size: int


def read_header(file: io.BufferedReader) -> dict[str, Any]:
    """The JSON header of a safetensors file, which is then again at its beginning.

    Raises:
        ValueError: if it is larger than the file or than any of ours, or no JSON object that is worth reading.
    """
    size = os.fstat(file.fileno()).st_size
    stated = int.from_bytes(file.read(8), "little")
    if not 2 <= stated <= min(size - 8, MAX_HEADER):
        raise ValueError("its header has no sensible length")
    header = parse(file.read(stated))
    if not isinstance(header, dict):
        raise ValueError("its header is no object")
    file.seek(0)
    return header


def read_info(path: Path) -> NetworkInfo:
    """Describe a checkpoint file; its weights are not looked at.

    Raises:
        CheckpointError: if it cannot be read or is not one of ours.
    """
    try:
        with paths.open_file(path) as file:
            size = os.fstat(file.fileno()).st_size
            header = read_header(file)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        described = parse(header["__metadata__"][METADATA_KEY])
        rows = tuple(
            ClassInfo(whole(c["index"]), text(c["name"]), _colour(c["colour"])) for c in described["classes"]
        )
        architecture, validation = described["architecture"], described.get("validation")
        trained_on = described.get("trained_on", [])
        if not isinstance(architecture, dict) or not isinstance(validation, dict | None):
            raise TypeError("architecture or validation")
        if not isinstance(trained_on, list):
            raise TypeError("trained_on")
        table = ClassTable(rows, max(c.index for c in rows) + 1)
        return NetworkInfo(
            path.stem,
            path,
            digest,
            table,
            architecture,
            validation,
            len(trained_on),
            size,
        )
    except OSError as error:
        raise CheckpointError(f"{path}: the checkpoint cannot be read: {error.strerror or error}") from error
    except (KeyError, TypeError, ValueError, ProjectError) as error:
        raise CheckpointError(
            f"{path}: this is no checkpoint of FCN Studio; choose one from a run or a bundled network"
        ) from error


def _colour(value: object) -> tuple[int, int, int]:
    red, green, blue = (whole(v) & 255 for v in value)  # type: ignore[attr-defined]
    return red, green, blue


def bundled() -> dict[str, Path]:
    """Name -> file of the networks that come with the program."""
    try:
        folder = paths.resource("networks")
    except FileNotFoundError:
        return {}
    return {path.stem: path for path in sorted(folder.glob("*" + SUFFIX))}


def resolve(name_or_path: str) -> Path:
    """The file meant by a bundled name, or by a path (anything with a separator or ``.safetensors``).

    Raises:
        CheckpointError: if there is no such file or no bundled network of that name.
    """
    separators = {"/", os.sep, os.altsep or os.sep}
    if name_or_path.endswith(SUFFIX) or any(mark in name_or_path for mark in separators):
        path = Path(name_or_path).expanduser()
        if not path.is_file():
            raise CheckpointError(f"{path}: there is no such checkpoint file")
        return path
    known = bundled()
    if name_or_path not in known:
        names = ", ".join(known) or "none are installed"
        raise CheckpointError(
            f"there is no bundled network '{name_or_path}' (bundled: {names}); for a file, give its path"
        )
    return known[name_or_path]
