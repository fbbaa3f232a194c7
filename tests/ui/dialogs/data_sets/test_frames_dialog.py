"""Import of frames in the window: film, distance, and the folder afterwards."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from fcn_studio.errors import ProjectError
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.dialogs.data_sets.frames_dialog import FramesDialog
from tests.ui.conftest import Studio


def test_frames_are_written_and_offered(
    studio: Studio, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = tmp_path / "street.avi"
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for number in range(25):
        writer.write(np.full((48, 64, 3), 10 * number, np.uint8))
    writer.release()
    project = studio.session.project
    assert project is not None
    with pytest.raises(ProjectError, match=r"street.avi is a film; File > Import frames"):
        studio.window._commands.opening.open(film)

    def asked(dialog: Dialog) -> bool:
        assert isinstance(dialog, FramesDialog)
        qtbot.addWidget(dialog)
        dialog.show()
        button = dialog.accept_button
        assert button is not None
        assert not button.isEnabled()
        dialog.film.setText(str(tmp_path / "nothing.mp4"))
        assert not button.isEnabled()
        dialog.film.setText(str(film))
        assert dialog.folder.text() == str(project.folder)
        dialog.step.setValue(0.5)
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: dialog.result_of_import is not None)
        return True

    monkeypatch.setattr(Dialog, "asked", asked)
    studio.window.actions_["import_frames"].trigger()
    written = sorted(path.name for path in project.image_root.glob("street-*.jpg"))
    assert written == [f"street-{number:06}.jpg" for number in (0, 5, 10, 15, 20)]
    told, offered = (message.text for message in list(studio.window.messages.history)[-2:])
    assert "5 images written" in told
    assert offered.startswith("5 images of project are new. Opening the folder again")
