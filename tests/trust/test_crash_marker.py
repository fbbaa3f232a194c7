"""After a crash the next start says so once, with what is known of it; a second window that runs is no crash."""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

import fcn_studio
from fcn_studio import paths
from fcn_studio.formats.project.lock import process_start_time
from fcn_studio.ui.commands import report
from fcn_studio.ui.runtime.crash_marker import MAX_LOGS, CrashMarker, UnexpectedEnd, logs_dir, take_unexpected_ends
from fcn_studio.ui.runtime.logs import LONGEST, _LogFile, without_content
from fcn_studio.ui.runtime.user_messages import Messages
from tests.helpers import run_python

START = """
import ctypes, os, signal, sys
from PySide6.QtCore import QTimer
from fcn_studio import cli
from fcn_studio.ui import app
from fcn_studio.ui.dialogs.help_dialogs import ReportDialog
build = app.build
def act(studio):
    {act}
def build_and_act(settings):
    studio = build(settings)
    QTimer.singleShot(100, lambda: act(studio))
    return studio
app.build = build_and_act
code = cli.main([])
print("code", code)
"""
READ = """
    window = studio.window
    print("strip:", window._strip.text, "|", window._strip.button.text())
    window._strip.button.click()
    for dialog in window.findChildren(ReportDialog):
        print(dialog.windowTitle(), dialog.text.toPlainText(), sep="\\n")
    window.close()
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of the test's own, for its processes too."""
    monkeypatch.setenv("FCN_STUDIO_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def start(act: str) -> tuple[int, str]:
    done = run_python(START.replace("{act}", act.strip()))
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_crash_is_told_at_the_next_start_and_only_then(state: Path) -> None:
    code, _ = start("ctypes.string_at(0)")
    assert code == -11
    assert len(list(logs_dir().glob("*.alive"))) == 1
    code, text = start(READ)
    assert code == 0, text
    assert "strip: FCN Studio ended unexpectedly last time. | Show report" in text
    assert "Fatal Python error: Segmentation fault" in text
    assert "string_at" in text
    assert f"FCN Studio {fcn_studio.__version__}" in text
    assert not list(logs_dir().glob("*.alive"))
    code, text = start(READ)
    assert (code, "strip:  |" in text) == (0, True), text


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_killed_run_and_one_that_a_bug_ended_are_told_together(state: Path) -> None:
    assert start("os.kill(os.getpid(), signal.SIGKILL)")[0] == -9
    done = run_python(START.replace("{act}", "pass").replace("studio = build(settings)", "raise KeyError('no part')"))
    assert done.returncode == 1
    code, text = start(READ)
    assert code == 0, text
    assert "Nothing was written. The program was killed, or the computer stopped." in text
    assert "KeyError: 'no part'" in text


def leave(stem: str, **fields: object) -> Path:
    logs_dir().mkdir(parents=True, exist_ok=True)
    mark = logs_dir() / f"{stem}.alive"
    mark.write_text(json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "started": "1", **fields}))
    return mark


def test_whose_process_lives_is_another_window_and_another_host_is_left_alone() -> None:
    living = leave("20260101-000000-1", started=process_start_time(os.getpid()))
    elsewhere = leave("20260101-000000-2", host="elsewhere")
    leave("20260101-000000-3")  # the same process number, used anew
    leave("20260101-000000-4").write_text("{" * 5000)
    leave("20260101-000000-5", pid=10**30)
    (logs_dir() / "20260101-000000-3.crash").write_bytes(b"Fatal Python error: \xff")
    ended = take_unexpected_ends()
    assert [end.stem[-1] for end in ended] == ["5", "4", "3"]
    assert ended[2].trace == "Fatal Python error: \ufffd"
    assert take_unexpected_ends() == []
    assert living.exists()
    assert elsewhere.exists()


def test_old_runs_are_forgotten_but_none_that_was_not_told() -> None:
    untold = leave("20250101-000000-1")
    for number in range(MAX_LOGS + 5):
        (logs_dir() / f"20260101-0000{number:02}-1.log").write_text("")
        (logs_dir() / f"20260101-0000{number:02}-1.log.1").write_text("")
    (logs_dir() / "mine.txt").write_text("")
    done = run_python("from fcn_studio.ui.runtime.crash_marker import CrashMarker\nwith CrashMarker(): pass")
    assert done.returncode == 0, done.stderr
    left = sorted(path.name for path in logs_dir().iterdir())
    assert untold.name in left
    assert "mine.txt" in left
    assert len([name for name in left if name.endswith(".log")]) == MAX_LOGS - 1  # and the one that ran just now
    assert len([name for name in left if name.endswith(".log.1")]) == MAX_LOGS - 1


@pytest.mark.parametrize("obstacle", ["state", "logs"])
def test_a_log_that_cannot_be_opened_stops_no_start(state: Path, obstacle: str) -> None:
    if obstacle == "logs":
        state.mkdir()
    (state if obstacle == "state" else state / "logs").write_text("in the way")
    code, text = start("studio.window.messages.fail('No word is lost.'); studio.window.close()")
    assert code == 0, text
    assert "No word is lost." in text
    with CrashMarker() as log_file:
        assert log_file is None
    assert take_unexpected_ends() == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full is a thing of Linux")
def test_a_full_disk_costs_the_log_and_no_word(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    handler = _LogFile("/dev/full", maxBytes=1 << 20)
    record = logging.makeLogRecord({"msg": "a word"})
    for _ in range(3):
        handler.handle(record)
    handler.baseFilename = str(tmp_path / "log")  # room again
    handler.handle(record)
    handler.close()
    assert (tmp_path / "log").read_text() == "a word\n"
    assert capfd.readouterr() == ("", "")


def test_a_log_goes_on_in_a_new_file_and_keeps_one_old_one(tmp_path: Path) -> None:
    code = (
        "import sys, logging, pathlib\nfrom fcn_studio.ui.runtime.logs import log_to\n"
        "log_to(pathlib.Path(sys.argv[1]))\n"
        "for n in range(600): logging.getLogger('test').info('entry %d %s', n, 'x' * 7000)\n"
    )
    assert run_python(code, str(tmp_path / "run.log")).returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.log", "run.log.1"]
    assert "entry 599 x" in (tmp_path / "run.log").read_text()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 2.1 * (1 << 20)


def test_no_pixel_gets_into_a_log_or_a_report(qtbot: QtBot, caplog: pytest.LogCaptureFixture) -> None:
    pixels = np.random.default_rng(1).integers(100, 255, (40, 3), np.uint8)
    messages = Messages()
    for content in (pixels.tolist(), pixels, pixels.tobytes(), tuple(pixels.ravel().tolist())):
        error = ValueError(f"cannot draw {content}")
        messages.report(ValueError, error, None)
    for text in (*map(without_content, caplog.messages), report.report_text(messages, "CPU")):
        assert not re.search(r"\d{3}\D{1,4}\d{3}\D{1,4}\d{3}", text), text
        assert r"\x" not in text
    assert "[numbers left out]" in caplog.text
    assert "[bytes left out]" in caplog.text
    long = "begin " + "word " * 10_000 + "end"
    assert len(without_content(long)) < LONGEST + 100
    assert without_content(long).startswith("begin")
    assert without_content(long).endswith("end")
    words = 'File "/a/b.py", line 12, in f: size 1024 x 768, 3 of 24, b"short"'
    assert without_content(words) == words


def test_the_text_of_a_report(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Word for word: who changes it looks at what it gives away."""
    monkeypatch.setattr(report.platform, "platform", lambda: "Linux-6.1")
    monkeypatch.setattr(report.sys, "version", "3.11.7 (main)")
    monkeypatch.setattr(report, "_version", lambda package: "1.2")
    monkeypatch.setattr(fcn_studio, "__version__", "0.2.0")
    monkeypatch.setattr(paths, "config_dir", lambda: Path.home() / ".config" / "fcn-studio")
    monkeypatch.setattr(paths, "state_dir", lambda: Path.home() / ".local" / "fcn-studio")
    messages = Messages()
    messages.say(f"Exported to {Path.home() / 'out'}.")
    ended = UnexpectedEnd("20260101-101500-77", "Fatal Python error: Aborted\n", "10:15:00 INFO ui: Exported.\n")
    text = report.unexpected_ends_text([ended]) + "\n" + report.report_text(messages, "CPU")
    assert re.sub(r"\d\d:\d\d:\d\d(?=  )", "HH:MM:SS", text) == SNAPSHOT


SNAPSHOT = """\
FCN Studio, started as 20260101-101500-77, ended unexpectedly.

Fatal Python error: Aborted

The end of its log:
10:15:00 INFO ui: Exported.

FCN Studio 0.2.0
Python 3.11.7 on Linux-6.1
Qt platform: offscreen, screen scale 1.0
Network runs on: CPU
Settings: ~/.config/fcn-studio
Logs and journals: ~/.local/fcn-studio

PySide6-Essentials 1.2
torch 1.2
torchvision 1.2
numpy 1.2
opencv-python-headless 1.2
pillow 1.2
safetensors 1.2

Messages:
HH:MM:SS  notice   Exported to ~/out.
"""
