"""A person who knows the tools that came later, and whose hand is not exact."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from fcn_studio.core.classes import VOID
from fcn_studio.core.document import Document
from fcn_studio.core.image_pyramid import ImageRgb
from fcn_studio.core.labels import LabelMap, Labels
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.review.answers import name_class
from fcn_studio.core.review.hotspots import Hotspot, hotspots
from tests.bench.annotator.acts import Act, Mistake, accepts, worth
from tests.bench.annotator.hand import Answers, Hand
from tests.bench.annotator.later_acts import lassos, rectangles, relabels, straight_lines
from tests.bench.annotator.person import LEFT_WRONG, Person, Tool
from tests.bench.annotator.times import KEY, THINK
from tests.bench.annotator.trials import (
    Attempt,
    Shown,
    cleanings,
    gap_fills,
    grabcuts,
    smart_clicks,
    snapped_polygons,
    wands,
)

FORESEEN: Mapping[str, Tool] = {"line": straight_lines, "lasso": lassos, "rectangle": rectangles}
"""Later tools of which the person knows before what they will do."""

TRIED: Mapping[str, Callable[[Mistake], Iterator[Attempt]]] = {
    "wand": wands,
    "grabcut": grabcuts,
    "snap": snapped_polygons,
    "smart click": smart_clicks,
    "fill gaps": gap_fills,
    "clean": cleanings,
}
"""Those that have to be tried."""

FIVE = frozenset({"brush", "polygon", "fill", "accept image"})
"""The first five tools; the picker is a key of a class here, and the eraser is not needed. A prediction was accepted
whole already then."""

ON_PREDICTION = ("relabel", "accept", "walk")
"""Later tools that need a prediction."""

LATER = (*FORESEEN, *TRIED, *ON_PREDICTION)

COMMANDS = frozenset({"walk", "fill gaps", "clean", "accept class", "accept image"})
"""Acts for which no tool is taken."""

FIRST_HOPE = 10.0
"""Seconds that a person believes to save with a tool that was never tried."""

SIZES = (300, 3000)
"""Pixels of mistakes for which tools are thought of differently."""

MOST_SAVED = 60.0
"""An attempt counts as having saved so many seconds at most."""

SLOWEST = 5.0
"""Pixels that a person makes right in a second, at least."""

PAUSE = 8
"""Acts after which what was dropped is tried again, if it concerns the whole image."""


@dataclass
class Proposed:
    """A prediction that does not change.

    Attributes:
        prediction: of the image.
    """

    prediction: Prediction | None

    def painted(self, document: Document, *, at_once: bool = False) -> float:
        """Learn nothing."""
        return 0.0


class Habits:
    """What a person has learned about tools: the seconds that attempts have saved, or lost."""

    def __init__(self) -> None:
        self._saved: dict[tuple[str, int, int], list[float]] = {}

    def believed(self, attempt: Attempt) -> float:
        """Return how many seconds a person believes that an attempt saves.

        It is the mean of such attempts for the class, in which those for all classes count as one, and in their mean
        `FIRST_HOPE` does.
        """
        belief = FIRST_HOPE
        for key in self._keys(attempt):
            saved = self._saved.get(key, [])
            belief = (belief + sum(saved)) / (1 + len(saved))
        return belief

    def learn(self, attempt: Attempt, saved: float) -> None:
        """Learn what an attempt has saved."""
        for key in self._keys(attempt):
            self._saved.setdefault(key, []).append(min(saved, MOST_SAVED))

    def _keys(self, attempt: Attempt) -> tuple[tuple[str, int, int], tuple[str, int, int]]:
        tool = attempt.tool + (" everywhere" if attempt.everywhere else "")
        size = int(np.searchsorted(SIZES, attempt.hoped))
        return (tool, size, -1), (tool, size, attempt.index)


class Skilled(Person):
    """A person who tries tools, and learns which help on this image.

    Args:
        document: the image.
        truth: uint8 (H, W); it only says when as much is right as in another way of work.
        wanted: see `Person`.
        tools: names of `FIVE`, `FORESEEN`, `TRIED` and `ON_PREDICTION`.
        image_rgb: pixels of the image.
        prediction: of a network, None without one.
        answers: of the network to clicks.
        habits: what was learned on the images before, and goes on being learned.
    """

    tremor = 0.75

    def __init__(
        self,
        document: Document,
        truth: LabelMap,
        wanted: LabelMap,
        tools: frozenset[str],
        image_rgb: ImageRgb,
        prediction: Prediction | None,
        answers: Answers,
        habits: Habits,
    ) -> None:
        super().__init__(document, wanted, tools, Proposed(prediction))
        self._hand = Hand(document, image_rgb, answers, self.tremor)
        self._hand.prediction = self._prediction = prediction
        self._names = tools
        self._foreseen = [FORESEEN[name] for name in FORESEEN if name in tools]
        self._tried = [TRIED[name] for name in TRIED if name in tools]
        self._habits, self._truth = habits, truth
        self._dropped: set[tuple[object, ...]] = set()
        self._failed: set[tuple[object, ...]] = set()
        self._here: tuple[object, ...] = ()  # the mistake that is looked at
        self._tried_last: tuple[object, ...] = ()
        self._queue: list[Hotspot] | None = None

    @property
    def share_right(self) -> float:
        """Share of the true pixels that are right."""
        counts = self._truth != VOID
        right = np.count_nonzero((self._document.label_map == self._truth) & counts)
        return right / max(1, int(np.count_nonzero(counts)))

    def _offered(self, mistake: Mistake) -> list[Act]:
        offered = super()._offered(mistake) + [act for tool in self._foreseen for act in tool(mistake)]
        if self._prediction is not None:
            proposed = accepts(mistake, self._prediction)
            offered += [act for act in proposed if "accept" in self._names or act.tool in self._names]
            if "relabel" in self._names:
                offered += relabels(mistake, self._prediction)
        self._here = (mistake.index, mistake.rect)
        return [act for act in offered if (act.tool, act.size, *self._here) not in self._failed]

    def _chosen(self, mistake: Mistake) -> Act | None:
        rated = self._rated(mistake)
        rate, best = rated[0] if rated else (0.0, None)
        while True:
            attempts = [attempt for attempt in self._attempts(mistake) if self._habits.believed(attempt) > 0]
            if not attempts:
                return best
            kept = self._try(max(attempts, key=self._habits.believed), mistake, rate)
            if kept is not None:
                return kept

    def _attempts(self, mistake: Mistake) -> Iterator[Attempt]:
        found = [attempt for tool in self._tried for attempt in tool(mistake)]
        if "walk" in self._names and self._prediction is not None:
            found += self._walk_step(self._prediction, mistake)
        yield from (attempt for attempt in found if self._place(attempt, mistake) not in self._dropped)

    def _switches(self, act: Act) -> int:
        return 0 if act.tool in COMMANDS else super()._switches(act)

    def _place(self, attempt: Attempt, mistake: Mistake) -> tuple[object, ...]:
        """Return what tells whether an attempt was made already."""
        where = self._document.revision // PAUSE if attempt.everywhere else mistake.rect
        return attempt.tool, attempt.index, attempt.everywhere, where

    def _try(self, attempt: Attempt, mistake: Mistake, rate: float) -> Act | None:
        """Make the gesture, and return what keeps its result; None if it was dropped.

        It is kept if from now on nothing else makes more pixels right in a second.
        """
        tool = attempt.tool.split(":")[0]
        switches = self._switches(Act(tool, attempt.index, 0, 0.0, 0, 0, lambda _: None))
        self._tried_last = self._place(attempt, mistake)
        shown = attempt.perform(self._hand)
        self.effort.seconds[tool] += shown.seconds + KEY * switches
        self.effort.acts[tool] += 1
        if tool not in COMMANDS:
            self._held = (tool, attempt.index, self._held[2])
        gain, debt = self._worth(shown)
        rest = THINK + shown.keep_seconds + LEFT_WRONG * debt
        kept = gain > 0 and gain / rest > rate
        spent = THINK + shown.seconds + KEY * switches + (rest if kept else KEY)
        self._habits.learn(attempt, (gain / max(rate, SLOWEST) if kept else 0.0) - spent)
        if kept:
            return Act(tool, attempt.index, 0, shown.keep_seconds, gain, debt, shown.keep)
        shown.drop(self._hand)
        self.effort.seconds[tool] += KEY
        if tool != "walk":  # it has gone on
            self._dropped.add(self._tried_last)
        return None

    def _worth(self, shown: Shown) -> tuple[int, int]:
        found = [worth(self._document, self._wanted, [region], index) for region, index in shown.parts]
        return sum(gain for gain, _ in found), sum(debt for _, debt in found)

    def _do(self, act: Act, *, at_once: bool = False) -> None:
        """Perform an act; one that helps nothing, since the hand has slipped, is undone."""
        before, revision, held = self._right(), self._document.revision, self._held
        super()._do(act, at_once=at_once)
        if act.tool in COMMANDS:
            self._held = held
        if self._right() > before:
            return
        if self._document.revision != revision:
            self._document.undo()
        self.effort.seconds[act.tool] += KEY
        self._failed.add((act.tool, act.size, *self._here))
        self._dropped.add(self._tried_last)

    def _right(self) -> int:
        return int(np.count_nonzero((self._document.label_map == self._wanted) & (self._wanted != VOID)))

    # --- the walk

    def _walk_step(self, prediction: Prediction, mistake: Mistake) -> Iterator[Attempt]:
        """Yield the next step of the walk: Tab, a look, and an answer by a key."""
        labels = Labels(self._document.label_map, self._document.provenance)
        if self._queue is None:
            self._queue = hotspots(prediction, labels)
        while self._queue and not self._queue[0].is_open(labels):
            self._queue.pop(0)
        if self._queue:
            hoped = max(1, round(self._queue[0].gain))
            yield Attempt("walk", VOID, KEY, hoped, True, partial(self._walk, self._queue[0], labels))

    def _walk(self, hotspot: Hotspot, labels: Labels, hand: Hand) -> Shown:
        assert self._queue is not None
        self._queue.pop(0)
        wanted = self._wanted[hotspot.rect.slices][hotspot.inside]
        wanted = wanted[wanted != VOID]
        if not len(wanted):
            return Shown([], KEY, lambda _: None, lambda _: None)
        index = int(np.bincount(wanted).argmax())

        def keep(_: Hand) -> None:
            name_class(self._document, hotspot, index)

        return Shown([(hotspot.open_region(labels), index)], KEY, keep, lambda _: None)
