"""Writers of data sets by others. It runs in the environment of the clients, and imports nothing of FCN Studio.

::

    python writers.py CLIENT SOURCE OUT

SOURCE is a VOC tree for ``datumaro``, else a JSON file of polygons: name -> corners. OUT gets the data sets, and
``truth.npz`` with what the client itself draws. Exit code 3 says that the client is absent.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

ABSENT = 3
SIZE = (640, 480)
"""(width, height) of the image that the polygons are drawn in."""

FORMATS = ("coco_instances", "cvat", "camvid")
"""What datumaro writes."""


def datumaro(source: Path, out: Path) -> None:
    from datumaro import Dataset

    data = Dataset.import_from(str(source), "voc_segmentation")
    for name in FORMATS:
        Dataset.from_extractors(data).export(str(out / name), name, save_media=True)


def pycocotools(source: Path, out: Path) -> None:
    """Write each polygon in an image of its own, as corners and as run lengths."""
    from pycocotools import mask as coco_mask

    polygons = json.loads(source.read_text())
    width, height = SIZE
    images, rows, truth = [], [], {}
    for number, (name, corners) in enumerate(polygons.items()):
        flat = [float(value) for corner in corners for value in corner]
        runs = coco_mask.merge(coco_mask.frPyObjects([flat], height, width))
        truth[name] = coco_mask.decode(runs)
        text = {"size": [height, width], "counts": runs["counts"].decode()}
        for kind, outline in (("polygon", [flat]), ("runs", text)):
            image = 2 * number + (kind == "runs")
            images.append({"id": image, "file_name": f"{kind}/{name}.jpg", "width": width, "height": height})
            rows.append({"id": image, "image_id": image, "category_id": 1, "segmentation": outline, "iscrowd": 0})
    content = {"images": images, "annotations": rows, "categories": [{"id": 1, "name": "shape"}]}
    (out / "instances.json").write_text(json.dumps(content))
    np.savez(out / "truth.npz", **truth)


def labelme(source: Path, out: Path) -> None:
    """Write each polygon as labelme does, and once more as a shape of the type "mask"."""
    import labelme as program
    from labelme import utils

    width, height = SIZE
    truth = {}
    for name, corners in json.loads(source.read_text()).items():
        drawn = utils.shape_to_mask((height, width), corners, shape_type="polygon")
        truth[name] = drawn
        rows, columns = np.flatnonzero(drawn.any(1)), np.flatnonzero(drawn.any(0))
        (top, bottom), (left, right) = (rows[0], rows[-1]), (columns[0], columns[-1])
        part = utils.img_arr_to_b64(drawn[top : bottom + 1, left : right + 1].astype(np.uint8))
        box = [[float(left), float(top)], [float(right), float(bottom)]]
        for kind, shape in (
            ("polygon", {"points": corners, "shape_type": "polygon"}),
            ("runs", {"points": box, "shape_type": "mask", "mask": part}),
        ):
            content = {
                "version": program.__version__,
                "flags": {},
                "shapes": [{"label": "shape", **shape}],
                "imagePath": f"{name}.jpg",
                "imageData": None,
                "imageHeight": height,
                "imageWidth": width,
            }
            (out / kind).mkdir(exist_ok=True)
            (out / kind / f"{name}.json").write_text(json.dumps(content))
    np.savez(out / "truth.npz", **truth)


WRITERS = {writer.__name__: writer for writer in (datumaro, pycocotools, labelme)}


def main() -> int:
    client, source, out = sys.argv[1:]
    try:
        WRITERS[client](Path(source), Path(out))
    except ModuleNotFoundError as error:
        print(f"{client} is not installed: {error}", file=sys.stderr)
        return ABSENT
    return 0


if __name__ == "__main__":
    sys.exit(main())
