"""A window with a real session on small drawn projects, and an engine that runs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QObject, Signal
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from fcn_studio.core.classes import ClassTable
from fcn_studio.formats.images.images import write_png
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.settings import Settings
from fcn_studio.ui.network.network_parts import NetworkParts
from fcn_studio.ui.session.session import Session
from fcn_studio.ui.session.toolbox import Toolbox
from fcn_studio.ui.window.main_window import MainWindow
from tests.patience import PATIENCE_S


class IdleProcess(QObject):
    """Takes every job and never answers; tests emit replies themselves."""

    replied = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.jobs: dict[int, object] = {}
        self.cancelled: list[tuple[int, bool]] = []

    def submit(self, job: object, *, interactive: bool = False) -> int:
        self.jobs[len(self.jobs) + 1] = job
        return len(self.jobs)

    def cancel(self, job_id: int, *, keep: bool = False) -> None:
        self.cancelled.append((job_id, keep))

    def warm_up(self) -> None: ...

    def shut_down(self) -> None: ...


@dataclass
class Studio:
    """Everything a test of the window needs."""

    window: MainWindow
    session: Session
    toolbox: Toolbox
    network: NetworkParts
    settings: Settings
    process: IdleProcess


def draw_project(folder: Path, *, images: int = 4, names: tuple[str, ...] = ("background", "cell", "debris")) -> Path:
    """A plain folder of small pictures with a class table and no label."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    for number in range(images):
        write_png(folder / f"picture-{number:03}.png", rng.integers(0, 255, (48, 64, 3), np.uint8))
    table = ClassTable.from_names(names)
    with ProjectFolder.open(folder, writable=True, table=table) as project:
        project.set_table(table)
    return folder


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings and state of a test are its own."""
    monkeypatch.setenv("FCN_STUDIO_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("FCN_STUDIO_STATE_DIR", str(tmp_path / "state"))


@contextmanager
def studios() -> Iterator[Callable[[], Studio]]:
    """A function that makes shown windows; everything is ended afterwards."""
    made: list[Studio] = []

    def make() -> Studio:
        settings, toolbox, process = Settings(), Toolbox(), IdleProcess()
        session = Session(settings, toolbox)
        network = NetworkParts.make(session, process)
        window = MainWindow(session, toolbox, network, settings)
        made.append(Studio(window, session, toolbox, network, settings, process))
        window.show()
        QTest.qWaitForWindowExposed(window, 1000 * PATIENCE_S)
        return made[-1]

    yield make
    for studio in made:
        studio.session.close_project(discard=True)
        studio.window.close_at_once()
        studio.session.shut_down()
        studio.network.shut_down()
        studio.window.deleteLater()


@pytest.fixture
def make_studio(qtbot: QtBot) -> Iterator[Callable[[], Studio]]:
    with studios() as make:
        yield make


@pytest.fixture(scope="module")
def shared_studio(qapp: QApplication, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A window with a project of four small pictures, for tests that only show something over it."""
    folder = tmp_path_factory.mktemp("shared")
    with pytest.MonkeyPatch.context() as patch, studios() as make:
        patch.setenv("FCN_STUDIO_CONFIG_DIR", str(folder / "config"))
        patch.setenv("FCN_STUDIO_STATE_DIR", str(folder / "state"))
        made = make()
        made.window.open_folder(draw_project(folder / "project"))
        assert made.session.project is not None
        yield made


@pytest.fixture
def welcome(make_studio: Callable[[], Studio]) -> Studio:
    """A window without a project."""
    return make_studio()


@pytest.fixture
def studio(make_studio: Callable[[], Studio], tmp_path: Path) -> Studio:
    """A window with a project of four small pictures."""
    made = make_studio()
    made.window.open_folder(draw_project(tmp_path / "project"))
    assert made.session.project is not None
    return made


@pytest.fixture
def make_session(qtbot: QtBot) -> Iterator[Callable[[], Session]]:
    made: list[Session] = []

    def make() -> Session:
        made.append(Session(Settings(), Toolbox()))
        return made[-1]

    yield make
    for session in made:
        session.close_project(discard=True)
        session.shut_down()
