"""The entry of the program in the desktop's menu, for the user who runs it.

The desktop entry, AppStream's description, the type of the project file and the icons are copied into the user's data
folder, where desktops on Linux look for them. Nothing outside of it is written, and no administrator is needed.

Source: the Desktop Entry Specification 1.5, the XDG Base Directory Specification, and shared-mime-info.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fcn_studio import paths
from fcn_studio.errors import UsageError
from fcn_studio.i18n import tr

FILES = {
    "fcn-studio.desktop": "applications/fcn-studio.desktop",
    "fcn-studio.metainfo.xml": "metainfo/fcn-studio.metainfo.xml",
    "fcn-studio-mime.xml": "mime/packages/fcn-studio.xml",
    "fcn-studio.svg": "icons/hicolor/scalable/apps/fcn-studio.svg",
    "fcn-studio-48.png": "icons/hicolor/48x48/apps/fcn-studio.png",
    "fcn-studio-128.png": "icons/hicolor/128x128/apps/fcn-studio.png",
    "fcn-studio-256.png": "icons/hicolor/256x256/apps/fcn-studio.png",
}
"""Bundled file -> its place in the user's data folder."""

_TIMEOUT_S = 60


def install() -> dict[str, Any]:
    """Copy the files, and print each.

    Raises:
        UsageError: if the system is not Linux or the like, or a file cannot be written.
    """
    home = _data_home()
    for name, target in FILES.items():
        data = paths.resource("desktop", name).read_bytes()
        if target.endswith(".desktop"):
            data += "".join(f"{line}\n" for line in launch_lines(launcher())).encode()
        try:
            paths.replace_file(home / target, data)
        except OSError as error:
            raise _cannot_write(home / target, error) from error
        print(home / target)
    _update_caches(home)
    print(tr("FCN Studio is in the menu of the desktop. 'fcn-studio desktop remove' takes it out."))
    return {"installed": [str(home / target) for target in FILES.values()]}


def remove() -> dict[str, Any]:
    """Delete the files that `install` has written, and print each.

    Raises:
        UsageError: if the system is not Linux or the like, or a file cannot be deleted.
    """
    home = _data_home()
    there = [home / target for target in FILES.values() if (home / target).exists()]
    for path in there:
        try:
            path.unlink()
        except OSError as error:
            raise _cannot_write(path, error) from error
        print(path)
    _update_caches(home)
    print(tr("FCN Studio is no longer in the menu of the desktop."))
    return {"removed": [str(path) for path in there]}


def launcher() -> list[str]:
    """Return the words that start this installation, wherever it lies.

    A script on the search path could be that of another one. ``-P`` keeps the current folder out of Python's path.
    """
    if paths.is_packaged():
        return [sys.executable]
    return [sys.executable, "-P", "-m", "fcn_studio"]


def launch_lines(words: list[str]) -> Iterator[str]:
    """Yield the lines of a desktop entry that start a program with a file.

    The quotes keep spaces and the specification's reserved characters; a value escapes each backslash once more.
    """
    quoted = []
    for word in words:
        for character in '\\"`$':
            word = word.replace(character, f"\\{character}")
        quoted.append(f'"{word}"'.replace("\\", "\\\\").replace("%", "%%"))
    yield f"Exec={' '.join(quoted)} %f"
    escaped = words[0].replace("\\", "\\\\")
    yield f"TryExec={escaped}"


def _data_home() -> Path:
    """Return the user's data folder.

    Raises:
        UsageError: if the system has another way to list programs, or the user has no home folder.
    """
    if sys.platform in ("win32", "darwin"):
        raise UsageError(
            tr("'desktop' makes menu entries on Linux only; on this system make a shortcut to the program yourself")
        )
    home = paths.data_home()
    if home is None:
        raise UsageError(tr("you have no home folder; set XDG_DATA_HOME to the folder for the menu entry"))
    return home


def _cannot_write(path: Path, error: OSError) -> UsageError:
    reason = error.strerror or str(error)
    return UsageError(tr("{path} cannot be written: {reason}", path=path, reason=reason))


def _update_caches(home: Path) -> None:
    """Let the desktop read the folders again, with those of its programs that are installed."""
    if (icons := home / "icons" / "hicolor").is_dir():
        os.utime(icons)  # a cache of icons that is older is not used; one that we made would hide later icons
    for program, folder in (("update-mime-database", "mime"), ("update-desktop-database", "applications")):
        found = shutil.which(program)
        if found is None or not (home / folder).is_dir():
            continue
        try:
            subprocess.run([found, home / folder], capture_output=True, check=False, timeout=_TIMEOUT_S)
        except (OSError, subprocess.TimeoutExpired) as error:
            print(tr("{program} did not run: {reason}", program=program, reason=error), file=sys.stderr)
