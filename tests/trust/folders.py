"""Folders that fill up, become read-only, vanish or answer slowly while the window paints in them.

Run in a mount namespace of its own, as root: ``unshare -m python -m tests.trust.folders CASE FOLDER``. Each case ends
by printing "well"; anything else is a failure.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import qInstallMessageHandler
from PySide6.QtWidgets import QApplication

from fcn_studio import paths
from fcn_studio.core.classes import ClassTable
from fcn_studio.core.labels import Labels
from fcn_studio.formats.images.images import write_png
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.settings import Settings
from fcn_studio.ui import app
from fcn_studio.ui.app import Studio
from fcn_studio.ui.saving import autosave
from tests.helpers import paint
from tests.patience import PATIENCE_S
from tests.ui.conftest import IdleProcess

SIZE = (400, 300)


class Desk:
    """A real window on a folder, with what it said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.studio: Studio = app.build(Settings(), IdleProcess())  # type: ignore[arg-type]
        self.session = self.studio.session
        self.problems: list[str] = []
        self.recovered: list[str] = []
        self.studio.window.messages.bug.connect(self.problems.append)
        self.session.problem.connect(self.problems.append)
        self.session.refused.connect(lambda error: self.problems.append(str(error)))
        self.session.recovered.connect(self.recovered.append)
        self.studio.window.show()
        self.session.open_folder(folder)
        assert self.session.document is not None, self.problems

    def stroke(self, number: int) -> None:
        document = self.session.document
        assert document is not None
        paint(document, 1 + number % 3, at=(20 + 7 * number % 300, 20 + 5 * number % 200), size=15)

    def labels(self) -> Labels:
        document = self.session.document
        assert document is not None
        return document.labels_snapshot()

    def wait(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < end, f"waited in vain; state {self.session.save_state}, said {self.problems}"
            QApplication.processEvents()
            time.sleep(0.005)

    def leave(self) -> None:
        """As a person who confirms that the work stays on this computer."""
        assert self.session.close_project(discard=True)
        self.studio.shut_down()
        self.studio.window.close()


def mount(*arguments: object) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True)


def draw(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for number in range(3):
        blocks = rng.integers(0, 255, (SIZE[1] // 20, SIZE[0] // 20, 3), np.uint8)
        write_png(folder / f"picture-{number}.png", blocks.repeat(20, 0).repeat(20, 1))
    table = ClassTable.from_names(["background", "one", "two", "three"])
    with ProjectFolder.open(folder, writable=True, table=table) as project:
        project.set_table(table)


def same(one: Labels, other: Labels) -> bool:
    return np.array_equal(one.label_map, other.label_map) and np.array_equal(one.provenance, other.provenance)


def on_disk(folder: Path, row: int = 0) -> Labels:
    with ProjectFolder.open(folder, writable=False) as project:
        return project.annotations.load(project.samples[row], SIZE).labels


def full(folder: Path) -> None:
    """A disk of one megabyte fills up; then there is room again."""
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", folder)
    draw(folder)
    desk = Desk(folder)
    desk.stroke(0)
    desk.wait(lambda: desk.session.save_state == "saved")
    saved = desk.labels()
    filler = folder / "filler.bin"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    for number in range(1, 30):
        desk.stroke(number)
    desk.wait(lambda: desk.session.save_state == "kept")
    desk.session.go_to(1)
    desk.stroke(0)
    desk.session.autosave.drain()
    assert len(desk.problems) == 1, desk.problems
    assert "No space left" in desk.problems[0], desk.problems
    assert same(on_disk(folder), saved), "the mask on the full disk is not the old one"
    desk.session.go_to(0)
    kept = desk.labels()
    filler.unlink()
    desk.wait(lambda: desk.session.save_state == "saved")
    assert same(on_disk(folder), kept)
    desk.leave()
    assert not any(folder.rglob("*.tmp"))


def read_only(folder: Path) -> None:
    """A folder becomes read-only while it is open; the work waits on this computer through two lives."""
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=8m", "tmpfs", folder)
    draw(folder)
    desk = Desk(folder)
    desk.stroke(0)
    desk.wait(lambda: desk.session.save_state == "saved")
    mount("-o", "remount,ro", folder)
    for number in range(1, 5):
        desk.stroke(number)
    desk.wait(lambda: desk.session.save_state == "kept")
    kept = desk.labels()
    desk.leave()
    desk = Desk(folder)  # still read-only
    assert same(desk.labels(), kept)
    assert desk.recovered == ["Unsaved work in 1 image was recovered, with its undo steps."]
    desk.stroke(9)
    kept = desk.labels()
    desk.leave()
    mount("-o", "remount,rw", folder)
    desk = Desk(folder)
    assert same(desk.labels(), kept)
    desk.wait(lambda: desk.session.save_state == "saved")
    assert same(on_disk(folder), kept)
    desk.leave()
    assert not any(paths.state_dir().glob("journals/*/*.journal"))


def vanished(folder: Path) -> None:
    """A disk is unmounted while its folder is open; nothing may be written into the empty folder below."""
    disk = folder.with_name("disk")
    disk.mkdir()
    folder.mkdir()
    mount("--bind", disk, folder)
    draw(folder)
    desk = Desk(folder)
    desk.stroke(0)
    desk.wait(lambda: desk.session.save_state == "saved")
    subprocess.run(["umount", "-l", str(folder)], check=True)
    for number in range(1, 5):
        desk.stroke(number)
    desk.wait(lambda: desk.session.save_state == "kept" and bool(desk.problems))
    kept = desk.labels()
    assert list(folder.iterdir()) == [], "something was written where the disk had been"
    assert len(desk.problems) == 1, desk.problems
    assert "is gone, or another disk is in its place" in desk.problems[0], desk.problems
    mount("--bind", disk, folder)
    desk.wait(lambda: desk.session.save_state == "saved")
    assert same(on_disk(folder), kept)
    desk.leave()


def slow(folder: Path) -> None:
    """A write does not end; the window goes on, from image to image and back."""
    draw(folder)
    real, go_on, begun = paths.replace_file, threading.Event(), threading.Event()

    def crawl(path: Path, data: bytes) -> None:
        if path.is_relative_to(folder):
            begun.set()
            assert go_on.wait(PATIENCE_S), "the window waits for the write"
        real(path, data)

    desk = Desk(folder)
    for module in ("fcn_studio.formats.atomic", "fcn_studio.paths"):
        sys.modules[module].replace_file = crawl  # type: ignore[attr-defined]
    kept: dict[str, Labels] = {}
    for number in range(8):
        desk.session.go_to(number % 2)
        document = desk.session.document
        assert document is not None
        if document.image_id in kept:
            assert same(desk.labels(), kept[document.image_id]), "a stroke was gone when its image was opened again"
        for stroke in range(3):
            desk.stroke(10 * number + stroke)
            QApplication.processEvents()
        kept[document.image_id] = desk.labels()
        if number == 0:
            desk.wait(begun.is_set)
    go_on.set()
    assert desk.session.close_project()
    assert same(on_disk(folder, 0), kept["picture-0.png"])
    assert same(on_disk(folder, 1), kept["picture-1.png"])
    desk.studio.shut_down()


CASES = {case.__name__: case for case in (full, read_only, vanished, slow)}


def main() -> None:
    """Run one case."""
    qInstallMessageHandler(lambda *_: None)
    app.application([])
    autosave.RETRY_MS = 200
    CASES[sys.argv[1]](Path(sys.argv[2]))
    print("well")


if __name__ == "__main__":
    main()
