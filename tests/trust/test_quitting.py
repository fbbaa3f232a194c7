"""R24: whatever the program is doing when it is quit, it ends with code 0, leaves nothing behind and loses nothing.

The long lane is ``benchmarks/quit.py``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from fcn_studio.fcn.weights.catalogue import DEFAULT, bundled
from tests.trust.quitting import HEAVY, LIGHT, Moment, Quitter, moments

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="forks a process that has loaded Qt, which only Linux allows"),
    pytest.mark.skipif(DEFAULT not in bundled(), reason="this checkout has no bundled network"),
]
SHORT = moments(15, seed=24, heavy=3)


@pytest.fixture(scope="module")
def quitter() -> Iterator[Quitter]:
    with Quitter() as running:
        yield running


@pytest.mark.parametrize(
    "moment", SHORT, ids=lambda m: f"{m.kind} by {m.how} after {m.delay:.2f} s".replace(" ", "-")
)
def test_quitting_ends_well_leaves_nothing_and_loses_nothing(quitter: Quitter, moment: Moment) -> None:
    assert quitter.quit(moment).faults == []


def test_the_short_lane_quits_in_every_kind_of_moment() -> None:
    assert {moment.kind for moment in SHORT} == {*LIGHT, *HEAVY}
    assert {moment.how for moment in SHORT} == {"close", "term", "int", "int twice", "hup"}


@pytest.mark.parametrize(
    ("moment", "fault"),
    [
        (Moment("warming", "term", 0.1, control="engine"), "exit code -6"),
        (Moment("painting", "term", 0.1, control="saving"), "painted pixels"),
        (Moment("saving", "int twice", 0.1, control="handler"), "KeyboardInterrupt"),
    ],
    ids=lambda value: value.control if isinstance(value, Moment) else "",
)
def test_the_harness_sees_a_program_that_quits_badly(quitter: Quitter, moment: Moment, fault: str) -> None:
    assert any(fault in found for found in quitter.quit(moment).faults)
