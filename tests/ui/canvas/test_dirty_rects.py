"""What is on the screen after partial repaints equals a full repaint, at every kind of screen.

Qt reads its scale factor once a process, so each factor is a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import sys

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QRegion
from PySide6.QtWidgets import QApplication, QWidget

from fcn_studio.core.prediction import Prediction
from fcn_studio.tools.brush import Brush
from fcn_studio.tools.lasso import Lasso
from fcn_studio.tools.line import Line
from fcn_studio.tools.polygon import Polygon
from fcn_studio.ui.canvas import Canvas, LabelStyle, Layer
from fcn_studio.ui.canvas.compare import Divider
from tests.ui.canvas.test_canvas import LEFT, NO_BUTTON, TABLE, Hand, make_document

app = QApplication(sys.argv)
window = QWidget()
factor = float(sys.argv[1])
window.resize(int(451 * factor), int(337 * factor))  # the platform grabs as many device pixels as it is wide
canvas = Canvas(window)
canvas.setGeometry(33, 17, 401, 303)  # a place between device pixels at fractional factors
canvas.layers.set_table(TABLE)
hand = Hand(canvas)
hand.open(make_document())
predicted = np.kron([[1, 2, 3, 255], [2, 3, 1, 2], [3, 1, 2, 3]], np.ones((20, 20))).astype(np.uint8)
canvas.layers.set_prediction(Prediction("one", predicted, predicted, "0" * 64))
canvas.layers.set_style(Layer.DISAGREEMENT, visible=True)
brush, polygon, line, lasso = Brush(hand), Polygon(hand), Line(hand), Lasso(hand)
canvas.set_tool(brush)
window.show()
assert canvas.devicePixelRatioF() == factor


def screen():
    app.processEvents()
    image = window.screen().grabWindow(window.winId()).toImage().convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), image.bytesPerLine() // 4)
    return pixels[:, : image.width()].copy()


def drawn(region):
    picture = QImage(canvas.size() * factor, QImage.Format.Format_RGB32)
    picture.setDevicePixelRatio(factor)
    picture.fill(0)
    canvas.render(picture, QPoint(), region, QWidget.RenderFlag(0))
    return np.frombuffer(picture.constBits(), np.uint32).reshape(picture.height(), picture.width()).copy() & 0xFFFFFF


def check(what):
    partial = screen()
    window.update()
    canvas.update()
    # Qt cuts a smooth line at the repainted area before it rasters it: its edges may differ by some levels of 255.
    apart = np.abs(partial.view(np.uint8).astype(int) - screen().view(np.uint8))
    wrong = int((apart > 4).sum())
    assert wrong == 0, f"{what}: {wrong} wrong values"


def drag(points):
    hand.press(QPointF(*points[0]))
    app.processEvents()
    for point in points[1:]:
        hand.move(QPointF(*point), LEFT)
        app.processEvents()
    check("mid-stroke")
    hand.release()
    check("stroke")


assert len(np.unique(screen())) > 50
rng = np.random.default_rng(1)
brushes = ((3, "round"), (40, "square"), (400, "round"))
for row, scale in enumerate((0.7, 1.0, 2.6, 17.0 * factor)):
    for column, style in enumerate(LabelStyle):
        canvas.layers.set_label_style(style)
        for _ in range(2):
            canvas.zoom_at(QPointF(200, 150), scale / canvas.zoom)
        canvas.refine()
        for size, shape in (brushes[(row + column) % 3],):  # each with each scale, and with each style
            hand.brush_size, hand.brush_shape, hand.class_index = size, shape, int(rng.integers(1, 4))
            canvas.set_tool(brush)
            canvas.refresh_overlay()
            hand.move(QPointF(*rng.uniform(20, 280, 2)))
            check("ring")
            drag(rng.uniform(20, 280, (6, 2)).tolist())
            canvas.pan(*rng.integers(-20, 20, 2).tolist())
            check("pan")
            hand.document.undo()
            check("undo")
        canvas.set_tool(polygon)
        for x, y in ((60.0, 60.0), (220.0, 90.0), (120.0, 250.0)):
            hand.click(QPointF(x, y))
            check("corner")
            hand.move(QPointF(*rng.uniform(20, 280, 2)))
            check("rubber band")
        hand.move(QPointF(60, 60))
        check("closing")
        hand.key(Qt.Key.Key_Return)
        check("closed")
        for tool in (line, lasso) if style is LabelStyle.FILL else ():
            canvas.set_tool(tool)
            hand.brush_size = 20
            hand.press(QPointF(60, 60))
            for x, y in rng.uniform(20, 280, (3, 2)).tolist():
                hand.move(QPointF(x, y), LEFT)
                check("half drawn")
            hand.key(Qt.Key.Key_Escape)
            hand.release()
            check("dropped")
QApplication.sendEvent(canvas, QEvent(QEvent.Type.Leave))
canvas.centre_on(40, 30)
canvas.refine()
whole = drawn(QRegion(canvas.rect()))
for cut in range(100, 110):  # neighbours, which overlap where the factor puts their border within a device pixel
    parts = QRegion(0, 0, canvas.width(), cut) + QRegion(0, cut, 40, canvas.height() - cut)
    apart = (drawn(parts) != whole) & (drawn(parts) != 0)
    assert not apart.any(), f"cut at {cut}: {apart.sum()} wrong pixels"
canvas.set_tool(brush)
canvas.fit()
hand.brush_size = 9
canvas.layers.set_divider(Divider())
check("wipe")
drag(rng.uniform(60, 280, (6, 2)).tolist())
canvas.pan(7, -5)
check("wiped pan")
hand.press(QPointF(canvas.width() / 2, 20))
for x in (190, 120, 131, 300):
    hand.move(QPointF(x, 20), LEFT)
    check("divider")
hand.release()
check("divider let go")
QApplication.sendEvent(canvas, QEvent(QEvent.Type.Leave))
check("leave")
print("equal")
"""


@pytest.mark.parametrize("factor", ["1", "1.25", "1.5", "2"])
def test_partial_repaints_equal_a_full_one(factor: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, factor],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "QT_SCALE_FACTOR": factor},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "equal", done.stderr
