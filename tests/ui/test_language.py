"""Another language while the window is open: every text follows, and nothing else changes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDialogButtonBox, QWidget
from pytestqt.qtbot import QtBot

from fcn_studio import i18n
from fcn_studio.i18n import PSEUDO, tr
from fcn_studio.i18n.memory import APART
from fcn_studio.settings import Settings
from fcn_studio.ui.network.job_list import Kind
from fcn_studio.ui.runtime import language
from tests.ui.conftest import Studio
from tests.ui.test_pseudo_locale import PROJECT, cut, is_of_qt, listed, settle, texts_of, untranslated

CHINESE = "zh_CN"
HAN = re.compile("[一-鿿]")


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(i18n.ENVIRONMENT, "en")
    monkeypatch.setattr(i18n, "_memory", None)
    i18n.remember()
    monkeypatch.setitem(Settings.language.choices, PSEUDO, "Pseudo")  # type: ignore[index]
    i18n.use("en")
    yield
    i18n.use("en")
    language.translate_qt()


def all_texts(root: QWidget) -> list[str]:
    widgets = [widget for widget in (root, *root.findChildren(QWidget)) if not is_of_qt(widget)]
    texts = [text for widget in widgets for text in texts_of(widget)]
    for action in root.findChildren(QAction):
        texts += [action.text(), action.toolTip(), action.statusTip()]
    return [text for text in texts if text]  # a window may have a focus ring that the other has not


def test_every_text_of_the_window_follows_and_the_work_stays(studio: Studio, qtbot: QtBot) -> None:
    window, canvas = studio.window, studio.window.canvas
    window.resize(1800, 1000)
    window.actions_["check"].trigger()
    settle()
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=canvas.rect().center())
    jobs = studio.network.job_list
    jobs.show(Kind.READ_LABELS, tr("Fine-tune"), tr("reading labels"), lambda: None)
    studio.settings.language = PSEUDO
    settle()
    assert not (found := untranslated(window, PROJECT)), listed(found)
    assert [(job.title, job.words) for job in jobs.views] == [(tr("Fine-tune"), tr("reading labels"))]
    assert tr("&Undo {step}", step=tr("Brush stroke")) == window.actions_["undo"].text()
    studio.settings.language = "en"
    settle()
    document = studio.session.document
    assert document is not None
    place = document.revision, canvas.zoom, window.size()
    studio.settings.language = CHINESE
    settle()
    assert any(map(HAN.search, all_texts(window)))
    studio.settings.language = "en"
    settle()
    assert not any(map(HAN.search, all_texts(window)))
    assert studio.session.document is document
    assert (document.revision, canvas.zoom, window.size()) == place
    assert document.history.can_undo


def test_a_window_that_began_in_chinese_becomes_english(make_studio: Callable[[], Studio]) -> None:
    """Chinese has one word for some English ones, and each place gets its own back."""
    expected = all_texts(make_studio().window)
    i18n.use(CHINESE)
    language.translate_qt()
    studio = make_studio()
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, studio.window)
    cancel = box.button(QDialogButtonBox.StandardButton.Cancel)
    assert (studio.window.actions_["undo"].text(), cancel.text()) == (tr("&Undo"), "取消")
    studio.window.resize(1280, 720)
    settle()
    assert not (found := cut(studio.window)), listed(found)
    assert tr("Class").strip(APART) == tr("Classes").strip(APART)
    studio.settings.language = "en"
    settle()
    assert cancel.text() == "Cancel"
    box.setParent(None)
    assert all_texts(studio.window) == expected
