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

from collections.abc import Generator, Sequence
from pathlib import Path

from fcn_studio.core.sample import Sample, Split
from fcn_studio.errors import ImageError, MaskError
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
    image_rgb, loaded = read_pair(project, sample)
    mask = encode_mask(loaded.labels.label_map)
    copied = write_image(project, sample, image_rgb, tree / IMAGES / f"{name}.jpg")
    (tree / MASKS / f"{name}.png").write_bytes(mask)
    return manifest_row(sample, loaded, mask, copied=copied)


def _write_tables(project: ProjectFolder, tree: Path, rows: list[dict[str, object]], *, void_row: bool) -> None:
    """Write the class files and the manifest."""
    write_class_files(tree, project.config.table, void_row=void_row)
    write_manifest(project, tree, rows)
