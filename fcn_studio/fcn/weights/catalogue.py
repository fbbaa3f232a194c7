"""List and describe networks from the headers of their files, without torch.

A safetensors file begins with eight bytes, the length of a JSON header, whose ``__metadata__`` holds our description.
Source: https://github.com/huggingface/safetensors, "Format".
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fcn_studio import paths
from fcn_studio.core.classes import ClassInfo, ClassTable
from fcn_studio.errors import CheckpointError, ProjectError
from fcn_studio.fcn.weights.digests import digest_of
from fcn_studio.formats.strict_json import parse, text, whole
from fcn_studio.i18n import listed, tr

METADATA_KEY = "fcn_studio"
SUFFIX = ".safetensors"
DEFAULT = "street"
"""Name of the bundled network that a new project begins with."""

GENERAL = "general"
"""Name of the bundled trunk without classes: the start of trainings for classes that no bundled network knows."""

ORIGIN_KEYS = ("source", "source_sha256", "licence", "note")
"""Texts in the description of a network that was downloaded or imported."""

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
        parent: sha256 of the network it was fine-tuned from, or "".
        size: of the file, bytes.
        preprocessing: of its input, as in the file, for people.
        source: where an imported one came from.
        source_sha256: of the file it was converted from.
        licence: of an imported one, in its publisher's words.
        note: what else is to be known of it.
    """

    name: str
    path: Path
    sha256: str
    table: ClassTable
    architecture: Mapping[str, object]
    validation: Mapping[str, object] | None
    trained_on: int
    size: int
    preprocessing: Mapping[str, object] = field(default_factory=dict)
    parent: str = ""
    source: str = ""
    source_sha256: str = ""
    licence: str = ""
    note: str = ""

    @property
    def trunk_only(self) -> bool:
        """Whether the network knows no class.

        It cannot label anything, and is a start for fine-tuning.
        """
        return not len(self.table)


def read_header(file: io.BufferedReader) -> dict[str, Any]:
    """Read the JSON header of a safetensors file, and rewind the file.

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
    """Describe a checkpoint file without reading its weights.

    Raises:
        CheckpointError: if it cannot be read or is not one of ours.
    """
    try:
        with paths.open_file(path) as file:
            size = os.fstat(file.fileno()).st_size
            header = read_header(file)
            digest = digest_of(file)
        return _info(path, digest, size, parse(header["__metadata__"][METADATA_KEY]))
    except OSError as error:
        raise CheckpointError(
            tr("{path}: the checkpoint cannot be read: {reason}", path=path, reason=error.strerror or error)
        ) from error
    except (KeyError, TypeError, ValueError, ProjectError) as error:
        raise CheckpointError(
            tr("{path}: this is no checkpoint of FCN Studio; choose one from a run or a bundled network", path=path)
        ) from error


def _info(path: Path, digest: str, size: int, described: Any) -> NetworkInfo:
    """Return the network that a description describes.

    Raises:
        KeyError, TypeError, ValueError, ProjectError: if it makes no sense.
    """
    rows = tuple(ClassInfo(whole(c["index"]), text(c["name"]), _colour(c["colour"])) for c in described["classes"])
    validation, trained_on = described.get("validation"), described.get("trained_on", [])
    if not isinstance(validation, dict | None) or not isinstance(trained_on, list):
        raise TypeError("validation or trained_on")
    if not isinstance(described["classes"], list):
        raise TypeError("classes")
    return NetworkInfo(
        name=path.stem,
        path=path,
        sha256=digest,
        table=ClassTable(rows, max((c.index for c in rows), default=-1) + 1),
        architecture=_object(described["architecture"]),
        validation=validation,
        trained_on=len(trained_on),
        size=size,
        preprocessing=_object(described.get("preprocessing", {})),
        parent=text(described.get("parent", "")),
        **{key: text(described.get(key, "")) for key in ORIGIN_KEYS},
    )


def _object(value: object) -> dict[str, object]:
    """Check that a JSON value is an object.

    Raises:
        TypeError: if it is anything else.
    """
    if not isinstance(value, dict):
        raise TypeError(f"{value!r:.50} is no object")
    return value


def _colour(value: object) -> tuple[int, int, int]:
    red, green, blue = (whole(v) & 255 for v in value)  # type: ignore[attr-defined]
    return red, green, blue


def bundled() -> dict[str, Path]:
    """Return name -> file of the networks that come with the program."""
    try:
        folder = paths.resource("networks")
    except FileNotFoundError:
        return {}
    return {path.stem: path for path in sorted(folder.glob("*" + SUFFIX))}


def installed() -> dict[str, Path]:
    """Return name -> file of the user's networks.

    The user has downloaded or imported them.
    """
    return {path.stem: path for path in sorted(paths.networks_dir().glob("*" + SUFFIX))}


def remove_installed(name: str) -> Path:
    """Delete a network that the user has installed.

    Returns its former file.

    Raises:
        CheckpointError: if there is none of that name, or it cannot be deleted.
    """
    path = installed().get(name)
    if path is None:
        raise CheckpointError(
            tr("'{name}' cannot be removed: it comes with the program", name=name)
            if name in bundled()
            else tr("'{name}' cannot be removed: no network of that name is installed", name=name)
        )
    try:
        path.unlink()
    except OSError as error:
        raise CheckpointError(
            tr("{path} cannot be removed: {reason}", path=path, reason=error.strerror or error)
        ) from error
    return path


def resolve(name_or_path: str) -> Path:
    """Return the file of a network.

    It is bundled or installed, or given as a path. A path has a separator or the suffix.

    Raises:
        CheckpointError: if there is no such file or no network of that name.
    """
    separators = {"/", os.sep, os.altsep or os.sep}
    if name_or_path.endswith(SUFFIX) or any(mark in name_or_path for mark in separators):
        path = paths.expanded(name_or_path)
        if not path.is_file():
            raise CheckpointError(tr("{path}: there is no such checkpoint file", path=path))
        return path
    known = installed() | bundled()
    if name_or_path in known:
        return known[name_or_path]
    from fcn_studio.fcn.weights.published import PUBLISHED  # start-up: seldom needed

    if name_or_path in PUBLISHED:
        raise CheckpointError(
            tr("the network '{name}' is not installed yet: fcn-studio networks download {name}", name=name_or_path)
        )
    if not known:
        raise CheckpointError(
            tr("there is no network '{name}' (none are installed); for a file, give its path", name=name_or_path)
        )
    raise CheckpointError(
        tr(
            "there is no network '{name}' (there are: {names}); for a file, give its path",
            name=name_or_path,
            names=listed(known),
        )
    )
