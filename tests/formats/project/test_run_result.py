"""What is kept of a finished run, and how long networks took."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fcn_studio.errors import ProjectError
from fcn_studio.formats.project.run_result import NAME, RunResult, read_run_result
from fcn_studio.formats.timings import Timing, Timings

RESULT: dict[str, object] = {
    "verdict": "kept as a candidate", "reasons": ["mean IoU fell"], "val_ids": ["a", "b", "c"], "trained_on": 7,
    "figures": {"mean_iou": 0.5}, "baseline": {"mean_iou": 1},
}  # fmt: skip


def test_a_result_is_read(tmp_path: Path) -> None:
    assert read_run_result(tmp_path) is None
    (tmp_path / NAME).write_text(json.dumps(RESULT))
    assert read_run_result(tmp_path) == RunResult("kept as a candidate", ("mean IoU fell",), 7, 3, 0.5, 1.0)
    (tmp_path / NAME).write_text(json.dumps({**RESULT, "figures": None, "baseline": None}))
    assert read_run_result(tmp_path) == RunResult("kept as a candidate", ("mean IoU fell",), 7, 3, None, None)


@pytest.mark.parametrize(
    "changes",
    [{"verdict": 1}, {"reasons": 3}, {"reasons": [1]}, {"trained_on": True}, {"val_ids": None}, {"figures": 0.5},
     {"figures": {"mean_iou": "0.5"}}, {"baseline": {}}, {"baseline": {"mean_iou": True}}],
)  # fmt: skip
def test_a_result_of_the_wrong_kind_is_a_sentence(tmp_path: Path, changes: dict[str, object]) -> None:
    (tmp_path / NAME).write_text(json.dumps(RESULT | changes))
    with pytest.raises(ProjectError, match=r"result\.json is broken"):
        read_run_result(tmp_path)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"7", b'"a"', b"\xff"])
def test_what_is_no_result_is_a_sentence(tmp_path: Path, data: bytes) -> None:
    (tmp_path / NAME).write_bytes(data)
    with pytest.raises(ProjectError, match=r"result\.json is broken"):
        read_run_result(tmp_path)


# --- timings ------------------------------------------------------------------------------------------------------


def test_the_last_timing_of_each_network_is_remembered(tmp_path: Path) -> None:
    path = tmp_path / "state" / "timings.json"
    timings = Timings(path)
    timings.save()
    assert not path.exists(), "nothing was timed, nothing written"
    timings.note("a", Timing(2.0, 480, 360, "CPU"))
    timings.note("a", Timing(0.5, 480, 360, "CPU"))
    timings.note("b", Timing(0.0, 480, 360, "CPU"))
    timings.save()
    again = Timings(path)
    assert again.of("a") == Timing(0.5, 480, 360, "CPU")
    assert again.of("b") is None


def test_only_so_many_networks_are_remembered(tmp_path: Path) -> None:
    timings = Timings(tmp_path / "timings.json")
    for number in range(250):
        timings.note(str(number), Timing(1.0, 1, 1, "CPU"))
    timings.note("0", Timing(2.0, 1, 1, "CPU"))
    timings.save()
    kept = Timings(tmp_path / "timings.json")
    assert [kept.of(name) is not None for name in ("0", "1", "50", "51", "249")] == [True, False, False, True, True]


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"7", b'{"a": 1}', b'{"a": {"seconds": "1", "width": 1, "height": 1, "device": "CPU"}}',
     b'{"a": {"seconds": -1.0, "width": 1, "height": 1, "device": "CPU"}}', b'{"a": {"seconds": 1.0}}'],
)  # fmt: skip
def test_what_cannot_be_read_is_forgotten(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "timings.json"
    path.write_bytes(data)
    timings = Timings(path)
    assert timings.of("a") is None
    timings.note("a", Timing(1.0, 1, 1, "CPU"))
    timings.save()
    assert Timings(path).of("a") is not None
