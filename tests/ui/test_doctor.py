from __future__ import annotations

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
