"""Iterate over a generator that returns a result, and keep the result."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, Generic, TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class WithResult(Generic[_Item, _Result]):
    """An iterable over the items of a generator.

        steps = WithResult(work)
        for item in steps:
            ...
        return steps.result

    Attributes:
        result: what the generator returned; there once all items were taken.
    """

    result: _Result

    def __init__(self, work: Generator[_Item, Any, _Result]) -> None:
        self._work = work

    def __iter__(self) -> Iterator[_Item]:
        self.result = yield from self._work


def result_of(work: Generator[object, Any, _Result]) -> _Result:
    """Run a generator to its end and return its result."""
    steps = WithResult(work)
    for _ in steps:
        pass
    return steps.result
