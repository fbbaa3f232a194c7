"""The engine: replies reach the GUI thread, and nothing is left when it is shut down."""

from __future__ import annotations

import psutil
import pytest
from PySide6.QtCore import QThread
from pytestqt.qtbot import QtBot

from fcn_studio.jobs.protocol import Done, Failed, Ready, Reply, SegmentJob
from fcn_studio.ui.network.network_process import NetworkProcess


def test_an_engine_that_did_nothing_ends_at_once_and_twice(qtbot: QtBot) -> None:
    process = NetworkProcess()
    assert process.pid is None
    process.shut_down()
    process.shut_down()


@pytest.mark.parametrize("number", range(5))
def test_quitting_while_the_process_starts_leaves_nothing(qtbot: QtBot, number: int) -> None:
    process = NetworkProcess()
    process.warm_up()
    qtbot.wait(60 * number)
    pid = process.pid
    process.shut_down()
    assert process.pid is None
    assert pid is None or not psutil.pid_exists(pid)


@pytest.mark.slow
def test_replies_come_on_the_gui_thread(qtbot: QtBot) -> None:
    process = NetworkProcess()
    heard: list[tuple[Reply, bool]] = []

    def hear(reply: Reply) -> None:
        heard.append((reply, QThread.currentThread() is process.thread()))

    process.replied.connect(hear)
    try:
        empty = process.submit(SegmentJob("/no/such.safetensors", (), "cpu"))
        qtbot.waitUntil(lambda: any(isinstance(r, Done | Failed) for r, _ in heard), timeout=60_000)
        pid = process.pid
    finally:
        process.shut_down()
    assert isinstance(heard[0][0], Ready)
    last = heard[-1][0]
    assert isinstance(last, Failed)
    assert last.job_id == empty
    assert "/no/such.safetensors" in last.sentence
    assert all(on_gui for _, on_gui in heard)
    assert pid is not None
    assert not psutil.pid_exists(pid)
