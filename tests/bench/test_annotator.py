"""The simulated annotator: what it sees, what its gestures take, and that acts do what they promise."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

from fcn_studio.core.document import Document
from fcn_studio.core.geometry import Rect
from fcn_studio.core.image_pyramid import ImageRgb
from fcn_studio.core.labels import LabelMap, Labels
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.sample import Status
from tests.bench.annotator.acts import Mistake, accepts, fills, polygons, strokes, worth
from tests.bench.annotator.arms import Arm, Record
from tests.bench.annotator.hand import Hand
from tests.bench.annotator.later_acts import lassos, rectangles, relabels, straight_lines
from tests.bench.annotator.person import Effort, Person
from tests.bench.annotator.report import row, saving, table
from tests.bench.annotator.shapes import drawn, longest_path, outline
from tests.bench.annotator.sight import Sight, StopRule, seen, thick
from tests.bench.annotator.skilled import FIVE, LATER, Habits, Skilled
from tests.bench.annotator.times import KEY, POINT, THINK, polygon_time, stroke_time
from tests.bench.annotator.trials import grabcuts, smart_clicks, snapped_polygons, wands

FRAME = Rect(0, 0, 64, 48)


def picture() -> LabelMap:
    """A field of class 0 with a house, a pole of three pixels, and some void."""
    truth = np.zeros((48, 64), np.uint8)
    truth[10:36, 20:44] = 1
    truth[4:44, 52:55] = 2
    truth[:3] = 255
    return truth


def document() -> Document:
    return Document("a.png", Labels.unlabelled(48, 64), Status.NEW)


def visible(truth: LabelMap, labels: LabelMap, tolerance: int) -> int:
    sight = Sight(truth, tolerance)
    sight.look(labels, FRAME)
    return int(sight.visible.sum())


def test_what_is_thinner_than_asked_does_not_count() -> None:
    truth = picture()
    np.testing.assert_array_equal(thick(truth, 1), truth)
    kept = thick(truth, 5)
    assert set(np.unique(kept[6:42, 52:55])) == {255}  # the pole
    assert (kept[12:34, 22:42] == 1).all()


def test_the_annotator_errs_by_about_a_pixel_and_always_in_the_same_way() -> None:
    truth = picture()
    first = seen(truth, "a.png")
    np.testing.assert_array_equal(first, seen(truth, "a.png"))
    assert (first != seen(truth, "b.png")).any()
    np.testing.assert_array_equal(first == 255, truth == 255)
    sight = Sight(truth, 5)
    sight.look(first, FRAME)
    assert sight.wrong.any()
    assert not sight.visible.any()  # no border is five standard deviations away


def test_a_shifted_border_is_seen_beyond_the_tolerance_only_and_a_missing_pole_always() -> None:
    truth = picture()
    shifted = np.roll(truth, 1, axis=1)
    shifted[:, 0] = 0
    assert visible(truth, shifted, 1) == 0
    assert visible(truth, np.roll(shifted, 1, axis=1), 1) > 0
    without_pole = np.where(truth == 2, np.uint8(0), truth)
    assert visible(truth, without_pole, 2) == 40 * 3  # its neighbours are class 0: only the second half sees it
    unlabelled = np.full_like(truth, 255)
    assert visible(truth, unlabelled, 2) == (truth != 255).sum()


def test_looking_again_at_what_changed_is_looking_at_all() -> None:
    truth, labels = picture(), picture()
    sight = Sight(truth, 2)
    sight.look(labels, FRAME)
    labels[20:30, 30:60] = 2
    sight.look(labels, Rect(30, 20, 60, 30))
    assert sight.visible.sum() == visible(truth, labels, 2) > 0


def test_motor_times_are_those_of_the_keystroke_level_model() -> None:
    assert stroke_time([(0, 0)]) == pytest.approx(1.2)
    assert stroke_time([(0, 0), (100, 0), (100, 100)]) == pytest.approx(1.2 + 2 * 0.9 + 0.16 * 0.081 * 200)
    assert polygon_time(4) == pytest.approx(4 * (POINT + 0.1) + KEY)


def test_every_act_changes_the_pixels_that_it_promised() -> None:
    truth = picture()
    prediction = Prediction("a.png", np.where(truth == 2, np.uint8(0), truth), np.zeros_like(truth), "0" * 64)
    house = truth == 1
    by_prediction = (lambda mistake: accepts(mistake, prediction), lambda mistake: relabels(mistake, prediction))
    tools = (strokes, polygons, fills, straight_lines, lassos, rectangles, *by_prediction)
    acts = [act for tool in tools for act in tool(Mistake(document(), truth, 1, house, FRAME, 2))]
    accepting = {"accept", "accept class", "accept image", "relabel"}
    assert {act.tool for act in acts} == {"brush", "polygon", "fill", "line", "lasso", "rectangle"} | accepting
    for act in acts:
        changed = document()
        hand = Hand(changed)
        hand.prediction = prediction
        act.perform(hand)
        right = np.count_nonzero((changed.label_map == truth) & (truth != 255))
        assert right == act.gain, act  # nothing was right before
        assert changed.history.undo_title is not None
        changed.undo()
        assert (changed.label_map == 255).all(), f"{act.tool} was more than one step"


def coloured(truth: LabelMap) -> ImageRgb:
    """A picture in which each class has a colour."""
    return np.array([(90, 140, 60), (200, 60, 50), (30, 30, 160)], np.uint8)[truth % 253]


def test_an_attempt_writes_what_it_has_shown_or_nothing() -> None:
    truth, image = picture(), document()
    truth[truth == 255] = 0
    hand = Hand(image, coloured(truth))
    hand.fill((1, 1), 0)
    hand.rectangle(Rect(60, 20, 63, 23), 1)
    before = image.label_map.copy()
    mistake = Mistake(image, truth, 1, (truth == 1)[10:36, 20:44], Rect(20, 10, 44, 36), 2)
    tried = (wands, grabcuts, snapped_polygons, smart_clicks)
    shown_by = [attempt for tool in tried for attempt in tool(mistake)]
    assert [attempt.tool for attempt in shown_by] == ["wand", "wand", "grabcut", "snap", "smart click"]
    for attempt in shown_by:
        attempt.perform(hand).drop(hand)
        np.testing.assert_array_equal(image.label_map, before)
        shown = attempt.perform(hand)
        ((region, index),) = shown.parts
        assert worth(image, truth, [region], index)[0] > 560, attempt.tool  # of 624 pixels
        shown.keep(hand)
        inside = image.label_map[region.rect.slices][region.stencil != 0]
        assert (inside == 1).all()
        image.undo()
        np.testing.assert_array_equal(image.label_map, before)


def test_a_person_learns_which_tools_save_time() -> None:
    truth, image = picture(), document()
    truth[truth == 255] = 0
    prediction = Prediction("a.png", truth, np.zeros_like(truth), "0" * 64)
    everything, habits = FIVE | set(LATER), Habits()
    person = Skilled(
        image, truth, truth, frozenset(everything), coloured(truth), prediction, lambda *_: truth, habits
    )
    person.correct(StopRule(2, 30))
    assert person.effort.acts["accept image"] == 1
    assert person.share_right > 0.99
    colours, other = document(), Habits()
    tools, picture_rgb = FIVE | {"wand"}, coloured(truth)
    Skilled(colours, truth, truth, tools, picture_rgb, None, lambda *_: truth, other).correct(StopRule(2, 30))
    assert visible(truth, colours.label_map, 2) == 0
    (attempt, _) = wands(Mistake(document(), truth, 1, truth == 1, FRAME, 2))
    assert other.believed(attempt) != Habits().believed(attempt)
    for _ in range(3):
        other.learn(attempt, -20.0)
    assert other.believed(attempt) < 0


def test_a_hand_that_is_not_exact_wanders_about_its_line() -> None:
    line = [(10.0, 10.0), (300.0, 10.0)]
    path = np.array(drawn(line, 0.75))
    assert drawn(line, 0.75) == drawn(line, 0.75) != drawn(line, 0.75, 1)
    assert 0.4 < (path[:, 1] - 10).std() < 1.2
    assert drawn(line, 0.0) == line


def test_a_polygon_keeps_to_borders_and_is_careless_elsewhere() -> None:
    must = np.zeros((48, 64), bool)
    must[10:36, 20:44] = True
    everywhere = outline(must, np.ones_like(must), 1.5)
    assert everywhere is not None
    assert len(everywhere) <= 12
    exactly = outline(must, must, 1.5)
    assert exactly is not None
    assert sorted((round(x), round(y)) for x, y in exactly) == [(20, 10), (20, 36), (44, 10), (44, 36)]


def test_the_longest_path_runs_along_a_bent_stripe() -> None:
    stripe = np.zeros((20, 30), bool)
    stripe[2, 3:25] = stripe[2:15, 24] = True
    path = longest_path(stripe)
    assert {path[0], path[-1]} == {(3, 2), (24, 14)}
    assert all(stripe[y, x] for x, y in path)


def test_a_person_is_content_at_the_stop_rule_and_more_so_after_refining() -> None:
    truth = picture()
    wanted, image = seen(truth, "a.png"), document()
    person = Person(image, wanted, frozenset({"brush", "polygon", "fill"}))
    person.correct(StopRule(2, 30))
    effort = person.effort.copy()
    assert visible(wanted, image.label_map, 2) < 30 * 4
    assert effort.left == 0
    assert image.revision == sum(effort.acts.values())  # each act is one step
    assert effort.total() > effort.total(0.0) > effort.fixed
    before = person.share_right
    person.refine(0.99)
    assert person.share_right >= max(before, 0.99)
    assert person.effort.total() >= effort.total()


def test_arms_are_read_and_savings_are_paired() -> None:
    assert Arm.parse("L-polygon").tools == {"brush", "fill", "accept", "refit"}
    assert Arm.parse("P").tools == {"polygon"}
    with pytest.raises(ValueError, match="no arm"):
        Arm.parse("B-accept")
    theirs = [100.0, 300.0, 50.0, 900.0]
    share, low, high = saving([seconds / 4 for seconds in theirs], theirs)
    assert share == pytest.approx(0.75) == low == high


class KnowsIt:
    """A helper whose prediction is the truth from the third step on."""

    def __init__(self, truth: LabelMap) -> None:
        self.prediction: Prediction | None = None
        self._truth, self._steps = truth, 0

    def painted(self, document: Document, *, at_once: bool = False) -> float:
        self._steps += 1
        if self._steps == 3:
            self.prediction = Prediction("a.png", self._truth, np.zeros_like(self._truth), "0" * 64)
        return 2.35


def test_a_person_teaches_accepts_and_has_nothing_left_to_correct() -> None:
    truth, image = picture(), document()
    truth[truth == 255] = 0
    person = Person(image, truth, frozenset({"brush", "polygon", "fill", "accept"}), KnowsIt(truth))
    person.introduce(1)
    assert sorted(set(image.label_map.ravel().tolist())) == [0, 1, 2, 255]
    human = image.provenance == 2
    person.teach(StopRule(2, 30), rate=1.0)
    assert person.visible(StopRule(2, 30)) == 0
    person.correct(StopRule(2, 30))
    assert person.effort.acts == {"brush": 3, "accept image": 1}
    assert person.effort.waited == pytest.approx(3 * (2.35 - THINK))
    assert (image.provenance[human] == 2).all()
    assert ((image.label_map == truth) | human).all()


def test_the_table_says_what_is_saved_and_what_cannot_be_compared() -> None:
    def records(arm: str, seconds: float, right: float) -> list[Record]:
        effort = Effort(Counter({"polygon": seconds}), Counter({"polygon": 2}), Counter({"polygon": 5}))
        return [
            Record(arm, f"{place}.png", place, effort, effort, right, right, 0.5, 0.0, right, 1.0)
            for place in range(1, 7)
        ]

    arms = {"P": records("P", 100, 0.98), "B": records("B", 40, 0.976), "L": records("L", 10, 0.97)}
    lines = list(table(arms, equal=False))
    (of_b,) = [line for line in lines if "B against P" in line]
    assert "M 1.35: 53% [53%, 53%]" in of_b  # of 10 + 2 * 1.35 + 100 and 40 seconds
    assert [line.split()[0] for line in lines if "NOT COMPARABLE" in line] == ["L", "L"]
    assert json.loads(json.dumps(row("camvid", StopRule(2, 30), arms["P"][0])))["rule"]["acts"] == {"polygon": 2}
