"""Import of masks in the window: values, meanings, conflicts, and the project afterwards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QInputDialog
from pytestqt.qtbot import QtBot

from fcn_studio.core.sample import Status
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.dialogs.data_sets.import_dialog import ImportDialog
from fcn_studio.ui.dialogs.data_sets.import_preview import UNDECIDED_COLOUR, blended
from tests.ui.conftest import Studio

SIZE = (64, 48)


def save_masks(folder: Path, count: int) -> Path:
    folder.mkdir()
    pixels = np.zeros(SIZE[::-1], np.uint8)
    pixels[24:] = 255
    for number in range(count):
        Image.fromarray(pixels).save(folder / f"picture-{number:03}_mask.png")
    return folder


def test_masks_are_mapped_and_imported_and_the_project_shows_them(
    studio: Studio, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, masks = studio.session, save_masks(tmp_path / "masks", 3)
    session.verify()  # the first image is the user's own work
    project = session.project
    assert project is not None
    monkeypatch.setattr(QInputDialog, "getText", lambda *_: ("virus", True))

    def asked(dialog: Dialog) -> bool:
        assert isinstance(dialog, ImportDialog)
        qtbot.addWidget(dialog)
        dialog.show()
        dialog.set_source(masks)
        qtbot.waitUntil(lambda: dialog.values.topLevelItemCount() == 2, timeout=60_000)
        assert dialog.values.undecided() == 2
        button = dialog.accept_button
        assert button is not None
        assert not button.isEnabled()
        for choice, data in zip(
            (choice for _, choice in dialog.values._rows), ("class:background", "ask"), strict=True
        ):
            choice.setCurrentIndex(choice.findData(data))
            choice.activated.emit(choice.currentIndex())
        assert dialog.values.meanings() == {"0": "background", "255": "virus"}
        assert dialog.chosen.count() == 1
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: dialog.imported is not None, timeout=60_000)
        return True

    monkeypatch.setattr(Dialog, "asked", asked)
    studio.window.actions_["import_masks"].trigger()
    assert session.project is not project
    assert session.project is not None
    assert [c.name for c in session.table] == ["background", "cell", "debris", "virus"]
    first, second = session.samples[:2]
    statuses = [session.project.annotations.status(sample) for sample in session.samples]
    assert statuses == [Status.VERIFIED] * 3 + [Status.NEW]
    assert (session.project.annotations.load(first, SIZE, peek=True).labels.label_map == 0).all()
    assert (session.project.annotations.load(second, SIZE, peek=True).labels.label_map[24:] == 3).all()
    assert "2 annotations imported" in studio.window.messages.history[-1].text


def test_the_preview_draws_what_is_decided_and_what_is_not() -> None:
    codes = np.array([[0, 1, -1, -2]], np.int16)
    grey = np.full((1, 4, 3), 100, np.uint8)
    pixels = blended(grey, codes, {0: (200, 0, 0), -1: None, -2: (0, 0, 0)})
    assert pixels[0, 0].tolist() == [160, 40, 40]
    assert pixels[0, 2].tolist() == [100, 100, 100]
    assert pixels[0, 3].tolist() == [40, 40, 40]
    assert pixels[0, 1].tolist() == [round(40 + 0.6 * part) for part in UNDECIDED_COLOUR]


def test_the_window_offers_to_say_what_the_values_of_a_mask_mean(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "project" / "SegmentationClass"
    folder.mkdir()
    Image.fromarray(np.zeros((48, 64, 3), np.uint8)).save(folder / "picture-001.png")
    studio.session.close_project()
    studio.window.open_folder(tmp_path / "project")
    shown: list[Path | None] = []
    monkeypatch.setattr(Dialog, "asked", lambda dialog: shown.append(getattr(dialog, "_path", None)))
    studio.session.step(+1)
    assert "File > Import masks" in studio.window._strip.text
    studio.window._strip.button.click()
    assert shown == [folder]
