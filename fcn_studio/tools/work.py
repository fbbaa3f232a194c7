"""Long work in shares, between which the window handles its events."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from fcn_studio.core.document import Document
from fcn_studio.core.labels import Provenance
from fcn_studio.core.region import Region

R = TypeVar("R")

Work = Generator[float, None, None]
"""An act in shares of some milliseconds; yields the seconds to wait before the next. Closing it undoes the act."""

LARGE = 8_000_000
"""Pixels of an act from which it is done in shares; fewer take less than a few frames."""

_POLL_S = 0.005


def painting(
    document: Document, title: str, find: Callable[[], Sequence[tuple[Region, int]]], provenance: Provenance
) -> Work:
    """Give the regions that ``find`` returns their class indices, as one step.

    ``find`` may run in a thread and must write nothing.
    """
    with document.edit(title) as edit:
        for region, value in (yield from in_thread(find)):
            yield from _shares(edit.writing(region, value, provenance))
        yield from _shares(edit.committing())


def _shares(steps: Iterator[None]) -> Work:
    for _ in steps:
        yield 0.0


def in_thread(act: Callable[[], R]) -> Generator[float, None, R]:
    """Run an act in a thread, yield until it is done, and return what it returns."""
    executor = ThreadPoolExecutor(1, thread_name_prefix="tool")
    try:
        future = executor.submit(act)
        while not future.done():
            yield _POLL_S
        return future.result()
    finally:
        executor.shutdown(wait=False)
