"""Export of images and COCO JSON with run-length encoded masks, for detection and segmentation frameworks.

::

    OUT/coco/
      images/{train,val,test}/<id>.jpg          upright JPEGs byte for byte, everything else converted
      annotations/instances_{train,val,test}.json
      class_names.txt labelmap.txt manifest.json HOW_TO_TRAIN.md

Category ids are the class indices plus 1, since COCO's begin with 1 and some readers take 0 for background. Masks are
run lengths, not polygons, so no pixel changes. Void has no annotation.

Source: https://cocodataset.org/#format-data, "Object Detection".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fcn_studio import __version__
from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import LabelMap, Mask
from fcn_studio.core.sample import Split
from fcn_studio.formats.exporters.base import ExportRequest, ExportSteps
from fcn_studio.formats.exporters.data_set import write_data_set
from fcn_studio.formats.exporters.pairs import Pair
from fcn_studio.formats.rle import as_text, encoded
from fcn_studio.formats.voc.class_files import unique_names, write_class_files

_HOW_TO = """
`annotations/instances_train.json` describes the images of `images/train`, and so on. Each annotation is {one}.
Masks are run lengths (RLE) with `iscrowd` 0; they have every pixel of the class, holes too. A category id is the
class index plus 1. {background}

pycocotools, from the masks back to a map of class indices:

```python
import numpy
from pycocotools.coco import COCO

coco = COCO("annotations/instances_train.json")
image = next(iter(coco.imgs.values()))
label_map = numpy.full((image["height"], image["width"]), 255, numpy.uint8)
for annotation in coco.loadAnns(coco.getAnnIds(image["id"])):
    label_map[coco.annToMask(annotation) == 1] = annotation["category_id"] - 1
```

torchvision reads it with `CocoDetection("images/train", "annotations/instances_train.json")`, detectron2 with
`register_coco_instances("train", {{}}, "annotations/instances_train.json", "images/train")` and
`cfg.INPUT.MASK_FORMAT = "bitmask"`.
"""


def export(request: ExportRequest, *, per_region: bool, background_too: bool) -> ExportSteps:
    """Write ``coco`` as `ExportFormat.run` says.

    Args:
        request: what is exported, and where to.
        per_region: whether each connected region is an annotation, not each class of an image.
        background_too: whether background has annotations like other classes.
    """
    table = request.project.config.table
    without = table.background_index if not background_too else None
    images: dict[Split, list[dict[str, Any]]] = {split: [] for split in Split}
    annotations: dict[Split, list[dict[str, Any]]] = {split: [] for split in Split}

    def write_pair(pair: Pair) -> None:
        name = f"{pair.name}.jpg"
        pair.write_image(f"images/{pair.split}/{name}")
        known, found = images[pair.split], annotations[pair.split]
        left = request.choices.images == "leave"
        known.append(
            {
                "id": len(known) + 1,
                "file_name": pair.sample.image_path.absolute().as_posix() if left else name,
                "width": pair.size[0],
                "height": pair.size[1],
            }
        )
        for index, mask in _masks(pair.label_map, without, per_region=per_region):
            found.append({"id": len(found) + 1, "image_id": len(known), **annotation_of(index, mask)})

    def finish(tree: Path) -> None:
        categories = [{"id": i + 1, "name": n, "supercategory": ""} for i, n in sorted(unique_names(table).items())]
        (tree / "annotations").mkdir()
        for split in Split:
            if not images[split] and split not in (Split.TRAIN, Split.VAL):
                continue
            content = {
                "info": {"description": f"Exported by FCN Studio {__version__}"},
                "licenses": [],
                "images": images[split],
                "annotations": annotations[split],
                "categories": categories,
            }
            text = json.dumps(content, separators=(",", ":"))
            (tree / "annotations" / f"instances_{split}.json").write_text(text, encoding="ascii")
        write_class_files(tree, table)

    return write_data_set(
        request,
        "coco",
        write_pair,
        _HOW_TO.format(
            one="a connected region of a class" if per_region else "all pixels of a class in an image",
            background="Pixels without annotation are void."
            if background_too or table.background_index is None
            else "Pixels without annotation are background or void.",
        ),
        finish=finish,
    )


def annotation_of(index: int, mask: Mask) -> dict[str, Any]:
    """Return what COCO says of a mask of a class, bool (H, W), without the ids of annotation and image."""
    height, width = mask.shape
    return {
        "category_id": index + 1,
        "segmentation": {"size": [height, width], "counts": as_text(encoded(mask))},
        "area": int(np.count_nonzero(mask)),
        "bbox": list(cv2.boundingRect(mask.view(np.uint8))),
        "iscrowd": 0,
    }


def _masks(label_map: LabelMap, without: int | None, *, per_region: bool) -> Iterator[tuple[int, Mask]]:
    """Yield each class of a label map with its pixels, or with those of each of its regions.

    Pixels that touch at a corner belong to one region.
    """
    for index in np.flatnonzero(np.bincount(label_map.ravel(), minlength=VOID)[:VOID]).tolist():
        if index == without:
            continue
        mask = label_map == index
        if not per_region:
            yield index, mask
            continue
        count, number = cv2.connectedComponents(mask.view(np.uint8), connectivity=8)
        for region in range(1, count):
            yield index, number == region
