"""Writing of a data set: every format's loop over images, manifest and page on training.

A format says how one pair is written, and what stands beside the pairs::

    def export(request: ExportRequest) -> ExportSteps:
        def write_pair(pair: Pair) -> None:
            pair.write_image(f"images/{pair.split}/{pair.name}.jpg")
            pair.write_mask(f"masks/{pair.split}/{pair.name}.png", encode_grey_mask(pair.label_map))

        return write_data_set(request, "masks", write_pair, HOW_TO)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from fcn_studio import __version__
from fcn_studio.core.classes import ClassTable
from fcn_studio.core.sample import Sample
from fcn_studio.errors import ImageError, MaskError, ProjectError
from fcn_studio.formats.atomic import CANNOT_WRITE, os_errors_as
from fcn_studio.formats.exporters.base import ExportRequest, ExportResult, ExportSteps, new_folder
from fcn_studio.formats.exporters.pairs import Pair, flat_ids, read_pairs
from fcn_studio.formats.voc.class_files import unique_names, write_class_files
from fcn_studio.i18n import tr

_HOW_TO = """# How to train on this data set

{text}

## Classes

{names}

{unlabelled}

{left}`manifest.json` has a row for each image: its split, the sha256 of image and mask, the network that labelled it
first (`prelabelled_by`), and the shares of its pixels by who labelled them (`labelled_by`).
"""
_LEFT = """The images were left where they are: `image_file` of each row of `manifest.json` is the path of one. Put
them, or links to them, beside the masks before you train.

"""


def write_data_set(
    request: ExportRequest,
    folder: str,
    write_pair: Callable[[Pair], None],
    how_to: str,
    *,
    inside: str = "",
    names: Mapping[int, str] | None = None,
    finish: Callable[[Path], None] | None = None,
) -> ExportSteps:
    """Write a data set as `ExportFormat.run` says, and yield (images done, images in all).

    Args:
        request: what is exported, and where to.
        folder: name of the folder in ``request.out`` that is written; it must not be there.
        write_pair: writes an image with `Pair.write_image` first, then its labels.
        how_to: Markdown on how to load it, about ten lines of code.
        inside: folder below ``folder`` that holds everything.
        names: value in the masks -> class name, where they are not those of the project.
        finish: writes what else belongs to the data set into its folder; by default the class files.

    Raises:
        ProjectError: as `ExportFormat.run`.
    """
    target, table = request.out / folder, request.project.config.table
    with new_folder(target) as temporary, os_errors_as(CANNOT_WRITE, target):
        tree = temporary / inside
        tree.mkdir(exist_ok=True)
        rows, failed = yield from _write_pairs(request, tree, write_pair)
        _refuse_if_all_failed(request.samples, failed)
        if finish is None:
            write_class_files(tree, table)
        else:
            finish(tree)
        _write_manifest(request, tree, rows)
        _write_how_to(request, tree, how_to, dict(enumerate(names_in_order(table))) if names is None else names)
    written = request.samples_by_split(failed)
    return ExportResult(target / inside, {split: len(samples) for split, samples in written.items()}, failed)


def names_in_order(table: ClassTable) -> list[str]:
    """Return a name for each index from 0; free ones are ``unused_N``."""
    names = unique_names(table)
    return [names.get(index, f"unused_{index}") for index in range(max(names, default=-1) + 1)]


def _write_pairs(
    request: ExportRequest, folder: Path, write_pair: Callable[[Pair], None]
) -> Generator[tuple[int, int], None, tuple[list[dict[str, object]], dict[str, str]]]:
    """Write all pairs and yield (done, total).

    Returns the rows of the manifest, and image id -> why an image was left out.
    """
    names = flat_ids([sample.mask_id for sample in request.samples])
    rows, failed = list[dict[str, object]](), dict[str, str]()
    for done, (sample, name) in enumerate(zip(request.samples, names, strict=True), 1):
        try:
            for pair in read_pairs(request.project, folder, sample, name, request.choices):
                write_pair(pair)
                rows.append(pair.manifest_row())
        except (ImageError, MaskError) as error:
            failed[sample.image_id] = str(error)
        yield done, len(request.samples)
    return rows, failed


def _write_manifest(request: ExportRequest, folder: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write ``manifest.json``: the program, the project, its classes, the options, and a row for each image."""
    manifest = {
        "made_by": f"FCN Studio {__version__}",
        "project_id": request.project.config.project_id,
        "format": request.row.name,
        "options": {**asdict(request.choices), **request.own_options},
        "classes": [
            {"index": c.index, "name": c.name, "colour": list(c.colour), "retired": c.retired}
            for c in request.project.config.table.classes
        ],
        "images": list(rows),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="ascii")


def _write_how_to(request: ExportRequest, folder: Path, text: str, names: Mapping[int, str]) -> None:
    """Write ``HOW_TO_TRAIN.md``: the format's text, the classes, and what the manifest is."""
    unlabelled = "background" if request.choices.as_background else "void"
    void = (
        "is ignored by the loss"
        if request.row.keeps_void
        else "has no annotation, so trainings take it for background"
    )
    page = _HOW_TO.format(
        text=text.strip(),
        names="\n".join(f"- {value}: {name}" for value, name in names.items()),
        unlabelled=f"Void {void}. Pixels that nobody labelled are {unlabelled}.",
        left=_LEFT if request.choices.images == "leave" else "",
    )
    (folder / "HOW_TO_TRAIN.md").write_text(page, encoding="utf-8")


def _refuse_if_all_failed(samples: Sequence[Sample], failed: Mapping[str, str]) -> None:
    """Raise if no image could be read.

    Raises:
        ProjectError: with the reason of the first image.
    """
    if len(failed) == len(samples):
        raise ProjectError(tr("no image could be exported; {reason}", reason=next(iter(failed.values()))))
