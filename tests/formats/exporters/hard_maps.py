"""Projects of label maps that are hard to keep, for tests of what readers get from an export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.labels import LabelMap, Labels, Provenance
from fcn_studio.core.sample import Status
from fcn_studio.formats.project.project_folder import ProjectFolder
from tests.formats.helpers import make_project

WIDTH, HEIGHT = 48, 40

WITH_BACKGROUND = ClassTable.from_names(["background", "cell", "debris", "thin line"])
WITHOUT_BACKGROUND = ClassTable.from_names(["cell", "debris", "thin line", "unseen"])

_ORIENTATION = 0x0112
_TURNED_RIGHT = 6


def hard_map(seed: int = 0) -> LabelMap:
    """A map of 0 to 2 and void: holes in holes, one-pixel lines, single pixels, diagonals and noise."""
    hard = np.zeros((HEIGHT, WIDTH), np.uint8)
    hard[2:26, 3:30] = 1
    hard[5:20, 6:20] = 2
    hard[8:15, 9:16] = VOID
    hard[10:13, 11:14] = 1
    hard[11, 12] = 0
    hard[6, 22:28] = hard[8:24, 27] = 2
    hard[2, 3] = hard[39, 47] = 2
    diagonal = np.arange(14)
    hard[26 + diagonal, 30 + diagonal] = 1
    hard[28:36, 4:20] = np.random.default_rng(seed).choice(np.array([0, 1, 2, VOID], np.uint8), (8, 16))
    hard[0, 32:] = VOID
    hard[4:9, 36:45] = VOID
    return np.roll(hard, seed, axis=1)


def hard_project(folder: Path, table: ClassTable) -> dict[str, LabelMap]:
    """Make a project of a JPEG, a JPEG turned by EXIF and a PNG in a subfolder; return name -> its label map."""
    pixels = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[_ORIENTATION] = _TURNED_RIGHT
    images = folder / "JPEGImages"
    (images / "sub").mkdir(parents=True)
    Image.fromarray(pixels).save(images / "a.jpg")
    Image.fromarray(np.rot90(pixels)).save(images / "turned.jpg", exif=exif)
    Image.fromarray(pixels).save(images / "sub" / "b.png")
    make_project(folder, [], table=table)
    maps = {}
    with ProjectFolder.open(folder, writable=True) as project:
        for seed, sample in enumerate(project.samples):
            label_map = hard_map(seed)
            provenance = np.full(label_map.shape, Provenance.HUMAN, np.uint8)
            provenance[0] = np.where(label_map[0] == VOID, Provenance.NOBODY, Provenance.HUMAN)
            project.annotations.save(sample, Labels(label_map, provenance), Status.IN_PROGRESS)
            maps[sample.mask_id.replace("/", "__")] = label_map
    return maps


def export(folder: Path, out: Path, name: str, **options: bool | str) -> Path:
    """Export all images of a project in a format; return the folder that holds the data set."""
    from fcn_studio.formats.exporters import BY_NAME

    project = ProjectFolder.open(folder, writable=False)
    steps = BY_NAME[name].run(project, out, project.samples, options)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return Path(end.value.folder)
