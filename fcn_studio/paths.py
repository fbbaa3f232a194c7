"""Places outside the project folder, and reading and replacing of files.

A file is read and replaced whole or not at all. Qt-free, so that the command line and the network's process find the
same places.
"""

from __future__ import annotations

import errno
import io
import os
import secrets
import stat
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

import platformdirs

_APP = "fcn-studio"


def resource(*parts: str) -> Path:
    """Return the path of a bundled file.

    It lies in ``resources/`` in a checkout and in ``_resources`` in an installed wheel.

    Raises:
        FileNotFoundError: if the installation lacks it.
    """
    package = Path(__file__).resolve().parent
    for root in (package / "_resources", package.parent / "resources"):
        candidate = root.joinpath(*parts)
        if candidate.exists():
            return candidate
    raise FileNotFoundError(f"bundled resource {'/'.join(parts)} is missing: reinstall fcn-studio")


def is_packaged() -> bool:
    """Return whether PyInstaller has made the program, so that Python and pip are out of reach."""
    return bool(getattr(sys, "frozen", False))


def _folder(override: str, default: Callable[[], str]) -> Path:
    """Return the folder named by an environment variable, else the platform's default."""
    named = os.environ.get(override)
    if named:
        return Path(named)
    try:
        return Path(default())
    except RuntimeError:  # neither HOME nor an entry in passwd, as in containers and cron jobs
        return _instead_of_home() / override.removeprefix("FCN_STUDIO_").removesuffix("_DIR").lower()


@cache
def _instead_of_home() -> Path:
    """Return a temporary folder for a user without a home folder.

    It is the same at each start.
    """
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"{_APP}-{user}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if stat.S_ISDIR(found.st_mode) and found.st_uid == user:
        return folder
    return Path(tempfile.mkdtemp(prefix=f"{_APP}-"))  # somebody else has made it


def expanded(text: str) -> Path:
    """Return a path with ``~`` replaced by the user's home folder.

    Where there is none, ``~`` stays.
    """
    return Path(os.path.expanduser(text))


def config_dir() -> Path:
    """Folder of the settings file (``FCN_STUDIO_CONFIG_DIR`` overrides)."""
    return _folder("FCN_STUDIO_CONFIG_DIR", lambda: platformdirs.user_config_dir(_APP, appauthor=False))


def state_dir() -> Path:
    """Folder of logs, journals and edits kept locally (``FCN_STUDIO_STATE_DIR`` overrides)."""
    return _folder("FCN_STUDIO_STATE_DIR", lambda: platformdirs.user_state_dir(_APP, appauthor=False))


def networks_dir() -> Path:
    """Folder of the networks that the user has installed (``FCN_STUDIO_NETWORKS_DIR`` overrides)."""
    return _folder(
        "FCN_STUDIO_NETWORKS_DIR",
        lambda: os.path.join(platformdirs.user_data_dir(_APP, appauthor=False), "networks"),
    )


def data_home() -> Path | None:
    """Folder of the user's data of all programs, or None for a user without a home folder."""
    try:
        return Path(platformdirs.user_data_dir())
    except RuntimeError:
        return None


def open_file(path: Path) -> io.BufferedReader:
    """Open a regular file to read its bytes.

    Nothing else is opened, because opening a pipe would wait for ever.

    Raises:
        OSError: if it cannot be opened, or is a folder, pipe, socket or device.
    """
    waiting_not = getattr(os, "O_NONBLOCK", 0)
    file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | waiting_not))  # noqa: SIM115 - given on
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return file


def read_file(path: Path, limit: int) -> bytes:
    """Return the bytes of a regular file of at most ``limit`` bytes.

    Raises:
        OSError: as `open_file`, or if the file is larger; nothing of it is then read.
    """
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise OSError(errno.EFBIG, f"it has {size:,} bytes, and at most {limit:,} are read", str(path))
        return file.read(limit + 1)[:limit]


def ended(text: str) -> str:
    """Return a text that ends in a newline.

    tomlkit needs it to append keys.
    """
    return text if text.endswith("\n") else f"{text}\n"


def replace_file(path: Path, data: bytes) -> None:
    """Replace a file by new content, or create it and its folders.

    On any failure the old file stays as it was. The new one is written beside its place, flushed to disk, then
    renamed over it, and the folder is flushed too: what this has returned from survives a loss of power.

    Raises:
        OSError: if the disk is full, the folder is read-only or the name is too long.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # A short name of its own: the target's may already have all the 255 bytes that a name can have.
    temporary = path.parent / f".{secrets.token_hex(8)}.tmp"
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to disk, where that works.

    Where folders cannot be flushed, no file is half-written because of it.
    """
    if os.name == "nt":
        return
    with suppress(OSError):  # some network file systems refuse
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
