"""Labelling effort: pauses are left out, and sums are those of the gestures."""

from __future__ import annotations

from fcn_studio.core.effort.gestures import Effort, Gesture, effort_by
from fcn_studio.core.effort.pace import FEWEST, LAST, Pace
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


def test_the_pace_is_the_median_of_the_images_verified_last() -> None:
    pace = Pace()

    def spend(image: str, seconds: float, act: str) -> None:
        pace.add(Gesture(0.0, image, act, None, 0, seconds, 0))

    for number in range(FEWEST):
        assert pace.seconds is None, "too few to tell"
        spend(f"{number}.png", 10.0, "Brush stroke")
        spend(f"{number}.png", float(number), "Verify")
    assert pace.seconds == 12.0
    spend("0.png", 90.0, "Brush stroke")  # corrected later, and verified again: one image that took 100 s
    spend("0.png", 0.0, "Verify")
    spend("skipped.png", 500.0, "Skip")
    assert (pace.images, pace.seconds) == (FEWEST, 13.0)
    for number in range(LAST):
        spend(f"quick {number}.png", 1.0, "Verify")
    assert (pace.images, pace.seconds) == (LAST, 1.0)
