"""Grey levels of deep images: on screen by drag and number, and for the network once the user says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from fcn_studio.core.grey_levels import GreyLevels, histogram_of
from fcn_studio.core.prediction import Prediction
from fcn_studio.formats.images.images import read_image
from fcn_studio.formats.project.project_folder import PROJECT_FILE
from fcn_studio.ui.docks.grey_panel import WHY_NOT
from tests.ui.conftest import Studio, draw_project

CAMERA = GreyLevels((0, 1023), (-1, 3))
"""What the program finds in the images of `deep_studio`."""


@pytest.fixture
def deep_studio(make_studio: Callable[[], Studio], tmp_path: Path) -> Studio:
    """A project with a 16-bit image, one of fractions, and one of 8 bits; the grey levels are in sight."""
    folder = draw_project(tmp_path / "project", images=1)
    scene = np.arange(200, 1000, dtype=np.uint16).reshape(20, 40)
    tifffile.imwrite(folder / "a.tif", scene)
    tifffile.imwrite(
        folder / "b.tif", np.linspace(-1, 3, 2400, dtype=np.float32).reshape(20, 40, 3), photometric="rgb"
    )
    made = make_studio()
    made.window.open_folder(folder)
    made.window.layers_dock._adjust._heading.click()
    return made


def is_shown_with(studio: Studio, levels: GreyLevels) -> bool:
    assert studio.session.picture is not None
    path = studio.session.samples[studio.session.index].image_path
    return np.array_equal(studio.session.picture.image_rgb, read_image(path, levels=levels))


def show(studio: Studio, row: int, qtbot: QtBot) -> None:
    studio.session.go_to(row)
    qtbot.waitUntil(lambda: not studio.session.grey_display.reading)


def test_levels_are_the_screens_until_they_are_the_projects(deep_studio: Studio, qtbot: QtBot) -> None:
    session, grey = deep_studio.session, deep_studio.session.grey_display
    panel = deep_studio.window.layers_dock._adjust.grey_panel
    project = session.project
    assert project is not None
    files = {path: path.read_bytes() for path in project.folder.rglob("*") if path.is_file()}
    qtbot.waitUntil(lambda: grey.span == (0, 1023))
    qtbot.wait(50)  # the docks get their first sizes, which the fitted image follows
    view = deep_studio.window.canvas.view
    blank = np.zeros((20, 40), np.uint8)
    deep_studio.network.predictions.keep(Prediction("a.tif", blank, blank, "0" * 64))
    deep_studio.network.predictions.offer(Prediction("a.tif", blank, blank, "0" * 64), frozenset())
    panel._black.setValue(300)
    panel._white.setValue(700)
    chosen = GreyLevels((300, 700), CAMERA.fractions)
    qtbot.waitUntil(lambda: is_shown_with(deep_studio, chosen))
    assert project.config.grey_levels == CAMERA
    assert session.prediction is not None
    assert {path: path.read_bytes() for path in files} == files
    assert deep_studio.window.canvas.view == view

    panel._use.click()
    assert project.config.grey_levels == chosen
    assert b"grey_levels = [300, 700]" in (project.folder / PROJECT_FILE).read_bytes()
    assert session.prediction is None  # it was of the levels before
    panel._use.click()
    assert project.config.grey_levels == CAMERA
    qtbot.waitUntil(lambda: is_shown_with(deep_studio, CAMERA))
    assert not panel._use.isEnabled()


def test_levels_are_dragged_for_each_kind_and_remembered(deep_studio: Studio, qtbot: QtBot) -> None:
    session, grey = deep_studio.session, deep_studio.session.grey_display
    panel = deep_studio.window.layers_dock._adjust.grey_panel
    bar = panel._bar
    show(deep_studio, 1, qtbot)
    assert grey.span == CAMERA.fractions
    start, end = (QPoint(round(bar._x(value)), 20) for value in (3, 1))
    qtbot.mousePress(bar, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(bar, end)
    qtbot.mouseRelease(bar, Qt.MouseButton.LeftButton, pos=end)
    assert grey.span is not None
    black, white = grey.span
    assert black == -1
    assert white == pytest.approx(1, abs=0.1)
    qtbot.waitUntil(lambda: is_shown_with(deep_studio, grey.levels))
    assert panel._white.value() == pytest.approx(white, abs=1e-3)

    project = session.project
    assert project is not None
    assert session.close_project()
    deep_studio.window.open_folder(project.folder)
    assert grey.levels == GreyLevels(CAMERA.whole, (black, white))
    assert is_shown_with(deep_studio, grey.levels)
    assert deep_studio.window.layers_dock._adjust._heading.text() == "Image is adjusted"
    deep_studio.window.layers_dock._adjust._reset.click()
    qtbot.waitUntil(lambda: is_shown_with(deep_studio, CAMERA))

    show(deep_studio, 0, qtbot)
    panel._auto.click()
    assert grey.span == (203, 996)
    show(deep_studio, 2, qtbot)
    assert not panel._auto.isEnabled()
    assert panel.toolTip() == WHY_NOT


def test_a_histogram_needs_contrast_and_finite_values() -> None:
    assert histogram_of(np.full((4, 4), 7, np.uint16)) is None
    assert histogram_of(np.full((4, 4), np.nan, np.float32)) is None
    found = histogram_of(np.array([[0, np.inf, 1], [0.5, np.nan, 2]], np.float32))
    assert found is not None
    assert (found.whole, found.ends, found.counts.sum()) == (False, (0, 2), 4)
