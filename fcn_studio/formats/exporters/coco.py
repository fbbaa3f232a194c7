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
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
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
from fcn_studio.formats.rle import as_text, encoded_part
from fcn_studio.formats.voc.class_files import unique_names, write_class_files

Box = tuple[int, int, int, int]
"""x, y, width and height in pixels."""

_HOW_TO = """
`annotations/instances_train.json` describes the images of `images/train`, and so on.
Each annotation is {one}.
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
    described = {split: _Description() for split in Split}

    def write_pair(pair: Pair) -> None:
        name = f"{pair.name}.jpg"
        pair.write_image(f"images/{pair.split}/{name}")
        if request.choices.images == "leave":
            name = pair.sample.image_path.absolute().as_posix()
        described[pair.split].add(name, pair.size, _annotations(pair.label_map, without, per_region=per_region))

    def finish(tree: Path) -> None:
        names = unique_names(table)
        (tree / "annotations").mkdir()
        for split, description in described.items():
            if description.images or split in (Split.TRAIN, Split.VAL):
                text = json.dumps(description.content(names), separators=(",", ":"))
                (tree / "annotations" / f"instances_{split}.json").write_text(text, encoding="ascii")
        write_class_files(tree, table)

    told = without is None  # whether background can be told from void
    how_to = _HOW_TO.format(
        one="a connected region of a class" if per_region else "all pixels of a class in an image",
        background=f"Pixels without annotation are {'void' if told else 'background or void'}.",
    )
    return write_data_set(request, "coco", write_pair, how_to, finish=finish)


@dataclass(slots=True)
class _Description:
    """What the JSON file of a split says.

    Attributes:
        images: a row for each image.
        annotations: a row for each annotation.
    """

    images: list[dict[str, Any]] = field(default_factory=list)
    annotations: list[dict[str, Any]] = field(default_factory=list)

    def add(self, file_name: str, size: tuple[int, int], annotations: Iterable[dict[str, Any]]) -> None:
        """Add an image of a size (width, height) with its annotations."""
        number = len(self.images) + 1
        self.images.append({"id": number, "file_name": file_name, "width": size[0], "height": size[1]})
        for annotation in annotations:
            self.annotations.append({"id": len(self.annotations) + 1, "image_id": number, **annotation})

    def content(self, names: Mapping[int, str]) -> dict[str, Any]:
        """Return the content of the file, given the name of each class index."""
        return {
            "info": {"description": f"Exported by FCN Studio {__version__}"},
            "licenses": [],
            "images": self.images,
            "annotations": self.annotations,
            "categories": [{"id": i + 1, "name": name, "supercategory": ""} for i, name in sorted(names.items())],
        }


def annotation_of(index: int, part: Mask, box: Box, size: tuple[int, int]) -> dict[str, Any]:
    """Return what COCO says of pixels of a class, without the ids of annotation and image.

    Args:
        index: the class index.
        part: bool (H, W), which pixels of a rectangle they are.
        box: x, y, width and height of the rectangle.
        size: (width, height) of the image.
    """
    return {
        "category_id": index + 1,
        "segmentation": {"size": [size[1], size[0]], "counts": as_text(encoded_part(part, box[:2], size))},
        "area": int(np.count_nonzero(part)),
        "bbox": list(box),
        "iscrowd": 0,
    }


def _annotations(label_map: LabelMap, without: int | None, *, per_region: bool) -> Iterator[dict[str, Any]]:
    """Yield the annotations of each class of a label map, or of each of its regions.

    Pixels that touch at a corner belong to one region.
    """
    size = label_map.shape[1], label_map.shape[0]
    for index in np.flatnonzero(np.bincount(label_map.ravel(), minlength=VOID)[:VOID]).tolist():
        if index == without:
            continue
        mask = (label_map == index).view(np.uint8)
        if not per_region:
            x, y, width, height = cv2.boundingRect(mask)
            part = mask[y : y + height, x : x + width]
            yield annotation_of(index, part.view(np.bool_), (x, y, width, height), size)
            continue
        count, numbers, boxes, _ = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_32S)
        for number in range(1, count):
            x, y, width, height = boxes[number, :4].tolist()
            part = numbers[y : y + height, x : x + width] == number
            yield annotation_of(index, part, (x, y, width, height), size)
