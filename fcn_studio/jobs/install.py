"""Installing of a network in the user's library.

A published network comes from where it lies, another one from a file.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from fcn_studio import paths
from fcn_studio.errors import CheckpointError, DownloadError
from fcn_studio.fcn.weights.catalogue import SUFFIX, bundled, installed
from fcn_studio.fcn.weights.published import PUBLISHED, PublishedNetwork, published_as
from fcn_studio.formats.atomic import CANNOT_WRITE, os_errors_as
from fcn_studio.formats.project.leftovers import remove_leftovers
from fcn_studio.i18n import tr, tr_noop
from fcn_studio.jobs.protocol import Installing, InstallJob, JobProgress
from fcn_studio.jobs.sandbox import Conversion, remedy, run_sandboxed
from fcn_studio.settings import Settings

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_CHUNK = 8 << 20


def install(job: InstallJob) -> Generator[JobProgress, bool | None, str]:
    """Yield `Installing` and return the network's file in the library.

    Failed or closed, it leaves nothing but the part of a download that is there already, for the next to go on.

    Raises:
        CheckpointError: if there is no such network or file, it is damaged, or its name is taken.
        DownloadError: if it may not or cannot be downloaded.
        ProjectError: if the library cannot be written.
    """
    row = PUBLISHED.get(job.source)
    if row is not None:
        target = _target(job.name or row.name)
        _require_leave(row, job)
        file = target.parent / "downloads" / row.name
        try:
            yield from _converted(Conversion(str(file), "", row, fetch=True, note=_note(row)), target)
        finally:
            with suppress(OSError):
                file.unlink()
        return str(target)
    path = paths.expanded(job.source)
    if not path.is_file():
        raise CheckpointError(
            tr(
                "'{source}' is neither a published network nor a file; "
                "fcn-studio networks --available lists what can be downloaded",
                source=job.source,
            )
        )
    if path.suffix == SUFFIX:
        target = _target(job.name or path.stem)
        with _beside(target) as place:
            yield from _copied(path, place)
            _adopt(place, target, path)
        return str(target)
    row = yield from _recognised(path, job)
    target = _target(job.name or (row.name if row is not None else path.stem))
    note = _note(row) if row is not None else "not one of the published files"
    yield from _converted(
        Conversion(str(path), "", row, classes=job.classes, note=note, architecture=job.architecture), target
    )
    return str(target)


def _converted(conversion: Conversion, target: Path) -> Generator[JobProgress, object, None]:
    """Convert a file in another process and keep the result.

    What the process wrote is checked first.
    """
    with _beside(target) as place:
        yield from run_sandboxed(replace(conversion, out=str(place)))
        yield Installing(0, 0, tr("Checking"))
        _adopt(place, target, Path(conversion.file))


def _require_leave(row: PublishedNetwork, job: InstallJob) -> None:
    """Raises: DownloadError if the network must not be downloaded."""
    if offline():
        raise DownloadError(
            tr(
                "'{name}' is not downloaded, for this is offline mode (the setting 'Never download', or "
                "FCN_STUDIO_OFFLINE); {remedy}",
                name=row.name,
                remedy=remedy(row),
            )
        )
    if not row.trusted and not job.allow_unverified:
        raise DownloadError(
            tr(
                "'{name}' lies at {url}, an address without encryption, and nobody has published a hash of it: "
                "what arrives may be anything. To take it all the same, say --allow-unverified",
                name=row.name,
                url=row.url,
            )
        )


def offline() -> bool:
    """Whether nothing may be downloaded: by the setting, or by the environment."""
    return os.environ.get("FCN_STUDIO_OFFLINE", "") not in ("", "0") or Settings().offline


def _note(row: PublishedNetwork) -> str:
    """What is to be known of a published network."""
    proof = "" if row.trusted else "; nobody has published a hash of the file"
    return f"{row.title}{f': {row.figures}' if row.figures else ''}{proof}"


def _recognised(path: Path, job: InstallJob) -> Generator[JobProgress, object, PublishedNetwork | None]:
    """Return the published network that a file is.

    The file has its name and the right hash, or the hash alone.

    Raises:
        CheckpointError: if it has the name of one and is another file.
    """
    yield Installing(0, 0, tr("Checking"))
    claimed = PUBLISHED.get(job.name) or published_as(path.name)
    digests = {}
    try:
        for algorithm in ("sha256", "sha1", "md5"):
            with paths.open_file(path) as file:
                digests[algorithm] = hashlib.file_digest(file, algorithm).hexdigest()
            yield Installing(0, 0, tr("Checking"))
    except OSError as error:
        raise CheckpointError(
            tr("{path}: the file cannot be read: {reason}", path=path, reason=error.strerror or error)
        ) from error
    if claimed is not None:
        algorithm, _, digits = claimed.digest.partition(":")
        if digits and not digests[algorithm].startswith(digits):
            raise CheckpointError(
                tr(
                    "{path} is not the file that was published as '{name}': its {algorithm} is {digest}, but should "
                    "begin with {digits}; get it again from {url}",
                    path=path,
                    name=claimed.name,
                    algorithm=algorithm,
                    digest=digests[algorithm],
                    digits=digits,
                    url=claimed.url,
                )
            )
        return claimed
    return next((row for row in PUBLISHED.values() if _is(row, digests)), None)


def _is(row: PublishedNetwork, digests: dict[str, str]) -> bool:
    algorithm, _, digits = row.digest.partition(":")
    return bool(digits) and digests[algorithm].startswith(digits)


def _target(name: str) -> Path:
    """Return where a network of a name is kept.

    Raises: CheckpointError if the name cannot be had.
    """
    if not _NAME.fullmatch(name) or name.endswith(SUFFIX):
        raise CheckpointError(
            tr(
                "'{name}' cannot be a network's name; give one of letters, digits, '-', '_' and '.' with --as",
                name=name,
            )
        )
    if name in bundled():
        raise CheckpointError(tr("'{name}' is a bundled network; give another name with --as", name=name))
    if name in installed():
        raise CheckpointError(
            tr(
                "a network '{name}' is installed already; remove it first (fcn-studio networks remove {name}), or "
                "give another name with --as",
                name=name,
            )
        )
    return paths.networks_dir() / (name + SUFFIX)


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Provide a place beside the target for unchecked files.

    Nothing is left there in the end.
    """
    remove_leftovers(target.parent)
    with os_errors_as(tr_noop("{path} cannot be made: {reason}"), target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
    place = target.parent / f".{secrets.token_hex(8)}.tmp"
    try:
        yield place
    finally:
        with suppress(FileNotFoundError):
            place.unlink()


def _copied(path: Path, place: Path) -> Iterator[Installing]:
    """Copy a file, and flush it to the disk. Raises: ProjectError."""
    with (
        os_errors_as(tr_noop("{path} cannot be copied into the library of networks: {reason}"), path),
        paths.open_file(path) as source,
        place.open("xb") as copy,
    ):
        total, done = os.fstat(source.fileno()).st_size, 0
        while chunk := source.read(_CHUNK):
            copy.write(chunk)
            done += len(chunk)
            yield Installing(done, total, tr("Copying"))
        copy.flush()
        os.fsync(copy.fileno())


def _adopt(place: Path, target: Path, path: Path) -> None:
    """Load a new file as any checkpoint, and keep it.

    Raises: CheckpointError that names the user's file.
    """
    from fcn_studio.fcn.weights.checkpoint import load_checkpoint

    try:
        load_checkpoint(place)
    except CheckpointError as error:
        raise CheckpointError(str(error).replace(str(place), str(path))) from error
    with os_errors_as(CANNOT_WRITE, target):
        os.replace(place, target)
