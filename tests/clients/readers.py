"""Readers of data sets by others. It runs in the environment of the clients, and imports nothing of FCN Studio.

::

    python readers.py CLIENT RESULT.npz FOLDER...

RESULT gets the label maps of each folder, as "number of the folder/name". Exit code 3 says that the client is absent.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import types
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

Maps = dict[str, np.ndarray]

ABSENT = 3
VOID = 255
NONE = 254
"""Value of pixels for which a reader has nothing."""


def torchvision(folder: Path) -> Maps:
    from torchvision.datasets import VOCSegmentation

    data = VOCSegmentation(folder.parent.parent, "2012", "trainval")
    return {Path(path).stem: np.asarray(mask) for path, (_image, mask) in zip(data.masks, data, strict=True)}


def datumaro(folder: Path) -> Maps:
    from datumaro import Dataset
    from datumaro.components.annotation import AnnotationType

    data = Dataset.import_from(str(folder), "voc_segmentation")
    labels = data.categories()[AnnotationType.label]
    found = {}
    for item in data:
        (height, width) = item.annotations[0].image.shape
        label_map = np.full((height, width), NONE, np.uint8)
        for mask in item.annotations:
            label_map[mask.image] = VOID if labels[mask.label].name == "void" else mask.label
        found[item.id] = label_map
    return found


def pycocotools(folder: Path) -> Maps:
    from pycocotools.coco import COCO

    found = {}
    for path in (folder / "annotations").glob("instances_*.json"):
        coco = COCO(str(path))
        for image in coco.imgs.values():
            label_map = np.full((image["height"], image["width"]), VOID, np.uint8)
            for annotation in coco.loadAnns(coco.getAnnIds(image["id"])):
                label_map[coco.annToMask(annotation) == 1] = annotation["category_id"] - 1
            found[Path(image["file_name"]).stem] = label_map
    return found


def huggingface(folder: Path, mode: str | None = None) -> Maps:
    from datasets import Image as ImageFeature
    from datasets import load_dataset

    with tempfile.TemporaryDirectory() as cache:
        data = load_dataset("imagefolder", data_dir=str(folder), cache_dir=cache)
        if mode is not None:
            data = data.cast_column("label", ImageFeature(mode=mode))
        return {row["id"]: np.asarray(row["label"]) for split in data.values() for row in split}


def huggingface_grey(folder: Path) -> Maps:
    return huggingface(folder, "L")


def nnunet(folder: Path) -> Maps:
    """The labels of nnU-Net, which are not the class indices."""
    from nnunetv2.experiment_planning.verify_dataset_integrity import verify_dataset_integrity
    from nnunetv2.imageio.natural_image_reader_writer import NaturalImage2DIO

    verify_dataset_integrity(str(folder), num_processes=1)
    labels = [path for part in ("labelsTr", "labelsTs") for path in (folder / part).glob("*.png")]
    return {path.stem: NaturalImage2DIO().read_seg(str(path))[0].astype(np.uint8)[0, 0] for path in labels}


def ultralytics(folder: Path) -> Maps:
    from ultralytics.data.dataset import SemanticDataset
    from ultralytics.data.utils import check_det_dataset

    data = check_det_dataset(str(folder / "data.yaml"), autodownload=False)
    found = {}
    for split in ("train", "val", "test"):
        if data.get(split):
            dataset = SemanticDataset(img_path=data[split], data=data, imgsz=48, augment=False, cache=False)
            for index, label in enumerate(dataset.labels):
                found[Path(label["im_file"]).stem] = dataset.load_mask(index)
    return found


def ultralytics_polygons(folder: Path) -> Maps:
    from ultralytics.data.utils import check_det_dataset, polygon2mask, verify_image_label

    data = check_det_dataset(str(folder / "data.yaml"), autodownload=False)
    found = {}
    for image in sorted((folder / "images").glob("*/*.jpg")):
        text = folder / "labels" / image.parent.name / f"{image.stem}.txt"
        result = verify_image_label((str(image), str(text), "", False, len(data["names"]), 0, 0, False))
        _file, rows, (height, width), segments = result[:4]
        assert len(rows) == len(segments) == len(text.read_text().splitlines())
        label_map = np.full((height, width), VOID, np.uint8)
        for row, segment in zip(rows, segments, strict=True):
            inside = polygon2mask((height, width), [(segment * (width, height)).reshape(-1)])
            label_map[inside > 0] = int(row[0])
        found[image.stem] = label_map
    return found


def mmsegmentation(folder: Path, backend: str = "pillow") -> Maps:
    compiled = types.ModuleType(
        "mmcv.ops"
    )  # mmcv-lite has no compiled operations; mmseg imports this one, unused here
    compiled.point_sample = compiled.sigmoid_focal_loss = None
    sys.modules["mmcv.ops"] = compiled
    from mmseg.datasets.transforms import LoadAnnotations

    load = LoadAnnotations(imdecode_backend=backend)
    found = {}
    for path in (folder / "masks").glob("*/*.png"):
        results = {"seg_map_path": str(path), "reduce_zero_label": False, "seg_fields": []}
        found[path.stem] = load(results)["gt_seg_map"]
    return found


def mmsegmentation_cv2(folder: Path) -> Maps:
    return mmsegmentation(folder, "cv2")


def detectron2(folder: Path) -> Maps:
    """As `detectron2.data.detection_utils.read_image(file, "L")`, which is not on PyPI."""
    found = {}
    for path in (folder / "masks").glob("*/*.png"):
        with Image.open(path) as image:
            found[path.stem] = np.asarray(image.convert("L"))
    return found


def supervision(folder: Path) -> Maps:
    """The polygons; shapes of the type "mask" are left out with a warning, and are `NONE` here."""
    from supervision import DetectionDataset

    found = {}
    names = (folder / "labels.txt").read_text(encoding="utf-8").splitlines()
    for part in (path for path in folder.iterdir() if path.is_dir()):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            data = DetectionDataset.from_labelme(str(part), str(part), force_masks=True)
        for path, _image, detections in data:
            file = json.loads(Path(path).with_suffix(".json").read_text(encoding="utf-8"))
            label_map = np.full((file["imageHeight"], file["imageWidth"]), NONE, np.uint8)
            for mask, number in zip(detections.mask, detections.class_id, strict=True):
                name = data.classes[number]
                label_map[mask] = VOID if name == "__ignore__" else names.index(name) - 1
            found[Path(path).stem] = label_map
    return found


def labelme(folder: Path) -> Maps:
    from labelme import utils
    from labelme._label_file import LabelFile

    names = (folder / "labels.txt").read_text(encoding="utf-8").splitlines()
    values = {name: index for index, name in enumerate(names)} | {"__ignore__": VOID + 1}
    found = {}
    for path in folder.glob("*/*.json"):
        file = LabelFile(str(path))
        shape = utils.img_data_to_arr(file.image_data).shape
        label_map, _instances = utils.shapes_to_label(shape, file.shapes, values)
        without_shape = 1 if "_background_" in names else VOID + 1
        found[path.stem] = (np.where(label_map == 0, without_shape, label_map) - 1).astype(np.uint8)
    return found


READERS: dict[str, Callable[[Path], Maps]] = {
    reader.__name__: reader
    for reader in (
        torchvision, datumaro, pycocotools, huggingface, huggingface_grey, nnunet, ultralytics, ultralytics_polygons,
        mmsegmentation, mmsegmentation_cv2, detectron2, supervision, labelme,
    )
}  # fmt: skip


def main() -> int:
    client, result, *folders = sys.argv[1:]
    os.environ |= {"HF_HUB_OFFLINE": "1", "YOLO_CONFIG_DIR": str(Path(result).parent), "YOLO_OFFLINE": "1"}
    try:
        found = [READERS[client](Path(folder)) for folder in folders]
    except ModuleNotFoundError as error:
        print(f"{client} is not installed: {error}", file=sys.stderr)
        return ABSENT
    maps = {
        f"{number}/{name}": label_map for number, of_one in enumerate(found) for name, label_map in of_one.items()
    }
    np.savez(result, **maps)
    return 0


if __name__ == "__main__":
    sys.exit(main())
