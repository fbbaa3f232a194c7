"""Changing images: what was read ahead is not decoded on the GUI thread; the long run is benchmarks/switch.py."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from fcn_studio.formats.images import images
from fcn_studio.formats.project.loaded import Reading
from fcn_studio.settings import Settings
from fcn_studio.ui import app
from tests.trust.switching import Switcher, draw_folder
from tests.ui.conftest import IdleProcess


@pytest.fixture
def switcher(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Switcher]:
    monkeypatch.setenv("FCN_STUDIO_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("FCN_STUDIO_CONFIG_DIR", str(tmp_path / "config"))
    studio = app.build(Settings(), IdleProcess())  # type: ignore[arg-type]
    studio.window.show()
    yield Switcher(studio, draw_folder(tmp_path / "project", 5, 1600, 1200))
    studio.session.close_project(discard=True)
    studio.shut_down()
    studio.window.close()
    studio.window.deleteLater()


@pytest.fixture
def on_this_thread(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was decoded on the GUI thread."""
    decoded: list[str] = []
    read_image, decode_mask = images.read_image, Reading.decoded

    def picture(*arguments: object, **options: object) -> object:
        if threading.current_thread() is threading.main_thread():
            decoded.append("picture")
        return read_image(*arguments, **options)  # type: ignore[arg-type]

    def mask(self: Reading, *arguments: object) -> object:
        if threading.current_thread() is threading.main_thread():
            decoded.append("mask")
        return decode_mask(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(images, "read_image", picture)
    monkeypatch.setattr(Reading, "decoded", mask)
    return decoded


def test_the_next_image_is_there_when_it_is_asked_for(switcher: Switcher, on_this_thread: list[str]) -> None:
    assert len(switcher.walk([1, 2, 3, 4, 3, 2, 1], prefetched=True, strokes=True)) == 7
    assert on_this_thread == []


def test_the_harness_sees_images_that_were_not_read_ahead(switcher: Switcher, on_this_thread: list[str]) -> None:
    switcher.walk([1, 2], prefetched=False, strokes=False)
    assert set(on_this_thread) == {"picture", "mask"}
