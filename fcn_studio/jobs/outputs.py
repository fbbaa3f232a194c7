"""Where the command line may write: never over what is not a result of its own."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from fcn_studio.errors import CheckpointError, UsageError
from fcn_studio.fcn.weights.catalogue import read_info
from fcn_studio.formats.project.project_folder import PROJECT_FILE

_SEEN = 4096


def check_folder(out: Path) -> None:
    """A folder for predictions: not that of a project, nor within one.

    Raises:
        UsageError: if it is.
    """
    for folder in (out.resolve(), *out.resolve().parents):
        if (folder / PROJECT_FILE).exists():
            raise UsageError(f"--out {out} belongs to the project '{folder}'; choose a folder outside of it")


def check_checkpoint(out: Path) -> None:
    """A file for a network: its folder can be written, and what it replaces is a network.

    Raises:
        UsageError: if not.
    """
    if not out.resolve().parent.is_dir():
        raise UsageError(f"the folder of --out {out} does not exist")
    if out.exists():
        try:
            read_info(out)
        except CheckpointError as error:
            raise UsageError(f"--out {out} is there already and is no network; choose another name") from error
    try:
        with tempfile.TemporaryFile(dir=out.resolve().parent):
            pass
    except OSError as error:
        raise UsageError(f"--out {out} cannot be written: {error.strerror or error}") from error


def check_log(log: Path) -> None:
    """A file to append lines to: what it holds already is such a log, JSON lines or a table.

    Raises:
        UsageError: if it is not.
    """
    if (held := _beginning(log, "--log")) and not held.startswith((b"{", b"step,")):
        raise UsageError(f"--log {log} is there already and is no log; choose another name")


def check_json(path: Path | None) -> None:
    """A file for a result: what it replaces is JSON, or nothing.

    Raises:
        UsageError: if it is something else.
    """
    if path is None or str(path) == "-":
        return
    if _beginning(path, "--json").lstrip()[:1] not in (b"", b"{", b"["):
        raise UsageError(f"--json {path} is there already and is no JSON; choose another name")


def write_json(result: object, path: Path | None) -> None:
    """Write a result where ``--json`` says.

    Raises:
        UsageError: if it cannot be written.
    """
    if path is None:
        return
    text = json.dumps(result, indent=2, ensure_ascii=False) + "\n"
    if str(path) == "-":
        sys.stdout.write(text)
        return
    try:
        path.write_bytes(text.encode("utf-8", "backslashreplace"))  # a name that is no UTF-8: \udcff is valid JSON
    except OSError as error:
        raise UsageError(f"{path}: the result cannot be written: {error.strerror or error}") from error


def _beginning(path: Path, option: str) -> bytes:
    """The first bytes of a file; none of one that is not there, and of what is no file, as /dev/stdout."""
    if not path.is_file():
        return b""
    try:
        with path.open("rb") as file:
            return file.read(_SEEN)
    except OSError as error:
        raise UsageError(f"{option} {path} cannot be read: {error.strerror or error}") from error
