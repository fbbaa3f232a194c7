"""Export of images and grey masks in two folders, as most training frameworks read them.

::

    OUT/masks/
      images/{train,val}/<id>.jpg   upright JPEGs byte for byte, everything else converted
      masks/{train,val}/<id>.png    grey PNGs (mode L) whose values are the class indices, 255 void or unlabelled
      class_names.txt labelmap.txt manifest.json HOW_TO_TRAIN.md

Palette PNGs are read as colours or grey values by some readers (``convert("L")``, cv2 in grey); grey PNGs are not.
"""

from __future__ import annotations

from fcn_studio.formats.exporters.base import ExportRequest, ExportSteps
from fcn_studio.formats.exporters.data_set import names_in_order, write_data_set
from fcn_studio.formats.exporters.pairs import Pair
from fcn_studio.formats.voc.masks import encode_grey_mask

_HOW_TO = """
`images/train` and `images/val` have the images, `masks/train` and `masks/val` masks of the same names. A mask is a
grey PNG whose values are class indices; 255 is void and must be ignored by the loss.

mmsegmentation:

```python
dataset = dict(
    type="BaseSegDataset",
    data_root="masks",
    data_prefix=dict(img_path="images/train", seg_map_path="masks/train"),
    img_suffix=".jpg",
    seg_map_suffix=".png",
    reduce_zero_label=False,
    metainfo=dict(classes={classes}),
)
```

PyTorch:

```python
image = torchvision.io.decode_image("images/train/NAME.jpg").float() / 255
mask = torchvision.io.decode_image("masks/train/NAME.png")[0].long()
loss = torch.nn.functional.cross_entropy(network(image[None]), mask[None], ignore_index=255)
```
"""


def export(request: ExportRequest) -> ExportSteps:
    """Write ``masks`` as `ExportFormat.run` says."""

    def write_pair(pair: Pair) -> None:
        pair.write_image(f"images/{pair.split}/{pair.name}.jpg")
        pair.write_mask(f"masks/{pair.split}/{pair.name}.png", encode_grey_mask(pair.label_map))

    how_to = _HOW_TO.format(classes=tuple(names_in_order(request.project.config.table)))
    return write_data_set(request, "masks", write_pair, how_to)
