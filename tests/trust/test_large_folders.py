"""Folders of many images: nothing waits for all of them; the long run is benchmarks/open_folder.py."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from pytestqt.qtbot import QtBot

from fcn_studio.core.sample import Sample, Status
from fcn_studio.errors import ProjectError
from fcn_studio.formats.project import annotations
from fcn_studio.formats.project.annotations import AnnotationStore
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.settings import Settings
from fcn_studio.ui import app
from fcn_studio.ui.app import Studio
from fcn_studio.ui.runtime import background
from fcn_studio.ui.runtime.background import in_background
from fcn_studio.ui.session import status_scan
from tests.patience import PATIENCE_S
from tests.trust.large_folders import draw_many, open_and_watch, threads_of
from tests.ui.conftest import IdleProcess

MANY = 1500


@pytest.fixture
def studio(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    monkeypatch.setenv("FCN_STUDIO_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("FCN_STUDIO_CONFIG_DIR", str(tmp_path / "config"))
    made = app.build(Settings(), IdleProcess())  # type: ignore[arg-type]
    made.window.show()
    yield made
    made.session.close_project(discard=True)
    made.shut_down()
    made.window.close()
    made.window.deleteLater()


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_many(tmp_path_factory.mktemp("many") / "labelled", MANY, labelled=MANY)


@pytest.fixture
def read_here(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Records that the GUI thread opened."""
    opened: list[str] = []
    real = annotations.read_record

    def read_record(path: Path) -> object:
        if threading.current_thread() is threading.main_thread():
            opened.append(path.name)
        return real(path)

    monkeypatch.setattr(annotations, "read_record", read_record)
    return opened


def test_statuses_are_found_in_the_background_and_then_come_from_the_index(
    studio: Studio, labelled: Path, read_here: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_scan, "AT_ONCE_S", 0.0)
    (labelled / ".fcn-studio" / "index").unlink(missing_ok=True)
    session, said = studio.session, studio.window.status_line._project.words
    open_and_watch(studio, labelled)
    assert session.status_scan.counts()[Status.VERIFIED] == MANY
    assert said.text() == f"{MANY:,} verified of {MANY:,}"
    shown = session.samples[session.index].mask_id
    assert set(read_here) <= {f"{shown}.png"}, "only the image that is shown is read on the GUI thread"
    assert session.close_project()
    assert not threads_of("opening")

    monkeypatch.setattr(AnnotationStore, "_find_status", lambda *_: pytest.fail("a record was read"))
    open_and_watch(studio, labelled)
    assert session.status_scan.counts()[Status.VERIFIED] == MANY


def test_the_harness_sees_statuses_that_are_found_on_the_gui_thread(
    studio: Studio, labelled: Path, read_here: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_scan, "AT_ONCE_S", 1000.0)
    monkeypatch.setattr("fcn_studio.ui.session.loading.LOOKED_THROUGH", 1)
    (labelled / ".fcn-studio" / "index").unlink(missing_ok=True)
    open_and_watch(studio, labelled)
    assert len(read_here) > MANY // 2


def test_the_list_and_its_filter_follow_what_is_found(
    studio: Studio, labelled: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_scan, "AT_ONCE_S", 0.0)
    monkeypatch.setattr("fcn_studio.ui.session.loading.LOOKED_THROUGH", 1)
    monkeypatch.setattr("fcn_studio.ui.session.session.LOOKED_THROUGH", 1)
    (labelled / ".fcn-studio" / "index").unlink(missing_ok=True)
    gate = threading.Event()
    real = AnnotationStore._find_status

    def find_status(self: AnnotationStore, sample: Sample) -> Status:
        if threading.current_thread().name.startswith("status_scan"):
            gate.wait(PATIENCE_S)
        return real(self, sample)

    monkeypatch.setattr(AnnotationStore, "_find_status", find_status)
    studio.session.open_folder(labelled)
    model = studio.window.files_dock.model
    assert model.index(700, 1).data() == ""
    model.set_filter("status:verified")
    qtbot.wait(100)
    assert model.scanning
    assert "so far" in studio.window.status_line._project.words.text()
    gate.set()
    qtbot.waitUntil(lambda: not model.scanning)
    assert model.rowCount() == MANY
    model.set_filter("")
    assert model.index(700, 1).data() == "Verified"


def test_who_needs_statuses_now_does_not_read_them_on_the_gui_thread(
    studio: Studio, labelled: Path, read_here: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_scan, "AT_ONCE_S", 0.0)
    monkeypatch.setattr("fcn_studio.ui.session.loading.LOOKED_THROUGH", 1)
    monkeypatch.setattr("fcn_studio.ui.session.session.LOOKED_THROUGH", 1)
    (labelled / ".fcn-studio" / "index").unlink(missing_ok=True)
    studio.session.open_folder(labelled)
    assert not studio.session.status_scan.done
    read_here.clear()
    studio.session.step_unverified(+1)
    assert studio.session.index == 0, "all are verified"
    assert read_here == []
    assert studio.session.status_scan.counts()[Status.VERIFIED] == MANY


def test_leaving_a_project_ends_its_census(
    studio: Studio, labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    monkeypatch.setattr(status_scan, "AT_ONCE_S", 0.0)
    (labelled / ".fcn-studio" / "index").unlink(missing_ok=True)
    studio.session.open_folder(labelled)
    assert not studio.session.status_scan.done
    studio.session.open_folder(draw_many(tmp_path / "other", 40))
    qtbot.waitUntil(lambda: studio.session.status_scan.done)
    assert studio.session.status_scan.counts()[Status.NEW] == 40


def test_a_large_folder_is_drawn_before_its_first_image_is_opened(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fcn_studio.ui.session.session.LOOKED_THROUGH", 1)
    session, shown = studio.session, []
    session.project_changed.connect(lambda: QTimer.singleShot(0, lambda: shown.append(session.document)))
    session.open_folder(draw_many(tmp_path / "large", 3))
    assert shown == [None]
    assert session.document is not None


# --- waiting ------------------------------------------------------------------------------------------------------


def test_the_window_is_alive_while_it_waits(qtbot: QtBot) -> None:
    turns, enough = [], threading.Event()

    def turn() -> None:
        turns.append(1)
        if len(turns) == 20:
            enough.set()

    timer = QTimer(interval=5)
    timer.timeout.connect(turn)
    timer.start()
    assert in_background(lambda: enough.wait(PATIENCE_S)), "the window had no turns"
    timer.stop()


def test_what_goes_wrong_in_the_background_is_raised_here(qtbot: QtBot) -> None:
    def fails() -> None:
        time.sleep(0.1)
        raise ProjectError("no")

    with pytest.raises(ProjectError, match="no"):
        in_background(fails)
    assert not threads_of("opening")


def test_while_a_folder_is_opened_no_other_is(
    studio: Studio, labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "AT_ONCE_S", 0.0)
    other = draw_many(tmp_path / "other", 5)
    real, refused = ProjectFolder.open, threading.Event()

    def slow(folder: Path, **options: object) -> ProjectFolder:
        assert refused.wait(PATIENCE_S)
        return real(folder, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(ProjectFolder, "open", slow)
    QTimer.singleShot(20, lambda: (studio.session.open_folder(other), refused.set()))
    studio.session.open_folder(labelled)
    assert studio.session.project is not None
    assert studio.session.project.folder == labelled
