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
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fcn_studio import __version__
from fcn_studio.core.classes import ClassTable
from fcn_studio.core.sample import Sample, Split
from fcn_studio.errors import ImageError, MaskError, ProjectError
from fcn_studio.formats.atomic import told
from fcn_studio.formats.images.images import is_upright_jpeg, read_image, write_jpeg
from fcn_studio.formats.images.scan import IMAGES, MASKS
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.voc.masks import encode_mask
from fcn_studio.formats.voc.voc import DEVKIT, LISTS, class_file_lines

YEAR = "VOC2012"

_RESERVED = re.compile("con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]", re.IGNORECASE)
"""Names that mean devices on Windows, with any suffix. Source: Microsoft, "Naming Files, Paths, and Namespaces"."""


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What an export wrote.

    Attributes:
        folder: the VOC tree, ``OUT/VOCdevkit/VOC2012``.
        train: number of images in its train list.
        val: number of images in its val list.
        failed: image id -> why it was left out: it or its mask cannot be read.
    """

    folder: Path
    train: int
    val: int
    failed: Mapping[str, str] = field(default_factory=dict)


def export_voc(project: ProjectFolder, out: Path, samples: Sequence[Sample]) -> Generator[int, None, ExportResult]:
    """Write the images and masks of ``samples`` to ``out/VOCdevkit``; yields the number of images done.

    The tree appears when the generator is exhausted; closing it before leaves nothing behind. An image that cannot
    be read, or whose mask cannot, is left out.

    Raises:
        ProjectError: if there is a VOCdevkit with something in it, ``out`` lies among the project's images,
            no image is given or can be read, or anything cannot be written.
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
        lists, failed = yield from _write_tree(project, temporary / YEAR, samples)
        if len(failed) == len(samples):
            raise ProjectError(f"no image could be exported; {next(iter(failed.values()))}")
        with told("written", devkit):
            if devkit.exists():
                devkit.rmdir()
            temporary.rename(devkit)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return ExportResult(devkit / YEAR, len(lists[Split.TRAIN]), len(lists[Split.VAL]), failed)


def _write_tree(
    project: ProjectFolder, tree: Path, samples: Sequence[Sample]
) -> Generator[int, None, tuple[dict[Split, list[str]], dict[str, str]]]:
    """Write a whole VOC tree; yields the number of images done, returns its lists and why images were left out."""
    names = flat_ids([sample.mask_id for sample in samples])
    lists: dict[Split, list[str]] = {split: [] for split in Split}
    rows: list[dict[str, object]] = []
    failed: dict[str, str] = {}
    with told("written", tree):
        for folder in (IMAGES, MASKS, LISTS):
            (tree / folder).mkdir(parents=True)
        for done, (sample, name) in enumerate(zip(samples, names, strict=True), 1):
            split = project.split(sample)
            try:
                row = _write_pair(project, tree, sample, name)
            except (ImageError, MaskError) as error:
                failed[sample.image_id] = str(error)
            else:
                lists[split].append(name)
                rows.append({"id": name, "split": split.value, **row})
            yield done
        for title, ids in (*lists.items(), ("trainval", sorted([*lists[Split.TRAIN], *lists[Split.VAL]]))):
            (tree / LISTS / f"{title}.txt").write_text("".join(f"{i}\n" for i in ids), encoding="utf-8")
        _write_tables(project, tree, rows)
    return lists, failed


def _write_pair(project: ProjectFolder, tree: Path, sample: Sample, name: str) -> dict[str, object]:
    """Write one image and its mask; returns what the manifest says of them.

    Raises:
        ImageError, MaskError: if they cannot be read; nothing of them is then left.
    """
    # A JPEG is decoded, too, that is only copied: whoever gets it must not be the first to see that it is cut off.
    image_rgb = read_image(sample.image_path, max_pixels=project.max_pixels)
    loaded = project.load_labels(sample, image_rgb.shape[1::-1], peek=True)
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

    They differ whatever their case is, have no control characters and no blanks at their ends, are no devices of
    Windows, and with a suffix of four characters they fit a file name of 255 bytes.
    """
    taken: set[str] = set()
    flat = []
    for mask_id in mask_ids:
        plain = mask_id.replace("/", "__").encode("utf-8", "replace").decode("utf-8")
        plain = re.sub(r"[\x00-\x1f\x7f\\:*?\"<>|]", "_", plain).strip() or "_"
        plain = plain.encode("utf-8")[:240].decode("utf-8", "ignore")
        if _RESERVED.fullmatch(plain.partition(".")[0].rstrip()):
            plain = f"_{plain}"
        name, number = plain, 1
        while name.casefold() in taken:
            number += 1
            name = f"{plain}-{number}"
        taken.add(name.casefold())
        flat.append(name)
    return flat
