"""Export of annotations as a VOC data set of its own.

Any reader of PASCAL VOC 2012 takes it.

::

    OUT/VOCdevkit/VOC2012/
      JPEGImages/<id>.jpg          upright JPEGs byte for byte, everything else converted
      SegmentationClass/<id>.png   palette PNGs with the class indices, 255 void or unlabelled
      ImageSets/Segmentation/{train,val,trainval}.txt
      labelmap.txt class_names.txt manifest.json
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Generator, Sequence
from pathlib import Path

from fcn_studio import __version__
from fcn_studio.core.classes import ClassTable
from fcn_studio.core.sample import Sample, Split
from fcn_studio.errors import ImageError, MaskError
from fcn_studio.formats.atomic import CANNOT_WRITE, os_errors_as
from fcn_studio.formats.exporters.base import ExportResult, ExportSteps, flat_ids, new_folder, refuse_if_all_failed
from fcn_studio.formats.images.images import is_upright_jpeg, read_image, write_jpeg
from fcn_studio.formats.images.scan import IMAGES, MASKS
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.voc.class_files import write_class_files
from fcn_studio.formats.voc.masks import encode_mask
from fcn_studio.formats.voc.voc import DEVKIT, LISTS

YEAR = "VOC2012"


def export(project: ProjectFolder, out: Path, samples: Sequence[Sample], *, void_row: bool) -> ExportSteps:
    """Write ``out/VOCdevkit/VOC2012`` as `ExportFormat.run` says.

    Args:
        project: where the samples come from.
        out: the folder that gets the data set.
        samples: the images.
        void_row: whether ``labelmap.txt`` has a row for void.
    """
    devkit = out / DEVKIT
    with new_folder(devkit) as temporary:
        lists, failed = yield from _write_tree(project, temporary / YEAR, samples, void_row=void_row)
        refuse_if_all_failed(samples, failed)
    return ExportResult(devkit / YEAR, len(lists[Split.TRAIN]), len(lists[Split.VAL]), failed)


def _write_tree(
    project: ProjectFolder, tree: Path, samples: Sequence[Sample], *, void_row: bool
) -> Generator[tuple[int, int], None, tuple[dict[Split, list[str]], dict[str, str]]]:
    """Write a whole VOC tree and yield (done, total).

    Returns its lists, and why images were left out.
    """
    names = flat_ids([sample.mask_id for sample in samples])
    lists: dict[Split, list[str]] = {split: [] for split in Split}
    rows: list[dict[str, object]] = []
    failed: dict[str, str] = {}
    with os_errors_as(CANNOT_WRITE, tree):
        for folder in (IMAGES, MASKS, LISTS):
            (tree / folder).mkdir(parents=True)
        for done, (sample, name) in enumerate(zip(samples, names, strict=True), 1):
            split = project.splits.of(sample)
            try:
                row = _write_pair(project, tree, sample, name)
            except (ImageError, MaskError) as error:
                failed[sample.image_id] = str(error)
            else:
                lists[split].append(name)
                rows.append({"id": name, "split": split.value, **row})
            yield done, len(samples)
        for title, ids in (*lists.items(), ("trainval", sorted([*lists[Split.TRAIN], *lists[Split.VAL]]))):
            (tree / LISTS / f"{title}.txt").write_text("".join(f"{i}\n" for i in ids), encoding="utf-8")
        _write_tables(project, tree, rows, void_row=void_row)
    return lists, failed


def _write_pair(project: ProjectFolder, tree: Path, sample: Sample, name: str) -> dict[str, object]:
    """Write one image and its mask.

    Returns what the manifest says of them.

    Raises:
        ImageError, MaskError: if they cannot be read; nothing of them is then left.
    """
    # A JPEG is decoded, too, that is only copied: whoever gets it must not be the first to see that it is cut off.
    image_rgb = read_image(sample.image_path, max_pixels=project.max_pixels, levels=project.config.grey_levels)
    loaded = project.annotations.load(sample, image_rgb.shape[1::-1], peek=True)
    loaded.refuse_other_image()
    mask = encode_mask(loaded.labels.label_map)
    target = tree / IMAGES / f"{name}.jpg"
    copied = is_upright_jpeg(sample.image_path, max_pixels=project.max_pixels)
    if copied:
        shutil.copyfile(sample.image_path, target)
    else:
        write_jpeg(target, image_rgb)
    (tree / MASKS / f"{name}.png").write_bytes(mask)
    return {
        "image": sample.image_id,
        "image_sha256": hashlib.sha256(sample.image_path.read_bytes()).hexdigest(),
        "converted": not copied,
        "mask_sha256": hashlib.sha256(mask).hexdigest(),
        "status": loaded.status.value,
        "prelabelled_by": loaded.prelabelled_by,
    }


def _write_tables(project: ProjectFolder, tree: Path, rows: list[dict[str, object]], *, void_row: bool) -> None:
    """Write the class files and the manifest."""
    table = project.config.table
    write_class_files(tree, table, void_row=void_row)
    manifest = {
        "made_by": f"FCN Studio {__version__}",
        "project_id": project.config.project_id,
        "classes": _classes(table),
        "images": rows,
    }
    (tree / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="ascii")


def _classes(table: ClassTable) -> list[dict[str, object]]:
    """Return the class table as plain values."""
    return [{"index": c.index, "name": c.name, "colour": list(c.colour), "retired": c.retired} for c in table.classes]
