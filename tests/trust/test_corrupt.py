"""R6: a damaged file blocks or costs what it says, never more: nothing is taken for empty, nothing is overwritten."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fcn_studio import cli
from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import Provenance
from fcn_studio.core.sample import Status
from fcn_studio.errors import MaskError, ProjectError, ProjectFileBroken
from fcn_studio.formats.project import loaded
from fcn_studio.formats.project.annotations import AnnotationStore
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.voc.masks import MaskFile, encode_mask
from tests.trust.corrupt import (
    ADOPTED,
    ADOPTED_LIST,
    HEIGHT,
    INDEX,
    MASK,
    PROJECT_FILE,
    RECORD,
    TABLE,
    VICTIM,
    WIDTH,
    Damaged,
    cut,
    flipped,
    labels_of,
    visit,
)

FLIPS = 40


def png(mode: str, size: tuple[int, int] = (WIDTH, HEIGHT), value: int = 1) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, (value,) * len(mode) if len(mode) > 1 and mode != "I;16" else value).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_mask_that_is_cut_off_blocks_and_stays(tmp_path: Path) -> None:
    project = Damaged(tmp_path, MASK)
    cuts = list(cut(project.sound_bytes, 64))
    assert len(cuts) > 15
    for data in cuts:
        seen, faults = project.after(data)
        assert faults == []
        assert "b.png: " in seen.blocked[VICTIM]
        assert set(seen.found) == {"a.png", "c.png", ADOPTED}


@pytest.mark.parametrize(
    "data",
    [
        png("P", (HEIGHT, WIDTH)), png("P", (WIDTH, HEIGHT - 1)), png("RGB"), png("RGBA"), png("LA"), png("I;16"),
        encode_mask(np.full((HEIGHT, WIDTH), 3, np.uint8)), encode_mask(np.full((HEIGHT, WIDTH), 254, np.uint8)),
        png("L", value=200), png("1"), b"\x89PNG\r\n\x1a\n", b"junk" * 300,
    ],
    ids=["turned", "small", "rgb", "rgba", "la", "16 bits", "class 3", "class 254", "grey", "1 bit", "head", "junk"],
)  # fmt: skip
def test_a_mask_of_another_kind_blocks_and_stays(tmp_path: Path, data: bytes) -> None:
    seen, faults = Damaged(tmp_path, MASK).after(data)
    assert faults == []
    assert VICTIM in seen.blocked
    assert VICTIM not in seen.found


def test_a_flipped_bit_of_a_mask_never_shows_other_pixels(tmp_path: Path) -> None:
    project = Damaged(tmp_path, MASK)
    blocked = 0
    for data in flipped(project.sound_bytes, FLIPS):
        seen, faults = project.after(data)
        assert faults == []
        blocked += VICTIM in seen.blocked
    assert blocked > FLIPS * 0.9  # the last bytes say nothing of pixels


def test_a_flipped_bit_of_a_record_never_makes_a_pixel_human(tmp_path: Path) -> None:
    project = Damaged(tmp_path, RECORD)
    for data in (*cut(project.sound_bytes, 64), *flipped(project.sound_bytes, FLIPS)):
        seen, faults = project.after(data)
        assert faults == []
        assert VICTIM in seen.found


@pytest.mark.parametrize("file", [INDEX, ADOPTED_LIST])
def test_damaged_lists_cost_no_pixel(tmp_path: Path, file: str) -> None:
    project = Damaged(tmp_path, file)
    for data in (*cut(project.sound_bytes, 1 if file == ADOPTED_LIST else 64), *flipped(project.sound_bytes, 20)):
        seen, faults = project.after(data)
        assert faults == [f"{project.damaged.name} was overwritten"] * (file == INDEX)  # which is made anew
        assert set(seen.found) == {"a.png", VICTIM, "c.png", ADOPTED}


def test_the_cut_off_name_of_an_adopted_mask_is_not_the_name_of_another(tmp_path: Path) -> None:
    project = Damaged(tmp_path, ADOPTED_LIST)
    _, faults = project.after(b"d\nb")  # a mask "bb" once stood there; "b" came later and is not adopted
    (project.folder / RECORD).unlink()
    seen = visit(project.folder)
    assert faults == []
    assert seen.found[VICTIM].status is Status.IN_PROGRESS
    assert not (seen.found[VICTIM].labels.provenance == Provenance.HUMAN).any()


def test_a_damaged_name_of_the_network_in_use_stays_and_costs_no_pixel(tmp_path: Path) -> None:
    with ProjectFolder.open(Damaged(tmp_path, MASK).truth_folder, writable=True) as project:
        project.runs.set_current("street", "aa" * 32, compared=True)
        project.runs.set_current("other", "bb" * 32, compared=True)
        file = project.runs.folder / "current.json"
        sound = file.read_bytes()
        for data in cut(sound, 16):
            file.write_bytes(data)
            for act in (
                project.runs.current,
                project.runs.go_back,
                lambda: project.runs.set_current("street", "aa" * 32, compared=True),
            ):
                with pytest.raises(ProjectError, match="current"):
                    act()
            assert file.read_bytes() == data
            assert project.annotations.load(project.sample(VICTIM), (WIDTH, HEIGHT)).labels.provenance.any()


def test_a_project_file_that_is_cut_off_opens_nothing_or_the_same_classes(tmp_path: Path) -> None:
    project = Damaged(tmp_path, PROJECT_FILE)
    refused = 0
    for data in cut(project.sound_bytes, 16):
        seen, faults = project.after(data)
        assert [fault for fault in faults if "overwritten" not in fault or seen.refused] == []
        refused += bool(seen.refused)
        if seen.refused:
            assert PROJECT_FILE in seen.refused
            assert f"put {project.folder / '.fcn-studio/previous/fcn-studio.toml.1'} in its place" in seen.refused
    assert refused >= len(project.sound_bytes) // 16 - 2  # cut off in the last lines, which are the same by default


def test_nonsense_in_the_project_file_opens_nothing(tmp_path: Path) -> None:
    project = Damaged(tmp_path, PROJECT_FILE)
    text = project.sound_bytes.decode()
    for old, new in [
        ("format = 1", "format = 0"),
        ("format = 1", "format = 1.0"),
        ("next_index = 3", "next_index = 2"),
        ("next_index = 3", "next_index = 4"),
        ("next_index = 3", "next_index = -1"),
        ("index = 2", "index = 1"),
        ("index = 2", "index = 255"),
        ('unlabelled = "background"', "unlabelled = 0"),
        ("[[class]]", "[class]"),
        ("[split]", "[split"),
        ('name = "cell"', 'name = "debris"'),
        ('name = "cell"', "name = ['cell']"),
    ]:
        assert old in text
        seen, faults = project.after(text.replace(old, new).encode())
        assert (faults, bool(seen.refused)) == ([], True), new
    for data in (b"", b"\0" * 200, b"\xff" * 200, b"[" * 5000, b"a = " + b"[" * 5000):
        seen, faults = project.after(data)
        assert (faults, bool(seen.refused)) == ([], True), data[:20]


def test_a_lost_project_file_is_no_first_opening(tmp_path: Path) -> None:
    project = Damaged(tmp_path, PROJECT_FILE)
    project.after(project.sound_bytes)
    project.damaged.unlink()
    with pytest.raises(ProjectFileBroken, match="is gone") as caught:
        ProjectFolder.open(project.folder, writable=True)
    assert caught.value.earlier is not None
    assert not project.damaged.exists()


def test_the_command_line_names_the_copy_to_put_in_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = Damaged(tmp_path, PROJECT_FILE)
    project.after(project.sound_bytes[:100])
    assert cli.main(["export", str(project.folder), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert str(project.damaged) in said
    assert f"put {project.folder / '.fcn-studio' / 'previous' / 'fcn-studio.toml.1'} in its place" in said
    assert not (tmp_path / "out").exists()


# The harness can fail


def test_a_reader_that_takes_damage_for_empty_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Damaged(tmp_path, MASK)
    real = loaded.decode_mask

    def careless(*arguments: object, **options: object) -> MaskFile:
        try:
            return real(*arguments, **options)  # type: ignore[arg-type]
        except MaskError:
            return MaskFile(np.full((HEIGHT, WIDTH), VOID, np.uint8))

    monkeypatch.setattr(loaded, "decode_mask", careless)
    for data in cut(project.sound_bytes, 64):
        seen, faults = project.after(data)
        assert VICTIM in seen.found
        assert any("other pixels" in fault for fault in faults)


def test_a_batch_over_what_is_taken_for_empty_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Damaged(tmp_path, MASK)
    monkeypatch.setattr(loaded, "decode_mask", lambda *_, **__: MaskFile(np.full((HEIGHT, WIDTH), VOID, np.uint8)))
    monkeypatch.setattr(AnnotationStore, "status", lambda *_: Status.NEW)
    real = loaded.with_record

    def new(*arguments: object, **options: object) -> loaded.LoadedLabels:
        found = real(*arguments, **options)  # type: ignore[arg-type]
        return loaded.LoadedLabels(found.labels, Status.NEW)

    monkeypatch.setattr("fcn_studio.formats.project.loaded.with_record", new)
    _, faults = project.after(project.sound_bytes[:100])
    assert "b.png was overwritten" in faults


@pytest.mark.parametrize("careless", [True, False])
def test_a_decoder_without_checksums_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, careless: bool
) -> None:
    """Of all flips of a mask some give other pixels and no error, which is why checksums are checked."""
    check: Callable[[object], None] = lambda _file: None  # noqa: E731
    if careless:
        monkeypatch.setattr("fcn_studio.formats.voc.masks._verify", check)
    sound = encode_mask(labels_of(1).label_map)
    wrong = 0
    for data in flipped(sound, 8 * len(sound)):
        try:
            mask = loaded.decode_mask(data, Path("b.png"), (WIDTH, HEIGHT), TABLE)
        except MaskError:
            continue
        wrong += not np.array_equal(mask.label_map, labels_of(1).label_map)
    assert bool(wrong) is careless
