"""``.fcn-studio/prediction_index``, one line of numbers for each predicted image.

With it, a list of a hundred thousand images is sorted by doubt without a look at their predictions. Rebuildable: what
it lacks is read from the heads of the predictions. Each line is a JSON object of some images of one network, so that
no one call of the parser holds up the other threads for long.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fcn_studio.core.grey_levels import GreyLevels
from fcn_studio.formats.atomic import write_atomically
from fcn_studio.formats.strict_json import parse, text, whole
from fcn_studio.paths import read_file

LIVE = "live"
"""In place of a network's sha256: Live made the prediction, and only its summary is kept."""

_BYTES_AN_IMAGE = 4096
_A_LINE = 500
"""Images."""


@dataclass(frozen=True, slots=True)
class PredictionSummary:
    """What a prediction says in two numbers.

    Attributes:
        checkpoint: sha256 of the network that made it, 64 hex digits; or `LIVE`.
        doubt: see `core.prediction.doubt`, 0 to 1.
        differences: see `core.prediction.differences`, 0 to 1; None if there was nothing to compare with.
        image_stamp: modification time (ns) and size of the image file that was predicted.
        written: modification time (ns) of the file of the prediction; 0 if it could not be kept.
    """

    checkpoint: str
    doubt: float
    differences: float | None
    image_stamp: tuple[int, int]
    written: int = 0

    def is_by(self, network: str) -> bool:
        """Return whether it is of the network in use, by its sha256, or of Live."""
        return self.by_live or self.checkpoint == network

    @property
    def by_live(self) -> bool:
        """Whether Live made the prediction."""
        return self.checkpoint == LIVE

    def is_of(self, image_file: str) -> bool:
        """Return whether an image file is still the one that was predicted, by its time and size."""
        try:
            found = os.stat(image_file)
        except OSError:
            return False
        return (found.st_mtime_ns, found.st_size) == self.image_stamp


def read_index(path: Path, images: int, levels: GreyLevels) -> Iterator[dict[str, PredictionSummary]]:
    """Yield mask id -> summary for some images at a time, none if the file is missing.

    Lines of predictions of other grey ``levels`` are left out, and all that follows a damaged line. A file that is
    much larger than ``images`` entries cannot be ours and is not read.
    """
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        for line in read_file(path, _BYTES_AN_IMAGE * (images + 1)).splitlines():
            fields = parse(line)
            checkpoint = text(fields["checkpoint"])
            if fields["levels"] == levels_json(levels):
                yield {mask_id: _summary(checkpoint, *row) for mask_id, row in fields["images"].items()}


def write_index(path: Path, summaries: Mapping[str, PredictionSummary], levels: GreyLevels) -> None:
    """Write the index of predictions of these grey levels.

    Raises:
        ProjectError: if it cannot be written.
    """
    by_network: dict[str, list[tuple[str, PredictionSummary]]] = defaultdict(list)
    for mask_id, summary in summaries.items():
        by_network[summary.checkpoint].append((mask_id, summary))
    lines = []
    for checkpoint, rows in by_network.items():
        for at in range(0, len(rows), _A_LINE):
            images = dict(map(_row, rows[at : at + _A_LINE]))
            lines.append(json.dumps({"checkpoint": checkpoint, "levels": levels_json(levels), "images": images}))
    write_atomically(path, "".join(f"{line}\n" for line in lines).encode("ascii"))


def levels_json(levels: GreyLevels) -> list[list[float] | None]:
    """Return grey levels as JSON has them: black and white of whole numbers, then of fractions."""
    return [None if span is None else list(span) for span in (levels.whole, levels.fractions)]


def share(value: object) -> float:
    """Return a number from 0 to 1. Raises: TypeError, ValueError if it is anything else."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"{value!r:.50} is no number")
    if not 0 <= value <= 1:
        raise ValueError(f"{value!r:.50} is no share")
    return float(value)


def _row(entry: tuple[str, PredictionSummary]) -> tuple[str, tuple[float | None, ...]]:
    mask_id, found = entry
    apart = None if found.differences is None else round(found.differences, 6)
    return mask_id, (found.written, *found.image_stamp, round(found.doubt, 6), apart)


def _summary(checkpoint: str, written: object, time: object, size: object, *shares: object) -> PredictionSummary:
    doubt, differences = shares
    apart = None if differences is None else share(differences)
    return PredictionSummary(checkpoint, share(doubt), apart, (whole(time), whole(size)), whole(written))
