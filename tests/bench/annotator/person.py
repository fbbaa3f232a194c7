"""The simulated person: looks for the largest mistake, and corrects it with the best tool."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np

from fcn_studio.core.classes import VOID
from fcn_studio.core.document import Document
from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import LabelMap, Mask, Provenance
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.raster import flood
from tests.bench.annotator.acts import RADII, Act, Mistake, accepts, dab, fills, polygons, strokes
from tests.bench.annotator.hand import Hand
from tests.bench.annotator.shapes import middle
from tests.bench.annotator.sight import Sight, StopRule
from tests.bench.annotator.times import INSPECT, KEY, THINK

Tool = Callable[[Mistake], Iterator[Act]]

TOOLS: Mapping[str, Tool] = {"brush": strokes, "polygon": polygons, "fill": fills}
"""What each of the program's tools can do about a mistake."""

BY_NETWORK = frozenset({"accept", "accept class", "accept image"})
"""Acts from which nothing is learned."""

DAB = 8
"""Largest radius of the short strokes that teach the helper."""

PATIENCE = 4
"""So many short strokes are judged together."""

MOST_DABS = 60
"""Short strokes after which the person stops to teach, at the latest."""

LEFT_WRONG = 0.15
"""Seconds that the person expects to spend on each pixel that an act leaves wrong or makes wrong at its border."""

CLUMSY = 2.0
"""The clumsy person takes any tool that needs no more than so many times the seconds of the best one."""


class Helper(Protocol):
    """What proposes labels while the person works, such as a network.

    Attributes:
        prediction: its newest, None if there is none.
    """

    prediction: Prediction | None

    def painted(self, document: Document, *, at_once: bool = False) -> float:
        """Learn from a step of the person, now or soon; return the seconds that the answer takes."""


@dataclass
class Effort:
    """What one image took.

    Attributes:
        seconds: of gestures and switches, by tool, without thought.
        acts: number by tool; each took one thought.
        pixels: changed pixels, by tool.
        fixed: seconds that do not depend on the tools: looking at the image and going on.
        waited: seconds until the helper's answer, beyond the thought before the next act.
        left: pixels of visible mistakes that no tool could correct.
    """

    seconds: Counter[str] = field(default_factory=Counter)
    acts: Counter[str] = field(default_factory=Counter)
    pixels: Counter[str] = field(default_factory=Counter)
    fixed: float = INSPECT
    waited: float = 0.0
    left: int = 0

    def copy(self) -> Effort:
        """Return an independent copy."""
        counters = (Counter(self.seconds), Counter(self.acts), Counter(self.pixels))
        return Effort(*counters, self.fixed, self.waited, self.left)

    def total(self, think: float = THINK) -> float:
        """Return the seconds of the image with so many seconds for each thought."""
        return self.fixed + self.waited + sum(self.seconds.values()) + think * sum(self.acts.values())


class Person:
    """One person at one image.

    Args:
        document: the image, with whatever is labelled already.
        wanted: uint8 (H, W), what the person sees; 255 does not count.
        tools: names of the tools that may be used.
        helper: what proposes labels, if anything.
        clumsy: whether the person takes any tool that is not much worse than the best; the choice follows from the
            image's name.

    Attributes:
        effort: what it took so far.
        tremor: see `tests.bench.annotator.hand.Hand`.
    """

    tremor = 0.0

    def __init__(
        self,
        document: Document,
        wanted: LabelMap,
        tools: frozenset[str],
        helper: Helper | None = None,
        *,
        clumsy: bool = False,
    ) -> None:
        self.effort = Effort()
        self._document, self._wanted = document, wanted
        self._tools = [TOOLS[name] for name in TOOLS if name in tools]
        self._accepts = "accept" in tools
        self._helper = helper
        self._chance = np.random.default_rng(sum(document.image_id.encode())) if clumsy else None
        self._hand = Hand(document)
        self._held: tuple[str, int, int] = ("", VOID, 0)  # tool, class and size of the last act
        self._whole_image = Rect(0, 0, document.width, document.height)
        self._changed = self._whole_image
        document.changed.connect(self._note)

    @property
    def share_right(self) -> float:
        """Share of the pixels that are as the person sees them."""
        counts = self._wanted != VOID
        right = np.count_nonzero((self._document.label_map == self._wanted) & counts)
        return right / max(1, int(np.count_nonzero(counts)))

    def introduce(self, dabs: int) -> None:
        """Show each class to the helper by some short strokes, the largest class first."""
        sizes = np.bincount(self._wanted[self._wanted != VOID])
        for index in np.argsort(-sizes)[: np.count_nonzero(sizes)].tolist():
            free = self._wanted == index
            for _ in range(dabs):
                row, column, depth = middle(free)
                if depth < 1:
                    break
                radius = self._dab(index, (column, row), depth)
                reach = 4 * radius
                free[max(0, row - reach) : row + reach, max(0, column - reach) : column + reach] = False

    def teach(self, rule: StopRule, rate: float) -> None:
        """Put short strokes where the prediction is most wrong, as long as it learns faster than one corrects.

        Args:
            rule: what the person sees, and is content with.
            rate: visibly wrong pixels that the person would correct by hand in a second.
        """
        none = np.zeros(self._wanted.shape, bool)
        helped: list[tuple[int, float]] = []
        sight = self._looked(rule)
        while len(helped) < MOST_DABS:
            mistake = self._largest(sight, rule, none)
            last = helped[-PATIENCE:]
            slow = sum(pixels for pixels, _ in last) < rate * sum(seconds for _, seconds in last)
            if mistake is None or (len(last) == PATIENCE and slow):
                return
            row, column, depth = middle(mistake.pixels)
            began, before = self.effort.total(), int(np.count_nonzero(sight.visible))
            self._dab(mistake.index, (column + mistake.rect.x0, row + mistake.rect.y0), depth)
            sight = self._looked(rule)
            helped.append((before - int(np.count_nonzero(sight.visible)), self.effort.total() - began))

    def visible(self, rule: StopRule) -> int:
        """Return how many pixels are visibly wrong, if the prediction is accepted."""
        return int(np.count_nonzero(self._looked(rule).visible))

    def _looked(self, rule: StopRule) -> Sight:
        """Return what the person sees of the prediction with the human pixels over it."""
        prediction = None if self._helper is None else self._helper.prediction
        shown = self._document.label_map
        if prediction is not None:
            human = self._document.provenance > Provenance.NETWORK
            shown = np.where(human, shown, prediction.label_map)
        sight = Sight(self._wanted, rule.tolerance)
        sight.look(shown, self._whole_image)
        return sight

    def _dab(self, index: int, pixel_xy: tuple[int, int], depth: float) -> int:
        """Paint a short stroke that fits into a depth; return its radius."""
        radius = max((radius for radius in RADII if radius <= min(depth, DAB)), default=RADII[0])
        x, y = pixel_xy
        self._do(dab(self._document, self._wanted, index, (x + 0.5, y + 0.5), radius), at_once=True)
        return radius

    def correct(self, rule: StopRule) -> None:
        """Correct the image until the stop rule is met."""
        self._work(rule, 0.0)

    def refine(self, least: float) -> None:
        """Go on with the largest of all mistakes until a share of the pixels is right."""
        self._work(StopRule(0, 1), least)

    def _work(self, rule: StopRule, least: float) -> None:
        sight = Sight(self._wanted, rule.tolerance)
        self._changed = self._whole_image
        given_up = np.zeros(self._wanted.shape, bool)
        while not (least and self.share_right >= least):
            sight.look(self._document.label_map, self._changed)
            self._changed = Rect(0, 0, 0, 0)
            mistake = self._largest(sight, rule, given_up)
            if mistake is None:
                break
            act = self._chosen(mistake)
            if act is None:
                given_up[mistake.rect.slices] |= mistake.pixels
            else:
                self._do(act)
        self.effort.left = int(np.count_nonzero(given_up & sight.visible))

    def _note(self, *rects: Rect) -> None:
        for rect in rects:
            self._changed = self._changed.union(rect)

    def _largest(self, sight: Sight, rule: StopRule, given_up: Mask) -> Mistake | None:
        """Return the largest visible mistake, or None if the stop rule is met."""
        visible = sight.visible & ~given_up
        _, numbers, stats, _ = cv2.connectedComponentsWithStats(visible.view(np.uint8), connectivity=8)
        if len(stats) == 1:
            return None
        number = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
        if stats[number, cv2.CC_STAT_AREA] < rule.area:
            return None
        x, y, width, height, _ = stats[number].tolist()
        rect = Rect(x, y, x + width, y + height)
        component, wanted = numbers[rect.slices] == number, self._wanted[rect.slices]
        index = int(np.bincount(wanted[component]).argmax())
        row, column, _ = middle(component & (wanted == index))
        # All of the area that should be of the class, not only what is visible.
        same = sight.wrong & (self._wanted == index) & ~given_up
        region = flood(same.view(np.uint8), (x + column, y + row), connectivity=8)
        pixels = region.stencil.astype(bool)
        return Mistake(self._document, self._wanted, index, pixels, region.rect, max(1, rule.tolerance), self.tremor)

    def _chosen(self, mistake: Mistake) -> Act | None:
        """Return the act that makes the most pixels right in a second, None if none makes any."""
        rated = self._rated(mistake)
        if not rated:
            return None
        if self._chance is not None:
            good = [act for rate, act in rated if CLUMSY * rate >= rated[0][0]]
            return good[int(self._chance.integers(len(good)))]
        return rated[0][1]

    def _rated(self, mistake: Mistake) -> list[tuple[float, Act]]:
        """Return the acts that make pixels right with how many in a second, the most first.

        To the seconds of an act those for what it leaves wrong are added.
        """
        helpful = [act for act in self._offered(mistake) if act.gain > 0]
        rates = [(act.gain / (self._time(act) + LEFT_WRONG * act.debt), act) for act in helpful]
        return sorted(rates, key=lambda pair: -pair[0])

    def _offered(self, mistake: Mistake) -> list[Act]:
        offered = [act for tool in self._tools for act in tool(mistake)]
        if self._accepts and self._helper is not None and self._helper.prediction is not None:
            offered += accepts(mistake, self._helper.prediction)
        return offered

    def _time(self, act: Act) -> float:
        return THINK + act.seconds + KEY * self._switches(act)

    def _switches(self, act: Act) -> int:
        """Return how many keys are needed before an act: for its tool, its class, its size."""
        tool, index, size = self._held
        new_class = act.index not in (VOID, index)
        return (act.tool != tool) + new_class + (act.size not in (0, size))

    def _do(self, act: Act, *, at_once: bool = False) -> None:
        before = self._document.label_map.copy()
        self.effort.seconds[act.tool] += act.seconds + KEY * self._switches(act)
        self.effort.acts[act.tool] += 1
        _, index, size = self._held
        self._held = (act.tool, index if act.index == VOID else act.index, act.size or size)
        if self._helper is not None:
            self._hand.prediction = self._helper.prediction
        act.perform(self._hand)
        self.effort.pixels[act.tool] += int(np.count_nonzero(before != self._document.label_map))
        if self._helper is not None and act.tool not in BY_NETWORK:
            self.effort.waited += max(0.0, self._helper.painted(self._document, at_once=at_once) - THINK)
