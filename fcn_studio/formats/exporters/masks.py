"""Export of images and grey masks in two folders, as most training frameworks read them.

::

    OUT/masks/
      images/{train,val}/<id>.jpg   upright JPEGs byte for byte, everything else converted
      masks/{train,val}/<id>.png    grey PNGs (mode L) whose values are the class indices, 255 void or unlabelled
      class_names.txt labelmap.txt manifest.json HOW_TO_TRAIN.md

Palette PNGs are read as colours or grey values by some readers (``convert("L")``, cv2 in grey); grey PNGs are not.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.labels import LabelMap, Labels, Provenance
from fcn_studio.core.sample import Sample, Split
from fcn_studio.errors import ImageError, MaskError, ProjectError
from fcn_studio.formats.atomic import CANNOT_WRITE, os_errors_as
from fcn_studio.formats.exporters.base import (
    ExportResult,
    ExportSteps,
    flat_ids,
    manifest_row,
    new_folder,
    read_pair,
    refuse_if_all_failed,
    write_image,
    write_manifest,
)
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.voc.class_files import write_class_files
from fcn_studio.formats.voc.masks import encode_grey_mask
from fcn_studio.i18n import tr

_FOLDER = "masks"

_HOW_TO = """# How to train on this data set

`images/train` and `images/val` have the images, `masks/train` and `masks/val` masks of the same names. A mask is a
grey PNG whose values are class indices; 255 is void and must be ignored by the loss. There are {count} classes:

{names}

mmsegmentation:

```python
dataset = dict(
    type="BaseSegDataset",
    data_root="{folder}",
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


def export(project: ProjectFolder, out: Path, samples: Sequence[Sample], *, as_background: bool) -> ExportSteps:
    """Write ``out/masks`` as `ExportFormat.run` says.

    Args:
        project: where the samples come from.
        out: the folder that gets the data set.
        samples: the images.
        as_background: whether unlabelled pixels become background rather than 255.

    Raises:
        ProjectError: if unlabelled pixels are to become background, and there is no such class.
    """
    background = project.config.table.background_index
    if as_background and background is None:
        raise ProjectError(
            tr("{folder} has no class named background; leave unlabelled pixels as 255", folder=project.folder)
        )
    target = out / _FOLDER
    with new_folder(target) as temporary:
        unlabelled = background if as_background else None
        counts, failed = yield from _write_pairs(project, temporary, samples, unlabelled)
        refuse_if_all_failed(samples, failed)
        with os_errors_as(CANNOT_WRITE, temporary):
            write_class_files(temporary, project.config.table)
            _write_how_to(temporary, project.config.table, target.name)
    return ExportResult(target, counts[Split.TRAIN], counts[Split.VAL], failed)


def _write_pairs(
    project: ProjectFolder, folder: Path, samples: Sequence[Sample], unlabelled: int | None
) -> Generator[tuple[int, int], None, tuple[dict[Split, int], dict[str, str]]]:
    """Write images, masks and the manifest, and yield (done, total).

    Returns the number of images of each split, and why images were left out.
    """
    names = flat_ids([sample.mask_id for sample in samples])
    counts, failed = dict.fromkeys(Split, 0), dict[str, str]()
    rows: list[dict[str, object]] = []
    with os_errors_as(CANNOT_WRITE, folder):
        for split in Split:
            for kind in ("images", "masks"):
                (folder / kind / split.value).mkdir(parents=True)
        for done, (sample, name) in enumerate(zip(samples, names, strict=True), 1):
            split = project.splits.of(sample)
            try:
                image_rgb, loaded = read_pair(project, sample)
            except (ImageError, MaskError) as error:
                failed[sample.image_id] = str(error)
            else:
                mask = encode_grey_mask(_filled(loaded.labels, unlabelled))
                copied = write_image(project, sample, image_rgb, folder / "images" / split.value / f"{name}.jpg")
                (folder / "masks" / split.value / f"{name}.png").write_bytes(mask)
                counts[split] += 1
                rows.append({"id": name, "split": split.value, **manifest_row(sample, loaded, mask, copied=copied)})
            yield done, len(samples)
        write_manifest(project, folder, rows)
    return counts, failed


def _filled(labels: Labels, unlabelled: int | None) -> LabelMap:
    """Return the label map, with a class in place of unlabelled pixels if one is given."""
    if unlabelled is None:
        return labels.label_map
    return np.where(labels.provenance == Provenance.NOBODY, np.uint8(unlabelled), labels.label_map)


def _write_how_to(folder: Path, table: ClassTable, name: str) -> None:
    classes = {info.index: info.name for info in table.classes}
    in_order = [classes.get(index, f"unused_{index}") for index in range(max(classes, default=-1) + 1)]
    names = "\n".join(f"- {index}: {name}" for index, name in enumerate(in_order))
    text = _HOW_TO.format(count=len(in_order), names=names, classes=tuple(in_order), folder=name)
    (folder / "HOW_TO_TRAIN.md").write_text(text, encoding="utf-8")
