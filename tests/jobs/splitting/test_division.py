"""A division of the images of a project, as the dialog shows it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fcn_studio.core.sample import Split
from fcn_studio.core.with_result import result_of
from fcn_studio.formats.images.images import write_png
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.voc.masks import write_mask
from fcn_studio.jobs.splitting.division import Divider, DivisionChoice


def test_near_duplicates_stay_together_and_classes_are_counted(tmp_path: Path) -> None:
    (tmp_path / "class_names.txt").write_text("background\ncell\n")
    for name, seed in (("a", 0), ("b", 1), ("c", 2), ("d", 0)):
        blocks = np.random.default_rng(seed).integers(0, 256, (8, 8, 3)).astype(np.uint8)
        write_png(tmp_path / f"{name}.png", blocks.repeat(8, 0).repeat(8, 1))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    (tmp_path / "SegmentationClass").mkdir()
    for name in ("a", "b", "d"):
        write_mask(tmp_path / "SegmentationClass" / f"{name}.png", np.full((64, 64), name == "b", np.uint8))
    with ProjectFolder.open(tmp_path, writable=False) as project:
        divider = Divider(project)
        found = result_of(divider.divide(DivisionChoice(val=0.5, verified_only=False)))
        assert found.after["a.png"] is found.after["d.png"]
        assert set(found.after.values()) == {Split.TRAIN, Split.VAL}
        assert found.counts(found.before) == {None: 5}
        assert found.counts(found.before, 1) == {None: 1}
        assert found.changes.keys() == {f"{name}.png" for name in ("a", "b", "c", "d", "broken")}
        verified = result_of(divider.divide(DivisionChoice(val=0.5)))
        assert verified.after.keys() == {"a.png", "b.png", "d.png"}
