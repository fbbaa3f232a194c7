"""Export of images and polygons in text files, as Ultralytics reads them for instance segmentation.

::

    OUT/yolo/
      images/{train,val,test}/<id>.jpg   upright JPEGs byte for byte, everything else converted
      labels/{train,val,test}/<id>.txt   a row per region: class index, then x y of each corner from 0 to 1
      data.yaml class_names.txt labelmap.txt manifest.json HOW_TO_TRAIN.md

The format has neither holes nor void. A hole is joined to the outline by a cut without width.

Source: https://docs.ultralytics.com/datasets/segment/
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import LabelMap
from fcn_studio.core.regions.outlines import outlines
from fcn_studio.core.sample import Split
from fcn_studio.formats.exporters.base import ExportRequest, ExportSteps
from fcn_studio.formats.exporters.data_set import write_data_set
from fcn_studio.formats.exporters.pairs import Pair
from fcn_studio.formats.exporters.ultralytics import data_yaml
from fcn_studio.formats.voc.class_files import write_class_files

_HOW_TO = """
`labels` has a text file for each image of `images`: in each row a class index, and the corners of one region, x and y
from 0 to 1.

The format loses void, and rows do not say that a polygon has holes: a region with holes is one polygon, which a cut
joins to each hole. Drawn exactly, the polygons have every pixel; Ultralytics draws them with fewer
corners while it trains. Use the format `ultralytics` for semantic segmentation without these losses.

```python
from ultralytics import YOLO

model = YOLO("yolo11n-seg.pt")
model.train(data="data.yaml", epochs=100, imgsz=640, overlap_mask=False)
print(model.val())
```
"""


def export(request: ExportRequest, *, background_too: bool) -> ExportSteps:
    """Write ``yolo`` as `ExportFormat.run` says.

    Args:
        request: what is exported, and where to.
        background_too: whether background has polygons like other classes.
    """
    table = request.project.config.table
    without = table.background_index if not background_too else None
    splits: set[Split] = set()

    def write_pair(pair: Pair) -> None:
        pair.write_image(f"images/{pair.split}/{pair.name}.jpg")
        rows = "".join(f"{row}\n" for row in polygon_rows(pair.label_map, without))
        pair.write_mask(f"labels/{pair.split}/{pair.name}.txt", rows.encode("ascii"))
        splits.add(pair.split)

    def finish(tree: Path) -> None:
        (tree / "data.yaml").write_text(data_yaml(splits, table), encoding="utf-8")
        write_class_files(tree, table)

    return write_data_set(request, "yolo", write_pair, _HOW_TO, finish=finish)


def polygon_rows(label_map: LabelMap, without: int | None) -> Iterator[str]:
    """Yield a row for each region of a label map: class index and the corners of its outline.

    Args:
        label_map: uint8 (H, W).
        without: class that gets no rows, besides void.
    """
    size = label_map.shape[::-1]
    for index in np.flatnonzero(np.bincount(label_map.ravel(), minlength=VOID)[:VOID]).tolist():
        if index != without:
            for outline in outlines(label_map == index):
                corners = (outline.joined() / size).ravel()
                yield " ".join([str(index), *(f"{value:.7g}" for value in corners.tolist())])
