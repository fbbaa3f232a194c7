"""Replacing many files of a project, all or nothing.

::

    pending/     is being prepared; removed when the next transaction begins or the project is opened to write
    committed/   is decided; its files are moved into place, now or when the project is opened again
    last/        was moved into place last, with the files that it replaced
    removed/     is about to be deleted

Each holds ``transaction.json``, ``new/<path>`` and ``old/<path>``, where a path is that of a file in the project. The
rename of ``pending`` to ``committed`` decides. Before it nothing of the project has changed, and all that was written
is flushed to disk. After it every file is moved by a rename, which may be done again at any time: a file that is in
place is no longer below ``new``. A file that another program has changed since it was prepared is left alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

from fcn_studio.errors import ProjectError
from fcn_studio.formats.atomic import CANNOT_READ, CANNOT_WRITE, os_errors_as, refuse_outside
from fcn_studio.formats.strict_json import parse
from fcn_studio.i18n import tr, tr_noop
from fcn_studio.paths import read_file, sync_folder

PENDING, COMMITTED, LAST, REMOVED = "pending", "committed", "last", "removed"
_MANIFEST = "transaction.json"
_MAX_BYTES = 256 << 20
_MAX_FILE_BYTES = 2 << 30

State = str | None
"""Sha256 of a file's bytes, None if there is no file."""


@dataclass(frozen=True)
class Transaction:
    """A transaction on disk.

    Attributes:
        folder: where its files lie.
        note: what it was for.
        files: path in the project -> the file's state before and after.
    """

    folder: Path
    note: Mapping[str, object]
    files: Mapping[str, tuple[State, State]]

    def old(self, path: str) -> Path:
        """Return the copy of a file as it was before."""
        return self.folder / "old" / path

    def new(self, path: str) -> Path:
        """Return the file that is to come to a path."""
        return self.folder / "new" / path

    def unchanged(self, project: Path, path: str) -> bool:
        """Return whether a file of the project is as the transaction has left it.

        Raises:
            ProjectError: if it cannot be read.
        """
        with os_errors_as(CANNOT_READ, project / path):
            return path in self.files and _state_of(project / path) == self.files[path][1]


class Staging:
    """Preparing of a transaction.

    It is a context manager that removes what was not committed.
    """

    def __init__(self, project: Path, place: Path, roots: tuple[str, ...]) -> None:
        """Begin with no file. What an earlier transaction left unfinished is removed."""
        self._project, self._roots, self._place = project, roots, place
        self._files: dict[str, tuple[State, State]] = {}
        self._folder = place / PENDING
        _remove(self._folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _remove(self._folder)
        with suppress(OSError):
            self._place.rmdir()

    def put(self, path: Path, new: bytes | Path | None) -> None:
        """Prepare the new content of a file.

        Args:
            path: the file, in the project.
            new: its bytes, a file that has them, or None if the file is to go.

        Raises:
            ProjectError: if there is no room for it, or it leads out of the project.
        """
        name = path.relative_to(self._project).as_posix()
        _refuse_odd(name, self._roots)
        staged = Transaction(self._folder, {}, {})
        with os_errors_as(tr_noop("{path} cannot be prepared, and nothing has changed: {reason}"), path):
            refuse_outside(self._project, path, staged.new(name), staged.old(name))
            before = _state_of(path)
            if before is not None:
                _keep(path, staged.old(name))
            if isinstance(new, Path):
                _keep(new, staged.new(name))
            elif new is not None:
                _write(staged.new(name), new)
            self._files[name] = before, None if new is None else _state_of(staged.new(name))

    def commit(self, note: Mapping[str, object], *, kept: bool) -> None:
        """Decide for the transaction. `TransactionFolder.finish` then moves its files.

        Args:
            note: what it is for.
            kept: whether it stays as the last one, so that it can be taken back.

        Raises:
            ProjectError: if it cannot be written; nothing has then changed.
        """
        paths = list(self._files)
        manifest = {
            "note": note,
            "kept": kept,
            "paths": paths,
            "old": [self._files[path][0] for path in paths],
            "new": [self._files[path][1] for path in paths],
        }
        with os_errors_as(CANNOT_WRITE, self._folder):
            _write(self._folder / _MANIFEST, json.dumps(manifest).encode("ascii"))
            for folder, _, _ in os.walk(self._folder, topdown=False):
                sync_folder(Path(folder))
            os.rename(self._folder, self._place / COMMITTED)
            sync_folder(self._place)


class TransactionFolder:
    """The folder of a project's transactions.

    Args:
        project: the project.
        place: the folder, in the project.
        roots: first parts of the paths that transactions may replace.
    """

    def __init__(self, project: Path, place: Path, *roots: str) -> None:
        self._project, self._place, self._roots = project, place, roots

    @property
    def interrupted(self) -> bool:
        """Whether files of a decided transaction are not in place yet."""
        return os.path.lexists(self._place / COMMITTED)

    def begin(self) -> Staging:
        """Begin to prepare a transaction. Raises: ProjectError if what is in the way cannot be removed."""
        refuse_outside(self._project, self._place / PENDING)
        with os_errors_as(CANNOT_WRITE, self._place):
            return Staging(self._project, self._place, self._roots)

    def last(self) -> Transaction | None:
        """Return the transaction that can be taken back, None if there is none.

        Raises:
            ProjectError: if it cannot be read.
        """
        return self._read(LAST)[0] if (self._place / LAST).is_dir() else None

    def finish(self) -> bool:
        """Move the files of a decided transaction into place, and return whether there was one.

        What was not decided is removed.

        Raises:
            ProjectError: if a file cannot be moved. The transaction stays decided, and can be finished later.
        """
        if not os.path.lexists(self._place):
            return False
        refuse_outside(self._project, self._place / PENDING)
        sentence = tr_noop("{path}: the change of classes is decided, but not all files are in place: {reason}")
        with os_errors_as(sentence, self._place):
            _remove(self._place / PENDING)
            found = self.interrupted
            if found:
                transaction, kept = self._read(COMMITTED)
                self._move(transaction)
                _remove(self._place / REMOVED)
                if os.path.lexists(self._place / LAST):
                    os.rename(self._place / LAST, self._place / REMOVED)
                if kept:
                    _remove(transaction.folder / "new")
                    os.rename(transaction.folder, self._place / LAST)
                else:
                    _remove(transaction.folder)
            _remove(self._place / REMOVED)
            with suppress(OSError):
                self._place.rmdir()
        return found

    def _move(self, transaction: Transaction) -> None:
        """Move all files. Raises: OSError, or ProjectError if a path leads out of the project."""
        touched: set[Path] = set()
        for name, (old, new) in transaction.files.items():
            target, staged = self._project / name, transaction.new(name)
            refuse_outside(self._project, target, staged)
            if new is not None and not staged.is_file():
                continue  # in place already
            if _state_of(target) != old:
                continue  # another program has changed it since
            if new is None:
                target.unlink(missing_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(staged, target)
            touched.add(target.parent)
        for folder in touched:
            sync_folder(folder)

    def _read(self, name: str) -> tuple[Transaction, bool]:
        """Return a transaction, and whether it is kept. Raises: ProjectError if it is broken."""
        path = self._place / name / _MANIFEST
        with os_errors_as(CANNOT_READ, path):
            data = read_file(path, _MAX_BYTES)
        try:
            fields = parse(data)
            paths, old, new = fields["paths"], fields["old"], fields["new"]
            states = [(_checked(before), _checked(after)) for before, after in zip(old, new, strict=True)]
            for item in paths:
                _refuse_odd(item, self._roots)
            files = dict(zip(paths, states, strict=True))
            return Transaction(path.parent, dict(fields["note"]), files), bool(fields["kept"])
        except (ValueError, TypeError, KeyError) as error:
            raise ProjectError(
                tr(
                    "{path} is broken ({reason}). Restore .fcn-studio and the masks from a copy, or delete the "
                    "folder of the file to keep the masks as they are.",
                    path=path,
                    reason=error,
                )
            ) from error


def _refuse_odd(name: object, roots: tuple[str, ...]) -> None:
    """Raise ValueError if a path is none that a transaction may replace, TypeError if it is no text."""
    if not isinstance(name, str):
        raise TypeError(f"{name!r:.50} is no path")
    path = PurePosixPath(name)
    odd = "\0" in name or ("\\" in name and os.name == "nt") or ".." in path.parts
    if odd or not any(path == PurePosixPath(root) or path.is_relative_to(root) for root in roots):
        raise ValueError(f"{name!r:.80} is no file that is replaced")


def _checked(state: object) -> State:
    """Return a state. Raises: TypeError if a value is none."""
    if state is None or isinstance(state, str):
        return state
    raise TypeError(f"{state!r:.50} is no sha256")


def _state_of(path: Path) -> State:
    """Return the state of a file. Raises: OSError if it cannot be read."""
    try:
        return hashlib.sha256(read_file(path, _MAX_FILE_BYTES)).hexdigest()
    except FileNotFoundError:
        return None


def _keep(source: Path, target: Path) -> None:
    """Link a file to another place, or copy it with its time. Raises: OSError.

    Pictures are only ever replaced by rename, so that a link keeps them. A text editor may write into a file itself.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.suffix == ".png" and not source.is_symlink():
        with suppress(OSError):
            os.link(source, target)
            return
    _write(target, read_file(source, _MAX_FILE_BYTES))
    times = source.stat()
    os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))


def _write(path: Path, data: bytes) -> None:
    """Write a new file and flush it to disk. Raises: OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _remove(path: Path) -> None:
    """Delete a folder with all that is in it, or a link to one. Raises: OSError if it cannot be deleted."""
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)
