"""What the values of masks mean in data sets that are known, and by files beside them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fcn_studio.core.classes import VOC_NAMES, VOID, Colour, voc_colour
from fcn_studio.errors import ProjectError
from fcn_studio.formats.importers.data_sets import ADE20K, CAMVID, CAMVID_11, CITYSCAPES
from fcn_studio.formats.importers.mask_pixels import COLOUR, code_of
from fcn_studio.formats.importers.yaml_names import names_in_yaml
from fcn_studio.formats.voc.class_files import read_class_file
from fcn_studio.i18n import tr_noop

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
    yaml = next((names for folder in folders if (names := names_in_yaml(folder / "data.yaml"))), {})
    return yaml, notices


@dataclass(frozen=True)
class KnownDataSet:
    """A data set whose masks have values of known meaning.

    Attributes:
        name: value of ``--values``.
        title: name in lists for the user, marked for translation.
        values: what its codes mean.
    """

    name: str
    title: str
    values: KnownValues


def named_by_colours(codes: Collection[int]) -> KnownValues:
    """Return the names of colours, if all of the codes are colours of just one data set."""
    if not codes or min(codes) < COLOUR:
        return {}
    fitting = [known.values for known in KNOWN_DATA_SETS if known.values.keys() >= set(codes)]
    return fitting[0] if len(fitting) == 1 else {}


def _colours(rows: Iterable[tuple[str, Colour]]) -> KnownValues:
    return {code_of(colour): name for name, colour in rows}


_IGNORED = {VOID: "void"}

KNOWN_DATA_SETS: tuple[KnownDataSet, ...] = (
    KnownDataSet(
        "voc",
        tr_noop("PASCAL VOC"),
        dict(enumerate(VOC_NAMES))
        | _IGNORED
        | _colours((name, voc_colour(i)) for i, name in enumerate(VOC_NAMES))
        | {code_of(voc_colour(VOID)): "void"},
    ),
    KnownDataSet(
        "cityscapes",
        tr_noop("Cityscapes labelIds"),
        {number: name for number, name, _, _ in CITYSCAPES}
        | _IGNORED
        | _colours((name if train != VOID else "void", colour) for _, name, train, colour in CITYSCAPES),
    ),
    KnownDataSet(
        "cityscapes-train",
        tr_noop("Cityscapes trainIds"),
        {train: name for _, name, train, _ in CITYSCAPES if train != VOID} | _IGNORED,
    ),
    KnownDataSet("camvid", tr_noop("CamVid (32 classes)"), _colours(CAMVID)),
    KnownDataSet(
        "camvid-11",
        tr_noop("CamVid (11 classes)"),
        {index: name for index, (name, _) in enumerate(CAMVID_11)} | _IGNORED | _colours(CAMVID_11),
    ),
    KnownDataSet("ade20k", tr_noop("ADE20K"), {0: "void"} | dict(enumerate(ADE20K, 1)) | _IGNORED),
)
"""Data sets whose values can be chosen."""
