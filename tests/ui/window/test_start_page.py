"""The start page tells of recent projects, and the status bar of the open one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from fcn_studio import paths
from fcn_studio.core.effort.gestures import Gesture
from fcn_studio.formats.effort_log import append_gestures, effort_log
from fcn_studio.formats.journal import journal_folder
from fcn_studio.formats.recent_projects import RecentFolder, RecentProject, forget, look, remember
from fcn_studio.ui.widgets.recent_list import RecentRow, facts_of
from fcn_studio.ui.window.project_progress import time_left
from tests.helpers import paint
from tests.ui.conftest import Studio, draw_project


def rows(studio: Studio) -> list[RecentRow]:
    column = studio.window._welcome.recent._column
    return [row for n in range(column.count()) if isinstance(row := column.itemAt(n).widget(), RecentRow)]


def facts(studio: Studio) -> list[str]:
    return [row._facts.text() for row in rows(studio)]


def test_recent_projects_are_told_with_progress_and_picture(
    studio: Studio, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, gone, kept = tmp_path / "project", draw_project(tmp_path / "gone"), draw_project(tmp_path / "kept")
    assert studio.session.document is not None
    paint(studio.session.document, 1, size=20)
    studio.session.verify()
    studio.window.open_folder(gone)
    studio.session.close_project()
    shutil.rmtree(gone)
    monkeypatch.setattr(journal_folder, "folders_with_strokes", lambda: [kept])
    studio.window._recent.show()
    qtbot.waitUntil(lambda: all(facts(studio)) and len(rows(studio)) == 3)
    assert facts(studio) == [
        "Unsaved work is kept. It comes back when you open the folder.",
        "This folder is not there.",
        "1 verified of 4 · today",
    ]
    assert [row.open_button.isEnabled() for row in rows(studio)] == [True, False, True]
    (known,) = (found for found in look([first]) if found.folder == first)
    assert known.picture.startswith(b"\x89PNG")
    rows(studio)[1].remove_button.click()
    assert gone not in studio.settings.recent
    rows(studio)[0].open_button.click()
    assert studio.session.project is not None
    assert studio.session.project.folder == first, "the list is made anew; what waits comes first once it is found"


def test_what_is_known_of_folders_is_kept_and_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "state_dir", lambda: tmp_path / "state")
    one, two = tmp_path / "one", tmp_path / "two"
    remember(one, RecentProject(100, 9, None), b"picture", [one])
    remember(two, RecentProject(200, 5, 3), b"other", [one, two])
    assert list(look([one, two])) == [
        RecentFolder(one, False, False, RecentProject(100, 9, None), b"picture"),
        RecentFolder(two, False, False, RecentProject(200, 5, 3), b"other"),
    ]
    forget(one)
    assert [found.known for found in look([one])] == [None]
    assert len(list((tmp_path / "state" / "recent").iterdir())) == 1
    (tmp_path / "state" / "recent.json").write_text('{"/a": [1, 2], "/b": [1, "x", 2], "/c": 3}')
    assert [found.known for found in look([Path("/a"), Path("/b"), Path("/c")])] == [None, None, None]


@pytest.mark.parametrize(
    ("at", "words"), [(1_000_000_000, "3 verified of 5 · "), (1_700_000_000, "3 verified of 5 · 4 days ago")]
)
def test_old_dates_are_written_and_days_are_counted(at: int, words: str) -> None:
    known = RecentFolder(Path("/a"), True, False, RecentProject(at, 5, 3), b"")
    found = facts_of(known, date.fromtimestamp(1_700_000_000 + 4 * 86_400))
    assert found.startswith(words)
    assert not found.endswith("· ")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (5, "about 1 min left"), (200, "about 3 min left"), (1700, "about 30 min left"), (3580, "about 1 h left"),
        (7800, "about 2 h 10 min left"), (90_000, "about 25 h left"),
    ],
)  # fmt: skip
def test_the_time_left_is_no_more_exact_than_the_estimate(seconds: float, words: str) -> None:
    assert time_left(seconds) == words


def test_the_progress_is_in_sight_with_the_time_left(
    make_studio: Callable[[], Studio], tmp_path: Path, qtbot: QtBot
) -> None:
    studio, folder = make_studio(), draw_project(tmp_path / "project")
    studio.window.open_folder(folder)
    progress = studio.window.status_line._project
    assert progress.words.text() == "0 verified of 4"
    project = studio.session.project
    assert project is not None
    log = effort_log(project.config.project_id)
    studio.session.close_project()
    assert not progress.isVisible()
    append_gestures(log, [Gesture(0.0, f"old {n}.png", "Verify", None, 0, 60.0 + n, 0) for n in range(5)])
    studio.window.open_folder(folder)
    qtbot.waitUntil(lambda: progress.words.text() == "0 verified of 4 · about 4 min left")
    studio.session.verify()
    assert progress.words.text() == "1 verified of 4 · about 3 min left"
    assert "1 image verified\n" in progress.toolTip()
    assert "3 images to do" in progress.toolTip()
    assert "took less than 62 s each" in progress.toolTip()
    studio.window.status_line.grab()
    assert np.isclose(sum(progress._bar._counts), 4)
