"""Export in the form of CVAT's "Segmentation mask 1.1", to upload the annotations of a task.

::

    OUT/cvat/
      JPEGImages/<id>.jpg                        the images of the task
      ImageSets/Segmentation/default.txt         their names
      SegmentationClass/<id>.png                 RGB masks
      labelmap.txt                               name and colour of each class, and of void where it is used
      class_names.txt manifest.json HOW_TO_TRAIN.md

CVAT has no splits; ``manifest.json`` has them.

Source: https://docs.cvat.ai/docs/manual/advanced/formats/format-smask/ ; datumaro, ``data_formats/voc/format.py``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fcn_studio.core.classes import VOID, ClassTable, voc_palette
from fcn_studio.errors import ProjectError
from fcn_studio.formats.exporters.base import ExportRequest, ExportSteps
from fcn_studio.formats.exporters.data_set import write_data_set
from fcn_studio.formats.exporters.pairs import Pair
from fcn_studio.formats.images.scan import IMAGES, MASKS
from fcn_studio.formats.voc.class_files import unique_names, write_class_files
from fcn_studio.formats.voc.lists import LISTS
from fcn_studio.formats.voc.masks import encode_colour_mask
from fcn_studio.i18n import tr

_VOID = "void"

_HOW_TO = """
The annotations go into a task of CVAT:

1. Make a task with the images of `JPEGImages` and a label for each row of `labelmap.txt`,
   `void` too if it is there.
2. Pack the annotations: `zip -r annotations.zip SegmentationClass ImageSets labelmap.txt`
3. Upload `annotations.zip` in the task with "Upload annotations", format "Segmentation mask 1.1".

A mask has the colour of each pixel's class. To train on the masks without CVAT:

```python
import numpy
from PIL import Image

rows = [line.split(":") for line in open("labelmap.txt", encoding="utf-8").read().splitlines()]
colours = numpy.array([[int(value) for value in row[1].split(",")] for row in rows])
rgb = numpy.array(Image.open("SegmentationClass/NAME.png"))
label_map = (rgb[:, :, None] == colours).all(-1).argmax(-1)  # rows of labelmap.txt
label_map[label_map == [*(row[0] for row in rows), "void"].index("void")] = 255
```
"""


def export(request: ExportRequest) -> ExportSteps:
    """Write ``cvat`` as `ExportFormat.run` says.

    Raises:
        ProjectError: if ``labelmap.txt`` cannot hold the name of a class.
    """
    _refuse_names(request.project.config.table)
    names: list[str] = []
    colours, void_used = voc_palette(), False

    def write_pair(pair: Pair) -> None:
        nonlocal void_used
        pair.write_image(f"{IMAGES}/{pair.name}.jpg")
        pair.write_mask(f"{MASKS}/{pair.name}.png", encode_colour_mask(colours[pair.label_map]))
        void_used |= bool(np.any(pair.label_map == VOID))
        names.append(pair.name)

    def finish(tree: Path) -> None:
        (tree / LISTS).mkdir(parents=True)
        (tree / LISTS / "default.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
        write_class_files(tree, request.project.config.table, void_row=void_used)

    return write_data_set(request, "cvat", write_pair, _HOW_TO, finish=finish)


def _refuse_names(table: ClassTable) -> None:
    """Raise if CVAT would read another name than that of the class, or the name of void.

    Raises:
        ProjectError: with the name.
    """
    for name in unique_names(table).values():
        if ":" in name or name.startswith("#") or name == _VOID:
            raise ProjectError(
                tr(
                    "CVAT cannot read a class named '{name}'; rename it, without ':', '#' or the word void.",
                    name=name,
                )
            )
