"""An unseen folder by mouse and keys: own classes, five images with Live and the walk, the sixth at a glance."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPlainTextEdit

from fcn_studio.core.labels import LabelMap, Labels, Provenance
from fcn_studio.core.sample import Status
from fcn_studio.ui.app import Studio
from fcn_studio.ui.dialogs.first_classes_dialog import FirstClassesDialog
from tests.journeys.driver import Script, drag, key, run_program

KEY, CONTROL = Qt.Key, Qt.KeyboardModifier.ControlModifier
NAMES = ("soil", "plant", "stone")
MOST_ANSWERS = 3


class Person:
    """Somebody who knows the truth, and labels the open image.

    Attributes:
        answers: the keys that answered in the walk.
    """

    def __init__(self, studio: Studio, truths: dict[str, LabelMap]) -> None:
        self._studio, self._truths = studio, truths
        self._painted: dict[str, Labels] = {}
        self.answers: list[Qt.Key] = []

    @property
    def truth(self) -> LabelMap:
        return self._truths[Path(self._studio.session.samples[self._studio.session.index].image_id).stem]

    def choose_classes(self) -> Script:
        """Answer the question for the classes."""
        window = self._studio.window
        yield lambda: isinstance(QApplication.activeModalWidget(), FirstClassesDialog)
        self._type_classes()
        yield lambda: len(self._studio.session.table.active) == 3
        window.activateWindow()  # as a window manager does when a dialog is closed
        yield window.isActiveWindow

    def _type_classes(self) -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, FirstClassesDialog)
        names = dialog.findChild(QPlainTextEdit)
        for name in NAMES:
            QTest.keyClicks(names, name)
            QTest.keyClick(names, KEY.Key_Return)
        QTest.mouseClick(dialog.main_button, Qt.MouseButton.LeftButton)

    def dab(self, index: int) -> None:
        """Paint a dab where the prediction lacks a class most."""
        prediction = self._studio.session.prediction
        lacks = self.truth == index
        if prediction is not None:
            lacks &= prediction.label_map != index
        depth = cv2.distanceTransform(np.pad(lacks, 1).view(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
        y, x = np.unravel_index(int(depth.argmax()), depth.shape)
        if depth[y, x] < 14:  # the brush paints 24 pixels
            return
        key(self._studio, KEY(KEY.Key_1 + index))
        drag(self._studio, [(float(x), float(y)), (float(x) + 1, float(y))])

    def learned(self) -> Callable[[], bool]:
        """Whether Live has learned from all strokes."""
        live = self._studio.network.live
        return lambda: live.shows and live.idle

    def walk(self) -> Script:
        """Answer the first questions of the walk as the truth says."""
        walk = self._studio.window._walk.walk
        self._studio.window.canvas.setFocus()
        key(self._studio, KEY.Key_Tab)
        for _ in range(MOST_ANSWERS):
            hotspot, prediction = walk.current, self._studio.session.prediction
            if hotspot is None or prediction is None:
                break
            rect = hotspot.rect
            inside = hotspot.inside.astype(bool)
            true = int(np.bincount(self.truth[rect.y0 : rect.y1, rect.x0 : rect.x1][inside]).argmax())
            answer = KEY.Key_Return if true == hotspot.class_index else KEY(KEY.Key_1 + true)
            self.answers.append(answer)
            key(self._studio, answer)
            yield self.learned()
        if walk.current is not None:
            key(self._studio, KEY.Key_Escape)

    def human(self) -> Labels:
        """The pixels of the open image that are a person's."""
        document = self._studio.session.document
        assert document is not None
        return Labels(document.label_map.copy(), document.provenance.copy())

    def right(self) -> float:
        """The share of the prediction that is right."""
        prediction = self._studio.session.prediction
        assert prediction is not None
        return float((prediction.label_map == self.truth).mean())

    def accept_and_verify(self) -> Script:
        """Accept the prediction, verify the image, and turn to the next one. Strokes must stay as they were."""
        session, before = self._studio.session, self.human()
        document = session.document
        assert document is not None
        key(self._studio, KEY.Key_I, CONTROL)
        yield lambda: bool(document.provenance.all())
        painted = before.provenance == Provenance.HUMAN
        assert np.array_equal(document.label_map[painted], before.label_map[painted])
        key(self._studio, KEY.Key_Return, CONTROL)
        yield lambda: session.document is not document


def begin(studio: Studio, person: Person, out: Path) -> Script:
    """Label two images, paint in the third, and wait to be killed."""
    session = studio.session
    yield from person.choose_classes()
    assert studio.network.live.on
    for index in range(3):
        person.dab(index)
    yield person.learned()
    studio.window.grab().save(str(out / "learned.png"))
    yield from person.walk()
    yield from person.accept_and_verify()
    yield person.learned()
    yield from person.walk()
    yield from person.accept_and_verify()
    yield person.learned()
    for index in range(3):
        person.dab(index)
    drag(studio, [(20, 20), (60, 90)])
    yield lambda: True  # the next event comes after the journal
    assert session.index == 2
    painted = person.human()
    answers = len(person.answers)
    np.savez(out / "part.npz", label_map=painted.label_map, provenance=painted.provenance, answers=answers)
    os.replace(out / "part.npz", out / "painted.npz")
    yield lambda: False


def go_on(studio: Studio, person: Person, out: Path) -> Script:
    """Find every stroke of the window that was killed, finish the five images, and accept the sixth."""
    session = studio.session
    assert session.index == 2
    yield lambda: session.document is not None and session.document.status is Status.IN_PROGRESS
    kept, found = np.load(out / "painted.npz"), person.human()
    assert np.array_equal(found.label_map, kept["label_map"])
    assert np.array_equal(found.provenance, kept["provenance"])
    assert studio.network.live.on
    for _ in range(3):
        yield person.learned()
        yield from person.walk()
        yield from person.accept_and_verify()
    yield person.learned()
    document = session.document
    assert document is not None
    assert (session.index, document.status) == (5, Status.NEW)
    studio.window.grab().save(str(out / "sixth.png"))
    right = person.right()
    key(studio, KEY.Key_I, CONTROL)
    yield lambda: document.status is Status.PRELABELLED
    yield lambda: session.save_state == "saved"
    np.savez(out / "end.npz", right=right, answers=len(person.answers) + int(kept["answers"]))


def script(studio: Studio, stage: str, out: Path) -> Iterator[Callable[[], bool]]:
    yield lambda: studio.session.document is not None and studio.window.isVisible()
    studio.window.activateWindow()
    person = Person(studio, dict(np.load(out / "truth.npz")))
    yield from {"begin": begin, "go on": go_on}[stage](studio, person, out)
    studio.window.close()


if __name__ == "__main__":
    stage, folder, out_folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    run_program([folder], lambda studio: script(studio, stage, out_folder))
