from __future__ import annotations

import os
from pathlib import Path

import pytest

from fcn_studio.ui import doctor
from fcn_studio.ui.doctor import Report


def folders() -> Report:
    report = Report()
    doctor._folders(report)
    return report


def test_it_says_where_logs_and_journals_lie_and_makes_nothing_there(tmp_path: Path) -> None:
    report = folders()
    assert report.healthy
    facts = dict(report.facts)
    assert facts["logs, crash reports"] == f"{tmp_path / 'state' / 'logs'}, can be written"
    assert facts["stroke journals"] == f"{tmp_path / 'state' / 'journals'}, can be written"
    assert facts["settings"] == f"{tmp_path / 'config'}, can be written"
    assert not (tmp_path / "state").exists()


def test_it_says_what_a_folder_that_cannot_be_written_costs(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    report = folders()
    assert not report.healthy
    logs, journals = report.missing
    assert "logs cannot be written (Not a directory)" in logs
    assert "a crash leaves no report" in logs
    assert "only saved strokes are safe" in journals


def test_it_sees_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> object:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", full)
    assert all("No space left on device" in sentence for sentence in folders().missing)
    assert len(folders().missing) == 3


@pytest.mark.parametrize(("build", "other"), [("CPU", "CUDA build"), ("CUDA 13.0", "whl/cpu")])
def test_it_says_how_to_get_the_other_build_of_torch(build: str, other: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_probe", lambda function: ((build, "CPU, 2 threads"), ""))
    monkeypatch.setattr(doctor.sys, "platform", "linux")
    report = Report()
    doctor._torch(report)
    assert dict(report.facts)["torch build"] == build
    assert other in report.hints[0]
    assert report.healthy
    assert report.hints[0] in report.lines()


def _dies() -> tuple[str, ...]:
    os.write(2, b"libEGL.so.1: cannot open shared object file\n")
    os.abort()


def test_what_a_dying_library_wrote_is_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_probe_qt", _dies)
    monkeypatch.setattr(doctor.sys, "platform", "linux")
    report = Report()
    doctor._qt(report, "offscreen")
    (sentence,) = report.missing
    assert "the system library libEGL.so.1 is missing" in sentence
