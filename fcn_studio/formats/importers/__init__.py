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
        "coco",
        tr_noop("COCO"),
        tr_noop("Reads polygons and run lengths from JSON; larger objects are drawn first."),
        "annotations/*.json",
    ),
    ImportFormat(
        "labelme",
        tr_noop("labelme"),
        tr_noop("Reads the JSON files of labelme 3 to 7: polygons, rectangles, circles, lines and masks."),
        "*.json",
    ),
    ImportFormat(
        "cvat",
        tr_noop("CVAT"),
        tr_noop("Reads 'CVAT for images 1.1' and 'Segmentation mask 1.1'."),
        "annotations.xml, labelmap.txt",
    ),
    ImportFormat(
        "cityscapes",
        tr_noop("Cityscapes tree"),
        tr_noop("Reads gtFine or gtCoarse: label ids, colours or polygons."),
        "gtFine/**/*_labelIds.png",
    ),
    ImportFormat(
        "nnunet",
        tr_noop("nnU-Net"),
        tr_noop("Reads labelsTr and dataset.json; the label to ignore is void."),
        "dataset.json",
    ),
    ImportFormat(
        "huggingface",
        tr_noop("Hugging Face image folder"),
        tr_noop("Reads the masks that metadata.jsonl or metadata.csv names, and id2label.json."),
        "metadata.jsonl, metadata.csv",
    ),
    ImportFormat(
        "yolo",
        tr_noop("YOLO polygons"),
        tr_noop("Reads label files of polygons, and data.yaml or classes.txt."),
        "data.yaml, labels/**/*.txt",
    ),
    ImportFormat(
        "masks",
        tr_noop("Folder of masks"),
        tr_noop("Reads mask files of colours, grey values, palettes or 16-bit numbers, or one such file."),
        "*.png, *.tif, *.bmp",
    ),
)
"""Every import format, in the order in which they are tried; the last takes any folder with masks."""

DATA_SETS = ("voc", "cityscapes", "cityscapes-train", "camvid", "camvid-11", "ade20k")
"""Names of `known_values.KNOWN_DATA_SETS`, which the parser does without."""

BY_NAME = {row.name: row for row in IMPORTERS}
