"""The demo, a small project of drawn micrographs.

Two of them are labelled. The truth of all is known. The truth lies in ``.fcn-studio/demo/`` beside the annotations,
so that the window can tell how good the network really is on pictures that nobody labelled.
"""

from __future__ import annotations

from pathlib import Path

from fcn_studio.core.labels import LabelMap, made_by_human
from fcn_studio.core.project import DEFAULT_VAL_PERCENT
from fcn_studio.core.sample import MaskId, Sample, Split, Status, split_of
from fcn_studio.core.snapshot import LabelledImage, pack
from fcn_studio.errors import ProjectError
from fcn_studio.formats.atomic import os_errors_as
from fcn_studio.formats.images.images import image_size, write_png
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.voc.masks import read_mask, write_mask
from fcn_studio.i18n import tr, tr_noop
from fcn_studio.jobs.micrographs import CLASSES, micrographs

PICTURES = 24
LABELLED = 2
SEED = 7


def make_demo(folder: Path, *, count: int = PICTURES, labelled: int = LABELLED, seed: int = SEED) -> Path:
    """Draw the demo project and return its folder.

    The folder is new or empty.

    Raises:
        ProjectError: if the folder has something in it, or cannot be made.
    """
    with os_errors_as(tr_noop("{path} cannot be used for the demo: {reason}"), folder):
        folder.mkdir(parents=True, exist_ok=True)
        empty = not any(folder.iterdir())
    if not empty:
        raise ProjectError(tr("'{folder}' is not empty: choose an empty folder for the demo.", folder=folder))
    pictures = list(micrographs(count, seed=seed))
    for number, picture in enumerate(pictures, start=1):
        write_png(folder / f"micrograph-{number:02}.png", picture.image_rgb)
    with ProjectFolder.open(folder, writable=True, table=CLASSES) as project:
        project.set_table(CLASSES)
        for sample, picture in zip(project.samples, pictures, strict=True):
            truth = _truth_path(folder, sample.mask_id)
            truth.parent.mkdir(parents=True, exist_ok=True)
            write_mask(truth, picture.truth)
        for sample in _given(project)[:labelled]:
            truth_map = _read_truth(project, sample)
            project.annotations.save(sample, made_by_human(truth_map), Status.VERIFIED)
    return folder


def is_demo(project: ProjectFolder) -> bool:
    """Return whether the truth of this project is known."""
    return (project.folder / ".fcn-studio" / "demo").is_dir()


def truth_snapshot(project: ProjectFolder) -> tuple[LabelledImage, ...]:
    """Return the true label maps of images that came unlabelled.

    The snapshot is empty for a project that is no demo.
    """
    if not is_demo(project):
        return ()
    given = _given(project)[:LABELLED]
    return tuple(
        pack(sample.image_id, str(sample.image_path), _read_truth(project, sample))
        for sample in project.samples
        if sample not in given and _truth_path(project.folder, sample.mask_id).is_file()
    )


def _given(project: ProjectFolder) -> list[Sample]:
    """Return the images of which the first come labelled.

    Their ids decide, as they did in the first release, so that older demos have the same ones.
    """
    return [s for s in project.samples if split_of(s.image_id, DEFAULT_VAL_PERCENT) is Split.TRAIN]


def _read_truth(project: ProjectFolder, sample: Sample) -> LabelMap:
    return read_mask(_truth_path(project.folder, sample.mask_id), image_size(sample.image_path), CLASSES).label_map


def _truth_path(folder: Path, mask_id: MaskId) -> Path:
    return folder / ".fcn-studio" / "demo" / f"{mask_id}.png"
