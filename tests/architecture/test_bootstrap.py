"""The installer of a fresh machine; that it installs is shown by running it, not here."""

from __future__ import annotations

import ctypes.util
import os
import runpy
import shutil
import subprocess
import sys

import pytest

from tests.helpers import ROOT

BOOTSTRAP = str(ROOT / ".ci" / "bootstrap.py")


@pytest.mark.skipif(sys.platform != "linux", reason="system libraries are installed on Linux only")
@pytest.mark.parametrize("there", [set(), {"apt-get"}, {"sudo"}])
def test_who_cannot_install_system_libraries_is_told_which_and_goes_on(
    there: set[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("nothing can be run here")

    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "which", lambda name: name if name in there else None)
    monkeypatch.setattr(subprocess, "run", fail)
    runpy.run_path(BOOTSTRAP)["system_libraries"](test=True)
    said = capsys.readouterr().out
    assert "libegl1" in said
    assert "xvfb" in said


@pytest.mark.parametrize(
    ("arguments", "programs", "last"),
    [
        ([], ["ruff", "ruff", "lint-imports", "mypy", "mkdocs", "pytest"], ["-n", "2", "--dist", "loadfile"]),
        (["tests/core", "-k", "undo"], ["pytest"], ["tests/core", "-k", "undo"]),
    ],
)
def test_all_tests_run_two_at_a_time_and_chosen_ones_in_one_process(
    arguments: list[str], programs: list[str], last: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[list[str]] = []
    tests: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        called.append([str(part) for part in command])
        return subprocess.CompletedProcess(command, 7 if "mypy" in called[-1][0] else 0, b"said")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(subprocess, "call", lambda command, cwd: tests.append([str(part) for part in command]) or 0)
    assert runpy.run_path(BOOTSTRAP)["checks"](arguments) == (7 if "mypy" in programs else 0)
    assert [os.path.basename(command[0]) for command in called + tests] == programs
    assert tests[0][1 : 1 + len(last)] == last
    assert ("-n" in tests[0]) is (not arguments)


def test_another_python_has_an_environment_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[tuple[list[str], str]] = []
    monkeypatch.delenv("FCN_STUDIO_VENV", raising=False)
    monkeypatch.setattr(
        subprocess, "call", lambda command, env: called.append((command, env["FCN_STUDIO_VENV"])) or 3
    )
    monkeypatch.setattr(sys, "argv", [BOOTSTRAP, "--python", sys.executable, "test", "tests/core", "-k", "undo"])
    assert runpy.run_path(BOOTSTRAP)["main"]() == 3
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert called == [
        ([sys.executable, BOOTSTRAP, "test", "tests/core", "-k", "undo"], str(ROOT / f".venv-{version}"))
    ]
