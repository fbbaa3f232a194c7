"""Check where the command line may write: only over its own results."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from fcn_studio.errors import CheckpointError, UsageError
from fcn_studio.fcn.weights.catalogue import read_info
from fcn_studio.formats.project.project_folder import PROJECT_FILE
from fcn_studio.i18n import tr

_SEEN = 4096


def check_folder(out: Path) -> None:
    """Check a folder for predictions.

    Raises:
        UsageError: if it is that of a project, or within one.
    """
    for folder in (out.resolve(), *out.resolve().parents):
        if (folder / PROJECT_FILE).exists():
            raise UsageError(
                tr(
                    "--out {out} belongs to the project '{folder}'; choose a folder outside of it",
                    out=out,
                    folder=folder,
                )
            )


def check_checkpoint(out: Path) -> None:
    """Check a file for a network.

    Raises:
        UsageError: if its folder cannot be written, or it would replace something else than a network.
    """
    if not out.resolve().parent.is_dir():
        raise UsageError(tr("the folder of --out {out} does not exist", out=out))
    if out.exists():
        try:
            read_info(out)
        except CheckpointError as error:
            raise UsageError(
                tr("--out {out} is there already and is no network; choose another name", out=out)
            ) from error
    try:
        with tempfile.TemporaryFile(dir=out.resolve().parent):
            pass
    except OSError as error:
        raise UsageError(
            tr("--out {out} cannot be written: {reason}", out=out, reason=error.strerror or error)
        ) from error


def check_log(log: Path) -> None:
    """Check a log to append lines to.

    Raises:
        UsageError: if it holds something else than JSON lines or a table.
    """
    if (held := _beginning(log, "--log")) and not held.startswith((b"{", b"step,")):
        raise UsageError(tr("--log {log} is there already and is no log; choose another name", log=log))


def check_json(path: Path | None) -> None:
    """Check a file for a result.

    Raises:
        UsageError: if it would replace something else than JSON.
    """
    if path is None or str(path) == "-":
        return
    if _beginning(path, "--json").lstrip()[:1] not in (b"", b"{", b"["):
        raise UsageError(tr("--json {path} is there already and is no JSON; choose another name", path=path))


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
        raise UsageError(
            tr("{path}: the result cannot be written: {reason}", path=path, reason=error.strerror or error)
        ) from error


def _beginning(path: Path, option: str) -> bytes:
    """Return the first bytes of a file.

    There are none if it is missing or no file, as /dev/stdout.
    """
    if not path.is_file():
        return b""
    try:
        with path.open("rb") as file:
            return file.read(_SEEN)
    except OSError as error:
        raise UsageError(
            tr("{option} {path} cannot be read: {reason}", option=option, path=path, reason=error.strerror or error)
        ) from error
