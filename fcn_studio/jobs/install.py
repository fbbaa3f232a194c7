"""Bring a network into the user's library: a published one from where it lies, or one from a file."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fcn_studio import paths
from fcn_studio.errors import CheckpointError, FcnStudioError
from fcn_studio.fcn.catalogue import SUFFIX, bundled, installed
from fcn_studio.formats.atomic import told
from fcn_studio.formats.leftovers import remove_leftovers
from fcn_studio.jobs.messages import Installing, InstallJob, JobProgress

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_CHUNK = 8 << 20


def install(job: InstallJob) -> Generator[JobProgress, bool | None, str]:
    """Yield `Installing`; return the path of the network's file in the library.

    Closing the generator, or sending it True, leaves nothing but the part of a download that is there already.

    Raises:
        CheckpointError: if there is no such network or file, it is damaged, or its name is taken.
        ProjectError: if the library cannot be written.
    """
    path = Path(job.source).expanduser()
    if not path.is_file():
        raise CheckpointError(
            f"'{job.source}' is neither a published network nor a file; "
            "fcn-studio networks --available lists what can be downloaded"
        )
    target = _target(job.name or path.stem)
    with _beside(target) as place:
        yield from _copied(path, place)
        yield Installing(0, 0, "Checking")
        _check(place, path)
        with told("written", target):
            os.replace(place, target)
    return str(target)


def _target(name: str) -> Path:
    """Where a network of a name is kept. Raises: CheckpointError if the name cannot be had."""
    if not _NAME.fullmatch(name) or name.endswith(SUFFIX):
        raise CheckpointError(
            f"'{name}' cannot be a network's name; give one of letters, digits, '-', '_' and '.' with --as"
        )
    if name in bundled():
        raise CheckpointError(f"'{name}' is a bundled network; give another name with --as")
    if name in installed():
        raise CheckpointError(
            f"a network '{name}' is installed already; remove it first (fcn-studio networks remove {name}), or give "
            "another name with --as"
        )
    return paths.networks_dir() / (name + SUFFIX)


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A place beside the target for what is not checked yet; nothing is left there in the end."""
    remove_leftovers(target.parent)
    with told("made", target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
    place = target.parent / f".{secrets.token_hex(8)}.tmp"
    try:
        yield place
    finally:
        with suppress(FileNotFoundError):
            place.unlink()


def _copied(path: Path, place: Path) -> Iterator[Installing]:
    """Copy a file, and flush it to the disk. Raises: ProjectError."""
    with told("copied into the library of networks", path), paths.open_file(path) as source, place.open("xb") as copy:
        total, done = os.fstat(source.fileno()).st_size, 0
        while chunk := source.read(_CHUNK):
            copy.write(chunk)
            done += len(chunk)
            yield Installing(done, total, "Copying")
        copy.flush()
        os.fsync(copy.fileno())


def _check(place: Path, path: Path) -> None:
    """Load the file as any checkpoint. Raises: CheckpointError that names the one the user gave."""
    from fcn_studio.fcn.weights import load_checkpoint

    try:
        load_checkpoint(place)
    except FcnStudioError as error:
        raise CheckpointError(str(error).replace(str(place), str(path))) from error
