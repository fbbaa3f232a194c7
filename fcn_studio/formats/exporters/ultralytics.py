"""Export for semantic segmentation with Ultralytics.

::

    OUT/ultralytics/
      images/{train,val}/<id>.jpg
      masks/{train,val}/<id>.png    grey PNGs (mode L) whose values are the class indices, 255 is ignored
      data.yaml manifest.json HOW_TO_TRAIN.md

There are no polygons beside them: with polygons, Ultralytics would add a class for the background.

Source: docs.ultralytics.com/datasets/semantic.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.sample import Split
from fcn_studio.formats.exporters.base import ExportRequest, ExportSteps
from fcn_studio.formats.exporters.data_set import names_in_order, write_data_set
from fcn_studio.formats.exporters.pairs import Pair
from fcn_studio.formats.voc.masks import encode_grey_mask

_HOW_TO = """
`data.yaml` names the folders and the classes. A mask is a grey PNG whose values are class indices; 255 is ignored.

```python
from ultralytics import YOLO

model = YOLO("yolo26n-sem.pt")
model.train(data="data.yaml", epochs=100, imgsz=512)
print(model.val(data="data.yaml"))
```

It needs version 8.4 or later. Do not put a folder `labels` with polygons beside the masks.
"""


def export(request: ExportRequest) -> ExportSteps:
    """Write ``ultralytics`` as `ExportFormat.run` says."""
    splits: set[Split] = set()

    def write_pair(pair: Pair) -> None:
        pair.write_image(f"images/{pair.split}/{pair.name}.jpg")
        pair.write_mask(f"masks/{pair.split}/{pair.name}.png", encode_grey_mask(pair.label_map))
        splits.add(pair.split)

    def finish(folder: Path) -> None:
        text = data_yaml(splits, request.project.config.table, "masks_dir: masks")
        (folder / "data.yaml").write_text(text, encoding="utf-8")

    return write_data_set(request, "ultralytics", write_pair, _HOW_TO, finish=finish)


def data_yaml(splits: Collection[Split], table: ClassTable, *more: str) -> str:
    """Return a file that tells Ultralytics the folders of the splits with images, and the classes.

    Args:
        splits: those with images, at least one.
        table: the classes.
        more: further lines.
    """
    lines = [f"{split}: images/{split}" for split in Split if split in splits]
    some = next(split for split in Split if split in splits)
    lines += [  # Ultralytics refuses a file without either
        f"{split}: images/{some}  # no image of {split} was exported"
        for split in (Split.TRAIN, Split.VAL)
        if split not in splits
    ]
    names = names_in_order(table)
    lines += [*more, f"nc: {len(names)}", "names:"]
    lines += [f"  {index}: {json.dumps(name, ensure_ascii=False)}" for index, name in enumerate(names)]
    return "".join(f"{line}\n" for line in lines)
