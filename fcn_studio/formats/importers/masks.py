"""Folder of mask files of any encoding.

The values that occur are the classes of the source: numbers (grey values and palette indices) or colours. Files that
name classes, beside the masks, give the values their names. If the palettes of the files differ, pixels are read as
colours, since their indices have no common meaning.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fcn_studio.core.classes import Colour
from fcn_studio.errors import MaskError, ProjectError
from fcn_studio.formats.importers.base import MaskItem, MaskSource, SourceClass, SourceMap
from fcn_studio.formats.importers.known_values import KnownValues, named_beside, named_by_colours
from fcn_studio.formats.importers.mask_files import MaskFiles, find_masks, holds_masks
from fcn_studio.formats.importers.mask_pixels import (
    TRANSPARENT,
    codes_in,
    colour_of,
    read_palette,
    read_pixels,
    text_of,
)
from fcn_studio.formats.voc.masks import check_size
from fcn_studio.i18n import tr

_MOST_VALUES = 2000
"""More values than any class table has; a file with so many new ones is a photograph or has blended edges."""

_MOST_NEW = 400


def found(path: Path) -> bool:
    """Return whether there are picture files that may be masks."""
    return holds_masks(path)


def open_source(path: Path) -> MaskSource:
    """Return the masks of a folder, or the one mask that ``path`` is.

    Raises:
        ProjectError: if there is none.
    """
    files = find_masks(path)
    if not files.items:
        raise ProjectError(
            tr(
                "{path} holds no mask that can be read; choose the folder of the mask files, or one of them",
                path=path,
            )
        )
    return MaskFolder(files)


class MaskFolder(MaskSource):
    """Mask files whose values become classes as they are read."""

    def __init__(self, files: MaskFiles, named: KnownValues | None = None) -> None:
        """Read the palettes of all files, and the files that name classes unless ``named`` does."""
        self.items = files.items
        found, notices = named_beside(files.folders)
        self._named = found if named is None else named
        self.notices = (*files.notices, *notices)
        self._codes: dict[int, int] = {}
        """Code -> index into the classes, in the order in which they were met."""
        self._palette, self._as_colours = _common_palette(files.items)

    @property
    def classes(self) -> tuple[SourceClass, ...]:
        """The values met by now, with the names that are known of them."""
        names = self._names()
        return tuple(SourceClass(names.get(code, ""), self._colour(code), text_of(code)) for code in self._codes)

    def named_classes(self) -> tuple[SourceClass, ...]:
        """Return the values that have names, and the numbers of a class file that no pixel has."""
        met = tuple(found for found in self.classes if found.name)
        names = {found.name for found in met}
        numbers = [code for code in sorted(self._named) if code < TRANSPARENT and self._named[code] not in names]
        return (*met, *(SourceClass(self._named[code], None, str(code)) for code in numbers))

    def _names(self) -> KnownValues:
        codes = self._codes.keys() - {TRANSPARENT}
        return {**named_by_colours(codes), **self._named}

    def _colour(self, code: int) -> Colour | None:
        return colour_of(code) or self._palette.get(code)

    def read(self, item: MaskItem, size: tuple[int, int] | None) -> SourceMap:
        """Return the values of a mask file as indices into `classes`.

        Raises:
            MaskError: if it cannot be read, has another size, or more values than classes could have.
        """
        assert item.mask is not None
        codes = read_pixels(item.mask, palette_as_colours=self._as_colours).codes
        if size is not None:
            check_size((codes.shape[1], codes.shape[0]), size, item.mask)
        present = codes_in(codes)
        new = [code for code in present.tolist() if code not in self._codes]
        if len(new) > _MOST_NEW or len(self._codes) + len(new) > _MOST_VALUES:
            raise MaskError(
                tr(
                    "{path}: {count:,} different values: a photograph, or a mask with blended edges; export the mask "
                    "again without smoothing",
                    path=item.mask,
                    count=len(present),
                )
            )
        for code in new:
            self._codes[code] = len(self._codes)
        indices = np.array([self._codes[code] for code in present.tolist()], np.int16)
        found: SourceMap = indices[np.searchsorted(present, codes)]
        return found


def _common_palette(items: list[MaskItem]) -> tuple[dict[int, Colour], bool]:
    """Return the palette of all files, and whether their palettes contradict each other."""
    common: dict[int, Colour] = {}
    for item in items:
        assert item.mask is not None
        for index, colour in read_palette(item.mask).items():
            if common.setdefault(index, colour) != colour:
                return {}, True
    return common, False
