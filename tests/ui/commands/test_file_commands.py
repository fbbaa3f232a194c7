"""The list of files by mouse and keys: several images are selected, and verified, skipped, shown and copied."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QMenu
from pytestqt.qtbot import QtBot

from fcn_studio.core.labels import Provenance
from fcn_studio.core.sample import Status
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.docks.thumbnails import THUMBNAIL
from tests.helpers import save_half
from tests.ui.conftest import Studio

CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture(autouse=True)
def no_key_stays_down(studio: Studio) -> Iterator[None]:
    """Qt remembers the Ctrl and Shift of the last event that QTest made, also in the next test."""
    yield
    QTest.keyClick(studio.window, Qt.Key.Key_F35)


def click(
    studio: Studio, row: int, button: Qt.MouseButton = Qt.MouseButton.LeftButton, **how: Qt.KeyboardModifier
) -> None:
    dock = studio.window.files_dock
    at = dock.view.visualRect(dock.model.index(row, 0)).center()
    QTest.mouseClick(dock.view.viewport(), button, how.get("held", Qt.KeyboardModifier.NoModifier), at)


def statuses(studio: Studio) -> list[Status]:
    return [studio.session.status_scan.status(row) for row in range(4)]


def test_several_images_are_selected_and_none_of_them_is_opened(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    window, session = studio.window, studio.session
    click(studio, 0)
    click(studio, 2, held=CTRL)
    click(studio, 3, held=CTRL)
    assert (session.index, window.files_dock.selected) == (0, [0, 2, 3])
    window.actions_["copy_path"].trigger()
    paths = [session.samples[row].image_file for row in (0, 2, 3)]
    assert QGuiApplication.clipboard().text().split("\n") == paths
    shown: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: shown.append(url) or True)
    window.actions_["show_in_folder"].trigger()
    assert [url.toLocalFile() for url in shown] == [str(session.samples[0].image_path.parent)]
    click(studio, 1, Qt.MouseButton.RightButton)
    assert (session.index, window.files_dock.selected) == (0, [1])
    window.files_dock.open_current()
    assert session.index == 1


def test_selected_images_are_verified_and_skipped_as_a_person_would(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    window, session = studio.window, studio.session
    asked: list[Dialog] = []
    monkeypatch.setattr(Dialog, "exec", lambda self: asked.append(self) or QDialog.DialogCode.Accepted)
    click(studio, 1)
    for row in (2, 3):
        click(studio, row, held=CTRL)
    window.actions_["verify_selected"].trigger()
    assert len(asked) == 1
    assert statuses(studio) == [Status.NEW, Status.VERIFIED, Status.VERIFIED, Status.VERIFIED]
    assert session.index == 1
    session.go_to(3)
    session.undo()
    assert statuses(studio)[3] is Status.NEW

    window.files_dock.view.selectAll()
    for expected in ([Status.SKIPPED] * 4, [Status.NEW, Status.VERIFIED, Status.VERIFIED, Status.NEW]):
        window.actions_["skip_selected"].trigger()
        assert statuses(studio) == expected
        window.files_dock.view.selectAll()
    click(studio, 0)
    window.actions_["verify_selected"].trigger()  # the open image alone: no question
    assert len(asked) == 1
    assert statuses(studio)[0] is Status.VERIFIED


def test_the_menu_comes_by_key_and_sorts(studio: Studio, qtbot: QtBot) -> None:
    dock, places = studio.window.files_dock, list[QPoint]()
    dock.menu_wanted.connect(places.append)
    studio.window.activateWindow()
    dock.view.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(dock.view, Qt.Key.Key_F10, Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: isinstance(QApplication.activePopupWidget(), QMenu))
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    assert len(places) == 1
    by = menu.actions()[-1].menu()
    assert isinstance(by, QMenu)
    assert [action.text() for action in by.actions()] == ["Image", "Status", "Doubt", "Differs", "Split"]
    studio.session.go_to(2)
    studio.session.toggle_skip()
    by.actions()[1].trigger()
    menu.close()
    assert [dock.model.sample_row(row) for row in range(4)] == [0, 1, 3, 2]


def test_thumbnails_have_the_labels_over_them(studio: Studio, qtbot: QtBot) -> None:
    dock, session = studio.window.files_dock, studio.session
    assert session.project is not None
    sample = session.samples[3]
    save_half(session.project, sample, Provenance.HUMAN, Status.IN_PROGRESS)
    studio.window.actions_["thumbnails"].trigger()
    dock.grab()
    found: list[QImage] = []

    def made() -> bool:
        image = dock.thumbnails.of(sample)
        if image is not None:
            found.append(image)
        return bool(found)

    qtbot.waitUntil(made)
    image = found[0]
    assert (image.width(), image.height()) == (THUMBNAIL.width(), THUMBNAIL.height())
    upper, lower = (image.copy(0, y, image.width(), 30) for y in (5, 50))
    assert _greenness(upper) > _greenness(lower) + 20  # half of the lime of class 1, and the noise alone
    assert dock.view.rowHeight(0) > THUMBNAIL.height() // 2
    studio.window.actions_["thumbnails"].trigger()
    assert dock.view.rowHeight(0) < THUMBNAIL.height() // 2


def _greenness(image: QImage) -> float:
    pixels = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    return sum(pixel.green() - pixel.red() for pixel in pixels) / len(pixels)
