from __future__ import annotations

from pathlib import Path

import pytest

from fcn_studio.core.sample import Status
from fcn_studio.formats.project.annotations import AnnotationStore
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.ui.session import annotation_prefetch
from tests.formats.helpers import SIZE, make_project, painted


def test_annotations_of_large_images_are_not_read_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(tmp_path, ["a.jpg"])
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(AnnotationStore, "read_ahead", lambda _self, _sample, size: asked.append(size))
    with ProjectFolder.open(tmp_path, writable=True) as project:
        project.annotations.save(project.samples[0], painted(1), Status.IN_PROGRESS)
        monkeypatch.setattr(annotation_prefetch, "LARGEST", SIZE[0] * SIZE[1] - 1)
        annotation_prefetch._read(project, project.samples[0])
        assert asked == []
        monkeypatch.setattr(annotation_prefetch, "LARGEST", SIZE[0] * SIZE[1])
        annotation_prefetch._read(project, project.samples[0])
        assert asked == [SIZE]
