from __future__ import annotations

import sys
import threading

import pytest
from pytestqt.qtbot import QtBot

from fcn_studio.errors import ImageError
from fcn_studio.ui.messages import ActionDoor, Messages
from fcn_studio.ui.report import report_text
from fcn_studio.ui.widgets.message_strip import MessageStrip


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


def test_a_bug_in_any_thread_is_reported_on_the_gui_thread(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    messages, printed, threads = Messages(), [], []
    monkeypatch.setattr(sys, "excepthook", lambda *args: printed.append(args))
    messages.install_excepthook()
    messages.bug.connect(lambda _text: threads.append(threading.current_thread()))
    with qtbot.waitSignal(messages.bug) as heard:
        try:
            _ = [][1]
        except IndexError:
            info = sys.exc_info()
            thread = threading.Thread(target=lambda: sys.excepthook(*info))
            thread.start()
            thread.join()
    assert "IndexError" in heard.args[0]
    assert len(printed) == 1
    assert "IndexError" in report_text(messages, "CPU")


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
    strip.show_offer("12 strokes came back.", "What came back", lambda: taken.append(1))
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
