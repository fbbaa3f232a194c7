"""What was noticed about a folder."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from fcn_studio.i18n import listed, tr

MOST_NAMES = 5
"""Names that a finding has at most."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a folder that the user should know.

    Attributes:
        kind: what it is, for programs; never translated.
        sentence: what was found, with the first names, and what to do.
        count: number of files or names.
        first: the first names, at most `MOST_NAMES`.
        source: path that can be imported to mend it, or "".
    """

    kind: str
    sentence: str
    count: int = 1
    first: tuple[str, ...] = ()
    source: str = ""


def first_names(names: Collection[str]) -> tuple[str, ...]:
    """Return the first names, sorted."""
    return tuple(sorted(names)[:MOST_NAMES])


def in_a_row(names: Collection[str]) -> str:
    """Return the first names as a text, and how many more there are."""
    first, more = listed(first_names(names)), len(names) - MOST_NAMES
    return tr("{names} and {n:,} more", names=first, n=more) if more > 0 else first
