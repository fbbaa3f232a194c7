"""A line by the mouse of X over the whole image, while messages come and go and docks are hidden and shown."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPoint, QPointF

from fcn_studio.tools.options import BRUSH_SIZE
from fcn_studio.ui.app import Studio
from tests.journeys.driver import Script, run_program, trigger

STEPS = 60


class XMouse:
    """The pointer of the X server, moved as by hardware (libXtst)."""

    def __init__(self) -> None:
        self._x, self._test = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXtst.so.6")
        self._x.XOpenDisplay.restype = ctypes.c_void_p
        self._display = ctypes.c_void_p(self._x.XOpenDisplay(None))

    def move(self, at: QPoint) -> None:
        self._test.XTestFakeMotionEvent(self._display, -1, at.x(), at.y(), ctypes.c_ulong(0))
        self._x.XFlush(self._display)

    def button(self, *, down: bool) -> None:
        self._test.XTestFakeButtonEvent(self._display, 1, int(down), ctypes.c_ulong(0))
        self._x.XFlush(self._display)


def script(studio: Studio, out: Path) -> Script:
    window, canvas, mouse = studio.window, studio.window.canvas, XMouse()
    yield lambda: studio.session.document is not None and canvas.isVisible()
    since = 0

    def later(polls: int = 8) -> bool:  # the window has no event that would tell of the last layout
        nonlocal since
        since += 1
        return since % polls == 0

    yield later
    document = studio.session.document
    assert document is not None
    assert canvas.view is not None
    studio.toolbox.set_option(BRUSH_SIZE, 1)
    scale, middle = canvas.zoom, document.height / 2
    first, last = (
        canvas.mapToGlobal(QPointF(*canvas.view.to_device(x, middle))).toPoint()
        for x in (20.5, document.width - 20.5)
    )
    (x0, y), (x1, _) = (canvas.to_image(QPointF(canvas.mapFromGlobal(end))) for end in (first, last))
    mouse.move(first)
    yield lambda: canvas.underMouse() and later()
    mouse.button(down=True)
    yield lambda: document.editing
    for step in range(1, STEPS + 1):
        mouse.move(QPoint(first.x() + (last.x() - first.x()) * step // STEPS, first.y()))
        if step == 10:
            window.messages.say("Batch done: 3 images predicted.")
        elif step == 20:
            window.messages.offer("12 images are new.", "Open again", lambda: None)
            window.grab().save(str(out / "message.png"))
        elif step in (30, 40):
            trigger(studio, "toggle_docks")
        elif step == 50:
            window._strip.dismiss()
        yield later
    mouse.button(down=False)
    yield lambda: not document.editing
    rows, columns = np.nonzero(document.provenance)
    assert canvas.zoom == scale
    assert set(rows.tolist()) == {int(y)}, sorted(set(rows.tolist()))
    assert columns.tolist() == list(range(int(x0), int(x1) + 1))
    yield lambda: studio.session.save_state == "saved"
    window.close()


if __name__ == "__main__":
    run_program([sys.argv[1]], lambda studio: script(studio, Path(sys.argv[2])))
