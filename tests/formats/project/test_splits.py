"""Where the split of an image is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fcn_studio.core.sample import Sample, Split, split_of
from fcn_studio.errors import ProjectError
from fcn_studio.formats.project.splits import Splits

SAMPLES = [Sample(f"{i}.png", f"/{i}.png", str(i)) for i in range(10)]
CLASSES = {sample.image_id: frozenset({0}) for sample in SAMPLES}
BY_ID = {sample.image_id: split_of(sample.image_id, 40) for sample in SAMPLES}


def splits(folder: Path, *, new: bool = False) -> Splits:
    return Splits(folder, SAMPLES, folder / "splits.json", lambda: 40, new=new)


def all_of(found: Splits) -> dict[str, Split]:
    return {sample.image_id: found.of(sample) for sample in SAMPLES}


def test_a_new_project_assigns_verified_images_when_they_are_needed(tmp_path: Path) -> None:
    new = splits(tmp_path, new=True)
    new.store()
    assert json.loads((tmp_path / "splits.json").read_text()) == {}
    again = splits(tmp_path)
    assert set(all_of(again).values()) == {Split.TRAIN}
    expected = list(again.expected(SAMPLES).values())
    again.assign(SAMPLES, {i: CLASSES[i] for i in ("1.png", "2.png", "3.png", "4.png", "5.png")})
    assert again.pending(SAMPLES) == ["0.png", "6.png", "7.png", "8.png", "9.png"]
    first = all_of(again)
    assert list(first.values()).count(Split.VAL) == 2
    again.store()
    later = splits(tmp_path)
    later.assign(SAMPLES, CLASSES)
    assert all(later.of(sample) is Split.VAL for sample in SAMPLES if first[sample.image_id] is Split.VAL)
    assert list(all_of(later).values()).count(Split.VAL) == expected.count(Split.VAL) == 4


def test_an_older_project_keeps_what_its_images_have(tmp_path: Path) -> None:
    old = splits(tmp_path)
    assert all_of(old) == old.expected(SAMPLES) == BY_ID
    old.store()
    assert not (tmp_path / "splits.json").exists()
    old.assign(SAMPLES[:8], {i: CLASSES[i] for i in ("0.png", "1.png", "2.png")})
    old.store()
    stored = json.loads((tmp_path / "splits.json").read_text())
    assert stored == {sample.image_id: BY_ID[sample.image_id].value for sample in SAMPLES[:8]}
    again = splits(tmp_path)
    again.assign(SAMPLES, CLASSES)
    assert {i: split for i, split in all_of(again).items() if i in stored} == {i: BY_ID[i] for i in stored}


def test_lists_come_first_and_are_not_counted(tmp_path: Path) -> None:
    lists = tmp_path / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("0\n")
    (lists / "train.txt").write_text("1\n2\n3\n4\n")
    new = splits(tmp_path, new=True)
    new.assign(SAMPLES, CLASSES)
    found = all_of(new)
    assert [found[f"{i}.png"] for i in range(5)] == [Split.VAL, *[Split.TRAIN] * 4]
    assert [found[f"{i}.png"] for i in range(5, 10)].count(Split.VAL) == 2
    new.store()
    assert json.loads((tmp_path / "splits.json").read_text()).keys() == {f"{i}.png" for i in range(5, 10)}


def test_what_a_person_chooses_comes_before_the_lists_and_is_readable_by_earlier_versions(tmp_path: Path) -> None:
    lists = tmp_path / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "test.txt").write_text("0\n1.png x\n")
    (lists / "val.txt").write_text("1\n")
    new, other = splits(tmp_path, new=True), splits(tmp_path, new=True)
    assert [new.of(sample) for sample in SAMPLES[:3]] == [Split.TEST, Split.TEST, Split.TRAIN]
    new.choose({"1.png": Split.TRAIN, "2.png": Split.TEST})
    new.choose({"2.png": Split.TEST, "3.png": Split.VAL})
    new.store()
    assert json.loads((tmp_path / "splits.json").read_text()) == {
        "/train/1.png": "train",
        "/test/2.png": "val",
        "/val/3.png": "val",
        "1.png": "train",
        "2.png": "val",
        "3.png": "val",
    }
    other.assign(SAMPLES, CLASSES)
    assert other.of(SAMPLES[0]) is Split.TEST, "no test image is assigned"
    other.store()
    found = all_of(splits(tmp_path))
    assert [found[f"{i}.png"] for i in range(4)] == [Split.TEST, Split.TRAIN, Split.TEST, Split.VAL]
    assert found == all_of(other), "what another process chose is kept"


def test_a_choice_in_an_older_project_keeps_the_splits_of_all_others(tmp_path: Path) -> None:
    old = splits(tmp_path)
    old.choose({"0.png": Split.TEST})
    old.store()
    assert all_of(splits(tmp_path)) == {**BY_ID, "0.png": Split.TEST}


@pytest.mark.parametrize("text", ['{"a.png": "test"}', '["a.png"]', "", '{"a.png": 3}'])
def test_a_broken_file_is_named_when_it_is_needed(tmp_path: Path, text: str) -> None:
    (tmp_path / "splits.json").write_text(text)
    found = splits(tmp_path)
    with pytest.raises(ProjectError, match=r"splits\.json is broken"):
        found.of(SAMPLES[0])
