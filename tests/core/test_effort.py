"""Labelling effort: pauses are left out, and sums are those of the gestures."""

from __future__ import annotations

from fcn_studio.core.effort.gestures import Effort, Gesture, effort_by
from fcn_studio.core.effort.stopwatch import Stopwatch


def test_pauses_of_more_than_ten_seconds_are_left_out() -> None:
    watch = Stopwatch(100.0)
    for moment in (103.0, 110.0, 121.0, 122.0):  # 3 s, 7 s, a pause, 1 s
        watch.see(moment)
    assert watch.lap(124.0) == 13.0
    assert watch.lap(124.5) == 0.5


def test_sums_come_with_the_most_seconds_first() -> None:
    gestures = [
        Gesture(1.0, "a.png", "Fill", 1, 0, 2.0, 50),
        Gesture(2.0, "b.png", "Brush stroke", 1, 0, 3.0, 7),
        Gesture(3.0, "a.png", "Verify", None, 1, 4.0, 0),
    ]
    assert list(effort_by(gestures, lambda gesture: gesture.image_id).items()) == [
        ("a.png", Effort(6.0, 2, 50)),
        ("b.png", Effort(3.0, 1, 7)),
    ]
