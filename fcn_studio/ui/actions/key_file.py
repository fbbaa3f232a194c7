"""Changes of keys as tables of a TOML file: the settings, and files that users exchange."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from PySide6.QtGui import QKeySequence

from fcn_studio import paths
from fcn_studio.errors import ShortcutsError
from fcn_studio.i18n import tr
from fcn_studio.ui.actions.keys import KeyChange, Keys, refusal
from fcn_studio.ui.actions.table import BY_NAME

MAX_BYTES = 1 << 18
"""Larger files are not read."""

MAX_KEYS = 20
"""Number of keys of one action; the rest is left out."""

_HEADING = "Keyboard shortcuts of FCN Studio: the differences from its defaults"


def portable(text: str) -> str:
    """Return a key in Qt's portable spelling.

    Returns "" if it is no key, or several pressed one after the other.
    """
    sequence = QKeySequence.fromString(text, QKeySequence.SequenceFormat.PortableText)
    if sequence.count() != 1 or not sequence.toString():
        return ""
    return sequence.toString(QKeySequence.SequenceFormat.PortableText)


def from_table(table: Mapping[str, object]) -> tuple[Keys, list[str]]:
    """Return the keys of a table of changes, and a sentence for each thing that was left out."""
    changes: dict[str, KeyChange] = {}
    left_out: list[str] = []
    given: dict[str, str] = {}
    for name, row in table.items():
        if name not in BY_NAME:
            left_out.append(tr("This version has no action “{name}”.", name=name))
        elif not isinstance(row, Mapping):
            left_out.append(tr("“{name}” is no table with add and remove.", name=name))
        else:
            removed = tuple(key for key in _texts(row.get("remove")) if key in BY_NAME[name].shortcuts)
            added = tuple(_accepted(name, _texts(row.get("add")), given, left_out))
            changes[name] = KeyChange(added, removed)
    return Keys(changes), left_out


def _texts(value: object) -> Iterator[str]:
    items = value[:MAX_KEYS] if isinstance(value, list) else []
    yield from (portable(item) or item for item in items if isinstance(item, str))


def _accepted(name: str, keys: Iterator[str], given: dict[str, str], left_out: list[str]) -> Iterator[str]:
    """Yield the keys that an action can have; ``given`` says which action was given a key before."""
    spec = BY_NAME[name]
    for key in keys:
        if not portable(key):
            left_out.append(tr("{action}: “{key}” is no key.", action=spec.plain_text, key=key))
        elif sentence := refusal(spec, key):
            left_out.append(f"{spec.plain_text}: {sentence}")
        elif given.setdefault(key, name) != name:
            other = BY_NAME[given[key]].plain_text
            left_out.append(
                tr("{action}: {key} is given to {other} already.", action=spec.plain_text, key=key, other=other)
            )
        else:
            yield key


def as_table(keys: Keys, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the changes as a table of TOML.

    Rows of the table ``before`` that belong to actions of other versions are kept.
    """
    others = {name: row for name, row in (before or {}).items() if name not in BY_NAME}
    return others | {
        name: {
            part: list(given)
            for part, given in (("add", change.added), ("remove", change.removed))
            if given
        }
        for name, change in keys.changes.items()
    }  # fmt: skip


def write(path: Path, keys: Keys) -> None:
    """Write the changes to a file that people can read.

    Raises:
        ShortcutsError: if it cannot be written.
    """
    import tomlkit  # start-up

    document = tomlkit.document()
    document.add(tomlkit.comment(_HEADING))
    for name, row in as_table(keys).items():
        defaults = ", ".join(BY_NAME[name].shortcuts) or "none"
        table = tomlkit.table()
        table.comment(f"{BY_NAME[name].text.replace('&', '').rstrip('…')}; default: {defaults}")
        table.update(row)
        document.add(tomlkit.nl())
        document.add(name, table)
    try:
        paths.replace_file(path, tomlkit.dumps(document).encode())
    except OSError as error:
        raise ShortcutsError(
            tr("{path} cannot be written: {reason}", path=path, reason=error.strerror or error)
        ) from error


def read(path: Path) -> tuple[Keys, list[str]]:
    """Read a file of changes, and say what was left out.

    Raises:
        ShortcutsError: if it cannot be read or is no TOML file.
    """
    try:
        return from_table(tomllib.loads(paths.read_file(path, MAX_BYTES).decode("utf-8")))
    except OSError as error:
        raise ShortcutsError(
            tr("{path} cannot be read: {reason}", path=path, reason=error.strerror or error)
        ) from error
    except (ValueError, RecursionError) as error:
        raise ShortcutsError(tr("{path} is not a file of keyboard shortcuts.", path=path)) from error
