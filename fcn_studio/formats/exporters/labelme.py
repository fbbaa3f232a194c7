"""Export of images and labelme's JSON files, to go on labelling there.

::

    OUT/labelme/
      {train,val,test}/<id>.jpg    upright JPEGs byte for byte, everything else converted
      {train,val,test}/<id>.json   polygons; regions with holes are shapes of the type "mask", which keeps them
      labels.txt class_names.txt labelmap.txt manifest.json HOW_TO_TRAIN.md

labelme takes pixels without a shape for background. So a background class has no shapes, and void is a shape of the
label ``__ignore__``. Without a background class, pixels without a shape are void.

Source: labelme 6.3, ``labelme/_label_file.py`` and ``labelme/utils/shape.py``; ``examples/semantic_segmentation``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.labels import LabelMap
from fcn_studio.core.raster import flood
from fcn_studio.core.regions.outlines import Ring, outlines
from fcn_studio.formats.exporters.base import ExportRequest, ExportSteps
from fcn_studio.formats.exporters.data_set import names_in_order, write_data_set
from fcn_studio.formats.exporters.pairs import Pair
from fcn_studio.formats.voc.class_files import write_class_files
from fcn_studio.formats.voc.class_rows import IGNORE
from fcn_studio.formats.voc.masks import encode_grey_mask

_VERSION = "5.5.0"
"""Version of labelme whose files these are; shapes of the type "mask" are older."""

_BACKGROUND = "_background_"
"""labelme's name of the class of pixels without a shape."""

_HOW_TO = """
Open the folder `train` or `val` in labelme with `labelme train --labels labels.txt` to correct the shapes. A region
without holes is a polygon, any other a shape of the type `mask`. Read by labelme, both have the very pixels of the
class. `supervision` rounds corners, so its regions may be a pixel larger on the right and below; it leaves out shapes
of the type `mask`.

{unlabelled}

labelme's reader, from the shapes to a map of class indices:

```python
import numpy
from labelme import LabelFile, utils

names = open("labels.txt", encoding="utf-8").read().splitlines()
file = LabelFile("train/NAME.json")
size = utils.img_data_to_arr(file.image_data).shape
label_map, _ = utils.shapes_to_label(size, file.shapes, {{name: i - 1 for i, name in enumerate(names)}})
```
"""
_WITH_BACKGROUND = "Pixels without a shape are background; void has the label `__ignore__`, which is -1 in the map."
_WITHOUT = (
    "Pixels without a shape are void: begin the map with 255. labelme2voc.py does not take this data set, because it "
    "needs a class named `_background_`."
)


def export(request: ExportRequest) -> ExportSteps:
    """Write ``labelme`` as `ExportFormat.run` says."""
    table = request.project.config.table
    names = _names(table)

    def write_pair(pair: Pair) -> None:
        pair.write_image(f"{pair.split}/{pair.name}.jpg")
        left = request.choices.images == "leave"
        content: dict[str, Any] = {
            "version": _VERSION,
            "flags": {},
            "shapes": list(shapes_of(pair.label_map, names)),
            "imagePath": pair.sample.image_path.absolute().as_posix() if left else f"{pair.name}.jpg",
            "imageData": None,
            "imageHeight": pair.size[1],
            "imageWidth": pair.size[0],
        }
        data = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
        pair.write_mask(f"{pair.split}/{pair.name}.json", data)

    def finish(tree: Path) -> None:
        in_order = names_in_order(table)
        if table.background_index is not None:
            in_order[0] = _BACKGROUND
        (tree / "labels.txt").write_text("".join(f"{n}\n" for n in (IGNORE, *in_order)), encoding="utf-8")
        write_class_files(tree, table)

    unlabelled = _WITHOUT if table.background_index is None else _WITH_BACKGROUND
    return write_data_set(request, "labelme", write_pair, _HOW_TO.format(unlabelled=unlabelled), finish=finish)


def _names(table: ClassTable) -> dict[int, str]:
    """Return the label of each value of a label map that has shapes."""
    names = dict(enumerate(names_in_order(table)))
    if table.background_index is not None:
        del names[table.background_index]
        names[VOID] = IGNORE
    return names


def shapes_of(label_map: LabelMap, names: dict[int, str]) -> Iterator[dict[str, Any]]:
    """Yield labelme's shapes of all regions whose values have a name."""
    for value in np.flatnonzero(np.bincount(label_map.ravel(), minlength=VOID + 1)).tolist():
        if value in names:
            for outline in outlines(label_map == value):
                kind = _mask_shape(label_map, outline.outer) if outline.holes else _polygon_shape(outline.outer)
                yield {"label": names[value], **kind, "group_id": None, "description": "", "flags": {}}


def _polygon_shape(outer: Ring) -> dict[str, Any]:
    return {"shape_type": "polygon", "points": outer.tolist(), "mask": None}


def _mask_shape(label_map: LabelMap, outer: Ring) -> dict[str, Any]:
    """Return a shape of the type "mask": the first and last pixel of its rectangle, and a PNG of 0 and 1."""
    (left, top), (right, bottom) = outer.min(0).astype(int).tolist(), np.ceil(outer.max(0)).astype(int).tolist()
    x, y = outer[0].astype(int).tolist()  # a corner lies in a pixel of the region
    region = flood(np.ascontiguousarray(label_map[top:bottom, left:right]), (x - left, y - top))
    png = encode_grey_mask((region.stencil != 0).astype(np.uint8))
    return {
        "shape_type": "mask",
        "points": [[float(left), float(top)], [float(right - 1), float(bottom - 1)]],
        "mask": base64.b64encode(png).decode("ascii"),
    }
