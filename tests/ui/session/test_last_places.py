"""The image and class that a project was left with: by project, in the user's state folder, whatever lies there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fcn_studio.formats import by_project
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.ui.session.session import Session
from tests.ui.conftest import draw_project


def places_file() -> Path:
    return Path(os.environ["FCN_STUDIO_STATE_DIR"]) / "last_places.json"


def left(make_session: Callable[[], Session], folder: Path, row: int, index: int) -> None:
    session = make_session()
    session.open_folder(folder)
    session.go_to(row)
    session.toolbox.set_class(index)
    assert session.close_project()


def place(make_session: Callable[[], Session], folder: Path) -> tuple[int, int]:
    session = make_session()
    session.open_folder(folder)
    found = session.index, session.toolbox.class_index
    assert session.close_project()
    return found


def test_a_moved_project_is_known_by_its_id(make_session: Callable[[], Session], tmp_path: Path) -> None:
    folder = draw_project(tmp_path / "project")
    left(make_session, folder, 2, 2)
    assert place(make_session, folder.rename(tmp_path / "moved")) == (2, 2)


def test_a_folder_without_a_project_file_is_known_by_its_place(
    make_session: Callable[[], Session], tmp_path: Path
) -> None:
    folder = draw_project(tmp_path / "project")
    (folder / "fcn-studio.toml").unlink()
    shutil.rmtree(folder / ".fcn-studio")
    left(make_session, folder, 2, 0)
    assert not (folder / "fcn-studio.toml").exists()
    assert place(make_session, folder)[0] == 2


def test_a_read_only_project_is_remembered_too(make_session: Callable[[], Session], tmp_path: Path) -> None:
    folder = draw_project(tmp_path / "project")
    with ProjectFolder.open(folder, writable=True):
        left(make_session, folder, 1, 2)
    assert place(make_session, folder) == (1, 2)


def test_an_image_or_class_that_is_gone_is_not_asked_for(make_session: Callable[[], Session], tmp_path: Path) -> None:
    folder = draw_project(tmp_path / "project")
    left(make_session, folder, 3, 2)
    (folder / "picture-003.png").unlink()
    table = places_file().read_text(encoding="ascii")
    places_file().write_text(table.replace(", 2]", ", 77]"), encoding="ascii")
    assert place(make_session, folder) == (0, 1)


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', '{"a": ["b", "c"]}', "\ud800", "{" * 9999])
def test_a_damaged_file_is_begun_anew(make_session: Callable[[], Session], tmp_path: Path, content: str) -> None:
    folder = draw_project(tmp_path / "project")
    places_file().parent.mkdir(parents=True, exist_ok=True)
    places_file().write_bytes(content.encode("utf-8", "surrogatepass"))
    left(make_session, folder, 1, 2)
    assert place(make_session, folder) == (1, 2)


def test_the_oldest_projects_are_forgotten(
    make_session: Callable[[], Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_project, "MAX_PROJECTS", 2)
    folders = [draw_project(tmp_path / str(number)) for number in range(3)]
    for folder in folders:
        left(make_session, folder, 1, 2)
    assert [place(make_session, folder)[0] for folder in reversed(folders)] == [1, 1, 0]
