from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QThread
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from fcn_studio.errors import ImageError
from fcn_studio.formats.journal.journal_folder import SUFFIX, JournalFolder, folders_with_strokes
from fcn_studio.ui.commands.report import report_text
from fcn_studio.ui.dialogs.help_dialogs import ReportDialog
from fcn_studio.ui.runtime.guard import guarded
from fcn_studio.ui.runtime.user_messages import ActionDoor, Messages, bugs_reported
from fcn_studio.ui.widgets.message_strip import MAX_COVERED, MessageStrip
from tests.ui.conftest import Studio, draw_project


def fail() -> None:
    raise ImageError("a.png cannot be read: it is empty")


def test_an_error_for_the_user_becomes_a_sentence(qtbot: QtBot) -> None:
    messages = Messages()
    with qtbot.waitSignal(messages.problem) as heard:
        ActionDoor(messages).run(fail)
    assert heard.args == ["a.png cannot be read: it is empty"]


def test_a_bug_goes_through_the_door() -> None:
    with pytest.raises(ZeroDivisionError):
        ActionDoor(Messages()).run(lambda: 1 / 0)


def raise_index_error() -> None:
    _ = [][1]


class BadEnd:
    def __del__(self) -> None:
        raise_index_error()


def in_a_thread() -> None:
    thread = threading.Thread(target=raise_index_error)
    thread.start()
    thread.join()


def in_a_qt_thread() -> None:
    class Runs(QThread):
        @guarded
        def run(self) -> None:
            raise_index_error()

    thread = Runs()
    thread.start()
    assert thread.wait(5000)


def while_taken_down() -> None:
    BadEnd()


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What the hook that was there before is given."""
    printed: list[object] = []
    monkeypatch.setattr(sys, "excepthook", lambda *args: printed.append(args))
    return printed


@pytest.mark.parametrize("fail", [in_a_thread, in_a_qt_thread, while_taken_down])
def test_a_bug_anywhere_is_reported_on_the_gui_thread(
    qtbot: QtBot, printed: list[object], fail: Callable[[], None]
) -> None:
    messages, threads = Messages(), []
    messages.bug.connect(lambda _text: threads.append(threading.current_thread()))
    hooks = threading.excepthook, sys.unraisablehook
    with bugs_reported(messages), qtbot.waitSignal(messages.bug) as heard:
        fail()
    assert "IndexError" in heard.args[0]
    assert threads == [threading.main_thread()]
    assert len(printed) == 1
    assert "IndexError" in report_text(messages, "CPU")
    assert (threading.excepthook, sys.unraisablehook) == hooks


def test_what_is_no_bug_is_not_reported(qtbot: QtBot, printed: list[object]) -> None:
    messages = Messages()
    with bugs_reported(messages), qtbot.assertNotEmitted(messages.bug):
        sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
        thread = threading.Thread(target=sys.exit)
        thread.start()
        thread.join()
    assert len(printed) == 1
    assert not messages.history


def test_a_bug_that_comes_with_every_paint_is_told_once_and_counted(
    welcome: Studio, qtbot: QtBot, caplog: pytest.LogCaptureFixture, printed: list[object]
) -> None:
    class Broken(QWidget):
        at = 0

        @guarded
        def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
            self.at += 1
            raise ValueError(f"no pixel {self.at} in <object at {hex(id(self) + self.at)}>")

    window = welcome.window
    with bugs_reported(window.messages):
        broken = Broken()
        qtbot.addWidget(broken)
        broken.show()
        with qtbot.waitExposed(broken):
            pass
        for _ in range(1000 - broken.at):
            broken.repaint()
        assert broken.at == 1000
        (dialog,) = window.findChildren(ReportDialog)
        window.messages.report(TypeError, TypeError("another one"), None)
        assert window.findChildren(ReportDialog) == [dialog]
    assert len(printed) == 1
    assert "no pixel 1 in" in dialog.text.toPlainText()
    assert "another one" in dialog.text.toPlainText()
    assert len(caplog.messages) == 1 + 3 + 1
    assert "(met 1000 times)" in report_text(window.messages, "CPU")
    dialog.close()


def test_a_notice_does_not_push_a_problem_away(qtbot: QtBot) -> None:
    strip = MessageStrip()
    qtbot.addWidget(strip)
    strip.show_problem("The disk is full.")
    strip.show_notice("Saved.")
    assert strip.text == "The disk is full."
    strip.dismiss()
    assert strip.isHidden()
    strip.show_notice("Saved.")
    assert strip.text == "Saved."


def test_an_offer_stays_and_is_taken_once(qtbot: QtBot) -> None:
    strip, taken = MessageStrip(), []
    qtbot.addWidget(strip)
    strip.show_offer("12 strokes came back.", ("What came back", lambda: taken.append(1)))
    strip.show_notice("Saved.")
    assert strip.text == "12 strokes came back."
    assert not strip.button.isHidden()
    strip.button.click()
    assert taken == [1]
    assert strip.isHidden()
    strip.show_problem("The disk is full.")
    assert strip.button.isHidden()
    strip.button.click()
    assert taken == [1]


def test_an_offer_that_was_covered_comes_back(qtbot: QtBot) -> None:
    strip, taken = MessageStrip(), []
    qtbot.addWidget(strip)
    strip.show_offer("It ended unexpectedly.", ("Show report", lambda: taken.append("report")))
    strip.show_offer("12 strokes came back.", ("What came back", lambda: taken.append("strokes")))
    strip.show_problem("The disk is full.")
    for text in ("The disk is full.", "12 strokes came back."):
        assert strip.text == text
        strip.dismiss()
    assert strip.text == "It ended unexpectedly."
    strip.button.click()
    assert taken == ["report"]
    assert strip.isHidden()


def test_equal_offers_are_one(qtbot: QtBot) -> None:
    strip, taken = MessageStrip(), []
    qtbot.addWidget(strip)
    for number in range(3):
        strip.show_offer("It knows no class.", ("Networks…", partial(taken.append, number)))
        strip.show_offer("It ended unexpectedly.", ("Show report", lambda: None))
    strip.dismiss()
    strip.button.click()
    assert taken == [2]
    assert strip.isHidden()
    for number in range(100):
        strip.show_offer(f"Mask {number} is damaged.", ("Restore", lambda: None))
    assert len(strip._covered) == MAX_COVERED


def test_what_was_said_of_a_project_goes_with_it(studio: Studio, tmp_path: Path) -> None:
    strip, messages = studio.window._strip, studio.window.messages
    studio.window.message_presenter.report_unexpected_end("killed")
    messages.offer("Work came back.", "What came back", lambda: None)
    messages.fail("The disk is full.")
    assert studio.session.close_project()
    assert strip.text == "FCN Studio ended unexpectedly last time."
    strip.dismiss()
    messages.say("Settings are as at first.")
    studio.window.open_folder(draw_project(tmp_path / "other"))
    assert strip.text == "Settings are as at first."
    messages.say("Exported.")
    assert studio.session.close_project()
    assert strip.isHidden()
    messages.fail("It cannot be opened.")
    studio.window.open_folder(tmp_path / "other")
    assert strip.isHidden()


def test_what_is_said_of_a_project_as_it_opens_stays(
    studio: Studio, make_studio: Callable[[], Studio], tmp_path: Path
) -> None:
    other = make_studio()
    other.window.open_folder(draw_project(tmp_path / "other"))
    assert studio.session.project is not None
    other.window.open_folder(studio.session.project.folder)
    assert other.window._strip.text.startswith("Opened read-only")
    other.window.open_folder(tmp_path / "other")
    assert other.window._strip.isHidden()


def test_after_a_crash_the_start_page_names_the_folder_with_work(welcome: Studio, tmp_path: Path) -> None:
    folder = draw_project(tmp_path / "cells")
    with closing(JournalFolder("", folder)) as journals:
        (journals.path / f"a{SUFFIX}").write_bytes(b"strokes")
        assert folders_with_strokes() == [], "another window has it open"
    JournalFolder("", draw_project(tmp_path / "clean")).close()
    assert folders_with_strokes() == [folder]
    presenter, strip = welcome.window.message_presenter, welcome.window._strip
    presenter.report_unexpected_end("killed", [folder], welcome.window.open_folder)
    assert f"work on {folder} is kept" in strip.text
    others = [tmp_path / name for name in "abc"]
    presenter.report_unexpected_end("killed", [folder, *others], welcome.window.open_folder)
    assert f"work on 4 folders is kept. It comes back when you open them: {folder}, " in strip.text
    assert strip.text.endswith(f"{others[1]}, ….")
    assert [button.text() for button in strip.buttons] == ["Open cells", "Show report"]
    strip.button.click()
    assert welcome.session.project is not None
    assert welcome.session.project.folder == folder


def test_a_notice_that_the_strip_has_no_room_for_is_in_the_status_bar(studio: Studio) -> None:
    studio.window.messages.fail("The disk is full.")
    studio.window.messages.say("Exported to here.")
    assert studio.window._strip.text == "The disk is full."
    assert studio.window.status_line.currentMessage() == "Exported to here."
    assert studio.session.close_project()
    assert not studio.window.status_line.currentMessage()
