"""Half-written files of a killed process go when the project is next opened to write; nothing else does."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from fcn_studio import paths
from fcn_studio.formats.project.leftovers import STALE_SECONDS, remove_leftovers
from fcn_studio.formats.project.project_folder import ProjectFolder

LEFT = ".0123456789abcdef.tmp"


def put(path: Path, *, hours: float) -> Path:
    """A file that was last written so long ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"half")
    then = time.time() - 3600 * hours
    os.utime(path, (then, then))
    return path


def test_opening_to_write_removes_what_is_stale_and_ours(micrograph_project: Path) -> None:
    places = [
        micrograph_project / LEFT,
        micrograph_project / "SegmentationClass" / LEFT,
        micrograph_project / "SegmentationClass" / "deep" / "er" / LEFT,
        micrograph_project / ".fcn-studio" / "provenance" / LEFT,
        micrograph_project / ".fcn-studio" / "runs" / "0001" / LEFT,
    ]
    kept = [
        put(micrograph_project / "SegmentationClass" / name, hours=48)
        for name in ("0123456789abcdef.tmp", ".0123456789abcde.tmp", ".0123456789abcdeg.tmp", f"{LEFT}.png", "a.tmp")
    ]
    kept.append(put(micrograph_project / "pictures" / LEFT, hours=48))  # no folder that we write into
    kept.append(put(micrograph_project / ".fcn-studio" / "runs" / "0002" / LEFT, hours=0.5))  # a training's, at work
    for path in places:
        put(path, hours=2)
    with ProjectFolder.open(micrograph_project, writable=False):
        assert all(path.exists() for path in places)
    with ProjectFolder.open(micrograph_project, writable=True):
        assert not any(path.exists() for path in places)
    assert all(path.exists() for path in kept)


def test_the_name_is_the_one_that_files_are_written_under(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise SystemExit

    monkeypatch.setattr(os, "replace", killed)
    monkeypatch.setattr(Path, "unlink", killed)
    with pytest.raises(SystemExit):
        paths.replace_file(tmp_path / "mask.png", b"half")
    monkeypatch.undo()
    (left,) = tmp_path.iterdir()
    assert remove_leftovers(tmp_path) == 0
    then = time.time() - STALE_SECONDS - 1
    os.utime(left, (then, then))
    assert remove_leftovers(tmp_path) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_links_are_left_alone(tmp_path: Path) -> None:
    elsewhere = put(tmp_path / "elsewhere" / LEFT, hours=2)
    own = tmp_path / "project" / "SegmentationClass"
    own.mkdir(parents=True)
    (own / "link").symlink_to(elsewhere.parent, target_is_directory=True)
    (own / LEFT).symlink_to(elsewhere)
    assert remove_leftovers(tmp_path / "project", "SegmentationClass") == 0
    assert elsewhere.exists()
