"""The export formats: `EXPORTERS`, and a module for each that writes it.

A format is one row here and the module of the row's name, whose function ``export`` writes it. It then stands in
``fcn-studio export --format``, in the export dialog, in the README's list and in the test of all formats. Importing
this package loads none of these modules.
"""

from __future__ import annotations

from typing import Any

from fcn_studio.formats.exporters.base import ExportFormat
from fcn_studio.formats.exporters.options import IMAGE_OPTIONS
from fcn_studio.i18n import tr_noop
from fcn_studio.settings import Setting

_BACKGROUND_TOO: Setting[Any] = Setting(
    False,
    tr_noop("Annotate background too"),
    tr_noop("Otherwise it has no annotation, as detectors expect; it cannot be told from void then."),
    key="background_too",
)

EXPORTERS: tuple[ExportFormat, ...] = (
    ExportFormat(
        "voc",
        tr_noop("VOC data set"),
        tr_noop("Writes VOCdevkit/VOC2012 with images, masks, lists of the splits and class names."),
        folder="VOCdevkit",
        options=(
            *IMAGE_OPTIONS,
            Setting(
                False,
                tr_noop("Name void in labelmap.txt"),
                tr_noop("Programs such as Datumaro refuse masks with void pixels unless labelmap.txt names them."),
                key="void_row",
            ),
        ),
    ),
    ExportFormat(
        "masks",
        tr_noop("Images and masks"),
        tr_noop("Writes images/train, masks/train and the same for val, with grey masks and how to train on them."),
        options=IMAGE_OPTIONS,
    ),
    ExportFormat(
        "ultralytics",
        tr_noop("Ultralytics semantic segmentation"),
        tr_noop("Writes images, masks and data.yaml for the semantic models of Ultralytics."),
        options=IMAGE_OPTIONS,
    ),
    ExportFormat(
        "nnunet",
        tr_noop("nnU-Net raw data set"),
        tr_noop("Writes PNG images, labels with background as 0 and the highest label ignored, and dataset.json."),
        folder="nnUNet_raw",
        images=".png",
        options=(
            *IMAGE_OPTIONS,
            Setting(
                "",
                tr_noop("Background"),
                tr_noop("Name of the class that becomes label 0. 'add' adds one that no pixel has."),
                key="background",
            ),
        ),
    ),
    ExportFormat(
        "huggingface",
        tr_noop("Hugging Face image folder"),
        tr_noop("Writes images, grey labels and metadata that load_dataset reads, and id2label.json."),
        options=IMAGE_OPTIONS,
    ),
    ExportFormat(
        "cityscapes",
        tr_noop("Folders of Cityscapes"),
        tr_noop("Writes leftImg8bit and gtFine with the class indices of the project, not those of Cityscapes."),
        images=".png",
        options=IMAGE_OPTIONS,
    ),
    ExportFormat(
        "camvid",
        tr_noop("Colour masks of CamVid"),
        tr_noop("Writes images, masks in colours and class_dict.csv with the colour of each class."),
        images=".png",
        options=IMAGE_OPTIONS,
    ),
    ExportFormat(
        "csv",
        tr_noop("Statistics"),
        tr_noop("Writes tables with the pixels of each class in each image and who labelled them, without images."),
        folder="statistics",
        images="",
    ),
    ExportFormat(
        "coco",
        tr_noop("COCO"),
        tr_noop("Writes images and annotations/instances_train.json with run-length encoded masks, and for val."),
        keeps_void=False,
        options=(
            *IMAGE_OPTIONS,
            Setting(
                True,
                tr_noop("One annotation per region"),
                tr_noop("Each connected region of a class is an annotation. Otherwise all of them are one."),
                key="per_region",
            ),
            _BACKGROUND_TOO,
        ),
    ),
    ExportFormat(
        "labelme",
        tr_noop("labelme"),
        tr_noop("Writes images with JSON files beside them: polygons, and masks where a region has holes."),
        options=IMAGE_OPTIONS,
    ),
    ExportFormat(
        "cvat",
        tr_noop("CVAT segmentation mask 1.1"),
        tr_noop("Writes images, colour masks and labelmap.txt, to upload to a task of CVAT. Splits are not kept."),
        options=IMAGE_OPTIONS,
    ),
    ExportFormat(
        "yolo",
        tr_noop("YOLO polygons"),
        tr_noop("Writes images, text files of polygons and data.yaml. Void is lost, and holes are cut open."),
        keeps_void=False,
        options=(*IMAGE_OPTIONS, _BACKGROUND_TOO),
    ),
)
"""Every export format; the first is the default."""

BY_NAME = {row.name: row for row in EXPORTERS}
