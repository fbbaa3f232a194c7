"""Paints one stroke, notes what the canvas holds, and waits to be killed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from fcn_studio.ui.app import Studio
from tests.journeys.driver import Script, drag, run_program


def script(studio: Studio, marker: Path) -> Script:
    session = studio.session
    yield lambda: session.document is not None and studio.window.isVisible()
    document = session.document
    assert document is not None
    if not session.table.active:
        session.classes.add("thing")
    drag(studio, [(100, 100), (300, 220), (500, 300)])
    unfinished = marker.with_suffix(".part.npz")
    np.savez(unfinished, label_map=document.label_map, provenance=document.provenance)
    os.replace(unfinished, marker)
    yield lambda: False


if __name__ == "__main__":
    run_program([sys.argv[1]], lambda studio: script(studio, Path(sys.argv[2])))
