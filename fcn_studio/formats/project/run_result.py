"""Result of a finished run, ``result.json``.

It has the verdict on the run's network and the figures that it came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fcn_studio.errors import ProjectError
from fcn_studio.formats.atomic import CANNOT_READ, os_errors_as
from fcn_studio.formats.strict_json import parse, text, whole
from fcn_studio.i18n import tr
from fcn_studio.paths import read_file

NAME = "result.json"
_MAX_BYTES = 32 << 20
"""The names of a hundred thousand validation images are fewer."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """What became of a run's network.

    Attributes:
        verdict: "adopted", "adopted, not compared" or "kept as a candidate".
        reasons: for it, in words.
        trained_on: number of images it was trained on.
        validated_on: number of images both networks were scored on.
        mean_iou: of the new network; None if it was not scored.
        baseline_mean_iou: of the one before; None if it was not.
        iou: class name -> IoU of the new network.
        baseline_iou: class name -> IoU of the one before.
    """

    verdict: str
    reasons: tuple[str, ...]
    trained_on: int
    validated_on: int
    mean_iou: float | None
    baseline_mean_iou: float | None
    iou: Mapping[str, float] = field(default_factory=dict)
    baseline_iou: Mapping[str, float] = field(default_factory=dict)


def read_run_result(folder: Path) -> RunResult | None:
    """Return the result in a run's folder, None without one.

    Raises:
        ProjectError: if it cannot be read, or is none.
    """
    path = folder / NAME
    with os_errors_as(CANNOT_READ, path):
        if not path.exists():
            return None
        data = read_file(path, _MAX_BYTES)
    try:
        fields = parse(data)
        return RunResult(
            verdict=text(fields["verdict"]),
            reasons=tuple(text(reason) for reason in fields["reasons"]),
            trained_on=whole(fields["trained_on"]),
            validated_on=len(fields["val_ids"]),
            mean_iou=_mean_iou(fields["figures"]),
            baseline_mean_iou=_mean_iou(fields["baseline"]),
            iou=_iou_by_class(fields["figures"]),
            baseline_iou=_iou_by_class(fields["baseline"]),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise ProjectError(
            tr("{path} is broken ({reason}); the network beside it can be used all the same", path=path, reason=error)
        ) from error


def _mean_iou(figures: object) -> float | None:
    """Return the mean IoU among figures.

    Raises: TypeError or KeyError if there is none.
    """
    if figures is None:
        return None
    if not isinstance(figures, dict):
        raise TypeError("figures are no object")
    return _share(figures["mean_iou"])


def _iou_by_class(figures: object) -> dict[str, float]:
    """Return the IoU of each class among figures, by name.

    Raises: TypeError if they are none.
    """
    by_class = figures.get("iou", {}) if isinstance(figures, dict) else {}
    if not isinstance(by_class, dict):
        raise TypeError("the IoU of the classes is no object")
    return {name: _share(value) for name, value in by_class.items()}


def _share(value: object) -> float:
    """Return a number. Raises: TypeError if it is none."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"IoU {value!r:.50} is no number")
    return float(value)
