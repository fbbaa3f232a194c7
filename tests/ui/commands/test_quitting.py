"""Quitting while jobs run: the user is asked, and may wait; a signal asks nothing."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from fcn_studio.ui.dialogs.questions import QuitDialog
from fcn_studio.ui.network.job_list import Kind
from tests.jobs.helpers import job
from tests.ui.conftest import Studio


class Answers:
    """What the user says to `QuitDialog`: "cancel", "wait" or "stop"."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answer = "cancel"
        self.asked: list[list[str]] = []
        monkeypatch.setattr(QuitDialog, "asked", lambda dialog: self._answered(dialog))

    def _answered(self, dialog: QuitDialog) -> bool:
        self.asked.append([label.text() for label in dialog.findChildren(QLabel)])
        if self.answer == "stop":
            dialog._stop()
        return self.answer != "cancel"


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    return Answers(monkeypatch)


def test_the_window_stays_or_closes_when_all_jobs_have_ended(studio: Studio, answers: Answers, qtbot: QtBot) -> None:
    window, jobs = studio.window, studio.network.job_list
    jobs.submit(Kind.BATCH, job("b"), "Label all", words="3 of 300")
    jobs.submit(Kind.INSTALL, job("a"), "Download voc")
    window.close()
    assert window.isVisible()
    assert "Label all   3 of 300" in answers.asked[0]
    assert "Download voc" in answers.asked[0]
    jobs.forget(Kind.INSTALL)

    answers.answer = "wait"
    window.close()
    assert window.isVisible()
    assert "closes when these jobs have ended" in window._strip.text
    with qtbot.waitSignal(window.closed):
        jobs.forget(Kind.BATCH)
    assert studio.session.project is None
    assert len(answers.asked) == 2


def test_a_changed_mind_keeps_the_window(studio: Studio, answers: Answers, qtbot: QtBot) -> None:
    window, jobs = studio.window, studio.network.job_list
    jobs.submit(Kind.FINE_TUNE, job("b"), "Fine-tune")
    answers.answer = "wait"
    window.close()
    answers.answer = "cancel"
    window.close()
    jobs.forget_all()
    qtbot.wait(0)
    assert window.isVisible()
    window.close()
    assert not window.isVisible(), "nothing runs any more"
    assert len(answers.asked) == 2


@pytest.mark.parametrize("how", ["stop", "signal"])
def test_jobs_are_stopped_on_request_or_by_a_signal(studio: Studio, answers: Answers, how: str) -> None:
    studio.network.job_list.submit(Kind.FINE_TUNE, job("b"), "Fine-tune")
    answers.answer = "stop"
    (studio.window.close if how == "stop" else studio.window.close_at_once)()
    assert not studio.window.isVisible()
    assert len(answers.asked) == (how == "stop")
