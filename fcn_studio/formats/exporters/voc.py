"""Export of annotations as a VOC data set of its own.

Any reader of PASCAL VOC 2012 takes it.

::

    OUT/VOCdevkit/VOC2012/
      JPEGImages/<id>.jpg          upright JPEGs byte for byte, everything else converted
      SegmentationClass/<id>.png   palette PNGs with the class indices, 255 void or unlabelled
      ImageSets/Segmentation/{train,val,trainval,test}.txt, the last if there are test images
      labelmap.txt class_names.txt manifest.json HOW_TO_TRAIN.md
"""

from __future__ import annotations

from pathlib import Path

from fcn_studio.core.sample import Split
from fcn_studio.formats.exporters.base import ExportRequest, ExportSteps
from fcn_studio.formats.exporters.data_set import write_data_set
from fcn_studio.formats.exporters.pairs import Pair
from fcn_studio.formats.images.scan import IMAGES, MASKS
from fcn_studio.formats.voc.class_files import write_class_files
from fcn_studio.formats.voc.lists import LISTS
from fcn_studio.formats.voc.masks import encode_mask
from fcn_studio.formats.voc.voc import DEVKIT

YEAR = "VOC2012"

_HOW_TO = """
This is a data set in the form of PASCAL VOC 2012. A mask is a palette PNG whose values are class indices; 255 is
void. Open masks with Pillow and do not convert them: `convert("L")` and OpenCV give the grey of the colours.

torchvision, in the folder that holds `VOCdevkit`:

```python
import numpy, torch, torchvision

data = torchvision.datasets.VOCSegmentation(".", year="2012", image_set="train")
image, mask = data[0]
image = torchvision.transforms.functional.to_tensor(image)
mask = torch.from_numpy(numpy.array(mask)).long()
loss = torch.nn.functional.cross_entropy(network(image[None]), mask[None], ignore_index=255)
```
"""


def export(request: ExportRequest, *, void_row: bool) -> ExportSteps:
    """Write ``VOCdevkit/VOC2012`` as `ExportFormat.run` says.

    Args:
        request: what is exported, and where to.
        void_row: whether ``labelmap.txt`` has a row for void.
    """
    lists: dict[Split, list[str]] = {split: [] for split in Split}

    def write_pair(pair: Pair) -> None:
        pair.write_image(f"{IMAGES}/{pair.name}.jpg")
        pair.write_mask(f"{MASKS}/{pair.name}.png", encode_mask(pair.label_map))
        lists[pair.split].append(pair.name)

    def finish(tree: Path) -> None:
        (tree / LISTS).mkdir(parents=True)
        written = [(split.value, ids) for split, ids in lists.items() if ids or split in (Split.TRAIN, Split.VAL)]
        for title, ids in (*written, ("trainval", sorted([*lists[Split.TRAIN], *lists[Split.VAL]]))):
            (tree / LISTS / f"{title}.txt").write_text("".join(f"{i}\n" for i in ids), encoding="utf-8")
        write_class_files(tree, request.project.config.table, void_row=void_row)

    return write_data_set(request, DEVKIT, write_pair, _HOW_TO, inside=YEAR, finish=finish)
