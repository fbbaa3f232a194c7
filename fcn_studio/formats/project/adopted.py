"""``.fcn-studio/adopted_masks``, the masks found at first opening.

The file has a mask id in each line. It is written once.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from fcn_studio.formats.atomic import CANNOT_READ, os_errors_as, write_atomically
from fcn_studio.formats.images.scan import MAX_LIST_BYTES
from fcn_studio.paths import read_file


def write_adopted(path: Path, mask_ids: Iterable[str]) -> None:
    """Write the list. Raises: ProjectError if it cannot be written."""
    lines = "".join(f"{mask_id}\n" for mask_id in sorted(mask_ids))
    write_atomically(path, lines.encode("utf-8", "surrogateescape"))


def read_adopted(path: Path) -> frozenset[str]:
    """Return the list that `write_adopted` wrote.

    It is empty if there is none. Raises: ProjectError if it is unreadable.
    """
    with os_errors_as(CANNOT_READ, path):
        data = read_file(path, MAX_LIST_BYTES) if path.exists() else b""
    whole = data[: data.rfind(b"\n") + 1]  # of a list that was cut off, the last line may be another mask's name
    return frozenset(whole.decode("utf-8", "surrogateescape").split("\n")) - {""}
