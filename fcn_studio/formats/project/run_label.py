"""Reader and writer of the label of a run.

``label.json`` is what its user says of it: a name, a note, and whether it is pinned.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from fcn_studio.errors import ProjectError
from fcn_studio.formats.atomic import CANNOT_READ, os_errors_as, refuse_outside, write_atomically
from fcn_studio.formats.strict_json import parse, text
from fcn_studio.i18n import tr, tr_noop
from fcn_studio.paths import read_file

NAME = "label.json"
LONGEST_NAME = 80
LONGEST_NOTE = 4000
_MAX_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class RunLabel:
    """What a user says of a run.

    Attributes:
        name: what to call it, one line; "" for the number of the run.
        note: anything.
        pinned: whether it is listed before the others.
    """

    name: str = ""
    note: str = ""
    pinned: bool = False

    def __bool__(self) -> bool:
        return self != RunLabel()


def read_run_label(folder: Path) -> RunLabel:
    """Return the label in a run's folder, an empty one without a file.

    Raises:
        ProjectError: if it cannot be read, or is none.
    """
    path = folder / NAME
    with os_errors_as(CANNOT_READ, path):
        if not path.exists():
            return RunLabel()
        data = read_file(path, _MAX_BYTES)
    try:
        fields = parse(data)
        name = " ".join(text(fields["name"]).split())[:LONGEST_NAME]
        return RunLabel(name, text(fields["note"])[:LONGEST_NOTE], fields["pinned"] is True)
    except (ValueError, TypeError, KeyError) as error:
        raise ProjectError(tr("{path} is broken ({reason}); name the run again", path=path, reason=error)) from error


def write_run_label(project: Path, folder: Path, label: RunLabel) -> None:
    """Write the label of a run; the file of an empty one is deleted.

    Args:
        project: the folder that the run's must lie in.
        folder: the run's.
        label: what to write.

    Raises:
        ProjectError: if it cannot be written.
    """
    path = folder / NAME
    refuse_outside(project, path)
    if label:
        write_atomically(path, (json.dumps(asdict(label), indent=2) + "\n").encode("ascii"))
        return
    with os_errors_as(tr_noop("{path} cannot be deleted: {reason}"), path):
        path.unlink(missing_ok=True)
