"""Times that each network last took for an image.

They are of this computer, in ``timings.json`` in the state folder. It is a memory and no more: what cannot be read is
forgotten, and what cannot be written is not kept.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from fcn_studio.formats.strict_json import parse, text, whole
from fcn_studio.paths import read_file, replace_file, state_dir

_MAX_BYTES = 1 << 20
_MOST = 200
"""Networks that are remembered; those that were timed the longest ago go first."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a network took for one image.

    Attributes:
        seconds: wall time, from the decoded image to the prediction.
        width, height: of the image, pixels.
        device: where it ran, in words.
    """

    seconds: float
    width: int
    height: int
    device: str


class Timings:
    """The last timing of each network, by the sha256 of its checkpoint."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or state_dir() / "timings.json"
        self._timings = dict(_read(self._path))
        self._changed = False

    def of(self, sha256: str) -> Timing | None:
        """Return the last timing of a network, if there is one."""
        return self._timings.get(sha256)

    def note(self, sha256: str, timing: Timing) -> None:
        """Remember the timing of a network, in place of the last."""
        if timing.seconds > 0:
            self._timings.pop(sha256, None)
            self._timings[sha256] = timing
            self._changed = True

    def save(self) -> None:
        """Write what has changed, if it can be."""
        if self._changed:
            kept = list(self._timings.items())[-_MOST:]
            data = json.dumps({sha256: asdict(timing) for sha256, timing in kept}, indent=1).encode()
            with suppress(OSError):
                replace_file(self._path, data)
                self._changed = False


def _read(path: Path) -> Mapping[str, Timing]:
    """Return the times in the file, none where it cannot be read."""
    try:
        rows = parse(read_file(path, _MAX_BYTES))
        return {text(sha256): _timing(row) for sha256, row in rows.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _timing(row: Mapping[str, object]) -> Timing:
    """One timing. Raises: ValueError, TypeError or KeyError if it is none."""
    seconds, width, height = row["seconds"], whole(row["width"]), whole(row["height"])
    if not isinstance(seconds, float) or not (0 < seconds < math.inf and width > 0 and height > 0):
        raise ValueError("no timing")
    return Timing(seconds, width, height, text(row["device"]))
