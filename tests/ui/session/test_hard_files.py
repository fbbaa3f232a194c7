"""Odd, turned and damaged files from real life in the window: the right pixels or a right sentence in the list."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt

from fcn_studio.errors import ImageError, MaskError
from fcn_studio.formats.images.images import read_image
from tests.trust.hard import BAD_MASKS, BROKEN, hard_project
from tests.ui.conftest import Studio


def test_every_hard_file_is_shown_or_marked(make_studio: Callable[[], Studio], tmp_path: Path) -> None:
    folder = hard_project(tmp_path / "project")
    images = {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}
    studio = make_studio()
    session, problems = studio.session, []
    session.grey_mask_found.disconnect()  # the question is a dialog; unanswered, the mask stays unread
    session.problem.connect(problems.append)
    session.refused.connect(lambda error: problems.append(str(error)))
    studio.window.open_folder(folder)
    shown = set()
    for row, sample in enumerate(session.samples):
        try:
            session.go_to(row)
        except (ImageError, MaskError):
            continue
        document = session.document
        assert document is not None
        assert session.picture is not None
        assert document.image_id == sample.image_id
        levels = session.project.config.grey_levels
        assert np.array_equal(session.picture.image_rgb, read_image(sample.image_path, levels=levels))
        assert document.label_map.shape == session.picture.image_rgb.shape[:2]
        studio.window.canvas.grab()
        shown.add(sample.image_id)
    refused = BROKEN | BAD_MASKS
    assert shown == {sample.image_id for sample in session.samples} - set(refused)
    model = studio.window.files_dock.model
    for row, sample in enumerate(session.samples):
        tip = model.index(row, 0).data(Qt.ItemDataRole.ToolTipRole)
        assert refused.get(sample.image_id, f"{sample.image_id}: ") in tip
    assert set(session.failures) == set(refused)
    assert {p.name: p.read_bytes() for p in folder.iterdir() if p.name in images} == images
