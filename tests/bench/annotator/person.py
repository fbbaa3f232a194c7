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
from fcn_studio.core.labels import LabelMap
from fcn_studio.core.raster import flood
from tests.bench.annotator.acts import Act, Mistake, fills, polygons, strokes
from tests.bench.annotator.hand import Hand
from tests.bench.annotator.shapes import middle
from tests.bench.annotator.sight import Sight, StopRule
from tests.bench.annotator.times import INSPECT, KEY, THINK

Tool = Callable[[Mistake], Iterator[Act]]

TOOLS: Mapping[str, Tool] = {"brush": strokes, "polygon": polygons, "fill": fills}
"""What each of the program's tools can do about a mistake."""

CLUMSY = 2.0
"""The clumsy person takes any tool that needs no more than so many times the seconds of the best one."""


class Helper(Protocol):
    """What proposes labels while the person works, such as a network."""

    def acts(self, mistake: Mistake) -> Iterator[Act]:
        """Yield what it offers about a mistake."""

    def painted(self, document: Document) -> None:
        """Take note of a step of the person."""


@dataclass
class Effort:
    """What one image took.

    Attributes:
        seconds: of gestures and switches, by tool, without thought.
        acts: number by tool; each took one thought.
        pixels: changed pixels, by tool.
        fixed: seconds that do not depend on the tools: looking, and waiting for the program.
        left: pixels of visible mistakes that no tool could correct.
    """

    seconds: Counter[str] = field(default_factory=Counter)
    acts: Counter[str] = field(default_factory=Counter)
    pixels: Counter[str] = field(default_factory=Counter)
    fixed: float = INSPECT
    left: int = 0

    def total(self, think: float = THINK) -> float:
        """Return the seconds of the image with so many seconds for each thought."""
        return self.fixed + sum(self.seconds.values()) + think * sum(self.acts.values())


class Person:
    """One person at one image.

    Args:
        document: the image, with whatever is labelled already.
        wanted: uint8 (H, W), what the person sees; 255 does not count.
        rule: when the person is content.
        tools: names of the tools that may be used.
        helper: what proposes labels, if anything.
        clumsy: whether the person takes any tool that is not much worse than the best; the choice follows from the
            image's name.

    Attributes:
        effort: what it took so far.
    """

    def __init__(
        self,
        document: Document,
        wanted: LabelMap,
        rule: StopRule,
        tools: frozenset[str],
        helper: Helper | None = None,
        *,
        clumsy: bool = False,
    ) -> None:
        self.effort = Effort()
        self._document = document
        self._sight = Sight(wanted, rule.tolerance)
        self._rule = rule
        self._tools = [TOOLS[name] for name in TOOLS if name in tools]
        self._helper = helper
        self._chance = np.random.default_rng(sum(document.image_id.encode())) if clumsy else None
        self._hand = Hand(document)
        self._held: tuple[str, int, int] = ("", VOID, 0)  # tool, class and size of the last act
        self._changed = Rect(0, 0, document.width, document.height)
        self._given_up = np.zeros(wanted.shape, bool)
        document.changed.connect(self._note)

    def work(self) -> Effort:
        """Correct the image until the stop rule is met."""
        while (mistake := self._largest()) is not None:
            act = self._chosen(mistake)
            if act is None:
                self._given_up[mistake.rect.slices] |= mistake.pixels
            else:
                self._do(act)
        self.effort.left = int(np.count_nonzero(self._given_up & self._sight.visible))
        return self.effort

    def _note(self, *rects: Rect) -> None:
        for rect in rects:
            self._changed = self._changed.union(rect)

    def _largest(self) -> Mistake | None:
        """Return the largest visible mistake, or None if the stop rule is met."""
        self._sight.look(self._document.label_map, self._changed)
        self._changed = Rect(0, 0, 0, 0)
        visible = self._sight.visible & ~self._given_up
        _, numbers, stats, _ = cv2.connectedComponentsWithStats(visible.view(np.uint8), connectivity=8)
        if len(stats) == 1:
            return None
        number = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
        if stats[number, cv2.CC_STAT_AREA] < self._rule.area:
            return None
        x, y, width, height, _ = stats[number].tolist()
        rect = Rect(x, y, x + width, y + height)
        component = numbers[rect.slices] == number
        wanted = self._sight.wanted[rect.slices]
        index = int(np.bincount(wanted[component]).argmax())
        row, column, _ = middle(component & (wanted == index))
        return self._whole(index, (x + column, y + row))

    def _whole(self, index: int, seed_xy: tuple[int, int]) -> Mistake:
        """Return the area around a pixel that should be of a class and is not."""
        same = self._sight.wrong & (self._sight.wanted == index) & ~self._given_up
        region = flood(same.view(np.uint8), seed_xy, connectivity=8)
        pixels = region.stencil.astype(bool)
        return Mistake(self._document, self._sight.wanted, index, pixels, region.rect, self._rule.tolerance)

    def _chosen(self, mistake: Mistake) -> Act | None:
        """Return the act that makes the most pixels right in a second, None if none makes any."""
        offered = [act for tool in self._tools for act in tool(mistake)]
        if self._helper is not None:
            offered += self._helper.acts(mistake)
        rates = {n: act.gain / self._time(act) for n, act in enumerate(offered) if act.gain > 0}
        if not rates:
            return None
        best = max(rates, key=rates.__getitem__)
        if self._chance is not None:
            good = [n for n, rate in rates.items() if CLUMSY * rate >= rates[best]]
            best = good[int(self._chance.integers(len(good)))]
        return offered[best]

    def _time(self, act: Act) -> float:
        return THINK + act.seconds + KEY * self._switches(act)

    def _switches(self, act: Act) -> int:
        """Return how many keys are needed before an act: for its tool, its class, its size."""
        tool, index, size = self._held
        new_class = act.index not in (VOID, index)
        return (act.tool != tool) + new_class + (act.size not in (0, size))

    def _do(self, act: Act) -> None:
        before = self._document.label_map.copy()
        self.effort.seconds[act.tool] += act.seconds + KEY * self._switches(act)
        self.effort.acts[act.tool] += 1
        _, index, size = self._held
        self._held = (act.tool, index if act.index == VOID else act.index, act.size or size)
        act.perform(self._hand)
        self.effort.pixels[act.tool] += int(np.count_nonzero(before != self._document.label_map))
        if self._helper is not None:
            self._helper.painted(self._document)
