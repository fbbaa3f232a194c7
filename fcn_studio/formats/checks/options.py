"""The thresholds of checks, and the names of those with a safe fix.

The command line reads them at its start, so they are apart from the checks.
"""

from __future__ import annotations

from typing import Any

from fcn_studio.i18n import tr_noop
from fcn_studio.settings import Setting

ISLANDS = Setting(
    10, tr_noop("Islands are smaller than"), tr_noop("Smaller regions in the midst of another class are islands."),
    low=2, high=100_000, unit=tr_noop("px"), key="island_pixels",
)  # fmt: skip
PINHOLES = Setting(
    10, tr_noop("Pinholes are smaller than"), tr_noop("Smaller holes in a class are pinholes."),
    low=2, high=100_000, unit=tr_noop("px"), key="pinhole_pixels",
)  # fmt: skip
SLIVERS = Setting(
    12, tr_noop("Shortest sliver"), tr_noop("Shorter lines between two classes are no slivers."),
    low=4, high=100_000, unit=tr_noop("px"), key="sliver_pixels",
)  # fmt: skip
BLENDED = Setting(
    8.0, tr_noop("Blended pixels at class borders"), tr_noop("A mask with a larger share is blended."),
    low=1, high=100, unit=tr_noop("%"), key="blended_percent",
)  # fmt: skip
ISOLATED = Setting(
    6.0, tr_noop("Isolated pixels at class borders"), tr_noop("A mask with a larger share is blended."),
    low=1, high=100, unit=tr_noop("%"), key="isolated_percent",
)  # fmt: skip
DIFFERING = Setting(
    5.0, tr_noop("Different labels of a scaled copy"), tr_noop("Copies with a smaller share have the same labels."),
    low=0, high=100, unit=tr_noop("%"), key="differing_percent",
)  # fmt: skip

OPTIONS: tuple[Setting[Any], ...] = (ISLANDS, PINHOLES, SLIVERS, BLENDED, ISOLATED, DIFFERING)
"""All thresholds."""

FIXABLE = ("islands", "pinholes")
"""Names of the checks with a safe fix."""


def default_limits() -> dict[str, float]:
    """Return key -> default of each threshold."""
    return {option.key: option.default for option in OPTIONS}
