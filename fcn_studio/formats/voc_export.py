"""A project's annotations -> a VOC data set of its own, which any reader of PASCAL VOC 2012 takes.

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
import re
import secrets
import shutil
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fcn_studio import __version__
from fcn_studio.core.classes import ClassTable
from fcn_studio.core.sample import Sample, Split
from fcn_studio.errors import ProjectError
from fcn_studio.formats.atomic import told
from fcn_studio.formats.images import image_size, is_upright_jpeg, read_image, write_jpeg
from fcn_studio.formats.masks import encode_mask
from fcn_studio.formats.project_folder import ProjectFolder
from fcn_studio.formats.scan import IMAGES, MASKS
from fcn_studio.formats.voc import DEVKIT, LISTS, class_file_lines

YEAR = "VOC2012"


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What an export wrote.

    Attributes:
        folder: the VOC tree, ``OUT/VOCdevkit/VOC2012``.
        train: number of images in its train list.
        val: number of images in its val list.
    """

    folder: Path
    train: int
    val: int


def export_voc(project: ProjectFolder, out: Path, samples: Sequence[Sample]) -> Generator[int, None, ExportResult]:
    """Write the images and masks of ``samples`` to ``out/VOCdevkit``; yields the number of images done.

    All or nothing: the tree appears when the generator is exhausted; closing it before leaves nothing behind.

    Raises:
        ProjectError: if there is a VOCdevkit with something in it, ``out`` lies among the project's images,
            no image is given, or anything cannot be written.
        ImageError, MaskError: if an image or its mask cannot be read.
    """
    out = out.absolute()
    devkit = out / DEVKIT
    if not samples:
        raise ProjectError(f"{project.folder}: no image was chosen for export; verify some or choose other statuses")
    if out.resolve().is_relative_to(project.image_root.resolve()):
        raise ProjectError(f"{out} lies among the project's images; choose a folder outside {project.image_root}")
    with told("written", devkit):
        if devkit.exists() and any(devkit.iterdir()):
            raise ProjectError(f"{devkit} is there already and not empty; choose another folder or move it away")
        out.mkdir(parents=True, exist_ok=True)
    temporary = out / f".{DEVKIT}-{secrets.token_hex(4)}"
    try:
        result = yield from _write_tree(project, temporary / YEAR, samples)
        with told("written", devkit):
            if devkit.exists():
                devkit.rmdir()
            temporary.rename(devkit)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return ExportResult(devkit / YEAR, result[Split.TRAIN], result[Split.VAL])


def _write_tree(
    project: ProjectFolder, tree: Path, samples: Sequence[Sample]
) -> Generator[int, None, dict[Split, int]]:
    """Write a whole VOC tree; yields the number of images done, returns how many are in each list."""
    names = flat_ids([sample.mask_id for sample in samples])
    lists: dict[Split, list[str]] = {split: [] for split in Split}
    rows: list[dict[str, object]] = []
    with told("written", tree):
        for folder in (IMAGES, MASKS, LISTS):
            (tree / folder).mkdir(parents=True)
        for done, (sample, name) in enumerate(zip(samples, names, strict=True), 1):
            split = project.split(sample)
            lists[split].append(name)
            rows.append({"id": name, "split": split.value, **_write_pair(project, tree, sample, name)})
            yield done
        for title, ids in (*lists.items(), ("trainval", sorted([*lists[Split.TRAIN], *lists[Split.VAL]]))):
            (tree / LISTS / f"{title}.txt").write_text("".join(f"{i}\n" for i in ids), encoding="utf-8")
        _write_tables(project, tree, rows)
    return {split: len(ids) for split, ids in lists.items()}


def _write_pair(project: ProjectFolder, tree: Path, sample: Sample, name: str) -> dict[str, object]:
    """Write one image and its mask; returns what the manifest says of them."""
    loaded = project.load_labels(sample, image_size(sample.image_path))
    mask = encode_mask(loaded.labels.label_map)
    (tree / MASKS / f"{name}.png").write_bytes(mask)
    target = tree / IMAGES / f"{name}.jpg"
    copied = is_upright_jpeg(sample.image_path)
    if copied:
        shutil.copyfile(sample.image_path, target)
    else:
        write_jpeg(target, read_image(sample.image_path))
    return {
        "image": sample.image_id,
        "image_sha256": hashlib.sha256(sample.image_path.read_bytes()).hexdigest(),
        "converted": not copied,
        "mask_sha256": hashlib.sha256(mask).hexdigest(),
        "status": loaded.status.value,
        "prelabelled_by": loaded.prelabelled_by,
    }


def _write_tables(project: ProjectFolder, tree: Path, rows: list[dict[str, object]]) -> None:
    """Write the class files and the manifest."""
    table = project.config.table
    write_class_files(tree, table)
    manifest = {
        "made_by": f"FCN Studio {__version__}",
        "project_id": project.config.project_id,
        "classes": _classes(table),
        "images": rows,
    }
    (tree / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="ascii")


def write_class_files(folder: Path, table: ClassTable) -> None:
    """Write ``labelmap.txt`` (names and colours) and ``class_names.txt`` (names, line = class index)."""
    for name, cvat in (("labelmap.txt", True), ("class_names.txt", False)):
        text = "".join(f"{line}\n" for line in class_file_lines(table, cvat=cvat))
        (folder / name).write_text(text, encoding="utf-8")


def _classes(table: ClassTable) -> list[dict[str, object]]:
    """The class table as plain values."""
    return [{"index": c.index, "name": c.name, "colour": list(c.colour), "retired": c.retired} for c in table.classes]


def flat_ids(mask_ids: Sequence[str]) -> list[str]:
    """Ids without folders, for trees that know none: ``a/b`` -> ``a__b``; equal ones are numbered.

    They differ whatever their case is, have no control characters and no blanks at their ends, and with a suffix
    of four characters they fit a file name of 255 bytes.
    """
    taken: set[str] = set()
    flat = []
    for mask_id in mask_ids:
        plain = re.sub(r"[\x00-\x1f\x7f\\:*?\"<>|]", "_", mask_id.replace("/", "__")).strip() or "_"
        plain = plain.encode("utf-8", "replace")[:240].decode("utf-8", "ignore")
        name, number = plain, 1
        while name.casefold() in taken:
            number += 1
            name = f"{plain}-{number}"
        taken.add(name.casefold())
        flat.append(name)
    return flat
