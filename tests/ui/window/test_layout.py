"""The first layout of the docks, and the scale of the interface."""

from __future__ import annotations

import os

import pytest
from PySide6.QtWidgets import QApplication

from fcn_studio.ui.app import qt_scale
from tests.ui.conftest import Studio


def test_the_column_follows_the_height_of_the_window(studio: Studio) -> None:
    window = studio.window
    classes, layers, files = window.classes_dock, window.layers_dock, window.files_dock
    for height, tabbed in ((720, True), (1100, False), (720, True)):
        window.resize(1280, height)
        for _ in range(8):
            QApplication.processEvents()
        assert (window.height(), layers in window.tabifiedDockWidgets(files)) == (height, tabbed)
        column = files.geometry().bottom() - classes.geometry().top()
        assert abs(classes.height() - column / 2) < 0.1 * column
        if not tabbed:
            assert layers.height() <= layers.sizeHint().height()
    layers.raise_()
    for shown in (False, True):
        window.layout_.show_docks(shown)
        QApplication.processEvents()
    assert files.visibleRegion().isEmpty(), "the tab that was seen is seen again"


@pytest.mark.parametrize(("before", "inside"), [(None, "1.5"), ("2", "3"), ("bad", "1.5")])
def test_the_scale_multiplies_that_of_the_desktop(
    monkeypatch: pytest.MonkeyPatch, before: str | None, inside: str
) -> None:
    monkeypatch.delenv("QT_SCALE_FACTOR", raising=False)
    if before is not None:
        monkeypatch.setenv("QT_SCALE_FACTOR", before)
    with qt_scale(150):
        assert os.environ["QT_SCALE_FACTOR"] == inside
    assert os.environ.get("QT_SCALE_FACTOR") == before
