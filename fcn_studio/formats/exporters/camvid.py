"""Export of images and colour masks, as CamVid has them.

::

    OUT/camvid/
      train/<id>.png val/<id>.png
      train_labels/<id>_L.png val_labels/<id>_L.png   RGB PNGs; each class has VOC's colour of its index
      class_dict.csv manifest.json HOW_TO_TRAIN.md
"""

from __future__ import annotations

import csv
from pathlib import Path

from fcn_studio.core.classes import VOID, voc_colour, voc_palette
from fcn_studio.formats.exporters.base import ExportRequest, ExportSteps
from fcn_studio.formats.exporters.data_set import write_data_set
from fcn_studio.formats.exporters.pairs import Pair
from fcn_studio.formats.voc.class_files import unique_names
from fcn_studio.formats.voc.masks import encode_colour_mask

_HOW_TO = """
A mask is an RGB PNG. `class_dict.csv` gives the colour of each class; void has a row and a colour of its own. The
code numbers the classes as the rows of that file.

```python
import csv
import numpy
from PIL import Image

rows = list(csv.DictReader(open("class_dict.csv", encoding="utf-8")))
colours = numpy.array([[int(row[channel]) for channel in "rgb"] for row in rows])
picture = numpy.array(Image.open("train_labels/NAME_L.png"))
mask = (picture[:, :, None] == colours).all(3).argmax(2)  # the row of class_dict.csv of each pixel
void = next(number for number, row in enumerate(rows) if row["name"] == "{void}")
loss = torch.nn.functional.cross_entropy(scores, torch.from_numpy(mask)[None], ignore_index=void)
```
"""


def export(request: ExportRequest) -> ExportSteps:
    """Write ``camvid`` as `ExportFormat.run` says."""
    palette, names = voc_palette(), unique_names(request.project.config.table)
    void = "Void"
    while void.casefold() in {name.casefold() for name in names.values()}:
        void += "_"

    def write_pair(pair: Pair) -> None:
        pair.write_image(f"{pair.split}/{pair.name}.png")
        pair.write_mask(f"{pair.split}_labels/{pair.name}_L.png", encode_colour_mask(palette[pair.label_map]))

    def finish(folder: Path) -> None:
        with (folder / "class_dict.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["name", "r", "g", "b"])
            writer.writerows([name, *voc_colour(index)] for index, name in (*names.items(), (VOID, void)))

    return write_data_set(request, "camvid", write_pair, _HOW_TO.replace("{void}", void), finish=finish)
