"""Export as a raw data set of nnU-Net v2.

::

    OUT/nnUNet_raw/Dataset500_<project>/
      imagesTr/<id>_0000.png labelsTr/<id>.png   images of the splits for training and validation
      imagesTs/<id>_0000.png labelsTs/<id>.png   images of the test split
      dataset.json splits_final.json manifest.json HOW_TO_TRAIN.md

The labels are consecutive, 0 is background and the highest is ignored, as nnU-Net asks for.

Source: documentation/dataset_format.md and documentation/ignore_label.md of nnU-Net 2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from fcn_studio.core.classes import BACKGROUND, VOID, ClassTable, is_background
from fcn_studio.core.rules import look_up
from fcn_studio.core.sample import Split
from fcn_studio.errors import ProjectError
from fcn_studio.formats.exporters.base import ExportRequest, ExportSteps
from fcn_studio.formats.exporters.data_set import write_data_set
from fcn_studio.formats.exporters.pairs import Pair
from fcn_studio.formats.voc.class_files import unique_names
from fcn_studio.formats.voc.masks import encode_grey_mask
from fcn_studio.i18n import tr

ADD = "add"
"""Value of the option ``background`` that adds a background which no pixel has."""

_IGNORE = "ignore"

_HOW_TO = """
`nnUNet_raw` is the folder that holds `{folder}`. The labels are those of `dataset.json`: consecutive, with 0 for
background and {ignore} for what is ignored. They are not the class indices of the project.

```sh
export nnUNet_raw=$PWD/.. nnUNet_preprocessed=$PWD/../../nnUNet_preprocessed nnUNet_results=$PWD/../../nnUNet_results
nnUNetv2_plan_and_preprocess -d 500 -c 2d --verify_dataset_integrity
cp splits_final.json $nnUNet_preprocessed/{folder}/
nnUNetv2_train 500 2d 0
```

`splits_final.json` has the validation images of the project as fold 0. Without it, nnU-Net makes five folds.
If you have another data set with the number 500, rename this folder.
"""


def export(request: ExportRequest, *, background: str) -> ExportSteps:
    """Write ``nnUNet_raw`` as `ExportFormat.run` says.

    Args:
        request: what is exported, and where to.
        background: name of the class that becomes label 0; `ADD` adds one, and "" takes the class named background.

    Raises:
        ProjectError: if there is no such class, or there are too many labels for 8 bits.
    """
    table = request.project.config.table
    labels = labels_of(table, background)
    values, names = _values(labels), _names(table, labels)
    folder = f"Dataset500_{re.sub('[^A-Za-z0-9]', '', request.project.folder.name) or 'Project'}"
    cases: dict[Split, list[str]] = {split: [] for split in Split}

    def write_pair(pair: Pair) -> None:
        part = "Ts" if pair.split is Split.TEST else "Tr"
        pair.write_image(f"images{part}/{pair.name}_0000.png")
        pair.write_mask(f"labels{part}/{pair.name}.png", encode_grey_mask(look_up(pair.label_map, values)))
        cases[pair.split].append(pair.name)

    def finish(tree: Path) -> None:
        train, val = cases[Split.TRAIN], cases[Split.VAL]
        description = {
            "channel_names": {"0": "R", "1": "G", "2": "B"},
            "labels": {name: label for label, name in names.items()},
            "numTraining": len(train) + len(val),
            "file_ending": ".png",
        }
        (tree / "dataset.json").write_text(json.dumps(description, indent=1), encoding="ascii")
        if val:
            folds = [{"train": train, "val": val}]
            (tree / "splits_final.json").write_text(json.dumps(folds, indent=1), encoding="ascii")

    how_to = _HOW_TO.format(folder=folder, ignore=max(names))
    return write_data_set(request, "nnUNet_raw", write_pair, how_to, inside=folder, names=names, finish=finish)


def labels_of(table: ClassTable, background: str) -> dict[int, int]:
    """Return class index -> label, consecutive and with the background as 0; void is the highest.

    Raises:
        ProjectError: if nothing says which class is the background, or there are more than 256 labels.
    """
    zero = None if background == ADD else table.find(background or BACKGROUND)
    if not background and zero is None and table.background_index is not None:
        zero = table.get(table.background_index)
    if zero is None and background != ADD:
        raise ProjectError(
            tr(
                "nnU-Net needs a background as label 0, and the project has no class '{name}'. Set the option "
                "background to the name of a class, or to 'add' for a background that no pixel has.",
                name=background or BACKGROUND,
            )
        )
    left = [info.index for info in table if info.replaced_by is None]  # merged and deleted classes have no pixels
    others = [index for index in left if zero is None or index != zero.index]
    labels = {index: label for label, index in enumerate(others, 1)}
    if zero is not None:
        labels[zero.index] = 0
    labels[VOID] = len(others) + 1
    if labels[VOID] > VOID:
        raise ProjectError(tr("There are too many classes for nnU-Net's masks of 8 bits; choose a background."))
    return labels


def _values(labels: Mapping[int, int]) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """Return the label of each value of a label map: uint8 of shape (256,)."""
    values = np.full(VOID + 1, labels[VOID], np.uint8)
    for index, label in labels.items():
        values[index] = label
    return values


def _names(table: ClassTable, labels: Mapping[int, int]) -> dict[int, str]:
    """Return label -> name, all different; 0 is "background" and the highest "ignore", as nnU-Net wants them."""
    names = {0: BACKGROUND}
    for index, name in unique_names(table).items():
        if labels.get(index):
            odd = name == _IGNORE or is_background(name)
            names[labels[index]] = f"{name} ({index})" if odd else name
    names[labels[VOID]] = _IGNORE
    return dict(sorted(names.items()))
