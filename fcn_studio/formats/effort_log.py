"""Log of the labelling effort of a project, in the user's state folder.

It is not in the project, which may be shared: how long a person takes concerns nobody else. Each line is a JSON list
with the fields of a `Gesture`. Of a long log the older part is dropped.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, fields
from pathlib import Path

from fcn_studio import paths
from fcn_studio.core.effort.gestures import Gesture
from fcn_studio.formats.atomic import os_errors_as
from fcn_studio.formats.strict_json import parse, text, whole
from fcn_studio.i18n import tr_noop

_MOST_SECONDS = 1e6

MOST_BYTES = 16 << 20
"""Size from which a log is kept as the older half, and a new one begun."""

_LAST_BYTES = 1 << 18


def effort_log(project_id: str) -> Path:
    """Return the place of a project's log."""
    return paths.state_dir() / "effort" / f"{hashlib.sha256(project_id.encode()).hexdigest()[:32]}.jsonl"


def append_gestures(path: Path, gestures: Iterable[Gesture]) -> None:
    """Add gestures to a log.

    Raises:
        ProjectError: if it cannot be written.
    """
    lines = "".join(json.dumps(astuple(gesture)) + "\n" for gesture in gestures)
    with os_errors_as(tr_noop("The labelling effort cannot be noted in {path}: {reason}"), path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > MOST_BYTES:
            os.replace(path, _older(path))
        with path.open("a", encoding="ascii") as file:
            file.write(lines)


def read_gestures(path: Path) -> list[Gesture]:
    """Return the gestures of a log, the oldest first.

    Lines that are damaged are left out.
    """
    found = []
    for part in (_older(path), path):
        try:
            found += _gestures_of(paths.read_file(part, 2 * MOST_BYTES))
        except (OSError, ValueError):
            continue
    return found


def last_gestures(path: Path) -> list[Gesture]:
    """Return the newest gestures of a log, some thousands, the oldest first."""
    try:
        with paths.open_file(path) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _LAST_BYTES))
            return _gestures_of(file.read(_LAST_BYTES))
    except OSError:
        return []


def _gestures_of(lines: bytes) -> list[Gesture]:
    """Return the gestures of some lines; those that are damaged or cut are left out."""
    found = []
    for line in lines.splitlines():
        try:
            found.append(_gesture(*parse(line)))
        except (ValueError, TypeError, OverflowError):
            continue
    return found


def write_csv(path: Path, gestures: Sequence[Gesture], class_name: Callable[[int], str]) -> None:
    """Write gestures as a table with a heading.

    Raises:
        ProjectError: if it cannot be written.
    """
    with (
        os_errors_as(tr_noop("{path} cannot be written: {reason}"), path),
        path.open("w", encoding="utf-8", newline="") as file,
    ):
        table = csv.writer(file)
        table.writerow([*(field.name for field in fields(Gesture)), "class_name"])
        for gesture in gestures:
            index = gesture.class_index
            table.writerow([*astuple(gesture), "" if index is None else class_name(index)])


def _older(path: Path) -> Path:
    return path.with_suffix(".older.jsonl")


def _gesture(
    at: object, image_id: object, act: object, index: object, run: object, seconds: object, pixels: object
) -> Gesture:
    found = Gesture(
        _number(at),
        text(image_id),
        text(act),
        None if index is None else whole(index),
        whole(run),
        _number(seconds),
        whole(pixels),
    )
    if not (0 <= found.seconds <= _MOST_SECONDS and found.pixels >= 0 and found.act):
        raise ValueError("no gesture takes that")
    return found


def _number(value: object) -> float:
    if type(value) not in (int, float):
        raise TypeError(f"{value!r:.50} is no number")
    return float(value)  # type: ignore[arg-type]
