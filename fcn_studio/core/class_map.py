"""Mapping of a network's classes to a project's classes.

A class map is what the user said: name of a network's class -> index of a project's class, or 255 for "not used".
Classes that are not in it are matched by name. Indices are identities, so a map never shifts; one that leads to a
class which was merged leads to the class that it was merged into, and one to a class which the project no longer has
leads nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from fcn_studio.core.classes import MAX_NAME, VOID, ClassTable, is_background, map_by_name
from fcn_studio.errors import UsageError
from fcn_studio.i18n import listed, tr

ClassMap = Mapping[str, int]
"""Name of a network's class -> project class index, 255 for none; see above."""

_PARTS = re.compile(r"[\W_]+")

_ALIKE: tuple[frozenset[str], ...] = tuple(
    frozenset(words.split())
    for words in (
        "person pedestrian people human 人 行人 人物", "bicyclist cyclist rider 骑车人 骑行者",
        "bicycle bike cycle 自行车", "motorbike motorcycle 摩托车", "aeroplane airplane plane aircraft 飞机",
        "sofa couch 沙发", "tvmonitor tv monitor television 电视 显示器", "diningtable table 桌子 餐桌",
        "pottedplant plant 盆栽 植物", "pavement sidewalk footpath 人行道", "road street roadway 路 道路 马路 路面",
        "tree vegetation 树 树木 植被", "building house 建筑 建筑物 房屋", "pole columnpole 杆 杆子 柱子",
        "sign signsymbol trafficsign 标志 交通标志", "car automobile 汽车 轿车", "cow cattle 牛", "sky 天空",
        "background other unlabeled 背景", "fence 围栏 栅栏 护栏", "bird 鸟", "boat 船", "bottle 瓶子",
        "bus 公交车 巴士", "cat 猫", "chair 椅子", "dog 狗", "horse 马", "sheep 羊 绵羊", "train 火车",
    )
)  # fmt: skip
"""Words of the public data sets (VOC, COCO, CamVid, Cityscapes), and the Chinese ones, for the same things."""


def check_class_map(value: object) -> dict[str, int]:
    """Check a class map that was read from disk.

    Raises:
        TypeError: if it maps anything but texts to whole numbers.
        ValueError: if a number is outside 0..255, or a text is no class name.
    """
    if not isinstance(value, dict):
        raise TypeError("class_map is no object")
    for name, index in value.items():
        if not isinstance(name, str) or type(index) is not int:
            raise TypeError(f"class_map has {name!r:.50}: {index!r:.50}")
        if not 0 <= index <= VOID or len(name) > MAX_NAME:
            raise ValueError(f"class_map has {name!r:.50}: {index!r:.50}")
    return dict(value)


def read_class_map(texts: Iterable[str], source: ClassTable, target: ClassTable) -> dict[str, int]:
    """Return the class map of texts like ``sky=Sky,road=Road``.

    Nothing behind ``=`` stands for "not used". A text with one ``=`` is one pair, so that names may have commas.

    Args:
        texts: what the user wrote.
        source: the network's classes, left of ``=``.
        target: the project's classes, right of it.

    Raises:
        UsageError: if a text has another form, or a name is no class.
    """
    result: dict[str, int] = {}
    for text in texts:
        for pair in [text] if text.count("=") == 1 else text.split(","):
            left, equals, right = pair.partition("=")
            if not equals:
                raise UsageError(
                    tr(
                        "'{pair}' in --map is no pair; write --map \"sky=Sky,road=Road\", first the network's class, "
                        "then yours",
                        pair=pair,
                    )
                )
            theirs = source.find(left.strip())
            if theirs is None:
                known = listed(info.name for info in source.active)
                raise UsageError(
                    tr("--map: the network has no class '{name}'; its classes: {known}", name=left, known=known)
                )
            ours = target.find(right.strip())
            if ours is None and right.strip():
                known = listed(info.name for info in target.active)
                raise UsageError(
                    tr("--map: the project has no class '{name}'; its classes: {known}", name=right, known=known)
                )
            result[theirs.name] = VOID if ours is None else ours.index
    return result


def map_classes(source: ClassTable, target: ClassTable, chosen: ClassMap | None = None) -> dict[int, int]:
    """Map network class indices to project class indices.

    Only classes that mean something in the project are in the result.

    Args:
        source: the network's classes.
        target: the project's classes.
        chosen: what the user said; the rest goes by name (exact, then casefolded).
    """
    result = map_by_name(source, target)
    offered, merged = {info.index for info in target.active}, target.replacements()
    for info in source.active:
        index = (chosen or {}).get(info.name)
        index = merged.get(index, index) if index is not None else None
        if index in offered:
            result[info.index] = index
        elif index is not None:
            result.pop(info.index, None)
    return result


def rows_for(target: ClassTable, source: ClassTable, chosen: ClassMap | None = None) -> dict[int, int]:
    """Map each project class to the network class it starts from.

    Where several mean the same, it is the one of the same name, else the first.
    """
    by_name = map_by_name(target, source)
    result: dict[int, int] = {}
    for theirs, ours in map_classes(source, target, chosen).items():
        if ours not in result or by_name.get(ours) == theirs:
            result[ours] = theirs
    return result


def can_help(index_map: Mapping[int, int], source: ClassTable) -> bool:
    """Return whether a network knows any class of a project besides background."""
    return any(not is_background(source.name_of(index)) for index in index_map)


def suggestions(source: ClassTable, target: ClassTable) -> dict[int, int]:
    """Suggest project classes for network classes with similar names.

    Examples are "Cars" and "car", "sofa" and "couch". Keys are network class indices, values project class
    indices.

    They are for the user to confirm, and are never acted on. What matches by name is not among them.
    """
    matched = map_by_name(source, target)
    ours = [(info.index, _plain(info.name)) for info in target.active]
    result: dict[int, int] = {}
    for info in source.active:
        theirs = _plain(info.name)
        index = next((i for i, name in ours if _alike(theirs, name)), None)
        if index is not None and info.index not in matched:
            result[info.index] = index
    return result


def _plain(name: str) -> str:
    """Return a name without case, separators and plural ending."""
    joined = _PARTS.sub("", name.casefold())
    for ending, instead in (("ies", "y"), ("ches", "ch"), ("shes", "sh"), ("xes", "x"), ("ss", "ss"), ("s", "")):
        if joined.endswith(ending) and len(joined) > len(ending) + 1:
            return joined[: -len(ending)] + instead
    return joined


def _alike(one: str, other: str) -> bool:
    return bool(one) and (one == other or any(one in words and other in words for words in _ALIKE))
