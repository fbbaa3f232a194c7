"""What all export formats share.

It holds the row of the registry, the result, and helpers for the modules of the formats.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fcn_studio import __version__
from fcn_studio.core.sample import Sample
from fcn_studio.errors import ProjectError
from fcn_studio.formats.atomic import CANNOT_WRITE, os_errors_as
from fcn_studio.i18n import tr
from fcn_studio.settings import Setting, Value

if TYPE_CHECKING:  # start-up: the parser needs the rows only
    from fcn_studio.core.image_pyramid import ImageRgb
    from fcn_studio.formats.project.loaded import LoadedLabels
    from fcn_studio.formats.project.project_folder import ProjectFolder

_RESERVED = re.compile("con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]", re.IGNORECASE)
"""Names that mean devices on Windows, with any suffix. Source: Microsoft, "Naming Files, Paths, and Namespaces"."""


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What an export wrote.

    Attributes:
        folder: the folder that holds what was written.
        train: number of images of the train split.
        val: number of images of the val split.
        failed: image id -> why it was left out: it or its mask cannot be read.
    """

    folder: Path
    train: int
    val: int
    failed: Mapping[str, str] = field(default_factory=dict)


ExportSteps = Generator[tuple[int, int], None, ExportResult]
"""An export under way: yields (images done, images in all) after each image, and returns the result."""


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """A row of the registry of export formats.

    Attributes:
        name: value of ``--format``, and name of the module that writes it.
        title: name of the format in the window.
        description: what it writes into the folder.
        options: what the user can choose, each with its ``key``; the module's ``export`` gets them by these names.
    """

    name: str
    title: str
    description: str
    options: tuple[Setting[Any], ...] = ()

    def run(
        self, project: ProjectFolder, out: Path, samples: Sequence[Sample], options: Mapping[str, Value] | None = None
    ) -> ExportSteps:
        """Write the images and masks of ``samples`` into the folder ``out``.

        What is written appears when the generator is exhausted; closing it before leaves nothing behind. An image
        that cannot be read, or whose mask cannot, is left out.

        Raises:
            ProjectError: if no image is given or can be read, ``out`` lies among the project's images, what is to be
                written is there already, or anything cannot be written.
            ValueError: if the format has no such option, or its value is not valid.
        """
        if not samples:
            raise ProjectError(
                tr(
                    "{folder}: no image was chosen for export; verify some, or choose other statuses",
                    folder=project.folder,
                )
            )
        if out.resolve().is_relative_to(project.image_root.resolve()):
            raise ProjectError(
                tr(
                    "{out} lies among the project's images; choose a folder outside {images}",
                    out=out,
                    images=project.image_root,
                )
            )
        chosen = {option.key: option.default for option in self.options} | dict(options or {})
        for option in self.options:
            option.accepted(chosen[option.key])
        if unknown := chosen.keys() - {option.key for option in self.options}:
            raise ValueError(f"{self.name} has no option {', '.join(sorted(unknown))}")
        module = import_module(f"fcn_studio.formats.exporters.{self.name}")
        steps: ExportSteps = module.export(project, out.absolute(), samples, **chosen)
        return (yield from steps)


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Provide a temporary folder to write into.

    It becomes ``target`` when the block ends without an error.

    Raises:
        ProjectError: if ``target`` is there already and not empty, or cannot be written.
    """
    with os_errors_as(CANNOT_WRITE, target):
        if target.exists() and any(target.iterdir()):
            raise ProjectError(
                tr("{folder} is there already and not empty; choose another folder, or move it away", folder=target)
            )
        target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.parent / f".{target.name}-{secrets.token_hex(4)}"
    try:
        with os_errors_as(CANNOT_WRITE, target):
            temporary.mkdir()
        yield temporary
        with os_errors_as(CANNOT_WRITE, target):
            if target.exists():
                target.rmdir()
            temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def read_pair(project: ProjectFolder, sample: Sample) -> tuple[ImageRgb, LoadedLabels]:
    """Return the pixels of an image and its annotation.

    Raises:
        ImageError, MaskError: if they cannot be read.
    """
    from fcn_studio.formats.images.images import read_image

    # A JPEG is decoded, too, that is only copied: whoever gets it must not be the first to see that it is cut off.
    image_rgb = read_image(sample.image_path, max_pixels=project.max_pixels, levels=project.config.grey_levels)
    loaded = project.annotations.load(sample, (image_rgb.shape[1], image_rgb.shape[0]), peek=True)
    loaded.refuse_other_image()
    return image_rgb, loaded


def write_image(project: ProjectFolder, sample: Sample, image_rgb: ImageRgb, target: Path) -> bool:
    """Write an image as a JPEG; return whether it could be copied byte for byte, as upright JPEGs can."""
    from fcn_studio.formats.images.images import is_upright_jpeg, write_jpeg

    copied = is_upright_jpeg(sample.image_path, max_pixels=project.max_pixels)
    if copied:
        shutil.copyfile(sample.image_path, target)
    else:
        write_jpeg(target, image_rgb)
    return copied


def manifest_row(sample: Sample, loaded: LoadedLabels, mask: bytes, *, copied: bool) -> dict[str, object]:
    """Return what a manifest says of an image and its mask."""
    return {
        "image": sample.image_id,
        "image_sha256": hashlib.sha256(sample.image_path.read_bytes()).hexdigest(),
        "converted": not copied,
        "mask_sha256": hashlib.sha256(mask).hexdigest(),
        "status": loaded.status.value,
        "prelabelled_by": loaded.prelabelled_by,
    }


def write_manifest(project: ProjectFolder, folder: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write ``manifest.json``: the program, the project, its classes, and a row for each image."""
    manifest = {
        "made_by": f"FCN Studio {__version__}",
        "project_id": project.config.project_id,
        "classes": [
            {"index": c.index, "name": c.name, "colour": list(c.colour), "retired": c.retired}
            for c in project.config.table.classes
        ],
        "images": list(rows),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="ascii")


def refuse_if_all_failed(samples: Sequence[Sample], failed: Mapping[str, str]) -> None:
    """Raise if no image could be read.

    Raises:
        ProjectError: with the reason of the first image.
    """
    if len(failed) == len(samples):
        raise ProjectError(tr("no image could be exported; {reason}", reason=next(iter(failed.values()))))


def flat_ids(mask_ids: Sequence[str]) -> list[str]:
    """Return ids without folders: ``a/b`` becomes ``a__b``, and equal ones are numbered.

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
