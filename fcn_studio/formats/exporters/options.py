"""The options of all export formats that write images and masks, and what was chosen of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.geometry import Rect
from fcn_studio.errors import ProjectError
from fcn_studio.i18n import tr, tr_noop
from fcn_studio.settings import Setting, Value

_LONGEST = 100_000

IMAGE_OPTIONS: tuple[Setting[Any], ...] = (
    Setting(
        "copy",
        tr_noop("Image files"),
        tr_noop("A link is the same file at a second place. Images that are left are only named in manifest.json."),
        choices={
            "copy": tr_noop("Copied"),
            "link": tr_noop("Linked where possible"),
            "leave": tr_noop("Left where they are"),
        },
        key="images",
    ),
    Setting(
        False,
        tr_noop("Unlabelled pixels are background"),
        tr_noop("Otherwise they are void, which trainings ignore."),
        key="as_background",
    ),
    Setting(
        0,
        tr_noop("Longest side"),
        tr_noop("Larger images are shrunk to it. 0 keeps the size."),
        high=_LONGEST,
        unit=tr_noop("px"),
        zero=tr_noop("As it is"),
        key="longest_side",
    ),
    Setting(
        0,
        tr_noop("Tiles"),
        tr_noop("Images are cut into squares of this side, after shrinking. 0 leaves them whole."),
        high=_LONGEST,
        unit=tr_noop("px"),
        zero=tr_noop("None"),
        key="tile",
    ),
    Setting(
        0,
        tr_noop("Overlap of tiles"),
        tr_noop("Neighbouring tiles share at least so many pixels."),
        high=_LONGEST,
        unit=tr_noop("px"),
        key="overlap",
    ),
)
"""Options that a row of `EXPORTERS` takes over whole; `ExportRequest.choices` holds what was chosen."""


@dataclass(frozen=True, slots=True)
class ImageChoices:
    """Choices for `IMAGE_OPTIONS`, by their keys.

    Attributes:
        images: "copy", "link" or "leave".
        as_background: whether unlabelled pixels become background rather than void.
        longest_side: larger images are shrunk to so many pixels; 0 keeps the size.
        tile: side of the square tiles; 0 leaves images whole.
        overlap: pixels that neighbouring tiles share at least.
    """

    images: str = "copy"
    as_background: bool = False
    longest_side: int = 0
    tile: int = 0
    overlap: int = 0

    def refuse_contradictions(self, table: ClassTable) -> None:
        """Raise if the choices do not fit each other or the classes.

        Raises:
            ProjectError: with what to choose instead.
        """
        if self.as_background and table.background_index is None:
            raise ProjectError(tr("The project has no class named background; leave unlabelled pixels void."))
        if self.images == "leave" and (self.tile or self.longest_side):
            raise ProjectError(tr("Images that are shrunk or cut into tiles cannot be left; have them copied."))
        if self.tile and self.overlap >= self.tile:
            raise ProjectError(
                tr(
                    "Tiles of {tile} pixels cannot overlap by {overlap}; choose a smaller overlap.",
                    tile=self.tile,
                    overlap=self.overlap,
                )
            )

    def tiles(self, width: int, height: int) -> dict[tuple[int, int], Rect]:
        """Return (row, column) -> tile of a picture.

        All tiles are of full size where the picture is; the last of a row or column then overlaps more.
        """
        columns, rows = self._starts(width), self._starts(height)
        return {
            (row, column): Rect(x, y, min(x + self.tile, width), min(y + self.tile, height))
            for row, y in enumerate(rows)
            for column, x in enumerate(columns)
        }

    def _starts(self, length: int) -> list[int]:
        """Return where the tiles begin along a side."""
        last = max(length - self.tile, 0)
        return [*range(0, last, self.tile - self.overlap), last]


_KEYS = frozenset(field.name for field in fields(ImageChoices))


def chosen_of(options: Mapping[str, Value]) -> ImageChoices:
    """Return the choices among the options of a format that all formats share."""
    shared: dict[str, Any] = {key: value for key, value in options.items() if key in _KEYS}
    return ImageChoices(**shared)


def without_shared(options: Mapping[str, Value]) -> dict[str, Value]:
    """Return the options of the format itself."""
    return {key: value for key, value in options.items() if key not in _KEYS}
