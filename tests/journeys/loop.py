"""The main job by hand: open, auto-segment, paint, undo, redo, verify, fine-tune, auto-segment, close."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from fcn_studio.core.labels import Provenance
from fcn_studio.core.sample import Split, Status, split_of
from fcn_studio.core.training import Level, TrainConfig
from fcn_studio.tools.options import BRUSH_SIZE
from fcn_studio.ui.app import Studio
from tests.journeys.driver import Script, drag, run_program, trigger


def script(studio: Studio, out: Path) -> Script:
    session, toolbox, network = studio.session, studio.toolbox, studio.network
    yield lambda: session.document is not None and studio.window.isVisible()
    project = session.project
    assert project is not None
    training = [row for row, sample in enumerate(session.samples) if split_of(sample.image_id, 20) is Split.TRAIN]

    session.go_to(training[0])
    document = session.document
    assert document is not None
    trigger(studio, "auto_segment")
    yield lambda: document.status is Status.PRELABELLED
    assert (document.provenance == Provenance.NETWORK).all()
    predicted = document.label_map.copy()

    toolbox.set_class(2)
    toolbox.set_option(BRUSH_SIZE, 31)
    width, height = document.width, document.height
    drag(studio, [(width * f, height * (0.3 + 0.3 * f)) for f in (0.2, 0.35, 0.5, 0.65)])
    painted = document.label_map.copy()
    human = document.provenance == Provenance.HUMAN
    assert human.sum() > 31 * width * 0.4
    assert (painted[human] == 2).all()
    assert np.array_equal(painted[~human], predicted[~human])
    assert document.status is Status.IN_PROGRESS

    trigger(studio, "undo")
    assert np.array_equal(document.label_map, predicted)
    assert document.status is Status.PRELABELLED
    trigger(studio, "redo")
    assert np.array_equal(document.label_map, painted)

    # All that it learns contradicts the network in use, so that the new one is better on every fold.
    toolbox.set_option(BRUSH_SIZE, round(height * 0.7))
    for row in training[:3]:
        session.go_to(row)
        opened = session.document
        assert opened is not None
        if opened.status is Status.NEW:
            trigger(studio, "auto_segment")
            yield lambda opened=opened: opened.status is Status.PRELABELLED
        for index, y in ((2, 0.2), (3, 0.8)):
            toolbox.set_class(index)
            drag(studio, [(0, height * y), (width * 0.9, height * y)])
        trigger(studio, "verify")
        yield lambda: session.save_state == "saved"

    finished: list[object] = []
    network.fine_tuning.finished.connect(lambda adoption, outcome: finished.append(outcome))
    network.fine_tuning.start(TrainConfig(Level.QUICK, steps=8))
    yield lambda: bool(finished)
    assert network.current.name == "run 0001"

    session.go_to(training[3])
    last = session.document
    assert last is not None
    trigger(studio, "auto_segment")
    yield lambda: last.status is Status.PRELABELLED
    studio.window.grab().save(str(out / "window.png"))

    session.go_to(training[0])
    yield lambda: session.save_state == "saved"
    first = session.document
    assert first is not None
    np.savez(out / "first.npz", label_map=first.label_map, provenance=first.provenance, painted=painted)
    np.savez(out / "last.npz", label_map=last.label_map, provenance=last.provenance)
    # A stroke right before closing must not be missed.
    session.go_to(training[4])
    stroke = session.document
    assert stroke is not None
    drag(studio, [(width * 0.5, height * 0.5), (width * 0.6, height * 0.6)])
    np.savez(out / "stroke.npz", label_map=stroke.label_map, provenance=stroke.provenance)
    assert stroke.dirty
    studio.window.close()


def reopen(studio: Studio, out: Path) -> Script:
    session = studio.session
    yield lambda: session.document is not None and studio.window.isVisible()
    project = session.project
    assert project is not None
    training = [row for row, sample in enumerate(session.samples) if split_of(sample.image_id, 20) is Split.TRAIN]
    for row, name, status in (
        (training[0], "first", Status.VERIFIED),
        (training[3], "last", Status.PRELABELLED),
        (training[4], "stroke", Status.IN_PROGRESS),
    ):
        session.go_to(row)
        document = session.document
        assert document is not None
        kept = np.load(out / f"{name}.npz")
        assert np.array_equal(document.label_map, kept["label_map"]), name
        assert np.array_equal(document.provenance, kept["provenance"]), name
        assert document.status is status, name
    assert studio.network.current.name == "run 0001"
    studio.window.close()


if __name__ == "__main__":
    stage, folder, out_folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    run_program([folder], lambda studio: (script if stage == "loop" else reopen)(studio, out_folder))
