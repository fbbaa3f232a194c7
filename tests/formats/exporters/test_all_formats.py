"""What every export format promises; a new row of `EXPORTERS` is tested without a word here."""

from __future__ import annotations

import json
import pkgutil
import re
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest

from fcn_studio.core.sample import Split, Status
from fcn_studio.errors import ProjectError
from fcn_studio.formats import exporters
from fcn_studio.formats.exporters import BY_NAME, EXPORTERS
from fcn_studio.formats.exporters.base import ExportFormat, ExportResult
from fcn_studio.formats.exporters.options import IMAGE_OPTIONS
from fcn_studio.formats.project.loaded import sha256_of
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.settings import Setting, Value
from tests.formats.helpers import fingerprint, make_project, painted

every_format = pytest.mark.parametrize("row", EXPORTERS, ids=lambda row: row.name)


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    """Four images, one of them in a subfolder and one without a label."""
    folder = make_project(tmp_path / "project", ["a.jpg", "sub/b.png", "sub__b.jpg", "c.jpg"])
    with ProjectFolder.open(folder, writable=True) as opened:
        for index, sample in enumerate(opened.samples[:3]):
            opened.annotations.save(sample, painted(index), Status.VERIFIED)
    return ProjectFolder.open(folder, writable=False)


def finished(steps: Generator[tuple[int, int], None, ExportResult]) -> tuple[list[tuple[int, int]], ExportResult]:
    """Run an export to its end: what it yielded, and its result."""
    seen: list[tuple[int, int]] = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            return seen, end.value


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def other_value(option: Setting[Value]) -> Value:
    """A valid value that is not the default."""
    if option.kind is bool:
        return not option.default
    if option.kind is str and not option.choices:
        return "add"  # `background` of nnU-Net
    values = list(option.choices) or [option.low, option.high]
    return next(option.accepted(option.kind(value)) for value in values if value != option.default)


@every_format
def test_it_writes_every_image_and_nothing_into_the_project(
    row: ExportFormat, project: ProjectFolder, tmp_path: Path
) -> None:
    before, out = fingerprint(project.folder), tmp_path / "out"
    project.splits.choose({project.samples[1].image_id: Split.TEST})
    seen, result = finished(row.run(project, out, project.samples))
    assert seen == [(done, 4) for done in range(1, 5)]
    assert result.images == 4
    splits = [project.splits.of(sample) for sample in project.samples]
    assert result.counts == {split: splits.count(split) for split in Split}
    assert not result.failed
    assert result.folder.is_relative_to(row.target(out))
    assert fingerprint(project.folder) == before
    manifest = json.loads((result.folder / "manifest.json").read_text())
    assert [c["name"] for c in manifest["classes"]] == [c.name for c in project.config.table]
    for image in manifest["images"]:
        assert image["image_sha256"] == sha256_of((project.image_root / image["image"]).read_bytes())
        if "mask_file" in image:
            assert image["mask_sha256"] == sha256_of((result.folder / image["mask_file"]).read_bytes())
        assert sum(image["labelled_by"].values()) == pytest.approx(1)
    how_to = (result.folder / "HOW_TO_TRAIN.md").read_text()
    for code in re.findall(r"```python\n(.*?)```", how_to, re.DOTALL):
        compile(code, f"{row.name}/HOW_TO_TRAIN.md", "exec")


@every_format
def test_cancelled_or_failed_half_way_it_leaves_nothing(
    row: ExportFormat, project: ProjectFolder, tmp_path: Path
) -> None:
    steps = row.run(project, tmp_path / "out", project.samples)
    assert [next(steps), next(steps)] == [(1, 4), (2, 4)]
    steps.close()
    assert files_in(tmp_path / "out") == []
    for sample in project.samples:
        sample.image_path.write_bytes(b"no image")
    for mask in project.annotations.masks.values():
        mask.write_bytes(b"no mask")
    with pytest.raises(ProjectError, match="no image could be exported"):
        finished(row.run(project, tmp_path / "out", project.samples))
    assert files_in(tmp_path / "out") == []


@every_format
def test_what_cannot_be_read_is_left_out(row: ExportFormat, project: ProjectFolder, tmp_path: Path) -> None:
    sample = project.samples[0]
    sample.image_path.write_bytes(b"no image")
    project.annotations.mask_path(sample).write_bytes(b"no mask")
    _, result = finished(row.run(project, tmp_path / "out", project.samples))
    assert set(result.failed) == {sample.image_id}
    assert result.images == 3


@every_format
def test_it_never_writes_over_another_nor_among_the_images(
    row: ExportFormat, project: ProjectFolder, tmp_path: Path
) -> None:
    finished(row.run(project, tmp_path / "out", project.samples))
    before = fingerprint(tmp_path / "out")
    with pytest.raises(ProjectError, match="there already"):
        finished(row.run(project, tmp_path / "out", project.samples))
    assert fingerprint(tmp_path / "out") == before
    with pytest.raises(ProjectError, match="among the project's images"):
        finished(row.run(project, project.image_root / "out", project.samples))
    with pytest.raises(ProjectError, match="no image was chosen"):
        finished(row.run(project, tmp_path / "none", []))


@every_format
def test_every_option_of_its_own_changes_what_is_written(
    row: ExportFormat, project: ProjectFolder, tmp_path: Path
) -> None:
    """Beside the manifest, which names the options; `test_pixels` has those of all formats."""

    def written(out: Path, options: dict[str, Value]) -> dict[str, str]:
        finished(row.run(project, out, project.samples, options))
        return {path: digest for path, (digest, _) in fingerprint(out).items() if "manifest" not in path}

    own = [option for option in row.options if option not in IMAGE_OPTIONS]
    plain = written(tmp_path / "plain", {}) if own else {}
    for option in own:
        assert written(tmp_path / option.key, {option.key: other_value(option)}) != plain
    for option in row.options:
        assert option.key
        assert option.title
        assert option.help
        assert option.accepted(option.default) == option.default
    with pytest.raises(ValueError, match="no option"):
        finished(row.run(project, tmp_path / "strange", project.samples, {"no_such_option": True}))


def test_an_option_has_one_meaning_whatever_the_format() -> None:
    rows = {option.key: replace(option, default=option.default) for row in EXPORTERS for option in row.options}
    assert all(rows[option.key] == option for row in EXPORTERS for option in row.options)


def test_each_format_is_a_row_and_a_module() -> None:
    modules = {module.name for module in pkgutil.iter_modules(exporters.__path__)} - {
        "base",
        "options",
        "pairs",
        "data_set",
        "rough_size",
    }
    assert modules == set(BY_NAME)
    assert len(BY_NAME) == len(EXPORTERS)
    for row in EXPORTERS:
        assert row.title
        assert row.description.endswith(".")
