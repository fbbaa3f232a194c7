"""The effort recorder: each step is noted with its pixels, and a log that cannot be written is told once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fcn_studio import paths
from fcn_studio.formats.effort_log import effort_log, read_gestures
from fcn_studio.ui.dialogs.effort_dialog import EffortDialog
from fcn_studio.ui.session.session import Session
from tests.helpers import paint
from tests.ui.conftest import draw_project


def test_steps_are_noted_and_shown(make_session: Callable[[], Session], tmp_path: Path) -> None:
    session = make_session()
    session.open_folder(draw_project(tmp_path / "project"))
    assert session.project is not None
    assert session.document is not None
    session.toolbox.set_class(2)
    paint(session.document, 2)
    changed = int((session.document.label_map == 2).sum())
    session.undo()
    log, table = effort_log(session.project.config.project_id), session.table
    assert session.close_project()
    stroke, undo = read_gestures(log)
    assert (stroke.class_index, stroke.pixels, undo.act, undo.class_index) == (2, changed, "Undo", None)
    assert changed > 0
    dialog = EffortDialog([stroke, undo], table)
    for number in range(dialog.by.count()):
        dialog.by.setCurrentIndex(number)
        assert dialog.rows.topLevelItemCount() == (2 if number < 2 else 1)
    dialog.save(tmp_path / "effort.csv")
    assert (tmp_path / "effort.csv").read_text().count("\n") == 3
    dialog.deleteLater()


def test_a_log_that_cannot_be_written_is_told_once(
    make_session: Callable[[], Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, told = make_session(), []
    session.open_folder(draw_project(tmp_path / "project"))
    session.problem.connect(told.append)
    (tmp_path / "blocked").mkdir(exist_ok=True)
    (tmp_path / "blocked" / "effort").write_text("in the way")
    with monkeypatch.context() as patch:
        patch.setattr(paths, "state_dir", lambda: tmp_path / "blocked")
        for _ in range(2):
            assert session.document is not None
            paint(session.document, 1)
            session.undo()
            session.effort.write_now()
    assert len(told) == 1
    assert "cannot be noted" in told[0]
    assert session.close_project()
