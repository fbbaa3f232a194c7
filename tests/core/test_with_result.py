from __future__ import annotations

from collections.abc import Generator

import pytest

from fcn_studio.core.with_result import WithResult, result_of


def counting(closed: list[int]) -> Generator[int, None, str]:
    try:
        yield 1
        yield 2
    finally:
        closed.append(0)
    return "done"


def test_items_and_result() -> None:
    steps = WithResult(counting([]))
    assert list(steps) == [1, 2]
    assert steps.result == "done"
    assert result_of(counting([])) == "done"


def test_a_loop_that_is_left_closes_the_generator_and_has_no_result() -> None:
    closed: list[int] = []
    steps = WithResult(counting(closed))
    for _ in steps:
        break
    assert closed == [0]
    with pytest.raises(AttributeError):
        steps.result  # noqa: B018
