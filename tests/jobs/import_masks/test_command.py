"""Import of masks into a project: mapping, matching, conflicts and copies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fcn_studio.core.labels import LabelMap, Provenance
from fcn_studio.core.sample import Status
from fcn_studio.errors import ProjectError, UsageError
from fcn_studio.formats.importers import BY_NAME
from fcn_studio.formats.project import annotations
from fcn_studio.formats.project.loaded import LoadedLabels
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.jobs.import_masks.command import run_import
from fcn_studio.jobs.import_masks.matching import match_items
from tests.formats.helpers import SIZE, make_image, make_project, painted

BINARY: LabelMap = np.zeros(SIZE[::-1], np.uint8)
BINARY[3:] = 255
MAP = ["0=background,255=cell"]


def make_masks(folder: Path, *names: str, pixels: LabelMap = BINARY) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        Image.fromarray(pixels).save(folder / name)
    return folder


def loaded(folder: Path, image_id: str) -> LoadedLabels:
    with ProjectFolder.open(folder, writable=False) as project:
        return project.annotations.load(project.sample(image_id), SIZE, peek=True)


def tree_bytes(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in folder.rglob("*.png")}


def test_values_get_meanings_and_people_keep_their_labels(tmp_path: Path) -> None:
    folder = make_project(tmp_path / "project", ["a.jpg", "b.jpg", "c.jpg"])
    with ProjectFolder.open(folder, writable=True) as project:
        project.annotations.save(project.sample("c.jpg"), painted(2), Status.IN_PROGRESS)
    masks = make_masks(tmp_path / "masks", "a_mask.png", "B.tif", "c.png", "d.png")
    with pytest.raises(ProjectError, match=r'255: 50.00% .* in 3 images\nSay it with --map "0=NAME,255=NAME"'):
        run_import(masks, folder)
    with pytest.raises(UsageError, match="no value 'red'"):
        run_import(masks, folder, meanings=["red=cell"])
    before = tree_bytes(folder)
    result = run_import(masks, folder, meanings=["0=unlabelled", "255=virus"])
    assert (result["in_progress"], result["kept"]) == (["b.jpg", "a.jpg"], ["c.jpg"])
    assert result["added_classes"] == ["virus"]
    assert "d" in result["notices"][0]
    assert before.items() <= tree_bytes(folder).items()
    found = loaded(folder, "a.jpg")
    assert found.status is Status.IN_PROGRESS
    assert (found.labels.label_map[3:] == 3).all()
    assert not found.labels.provenance[:3].any()
    result = run_import(masks, folder, meanings=MAP, conflict="take")
    assert sorted(result["verified"]) == ["a.jpg", "b.jpg", "c.jpg"]
    assert (loaded(folder, "c.jpg").labels.provenance == Provenance.HUMAN).all()
    with ProjectFolder.open(folder, writable=False) as project:
        (earlier,) = project.annotations.earlier(project.sample("c.jpg"), SIZE)
        assert (earlier.found.labels.label_map[:3] == 2).all()


def test_masks_in_their_place_are_converted_and_kept_as_originals(tmp_path: Path) -> None:
    folder = make_project(tmp_path / "project", ["a.jpg"])
    masks = make_masks(folder / "SegmentationClass", "a.png")
    old = (masks / "a.png").read_bytes()
    assert run_import(folder, folder, meanings=MAP)["verified"] == ["a.jpg"]
    assert np.array_equal(loaded(folder, "a.jpg").labels.label_map, BINARY // 255)
    assert (folder / ".fcn-studio" / "originals" / "a.png").read_bytes() == old
    with pytest.raises(ProjectError, match="nothing that is not in the folder already"):
        run_import(folder, folder, meanings=MAP)


def test_masks_whose_indices_nobody_named_get_their_names(tmp_path: Path) -> None:
    folder = make_project(tmp_path / "project", ["a.jpg"], {"a": 3}, table=None)
    assert run_import(folder, folder, meanings=["3=grass"])["same"] == ["a.jpg"]
    with ProjectFolder.open(folder, writable=False) as project:
        assert [(c.index, c.name) for c in project.config.table] == [(3, "grass")]


def test_a_mask_that_may_belong_to_two_images_belongs_to_none(tmp_path: Path) -> None:
    folder = make_project(tmp_path / "project", ["a.jpg", "a.png", "b.jpg"])
    masks = make_masks(tmp_path / "masks", "a.png", "b.png")
    with ProjectFolder.open(folder, writable=False) as project:
        found = match_items(project, BY_NAME["masks"].open(masks).items, copy_images=False)
    assert [match.sample.image_id for match in found.found] == ["b.jpg"]
    assert "1 annotation belongs to no image" in found.notices[0]


def test_images_are_copied_and_classes_begin_anew(tmp_path: Path) -> None:
    folder = make_project(tmp_path / "project", ["a.jpg"], table=None)
    source = tmp_path / "source"
    make_image(source / "images" / "train" / "b.jpg")
    make_image(source / "images" / "a.jpg", value=7)
    make_masks(source / "masks" / "train", "b.png", pixels=BINARY // 51)
    (source / "class_names.txt").write_text("soil\n\nstone\n\n\nweed\n")
    ignored = BINARY // 51
    ignored[0, 0] = 255
    Image.fromarray(ignored).save(source / "masks" / "a.png")
    image = (folder / "JPEGImages" / "a.jpg").read_bytes()
    result = run_import(source, folder, copy_images=True)
    assert (result["copied"], result["splits"]) == (["train/b.jpg"], {"train": 1})
    assert (folder / "JPEGImages" / "a.jpg").read_bytes() == image
    assert np.array_equal(loaded(folder, "train/b.jpg").labels.label_map, BINARY // 51)
    with ProjectFolder.open(folder, writable=False) as project:
        assert [(c.index, c.name) for c in project.config.table] == [(0, "soil"), (2, "stone"), (5, "weed")]


def test_a_process_killed_between_mask_and_record_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_project(tmp_path / "project", ["a.jpg", "b.jpg"])
    masks = make_masks(tmp_path / "masks", "a.png", "b.png")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(annotations, "write_record", killed)
    with pytest.raises(KeyboardInterrupt):
        run_import(masks, folder, meanings=MAP)
    monkeypatch.undo()
    with ProjectFolder.open(folder, writable=True) as project:
        assert project.annotations.status(project.sample("a.jpg")) is Status.VERIFIED
    assert not (folder / ".fcn-studio" / "pending").exists()
    assert np.array_equal(loaded(folder, "a.jpg").labels.label_map, BINARY // 255)
    assert loaded(folder, "b.jpg").status is Status.NEW
    result = run_import(masks, folder, meanings=MAP)
    assert (result["verified"], result["same"]) == (["b.jpg"], ["a.jpg"])
    assert (loaded(folder, "a.jpg").labels.provenance == Provenance.HUMAN).all()
