"""The import formats: `IMPORTERS`, and a module for each that reads it.

A format is one row here and the module of the row's name, with two functions: ``found`` tells quickly whether a path
looks like the format, ``open_source`` returns its annotations. It then stands in ``fcn-studio import --format``, in
the README's list and in the test of all formats. Importing this package loads none of these modules.
"""

from __future__ import annotations

from fcn_studio.formats.importers.base import ImportFormat
from fcn_studio.i18n import tr_noop

IMPORTERS: tuple[ImportFormat, ...] = (
    ImportFormat(
        "masks",
        tr_noop("Folder of masks"),
        tr_noop("Reads mask files of colours, grey values, palettes or 16-bit numbers, or one such file."),
        "*.png, *.tif, *.bmp",
    ),
)
"""Every import format, in the order in which they are tried; the last takes any folder with masks."""

BY_NAME = {row.name: row for row in IMPORTERS}
