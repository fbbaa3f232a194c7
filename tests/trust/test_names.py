"""Images of every name, links and things that are no files: found or left out, loaded, saved, listed, exported.

Nothing that is written lies outside of the project, whatever leads there.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fcn_studio import cli
from fcn_studio.core.labels import Labels, made_by_human
from fcn_studio.core.sample import Split, Status
from fcn_studio.errors import ProjectError, ProjectReadOnly
from fcn_studio.formats.exporters import BY_NAME
from fcn_studio.formats.exporters.pairs import flat_ids
from fcn_studio.formats.images.scan import scan_images
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.jobs.micrographs import CLASSES
from tests.helpers import contents

pytestmark = [
    pytest.mark.usefixtures("bundled"),
    pytest.mark.skipif(sys.platform != "linux", reason="other systems do not allow such names, pipes or links"),
]

SIZE = (24, 16)

NAMES = [
    "plain.png", "two words.png", " blank before.png", "blank behind .png", "ünïcödé.png", "日本語.png",
    "\N{GRINNING FACE}\N{WAVING WHITE FLAG}\ufe0f\u200d\N{RAINBOW}.png", "שלום\u202e.png", "line\nbreak.png",
    "tab\tstop.png", "bell\x07.png", "quote'\".png", "back\\slash.png", "#%&;$`!.png", "%2e%2e%2f.png", "-rf.png",
    "--help.png", "trailing..png", "two.dots.png", "a..jpg", "con.png", "NUL.png", "COM1.png", "aux.b.png",
    "colon:star*?.png", "<html>.png", "UPPER.PNG", "x" * 251 + ".png", "é" * 125 + ".png", "字" * 83 + ".jpeg",
    "~.png", "{}[].png",
    os.fsdecode(b"latin1-\xff\xe9.png"), "sub/deep/er.png", "/".join(["d" * 60] * 20) + "/deep.png",
]  # fmt: skip


def made(folder: Path, name: str, value: int = 90) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = "JPEG" if path.suffix in (".jpg", ".jpeg") else "PNG"
    Image.new("RGB", SIZE, (value, 10, 200)).save(path, kind)
    return path


def labels(index: int) -> Labels:
    label_map = np.zeros(SIZE[::-1], np.uint8)
    label_map[:8] = index
    return made_by_human(label_map)


def tree_of(folder: Path) -> dict[str, tuple[str, int]]:
    """All that lies below a folder, links not followed."""
    return {path: seen for path, seen in contents(folder).items() if not (folder / path).is_symlink()}


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_name_goes_all_the_way(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = tmp_path / "project", tmp_path / "out"
    before = made(folder / "JPEGImages", name).read_bytes()
    lists = folder / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    with ProjectFolder.open(folder, writable=True, table=CLASSES) as project:
        (sample,) = project.samples
        assert sample.image_id == unicodedata.normalize("NFC", name)
        project.annotations.save(sample, labels(2), Status.VERIFIED)
        written = project.annotations.mask_path(sample)
    assert written.resolve().is_relative_to(folder.resolve())
    try:
        (lists / "val.txt").write_text(f"{sample.mask_id}\n", encoding="utf-8")
    except UnicodeEncodeError:
        (lists / "val.txt").unlink()  # a list is UTF-8, and cannot name it
    with ProjectFolder.open(folder, writable=False) as project:
        (sample,) = project.samples
        assert project.annotations.status(sample) is Status.VERIFIED
        assert (project.annotations.load(sample, SIZE).labels.label_map == labels(2).label_map).all()
        if sample.mask_id.strip() == sample.mask_id and not set("\n\x07\x85\u2028") & set(sample.mask_id):
            in_list = (lists / "val.txt").exists()
            assert not in_list or project.splits.of(sample) is Split.VAL
        list(BY_NAME["voc"].run(project, out, project.samples))
    assert (folder / "JPEGImages" / name).read_bytes() == before
    exported = out / "VOCdevkit" / "VOC2012"
    (image,) = (exported / "JPEGImages").iterdir()
    assert (exported / "SegmentationClass" / f"{image.stem}.png").exists()
    (listed,) = (exported / "ImageSets" / "Segmentation" / "trainval.txt").read_text("utf-8").splitlines()
    assert listed == image.stem
    assert not set(image.name) & set('\\/:*?"<>|\n\t'), "it can be copied to Windows"

    words = ["segment", str(folder), "--out", str(tmp_path / "raw"), "--device", "cpu"]
    assert cli.main([*words, "--json", str(tmp_path / "a.json")]) == 0, capsys.readouterr().err
    assert json.loads((tmp_path / "a.json").read_bytes())["failed"] == []
    assert len([p for p in (tmp_path / "raw").rglob("*.png") if p.is_file()]) == 1


def test_all_names_together_train_and_come_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "project"
    for number, name in enumerate(NAMES):
        made(folder, name, value=7 * number)
    with ProjectFolder.open(folder, writable=True, table=CLASSES) as project:
        assert len(project.samples) == len(NAMES)
        for sample in project.samples:
            project.annotations.save(sample, labels(1), Status.VERIFIED)
    words = ["--level", "quick", "--steps", "1", "--device", "cpu", "--json", str(tmp_path / "train.json")]
    assert cli.main(["train", str(folder), *words]) == 0, capsys.readouterr().err
    result = json.loads((tmp_path / "train.json").read_bytes())
    assert result["trained_on"] + result["validated_on"] == len(NAMES)
    assert json.loads((folder / ".fcn-studio/runs/0001/result.json").read_bytes())["val_ids"]
    assert cli.main(["export", str(folder), "--out", str(tmp_path / "out"), "--json", "-"]) == 0
    exported = tmp_path / "out" / "VOCdevkit" / "VOC2012" / "JPEGImages"
    assert len(list(exported.iterdir())) == len(NAMES)


def test_twins_keep_apart(tmp_path: Path) -> None:
    names = ["Case.png", "case.png", "twin.png", "twin.jpg", unicodedata.normalize("NFC", "é.png")]
    for number, name in enumerate(names):
        made(tmp_path, name, value=10 * number)
    made(tmp_path, unicodedata.normalize("NFD", "é.png"))
    with ProjectFolder.open(tmp_path, writable=True, table=CLASSES) as project:
        assert len(project.samples) == 5
        (found,) = project.opening.findings
        assert "has the same name in another spelling" in found.sentence
        for number, sample in enumerate(project.samples):
            project.annotations.save(sample, labels(number % 4), Status.VERIFIED)
        paths = [project.annotations.mask_path(sample) for sample in project.samples]
        assert len(set(paths)) == 5
        for number, sample in enumerate(project.samples):
            assert (project.annotations.load(sample, SIZE).labels.label_map == labels(number % 4).label_map).all()


def test_devices_of_windows_get_another_name_in_an_export() -> None:
    names = ["con", "NUL", "com1", "aux.b", "lpt9 ", "COM¹", "console", "a/con", "con "]
    flat = flat_ids(names)
    assert flat == ["_con", "_NUL", "_com1", "_aux.b", "_lpt9", "_COM¹", "console", "a__con", "_con-2"]


# --- what is no file ----------------------------------------------------------------------------------------------


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A folder of one image among things that only look like images."""
    folder = tmp_path / "project"
    made(folder, "good.png")
    (folder / "folder.jpg").mkdir()
    made(folder, "folder.jpg/inside.png")
    os.mkfifo(folder / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(folder)  # the path of a socket may not be long
        listener.bind("socket.jpg")
        os.chdir(here)
    (folder / "nowhere.jpg").symlink_to(tmp_path / "none.jpg")
    (folder / "endless.jpg").symlink_to("/dev/zero")
    (folder / "loop").symlink_to(folder)
    (folder / "circle.jpg").symlink_to("circle.jpg")
    return folder


def test_what_is_no_file_is_left_out_and_hangs_nobody(
    odd: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scan = scan_images(odd)
    assert [sample.image_id for sample in scan.samples] == ["folder.jpg/inside.png", "good.png"]
    (found,) = scan.findings
    assert "5 entries are left out, because they are not files, or links that lead nowhere: " in found.sentence
    assert cli.main(["segment", str(odd), "--out", str(tmp_path / "raw"), "--device", "cpu"]) == 0
    assert "5 entries are left out" in capsys.readouterr().err


@pytest.mark.parametrize(
    "place",
    [
        "fcn-studio.toml", "class_names.txt", "ImageSets/Segmentation/train.txt", "SegmentationClass/good.png",
        ".fcn-studio/lock", ".fcn-studio/index", ".fcn-studio/adopted_masks", ".fcn-studio/runs/current.json",
        ".fcn-studio/provenance/good.png", ".fcn-studio/runs/0001/best.safetensors",
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["pipe", "endless", "folder"])
@pytest.mark.timeout(30)
def test_pipes_in_place_of_files_hang_nobody(tmp_path: Path, place: str, kind: str) -> None:
    folder = tmp_path / "project"
    made(folder, "good.png")
    if place != "fcn-studio.toml":
        with ProjectFolder.open(folder, writable=True, table=CLASSES) as project:
            project.annotations.save(project.samples[0], labels(1), Status.VERIFIED)
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "endless":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    code = cli.main(["segment", str(folder), "--device", "cpu", "--all"])
    assert code in (0, 2)
    assert cli.main(["networks", str(folder)]) in (0, 2)
    assert cli.main(["export", str(folder), "--out", str(tmp_path / "out")]) in (0, 2)


# --- nothing is written outside -----------------------------------------------------------------------------------


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder of somebody else's files."""
    folder = tmp_path / "outside"
    folder.mkdir()
    made(folder, "good.png")
    (folder / "notes.txt").write_text("mine")
    (folder / "sub").mkdir()
    return folder


@pytest.mark.parametrize("place", ["SegmentationClass", ".fcn-studio"])
def test_a_folder_that_leads_outside_is_only_looked_at(tmp_path: Path, outside: Path, place: str) -> None:
    folder = tmp_path / "project"
    made(folder, "good.png")
    (folder / place).symlink_to(outside)
    before = tree_of(outside)
    with pytest.raises(ProjectReadOnly, match=r"leads by a link to .*outside, outside of the project"):
        ProjectFolder.open(folder, writable=True, table=CLASSES)
    with ProjectFolder.open(folder, writable=False, table=CLASSES) as project:
        assert len(project.samples) == 1
    assert tree_of(outside) == before


@pytest.mark.parametrize(
    "place", ["SegmentationClass/sub", ".fcn-studio/provenance", ".fcn-studio/originals", ".fcn-studio/runs"]
)
def test_nothing_is_written_through_a_link_further_down(tmp_path: Path, outside: Path, place: str) -> None:
    folder = tmp_path / "project"
    made(folder / "JPEGImages", "sub/good.png")
    (folder / place).parent.mkdir(parents=True)
    (folder / place).symlink_to(outside)
    before = tree_of(outside)
    with ProjectFolder.open(folder, writable=True, table=CLASSES) as project:
        refused = 0
        for act in (
            lambda: project.annotations.save(project.samples[0], labels(1), Status.VERIFIED),
            project.runs.new_dir,
            lambda: project.runs.set_current("street", "00" * 32, compared=True),
        ):
            try:
                act()
            except ProjectError as error:
                assert "outside of the project" in str(error)  # noqa: PT017 - some of them are not refused
                refused += 1
        assert refused == (2 if place.endswith("runs") else 1)
    assert tree_of(outside) == before


def test_without_the_guard_the_check_sees_what_is_written_outside(
    tmp_path: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "project"
    made(folder / "JPEGImages", "sub/good.png")
    (folder / "SegmentationClass").mkdir()
    (folder / "SegmentationClass" / "sub").symlink_to(outside)
    before = tree_of(outside)
    monkeypatch.setattr("fcn_studio.formats.project.annotations.refuse_outside", lambda *places: None)
    with ProjectFolder.open(folder, writable=True, table=CLASSES) as project:
        project.annotations.save(project.samples[0], labels(1), Status.VERIFIED)
    assert tree_of(outside) != before  # the negative control


def test_a_file_that_is_a_link_is_replaced_and_its_target_kept(tmp_path: Path, outside: Path) -> None:
    folder = tmp_path / "project"
    made(folder, "good.png")
    before = tree_of(outside)
    places = [
        "SegmentationClass/good.png", ".fcn-studio/provenance/good.png", ".fcn-studio/adopted_masks",
        "fcn-studio.toml", ".fcn-studio/runs/current.json", ".fcn-studio/index", ".fcn-studio/originals/good.png",
    ]  # fmt: skip
    for place in places:
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).symlink_to(outside / "notes.txt" if place != "fcn-studio.toml" else outside / "new.toml")
    (folder / "SegmentationClass" / "good.png").unlink()
    mask = outside / "mask.png"
    Image.fromarray(np.ones(SIZE[::-1], np.uint8)).save(mask)
    (folder / "SegmentationClass" / "good.png").symlink_to(mask)
    before = tree_of(outside)
    with ProjectFolder.open(folder, writable=True, table=CLASSES) as project:
        (sample,) = project.samples
        project.annotations.save(sample, labels(2), Status.VERIFIED)
        (folder / ".fcn-studio" / "runs" / "current.json").unlink()
        project.runs.set_current("street", "00" * 32, compared=True)
    assert tree_of(outside) == before
    assert not (outside / "new.toml").exists()
    for place in ("SegmentationClass/good.png", ".fcn-studio/provenance/good.png", "fcn-studio.toml"):
        assert not (folder / place).is_symlink(), place


def test_the_whole_project_may_be_a_link(tmp_path: Path) -> None:
    real = tmp_path / "disk" / "project"
    made(real, "good.png")
    (tmp_path / "link").symlink_to(real)
    with ProjectFolder.open(tmp_path / "link", writable=True, table=CLASSES) as project:
        project.annotations.save(project.samples[0], labels(1), Status.VERIFIED)
    assert (real / "SegmentationClass" / "good.png").exists()
