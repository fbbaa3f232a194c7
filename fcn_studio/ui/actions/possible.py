"""What keys and mouse can do at a moment, for the dialog of keys that work now."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from fcn_studio.i18n import plain, tr
from fcn_studio.tools import TOOLS
from fcn_studio.tools.base import Tool
from fcn_studio.tools.paste import Paste
from fcn_studio.ui.actions import keys
from fcn_studio.ui.actions.table import (
    ACTIONS,
    BY_NAME,
    CANVAS_MOUSE,
    CHORDS,
    CLASS_KEYS,
    MENUS,
    TOOL_NAMES,
    WALK,
    ActionSpec,
)

Rows = list[tuple[str, str]]

_OF_PREDICTION = (
    "walk_next",
    "walk_previous",
    "auto_segment",
    "accept_class",
    "uncertainty",
    "disagreement",
    "compare",
)
"""Actions that need a prediction or make one."""

_MENUS_HERE = tuple(MENUS[number] for number in (1, 3, 2, 4, 5, 0, 6))
"""Menus in the order of their use while labelling."""

_WITHOUT_PREDICTION = ("auto_segment",)


@dataclass(frozen=True, slots=True)
class Moment:
    """State of the window that decides what is possible.

    Attributes:
        enabled: returns whether an action of this name is enabled.
        tool: name of the active tool; "" if no image can be edited.
        prediction: whether the open image has a prediction.
        live: whether Live is on.
        walking: whether a doubtful region is outlined.
        class_keys: keys of the classes.
    """

    enabled: Callable[[str], bool]
    tool: str
    prediction: bool
    live: bool
    walking: bool
    class_keys: Collection[str]


def possible_now(moment: Moment) -> list[tuple[str, Rows]]:
    """Return (heading, [(keys, effect)]), what is special at this moment first."""
    groups: list[tuple[str, Rows]] = []
    if moment.walking:
        groups.append((tr("At a doubtful region"), [(tr(key), tr(what)) for key, what in WALK]))
    tools: dict[str, type[Tool]] = {"paste": Paste, **{spec.name: spec.tool for spec in TOOLS}}
    if moment.tool in tools:
        rows = [(tr(key), tr(what)) for key, what in tools[moment.tool].gestures]
        groups.append((BY_NAME[moment.tool].plain_text, rows))
    groups.append((tr("Prediction, Live is on") if moment.live else tr("Prediction"), _prediction_rows(moment)))
    groups.append((tr("Classes"), _class_rows(moment.class_keys)))
    for menu in _MENUS_HERE:
        specs = [spec for spec in ACTIONS if spec.menu == menu and spec.name not in (*TOOL_NAMES, *_OF_PREDICTION)]
        groups.append((plain(tr(menu)), _rows(specs, moment)))
        if menu == _MENUS_HERE[0]:
            groups.append((tr("Tools"), _rows([BY_NAME[name] for name in TOOL_NAMES], moment)))
    if moment.enabled("fit"):  # an image is open
        at = len(groups) - 2
        groups.insert(at, (tr("Mouse"), [(tr(key), tr(what)) for key, what in CANVAS_MOUSE]))
    return [group for group in groups if group[1]]


def _rows(specs: list[ActionSpec], moment: Moment) -> Rows:
    current = keys.current()
    return [
        (", ".join(current.of(spec.name)), spec.plain_text)
        for spec in specs
        if current.of(spec.name) and moment.enabled(spec.name)
    ]


def _prediction_rows(moment: Moment) -> Rows:
    names = _OF_PREDICTION if moment.prediction else _WITHOUT_PREDICTION
    rows = _rows([BY_NAME[name] for name in names], moment)
    if moment.prediction and moment.tool:
        rows.append((tr("Enter"), tr("Accept the region under the cursor")))
    return rows


def _class_rows(used: Collection[str]) -> Rows:
    """Return a row for the digits, one for Ctrl with digits, and one for the chords, as far as classes have them."""
    rows = []
    for group, what in (
        (CLASS_KEYS[:10], tr("Paint with a class")),
        (CLASS_KEYS[10:], tr("Paint with the next ten classes")),
        (CHORDS, tr("Paint with the class that you gave these two keys")),
    ):
        if keys_here := [key for key in group if key in used]:
            rows.append((" … ".join(dict.fromkeys((keys_here[0], keys_here[-1]))), what))
    return rows
