"""Export in the folders of Cityscapes, with the class indices of the project.

::

    OUT/cityscapes/
      leftImg8bit/{train,val}/project/<id>_leftImg8bit.png
      gtFine/{train,val}/project/<id>_gtFine_labelIds.png   grey PNGs (mode L) with the class indices, 255 is ignored
      labels.json manifest.json HOW_TO_TRAIN.md
"""

from __future__ import annotations

import json
from pathlib import Path

from fcn_studio.core.classes import VOID, voc_colour
from fcn_studio.formats.exporters.base import ExportRequest, ExportSteps
from fcn_studio.formats.exporters.data_set import write_data_set
from fcn_studio.formats.exporters.pairs import Pair
from fcn_studio.formats.voc.class_files import unique_names
from fcn_studio.formats.voc.masks import encode_grey_mask

_HOW_TO = """
The folders are those of Cityscapes; the ids are not. A mask has the class indices of the project, which `labels.json`
names, and 255 for void. Do not use the table of ids and train ids that comes with Cityscapes.

torchvision:

```python
import numpy, torch, torchvision

data = torchvision.datasets.Cityscapes(".", split="train", mode="fine", target_type="semantic")
image, mask = data[0]
image = torchvision.transforms.functional.to_tensor(image)
mask = torch.from_numpy(numpy.array(mask)).long()
loss = torch.nn.functional.cross_entropy(network(image[None]), mask[None], ignore_index=255)
```

mmsegmentation: `BaseSegDataset` with `img_suffix="_leftImg8bit.png"`, `seg_map_suffix="_gtFine_labelIds.png"`,
`data_prefix=dict(img_path="leftImg8bit/train", seg_map_path="gtFine/train")` and `reduce_zero_label=False`.
"""


def export(request: ExportRequest) -> ExportSteps:
    """Write ``cityscapes`` as `ExportFormat.run` says."""

    def write_pair(pair: Pair) -> None:
        place = f"{pair.split}/project/{pair.name}"
        pair.write_image(f"leftImg8bit/{place}_leftImg8bit.png")
        pair.write_mask(f"gtFine/{place}_gtFine_labelIds.png", encode_grey_mask(pair.label_map))

    def finish(folder: Path) -> None:
        names = unique_names(request.project.config.table)
        rows = [
            {"name": name, "id": index, "trainId": index, "color": list(voc_colour(index))}
            for index, name in (*names.items(), (VOID, "void"))
        ]
        (folder / "labels.json").write_text(json.dumps(rows, indent=1), encoding="ascii")

    return write_data_set(request, "cityscapes", write_pair, _HOW_TO, finish=finish)
