"""A batch changes no byte of an image with a pixel of a human or of unknown origin, whatever its status says."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import Labels, Provenance
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.sample import Status
from fcn_studio.formats.project.project_folder import ProjectFolder
from tests.formats.helpers import SIZE, make_project

NAMES = [f"{number}.png" for number in range(4)]


@st.composite
def annotations(draw: st.DrawFn) -> tuple[Labels, Status]:
    """Labels of random origin in random places, with a random status."""
    random = np.random.default_rng(draw(st.integers(0, 1 << 16)))
    origins = draw(st.sampled_from([[0, 1], [0, 1, 2], [0, 2], [2], [1, 3], [0, 1, 2, 3]]))
    provenance = random.choice(np.array(origins, np.uint8), SIZE[::-1])
    label_map = random.integers(0, 3, SIZE[::-1]).astype(np.uint8)
    if draw(st.booleans()):  # one stroke of a human in the labels of a network
        provenance = np.full_like(provenance, Provenance.NETWORK)
        provenance[draw(st.integers(0, 5)), draw(st.integers(0, 7))] = Provenance.HUMAN
    label_map[provenance == Provenance.NOBODY] = VOID
    return Labels(label_map, provenance), draw(st.sampled_from(list(Status)))


@settings(max_examples=25, deadline=None)
@given(st.lists(annotations(), min_size=4, max_size=4), st.booleans())
def test_a_batch_leaves_images_with_human_strokes_byte_equal(
    made: list[tuple[Labels, Status]], include_prelabelled: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        make_project(Path(folder), NAMES)
        with ProjectFolder.open(Path(folder), writable=True) as project:
            for sample, (labels, status) in zip(project.samples, made, strict=True):
                project.annotations.save(sample, labels, status)
            touched = [
                project.annotations.mask_path(sample)
                for sample, (labels, _) in zip(project.samples, made, strict=True)
                if (labels.provenance > Provenance.NETWORK).any() and project.annotations.mask_path(sample).exists()
            ]
            before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in touched}
            other = np.full(SIZE[::-1], 1, np.uint8)
            for sample in project.samples:
                prediction = Prediction(sample.image_id, other, other, "ab" * 32)
                project.accept_prediction(sample, prediction, allow_prelabelled=include_prelabelled)
            assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in touched} == before
