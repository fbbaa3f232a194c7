"""The log of the labelling effort: what is written is read, whatever else lies there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fcn_studio.core.effort.gestures import Gesture
from fcn_studio.errors import ProjectError
from fcn_studio.formats import effort_log
from fcn_studio.formats.effort_log import append_gestures, last_gestures, read_gestures, write_csv

STROKE = Gesture(12.5, "größe/a.png", "Brush stroke", 2, 0, 1.5, 80)
VERIFIED = Gesture(20.0, "b.png", "Verify", None, 3, 0.5, 0)


def test_damaged_lines_are_left_out_and_a_long_log_loses_its_oldest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "effort" / "one.jsonl"
    append_gestures(log, [STROKE])
    with log.open("a") as file:
        file.write('[1, 2]\n{"a": 1}\n[12.5, "cut o\n')
    append_gestures(log, [VERIFIED])
    assert read_gestures(log) == [STROKE, VERIFIED]
    assert last_gestures(log) == [STROKE, VERIFIED]
    monkeypatch.setattr(effort_log, "_LAST_BYTES", 60)
    assert last_gestures(log) == [VERIFIED], "the part of a line is left out"
    monkeypatch.setattr(effort_log, "MOST_BYTES", 200)
    for number in range(20):
        append_gestures(log, [replace(STROKE, pixels=number)])
    kept = [gesture.pixels for gesture in read_gestures(log)]
    assert kept == list(range(20))[-len(kept) :]
    assert 1 < len(kept) < 10


def test_a_log_that_cannot_be_written_is_told_and_one_that_is_absent_is_empty(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ProjectError, match="cannot be noted"):
        append_gestures(tmp_path / "file" / "one.jsonl", [STROKE])
    assert read_gestures(tmp_path / "none.jsonl") == []


def test_the_table_names_classes(tmp_path: Path) -> None:
    write_csv(tmp_path / "effort.csv", [STROKE, VERIFIED], ["background", "cell", "debris"].__getitem__)
    lines = (tmp_path / "effort.csv").read_text(encoding="utf-8").splitlines()
    assert lines == [
        "at,image_id,act,class_index,run,seconds,pixels,class_name",
        "12.5,größe/a.png,Brush stroke,2,0,1.5,80,debris",
        "20.0,b.png,Verify,,3,0.5,0,",
    ]
