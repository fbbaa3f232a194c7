"""Objects in circles are taken down on the GUI thread, whoever makes the object too many."""

from __future__ import annotations

import gc
import threading

from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from fcn_studio.ui.runtime import garbage_collection
from fcn_studio.ui.runtime.garbage_collection import GuiThreadGarbageCollector


class Circle:
    def __init__(self, ended: list[threading.Thread]) -> None:
        self.me = self
        self.ended = ended

    def __del__(self) -> None:
        self.ended.append(threading.current_thread())


def make_objects() -> None:
    kept = [[number] for number in range(200_000)]
    del kept


def run_in_thread() -> None:
    thread = threading.Thread(target=make_objects)
    thread.start()
    thread.join()


def test_a_worker_takes_no_object_down(qtbot: QtBot) -> None:
    owner, ended = QObject(), []
    collector = GuiThreadGarbageCollector(owner)
    Circle(ended)
    run_in_thread()
    assert ended == []
    gc.collect(0)  # as after some seconds of work: the young generation has been looked through before
    Circle(ended)
    run_in_thread()
    kept = [[number] for number in range(2 * gc.get_threshold()[0])]
    collector.collect()
    assert kept
    assert ended == [threading.main_thread()] * 2


def test_without_it_a_worker_would() -> None:
    ended: list[threading.Thread] = []
    gc.collect()  # what other tests left would let this thread collect as soon as it may
    gc.enable()
    try:
        Circle(ended)
        run_in_thread()
    finally:
        gc.disable()
    assert ended
    assert ended[0] is not threading.main_thread()


def test_it_runs_by_itself(qtbot: QtBot, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(garbage_collection, "INTERVAL_MS", 20)
    owner, ended = QObject(), []
    GuiThreadGarbageCollector(owner)
    Circle(ended)
    kept: list[list[int]] = []

    def ended_while_objects_are_made() -> bool:
        """Python counts objects made less objects freed, and those of earlier tests are freed meanwhile."""
        kept.extend([number] for number in range(2000))
        return bool(ended)

    qtbot.waitUntil(ended_while_objects_are_made)
