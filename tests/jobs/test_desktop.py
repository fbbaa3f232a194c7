"""The entry in the desktop's menu: what is written, that desktops accept it, and that nothing is left."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fcn_studio import cli
from fcn_studio.errors import UsageError
from fcn_studio.jobs.commands import desktop
from tests.helpers import ROOT

linux = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="desktop entries are Linux's")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(sys, "platform", "linux")
    return tmp_path / "data"


def validated(program: str, *words: str | Path) -> None:
    """Desktops' own checks, where they are installed."""
    if shutil.which(program):
        done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
        faults = [line for line in done.stdout.splitlines() if line.startswith(("E:", "W:")) or ": error:" in line]
        # The name of the component is no domain: the project has none.
        assert [line for line in faults if "cid-desktopapp-is-not-rdns" not in line] == []


@linux
def test_install_writes_what_desktops_accept_and_remove_leaves_no_file_of_ours(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["desktop", "install"]) == 0
    written = {home / target for target in desktop.FILES.values()}
    assert all(path.is_file() for path in written)
    assert {str(path) for path in written} <= set(capsys.readouterr().out.splitlines())
    entry = home / "applications" / "fcn-studio.desktop"
    validated("desktop-file-validate", entry)
    validated("appstreamcli", "validate", "--no-net", home / "metainfo" / "fcn-studio.metainfo.xml")
    if shutil.which("update-mime-database"):
        assert "fcn-studio.toml" in (home / "mime" / "globs2").read_text()

    (line,) = [line for line in entry.read_text("utf-8").splitlines() if line.startswith("Exec=")]
    words = shlex.split(line.removeprefix("Exec="))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*words[:-1], "--version"], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.startswith("fcn-studio "), done.stderr
    assert words[-1] == "%f"

    assert cli.main(["desktop", "install"]) == 0
    assert cli.main(["desktop", "remove"]) == 0
    assert [path for path in home.rglob("*") if path.is_file() and path.name.startswith("fcn-studio")] == []


def test_a_launcher_in_an_odd_folder_is_quoted_as_the_specification_says() -> None:
    assert list(desktop.launch_lines(['/a b/$x"\\%/python', "-P"])) == [
        'Exec="/a b/\\\\$x\\\\"\\\\\\\\%%/python" "-P" %f',
        'TryExec=/a b/$x"\\\\%/python',
    ]


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_other_systems_get_a_sentence(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    with pytest.raises(UsageError, match="on Linux only"):
        desktop.install()


@linux
def test_a_folder_that_cannot_be_written_is_named(home: Path) -> None:
    home.write_text("in the way")
    with pytest.raises(UsageError, match=r"fcn-studio.desktop cannot be written: Not a directory"):
        desktop.install()
