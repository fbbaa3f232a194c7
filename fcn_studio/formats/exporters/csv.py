"""Export of figures: a row for each image.

::

    OUT/statistics/
      images.csv    image, split, status, size, pixels of each class, void, unlabelled, shares by who labelled
      classes.csv   index, name, images, pixels
      manifest.json HOW_TO_TRAIN.md
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import Provenance
from fcn_studio.formats.exporters.base import ExportRequest, ExportSteps
from fcn_studio.formats.exporters.data_set import write_data_set
from fcn_studio.formats.exporters.pairs import Pair
from fcn_studio.formats.voc.class_files import unique_names

_HOW_TO = """
There are no images and no masks here, only figures. `images.csv` has the pixels of each class in each image, and
`classes.csv` those of the whole data set.

```python
import pandas

images = pandas.read_csv("images.csv")
classes = pandas.read_csv("classes.csv")
print(images.groupby(["split", "status"]).size())
print(images.filter(like="pixels of ").sum())
weights = classes.pixels.sum() / (len(classes) * classes.pixels.clip(lower=1))  # for the loss, rare classes more
print(images[images.labelled_by_human < 0.5].image)
```
"""


def export(request: ExportRequest) -> ExportSteps:
    """Write ``statistics`` as `ExportFormat.run` says."""
    names = unique_names(request.project.config.table)
    rows: list[list[object]] = []
    images, pixels = dict.fromkeys(names, 0), dict.fromkeys(names, 0)

    def write_pair(pair: Pair) -> None:
        counts = np.bincount(pair.label_map.ravel(), minlength=VOID + 1).tolist()
        nobody = int(np.count_nonzero(pair.labels.provenance == Provenance.NOBODY))
        for index in names:
            images[index] += counts[index] > 0
            pixels[index] += counts[index]
        of_classes = [counts[index] for index in names]
        of_image = [pair.sample.image_id, pair.split.value, pair.status, *pair.size]
        rows.append([*of_image, *of_classes, counts[VOID] - nobody, nobody, *pair.shares().values()])

    def finish(folder: Path) -> None:
        shares = [f"labelled_by_{who.name.lower()}" for who in Provenance]
        titles = ["image", "split", "status", "width", "height", *(f"pixels of {name}" for name in names.values())]
        _write(folder / "images.csv", [*titles, "void", "unlabelled", *shares], rows)
        totals = [[index, name, images[index], pixels[index]] for index, name in names.items()]
        _write(folder / "classes.csv", ["index", "name", "images", "pixels"], totals)

    return write_data_set(request, "statistics", write_pair, _HOW_TO, finish=finish)


def _write(path: Path, titles: list[str], rows: list[list[object]]) -> None:
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        csv.writer(file).writerows([titles, *rows])
