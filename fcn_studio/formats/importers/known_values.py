"""What the values of masks mean in data sets that are known, and by files beside them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from fcn_studio.core.classes import VOC_NAMES, VOID, voc_colour
from fcn_studio.errors import ProjectError
from fcn_studio.formats.importers.mask_pixels import code_of
from fcn_studio.formats.voc.class_files import read_class_file

KnownValues = dict[int, str]
"""Code of a mask value -> name of its class; "void" for pixels to ignore."""

CLASS_FILE_NAMES = (
    "labelmap.txt", "class_names.txt", "class_dict.csv", "label_colors.txt", "classes.txt", "labels.txt",
    "codes.txt",
)  # fmt: skip
"""Files that name classes, in the order in which they are looked for."""


def named_beside(folders: Sequence[Path]) -> tuple[KnownValues, list[str]]:
    """Return what the first file of class names says, by number and by colour.

    The second result has a sentence for each file that cannot be read.
    """
    notices: list[str] = []
    for path in (folder / name for folder in folders for name in CLASS_FILE_NAMES):
        try:
            table = read_class_file(path)
        except ProjectError as error:
            notices.append(str(error))
            continue
        if table is not None:
            by_colour = {code_of(info.colour): info.name for info in table}
            return by_colour | {info.index: info.name for info in table}, notices
    return {}, notices


def named_by_colours(codes: Collection[int]) -> KnownValues:
    """Return the names of colours, if all of the codes are colours of one data set."""
    return next((known for known in (_VOC,) if known.keys() >= set(codes)), {})


_VOC: KnownValues = {code_of(voc_colour(i)): name for i, name in enumerate(VOC_NAMES)}
_VOC[code_of(voc_colour(VOID))] = "void"
