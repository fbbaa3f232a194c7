"""Class tables, which give the values of a label map their meaning.

A class index is identity: stable, never reused, never shifted. Index 255 is void (VOC's border and ignore
value) and no class; it has a fixed row in the window but is never in a table.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fcn_studio.errors import ProjectError
from fcn_studio.i18n import tr

VOID = 255
"""Label-map value of void and of unlabelled pixels; never trained on, never scored."""

UNLABELLED = -1
"""In place of a class index: what pixels of a deleted class become where they are to be labelled anew."""

BACKGROUND = "background"
"""Name of class 0 in VOC's table; a project whose class 0 bears it verifies unlabelled pixels as background."""

MAX_NAME = 255
"""Characters of a class name; longer ones are no words."""

Colour = tuple[int, int, int]
"""Red, green, blue, each 0..255."""

_BACKGROUNDS = frozenset({BACKGROUND, "_background_", "背景"})
"""Casefolded names of background: ours, labelme's, and the Chinese word."""

_NO_LETTERS = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories of control characters, halves of characters, and line ends: class files cannot hold them."""


def is_background(name: str) -> bool:
    """Return whether a class name means background."""
    return name.casefold() in _BACKGROUNDS


def _is_usable(name: str) -> bool:
    """Return whether every file that names classes can hold a class name."""
    odd = any(unicodedata.category(c) in _NO_LETTERS or c == "\N{BYTE ORDER MARK}" for c in name)
    return bool(name) and len(name) <= MAX_NAME and not odd


def voc_colour(index: int) -> Colour:
    """Return the colour of a class index in VOC's colour map.

    The bits of the index go to the high bits of red, green and blue in turn.

    Source: VOCdevkit, ``VOCcode/VOClabelcolormap.m``.
    """
    red = green = blue = 0
    for shift in range(7, -1, -1):
        red |= (index & 1) << shift
        green |= (index >> 1 & 1) << shift
        blue |= (index >> 2 & 1) << shift
        index >>= 3
    return red, green, blue


def voc_palette() -> NDArray[np.uint8]:
    """Return the VOC colour map: uint8 of shape (256, 3), RGB."""
    return np.array([voc_colour(i) for i in range(256)], dtype=np.uint8)


VOC_NAMES = (
    BACKGROUND, "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
"""The 21 names of PASCAL VOC 2012 by class index."""


@dataclass(frozen=True, slots=True)
class ClassInfo:
    """One row of the class table.

    Attributes:
        index: class index 0..254, the value in label maps.
        name: what the user calls it, without blanks at its ends; unique in a table whatever its case.
        colour: RGB on screen; masks on disk keep VOC's palette.
        key: shortcut such as "3" or "Z, A", or "" for none of its own.
        retired: no longer offered; the index is not given away again.
        replaced_by: what its pixels became when it was merged or deleted: a class index, 255 or `UNLABELLED`. None
            if it was neither.
    """

    index: int
    name: str
    colour: Colour
    key: str = ""
    retired: bool = False
    replaced_by: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name.strip())  # no file of lines keeps blanks at the ends


@dataclass(frozen=True)
class ClassTable:
    """Immutable list of classes in index order, with the next unused index.

    Attributes:
        classes: in index order.
        next_index: the class index that was never used.
        order: class indices in the order in which the window shows them; classes that it leaves out come last.

    Raises:
        ProjectError: on construction, if an index or a name occurs twice, an index is outside 0..254, or a name is
            empty, too long, or has control characters or line ends.
    """

    classes: tuple[ClassInfo, ...]
    next_index: int
    order: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        seen_names: set[str] = set()
        seen_indices: set[int] = set()
        for info in self.classes:
            if not 0 <= info.index < VOID:
                raise ProjectError(
                    tr("class '{name}' has index {index}; indices are 0 to 254", name=info.name, index=info.index)
                )
            if info.index in seen_indices:
                raise ProjectError(tr("class index {index} occurs twice in the class table", index=info.index))
            if not _is_usable(info.name):
                raise ProjectError(
                    tr(
                        "class {index} has no usable name: {name!a:.60}; a name has 1 to {most} characters, "
                        "no line breaks and no control characters",
                        index=info.index,
                        name=info.name,
                        most=MAX_NAME,
                    )
                )
            if not info.retired and info.name.casefold() in seen_names:
                raise ProjectError(tr("class name '{name}' occurs twice in the class table", name=info.name))
            if not info.retired:
                seen_names.add(info.name.casefold())
            seen_indices.add(info.index)
        if seen_indices and self.next_index <= max(seen_indices):
            raise ProjectError(
                tr(
                    "next_index is {next_index}, but class index {taken} is already taken",
                    next_index=self.next_index,
                    taken=max(seen_indices),
                )
            )

    @classmethod
    def from_names(cls, names: Iterable[str]) -> ClassTable:
        """Make a table of names with indices from 0 and VOC colours.

        The first ten classes get digit keys.
        """
        return cls.from_indices(enumerate(names))

    @classmethod
    def from_indices(cls, names: Iterable[tuple[int, str]]) -> ClassTable:
        """Make a table of indices and names with VOC colours.

        The indices 0 to 9 get digit keys.
        """
        rows = tuple(
            ClassInfo(i, name, _first_colour(name, i), key=str((i + 1) % 10) if i < 10 else "")
            for i, name in sorted(names)
        )
        return cls(rows, rows[-1].index + 1 if rows else 0)

    def __iter__(self) -> Iterator[ClassInfo]:
        return iter(self.classes)

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def names_none(self) -> bool:
        """Whether it never had a class but the background."""
        return all(is_background(info.name) for info in self.classes) and self.next_index <= 1

    @property
    def active(self) -> tuple[ClassInfo, ...]:
        """The classes that are not retired, in index order."""
        return tuple(c for c in self.classes if not c.retired)

    @property
    def shown(self) -> tuple[ClassInfo, ...]:
        """The classes that are not retired, in the order in which the window shows them."""
        place = {index: at for at, index in enumerate(self.order)}
        return tuple(sorted(self.active, key=lambda info: (place.get(info.index, len(place)), info.index)))

    def get(self, index: int) -> ClassInfo | None:
        """Return the class of an index, None for void and unknown indices.

        Retired classes are found too.
        """
        return next((c for c in self.classes if c.index == index), None)

    def name_of(self, index: int) -> str:
        """Return the name of an index for people.

        It is the name of the class, "void", or "unknown 17".
        """
        if index == VOID:
            return tr("void")
        info = self.get(index)
        return info.name if info else tr("unknown {index}", index=index)

    def find(self, name: str) -> ClassInfo | None:
        """Return the active class of a name, None if there is none.

        An exact match goes before a casefolded one, as in checkpoints. All names of background mean the same.
        """
        exact = next((c for c in self.active if c.name == name), None)
        found = exact or next((c for c in self.active if c.name.casefold() == name.casefold()), None)
        if found is None and is_background(name):
            return next((c for c in self.active if is_background(c.name)), None)
        return found

    def added(self, name: str, colour: Colour | None = None) -> ClassTable:
        """Return the table with one more class at the next index.

        Raises:
            ProjectError: if the name is taken or all 255 indices have been used.
        """
        if self.next_index >= VOID:
            raise ProjectError(tr("all 255 class indices have been used; a label map of 8 bits holds no more"))
        used = {c.key for c in self.active}
        key = next((k for k in "1234567890" if k not in used), "")
        info = ClassInfo(self.next_index, name, colour or _first_colour(name, self.next_index), key)
        return replace(self, classes=(*self.classes, info), next_index=self.next_index + 1)

    def changed(self, index: int, *, name: str | None = None, colour: Colour | None = None) -> ClassTable:
        """Return the table with one class renamed or recoloured.

        Raises:
            ProjectError: if there is no such class, or the name is taken.
        """
        info = self.get(index)
        if info is None:
            raise ProjectError(tr("there is no class with index {index}", index=index))
        return self.with_class(replace(info, name=info.name if name is None else name, colour=colour or info.colour))

    def with_class(self, info: ClassInfo) -> ClassTable:
        """Return the table with another row in place of that of the same index.

        Raises:
            ProjectError: if the name is taken.
        """
        return replace(self, classes=tuple(info if c.index == info.index else c for c in self.classes))

    def with_key(self, index: int, key: str) -> ClassTable:
        """Return the table with a key given to one class and taken from all others; "" for none of its own.

        Raises:
            ProjectError: if there is no such class.
        """
        if self.get(index) is None:
            raise ProjectError(tr("there is no class with index {index}", index=index))
        taken = (replace(c, key="") if key and c.key == key else c for c in self.classes)
        return replace(self, classes=tuple(replace(c, key=key) if c.index == index else c for c in taken))

    def with_retired(self, index: int, retired: bool) -> ClassTable:
        """Return the table with one class retired, or offered again.

        A class that was merged or deleted comes back without pixels.

        Raises:
            ProjectError: if there is no such class, or another class has its name by now.
        """
        info = self.get(index)
        if info is None:
            raise ProjectError(tr("there is no class with index {index}", index=index))
        if retired:
            return self.with_class(replace(info, retired=True))
        key = "" if info.key in {c.key for c in self.active} else info.key
        return self.with_class(replace(info, retired=False, replaced_by=None, key=key))

    def in_order(self, indices: Iterable[int]) -> ClassTable:
        """Return the table with another order in which the window shows its classes."""
        order = tuple(indices)
        return replace(self, order=() if list(order) == sorted(order) else order)

    def replacements(self) -> dict[int, int]:
        """Map the indices of merged and deleted classes to what their pixels became.

        That is a class index, 255 or `UNLABELLED`. A class that was merged into one that was merged later leads to
        the last.
        """
        direct = {c.index: c.replaced_by for c in self.classes if c.retired and c.replaced_by is not None}
        result: dict[int, int] = {}
        for index, end in direct.items():
            for _ in direct:
                end = direct.get(end, end)
            if end not in direct:  # else a file that was written by hand leads round in a circle
                result[index] = end
        return result

    def with_indices(self) -> NDArray[np.bool_]:
        """Return which values a label map may hold: bool of shape (256,).

        255 is one of them.
        """
        known = np.zeros(256, dtype=np.bool_)
        known[[c.index for c in self.classes]] = True
        known[VOID] = True
        return known

    @property
    def background_index(self) -> int | None:
        """Index of the background class, 0, or None without one.

        Class 0 is the background if its name is "background", labelme's "_background_" or the Chinese "背景".
        """
        zero = self.get(0)
        return 0 if zero is not None and is_background(zero.name) else None


def _first_colour(name: str, index: int = 0) -> Colour:
    """Return VOC's colour, or a visible one where VOC's would be black.

    Only class 0 would be black; as background it stays so.
    """
    if index == 0 and not is_background(name):
        return (70, 130, 180)
    return voc_colour(index)


def voc_table() -> ClassTable:
    """Return the class table of PASCAL VOC 2012: background and 20 classes."""
    return ClassTable.from_names(VOC_NAMES)


def map_by_name(source: ClassTable, target: ClassTable) -> dict[int, int]:
    """Map source indices to target indices of the classes with equal names.

    An exact match goes before a casefolded one. A name that was merged into another class means that class.
    """
    pairs = ((c.index, target.find(c.name) or _merged(c.name, target)) for c in source.active)
    return {index: match.index for index, match in pairs if match is not None}


def _merged(name: str, table: ClassTable) -> ClassInfo | None:
    """Return the active class that the class of a name was merged into, None if there is none."""
    merged = table.replacements()
    found = (merged[c.index] for c in table if c.index in merged and c.name.casefold() == name.casefold())
    return next((info for index in found for info in table.active if info.index == index), None)


NO_CLASSES = ClassTable.from_names([BACKGROUND])
"""The class table of a folder that names no classes, until somebody chooses them."""
