#!/usr/bin/env python3
"""Draw the pictures of the guide through the real window: ``xvfb-run -a python .ci/guide_pictures.py``.

The window labels drawn micrographs by mouse and keys, in folders of its own, once in each language of the guide.
Run it after a change of the look, and look at docs/guide/pictures and docs/guide/zh/pictures before you commit them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402
import numpy as np  # noqa: E402
from PySide6.QtCore import QEventLoop, Qt, QTimer  # noqa: E402
from PySide6.QtGui import QImage  # noqa: E402
from PySide6.QtTest import QTest  # noqa: E402
from PySide6.QtWidgets import QApplication, QLineEdit, QPlainTextEdit, QWidget  # noqa: E402

from fcn_studio import i18n  # noqa: E402
from fcn_studio.core.labels import LabelMap  # noqa: E402
from fcn_studio.formats.voc.masks import read_mask  # noqa: E402
from fcn_studio.jobs.demo import make_demo  # noqa: E402
from fcn_studio.jobs.micrographs import CLASSES  # noqa: E402
from fcn_studio.ui.app import Studio  # noqa: E402
from fcn_studio.ui.dialogs.networks_dialog import NetworksDialog  # noqa: E402
from tests.journeys.driver import Script, drag, key, run_program, trigger  # noqa: E402
from tests.journeys.live import Person  # noqa: E402

GUIDE = ROOT / "docs" / "guide"
PAGES = {"en": GUIDE, "zh_CN": GUIDE / "zh"}
"""The folder of the guide in each language."""
LANGUAGE = os.environ.get(i18n.ENVIRONMENT, "en")
SIZE = (1280, 800)
IMAGES = 8
BRUSH = 4
"""Pixels of the brush, after seven presses of [ ."""


def rest(milliseconds: int) -> None:
    """Let the window work for a while, so that animations and messages end."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def save(widget: QWidget, name: str) -> None:
    """Save a picture, if a page shows it: of a window as JPEG, which photographs need, of anything else as PNG."""
    form = "jpg" if widget.isWindow() and widget.parent() is None else "png"
    pages, picture = PAGES[LANGUAGE], f"pictures/{name}.{form}"
    if LANGUAGE == "en" or any(picture in page.read_text(encoding="utf-8") for page in pages.glob("*.md")):
        widget.grab().save(str(pages / picture), quality=88 if form == "jpg" else -1)


def dab(studio: Studio, person: Person, index: int) -> None:
    """Paint a short stroke in the middle of the largest part of a class that is not predicted yet."""
    prediction, lacks = studio.session.prediction, person.truth == index
    if prediction is not None:
        lacks &= prediction.label_map != index
    depth = cv2.distanceTransform(np.pad(lacks, 1).view(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    if depth[y, x] > BRUSH:
        key(studio, Qt.Key(Qt.Key.Key_1 + index))
        drag(studio, [(float(x) - 2, float(y)), (float(x) + 2, float(y))])


def of_dialog(name: str) -> Callable[[], None]:
    """Return what saves a picture of the open dialog and closes it."""

    def shown() -> None:
        dialog = QApplication.activeModalWidget()
        assert dialog is not None, f"no dialog for {name}"
        for field in dialog.findChildren(QLineEdit):
            if field.text().endswith("export"):
                field.setText("/data/export")  # the picture shows no folder of the machine that made it
        rest(500)
        save(dialog, name)
        QTest.keyClick(dialog, Qt.Key.Key_Escape)

    return shown


def label(studio: Studio, truths: dict[str, LabelMap]) -> Script:
    """Choose classes, label two images with Live, and show the dialogs."""
    window, person = studio.window, Person(studio, truths)
    window.resize(*SIZE)
    yield lambda: QApplication.activeModalWidget() is not None
    dialog = QApplication.activeModalWidget()
    assert dialog is not None
    names = dialog.findChild(QPlainTextEdit)
    for info in CLASSES:
        QTest.keyClicks(names, info.name)
        QTest.keyClick(names, Qt.Key.Key_Return)
    save(dialog, "classes")
    QTest.keyClick(dialog, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    if QApplication.activeModalWidget() is not None:
        QTest.mouseClick(dialog.main_button, Qt.MouseButton.LeftButton)  # type: ignore[attr-defined]
    yield lambda: len(studio.session.table.active) == len(CLASSES)
    window.activateWindow()
    yield window.isActiveWindow
    for _ in range(8):
        key(studio, Qt.Key.Key_BracketLeft)
    for turn in range(3):
        for index in range(len(CLASSES)):
            dab(studio, person, index)
        yield person.learned()
        if turn == 0:
            window.canvas.setFocus()
            key(studio, Qt.Key.Key_Tab)
            rest(1500)
            save(window, "walk")
            key(studio, Qt.Key.Key_Escape)
    rest(500)
    save(window, "live")
    save(window.options_bar, "tools")
    yield from person.accept_and_verify()
    yield person.learned()
    for index in range(len(CLASSES)):
        dab(studio, person, index)
    yield person.learned()
    yield from person.accept_and_verify()
    key(studio, Qt.Key.Key_A)
    rest(1500)
    save(window, "window")
    trigger(studio, "networks")
    rest(1000)
    for _ in range(3):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Down)
    rest(500)
    networks = next(w for w in QApplication.topLevelWidgets() if isinstance(w, NetworksDialog) and w.isVisible())
    save(networks, "networks")
    networks.close()
    QTimer.singleShot(500, of_dialog("export"))
    trigger(studio, "export")
    studio.session.drain()
    window.close()


def start_page(studio: Studio) -> Script:
    """Show the start page, which knows the folder by now."""
    yield studio.window.isVisible
    studio.window.resize(*SIZE)
    rest(1500)
    save(studio.window, "start")
    studio.window.close()


def images_of(folder: Path) -> dict[str, LabelMap]:
    """Draw a folder of images without labels, and return the truth by the name of each."""
    demo = make_demo(folder.parent / "demo", count=IMAGES)
    folder.mkdir()
    truths = {}
    for image in sorted(demo.glob("*.png")):
        shutil.copy(image, folder)
        size = QImage(str(image)).size()
        truth = read_mask(demo / ".fcn-studio" / "demo" / image.name, (size.width(), size.height()), CLASSES)
        truths[image.stem] = truth.label_map
    return truths


def main() -> None:
    """Make all pictures, each window in a process of its own."""
    if len(sys.argv) == 1:
        for language, pages in PAGES.items():
            (pages / "pictures").mkdir(exist_ok=True)
            with tempfile.TemporaryDirectory() as home:
                places = {f"FCN_STUDIO_{name}_DIR": f"{home}/{name}" for name in ("CONFIG", "STATE", "CACHE", "DATA")}
                environment = {**os.environ, **places, "HOME": home, "FCN_STUDIO_OFFLINE": "1"}
                environment[i18n.ENVIRONMENT] = language
                for part in ("label", "start"):
                    subprocess.run([sys.executable, __file__, part, home], env=environment, check=True)
        return
    part, folder = sys.argv[1], Path(sys.argv[2]) / "cells"
    if part == "label":
        truths = images_of(folder)
        run_program([str(folder)], lambda studio: label(studio, truths))
    else:
        run_program([], start_page)


if __name__ == "__main__":
    main()
