"""Highest memory of a process that has one image open, in a process of its own.

``python -m tests.bench.memory SIZE [prediction]`` prints bytes.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.bench.figures import Row

PLAIN_GB, PREDICTED_GB = 2.4, 3.0
ROOT = Path(__file__).resolve().parents[2]


def memory_rows(size: int) -> list[Row]:
    """One line without and one with the layers of a network."""
    rows = []
    for what, bar in (("", PLAIN_GB), ("prediction", PREDICTED_GB)):
        command = [sys.executable, "-m", "tests.bench.memory", str(size), *([what] if what else [])]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        title = f"memory{', ' + what if what else ''}"
        rows.append(Row(size, "", title, {"GB": int(done.stdout.split()[-1]) / 1e9}, {"GB": bar}))
    return rows


def main(size: int, predicted: bool) -> None:
    """Open a picture, paint at both zooms, undo; print the highest resident memory that there was."""
    from PySide6.QtWidgets import QApplication

    from fcn_studio.ui.canvas import Layer
    from tests.bench.canvas import Cases, Effort
    from tests.bench.figures import Times
    from tests.bench.scene import prediction
    from tests.bench.stage import Stage

    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    stage = Stage(app)
    cases = Cases(stage, size, Effort())
    if predicted:
        stage.canvas.layers.set_prediction(prediction(size))
        for layer in (Layer.PREDICTION, Layer.UNCERTAINTY):
            stage.canvas.layers.set_style(layer, visible=True)
    for zoom in ("fit", "1:1"):
        cases.painting(zoom, 500, 20, Times())
    print(highest_memory())


def highest_memory() -> int:
    """Bytes of this process at its highest, as far as the system tells; else as it is now."""
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    main(int(sys.argv[1]), "prediction" in sys.argv[2:])
