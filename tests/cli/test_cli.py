"""The command line: what it understands, its exit codes, and where its words go."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fcn_studio import __version__, cli, i18n, paths
from fcn_studio.cli.arguments import EPILOG
from fcn_studio.core.sample import Status
from fcn_studio.core.training import Level
from fcn_studio.errors import ProjectError
from fcn_studio.formats.exporters import EXPORTERS
from fcn_studio.formats.project.project_folder import ProjectFolder
from tests.helpers import ROOT, contents

COMMANDS = [
    "open",
    "demo",
    "segment",
    "train",
    "evaluate",
    "suspects",
    "check",
    "export",
    "import",
    "classes",
    "networks",
    "desktop",
    "doctor",
]


# --- what it understands ------------------------------------------------------------------------------------------


def test_every_help_is_translated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(i18n.ENVIRONMENT, "en")
    i18n.use(i18n.PSEUDO)
    try:
        top = cli.parser()
    finally:
        i18n.use("en")
    (commands,) = (action for action in top._actions if isinstance(action, argparse._SubParsersAction))
    shown = [top.description, top.epilog, *(choice.help for choice in commands._choices_actions)]
    for command in commands.choices.values():
        actions = [action for action in command._actions if action.dest != "help"]
        assert all(action.help for action in actions), command.prog
        shown += [action.help for action in actions]
    assert len(shown) > 60
    assert [text for text in shown if not str(text).startswith("⟦")] == []


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["train"], "the following arguments are required: folder"),
        (["train", "x", "--minutes", "a"], "argument --minutes: invalid float value: 'a'"),
        (["train", "x", "--minutes"], "argument --minutes: expected one argument"),
        (["train", "x", "--minutes", "1", "--steps", "1"], "argument --steps: not allowed with argument --minutes"),
        (["train", "x", "--level", "a"], "argument --level: invalid choice: 'a' (choose from "),
        (["doctor", "x"], "unrecognized arguments: x"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_what_is_wrong_with_arguments_is_said_in_the_users_language(
    words: list[str], reason: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """argparse says it in English; these are its own words, so that another Python's are noticed."""
    for language in ("en", i18n.PSEUDO):
        monkeypatch.setenv(i18n.ENVIRONMENT, language)
        with pytest.raises(SystemExit) as left:
            cli.main(words)
        assert left.value.code == 2
        said = capsys.readouterr().err.splitlines()[-1]
        assert (f"error: {reason}" in said) == (language == "en")
        assert (said.count("⟦") == 2) == (language != "en"), said
    i18n.use("en")


@pytest.mark.parametrize("words", [[], *([command] for command in COMMANDS)], ids=" ".join)
def test_every_command_has_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main([*words, "--help"])
    assert end.value.code == 0
    assert "usage: fcn-studio" in capsys.readouterr().out


def test_a_default_is_told_only_where_there_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    for command, has_default in (("segment", True), ("train", True), ("evaluate", False)):
        with pytest.raises(SystemExit):
            cli.main([command, "--help"])
        assert ("(default: the project's network" in " ".join(capsys.readouterr().out.split())) is has_default
        if not has_default:
            with pytest.raises(SystemExit):
                cli.parser().parse_args([command, "photos"])
            assert "--network" in capsys.readouterr().err


def test_the_examples_of_the_help_are_understood() -> None:
    examples = [line.strip().split("   ")[0].split()[1:] for line in EPILOG.splitlines()[1:]]
    assert len(examples) == 8
    for words in examples:
        cli.parser().parse_args(words if words[0] in COMMANDS else ["open", *words])


def test_the_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"fcn-studio {__version__}\n"


def test_the_options_reach_the_parser() -> None:
    train = cli.parser().parse_args(
        ["train", "f", "--level", "scratch", "--steps", "3", "--batch-size", "2", "--width", "0.5", "--seed", "9"]
    )
    assert (train.folder, train.level, train.steps, train.minutes) == (Path("f"), Level.SCRATCH.value, 3, None)
    assert (train.batch_size, train.width, train.seed, train.device) == (2, 0.5, 9, "auto")
    export = cli.parser().parse_args(["export", "f", "--out", "o", "--status", "new", "--status", "verified"])
    assert export.status == ["new", "verified"]
    assert (export.format, export.void_row) == ("voc", None)
    assert cli.parser().parse_args(["export", "f", "--out", "o", "--void-row"]).void_row is True
    (commands,) = (action for action in cli.parser()._actions if action.dest == "command")
    (choice,) = (action for action in commands.choices["export"]._actions if action.dest == "format")
    assert choice.choices == [row.name for row in EXPORTERS]


@pytest.mark.parametrize(
    "words",
    [
        ["segment"],
        ["train", "f", "--minutes", "1", "--steps", "1"],
        ["train", "f", "--level", "deep"],
        ["evaluate", "f"],
        ["export", "f"],
        ["export", "f", "--out", "o", "--format", "nonsense"],
        ["--nonsense"],
        ["one", "two"],
    ],
)
def test_what_it_does_not_understand_is_exit_code_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(words)
    assert end.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "usage:" in err


@pytest.mark.parametrize(("words", "folder"), [([], None), (["photos"], Path("photos")), (["open", "p"], Path("p"))])
def test_open_is_the_default_command(words: list[str], folder: Path | None, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    monkeypatch.setattr(
        "fcn_studio.ui.runtime.unix_signals.signal.signal", lambda *_: None
    )  # Ctrl+C still ends the tests
    monkeypatch.setattr(
        "fcn_studio.ui.app.run_window", lambda f, _, break_lock, max_pixels: opened.append((f, break_lock)) or 0
    )
    assert cli.main(words) == 0
    assert opened == [(folder, False)]


def test_open_takes_a_limit_of_pixels_for_this_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given: list[int | None] = []
    monkeypatch.setattr("fcn_studio.ui.runtime.unix_signals.signal.signal", lambda *_: None)
    monkeypatch.setattr("fcn_studio.ui.app.run_window", lambda *_, max_pixels, **__: given.append(max_pixels) or 0)
    assert cli.main(["photos"]) == 0
    assert cli.main(["photos", "--max-pixels", "200000000"]) == 0
    assert given == [None, 200_000_000]
    assert cli.main(["photos", "--max-pixels", "2000000001"]) == 2
    assert "--max-pixels 2000000001 makes no sense" in capsys.readouterr().err


# --- exit codes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["segment", "train", "evaluate", "export"])
def test_an_unknown_folder_is_a_sentence_and_exit_code_2(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = {"evaluate": ["--network", "street"], "export": ["--out", str(tmp_path / "out")]}.get(command, [])
    assert cli.main([command, str(tmp_path / "none"), *more]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("fcn-studio: ")
    assert "is not a folder" in err
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_opening_an_unknown_folder_needs_no_window_to_fail(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([str(tmp_path / "none")]) == 2
    assert "is no folder" in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["ascii", "cp1251", "cp932"])
def test_help_is_printed_whatever_the_terminal_can_show(encoding: str) -> None:
    command = [sys.executable, "-m", "fcn_studio", "train", "--help"]
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert b"--lovasz" in done.stdout


@pytest.mark.parametrize("words", ["100", "x", "0x10", "-1x5", "10x10x10", "1e3x5"])
def test_a_size_that_is_none_is_told_in_the_user_s_words(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.parser().parse_args(["train", "photos", f"--crop={words}"])
    assert end.value.code == 2
    err = capsys.readouterr().err
    assert f"argument --crop: '{words}' is no size; write height x width in pixels, as 256x320" in err
    assert cli.parser().parse_args(["train", "photos", "--crop", "256x320"]).crop == (256, 320)


def test_a_folder_of_other_kinds_says_what_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("IMG_0001.HEIC", "IMG_0002.heic", "P1.DNG", "P2.CR2", "s.dcm", "notes.txt"):
        (tmp_path / name).write_bytes(b"\0\0\0\x18ftypheic")
    assert cli.main(["segment", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert "5 files are of kinds that are not read: DICOM images (1), HEIC photos (2), raw camera files (2)." in err
    assert "holds no image that can be read" in err
    assert cli.main(["segment", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has a home for everybody")
def test_without_a_home_things_are_kept_in_the_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_home(*_: object, **__: object) -> str:
        raise RuntimeError("could not determine the home directory")

    for kind in ("config", "state", "data"):
        monkeypatch.setattr(f"platformdirs.user_{kind}_dir", no_home)
    for variable in ("CONFIG", "STATE", "NETWORKS"):
        monkeypatch.delenv(f"FCN_STUDIO_{variable}_DIR", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    paths._instead_of_home.cache_clear()
    folders = [paths.config_dir(), paths.state_dir(), paths.networks_dir()]
    home = tmp_path / f"fcn-studio-{os.getuid()}"
    assert folders == [home / "config", home / "state", home / "networks"]
    assert home.stat().st_mode & 0o777 == 0o700
    paths._instead_of_home.cache_clear()
    assert paths.config_dir() == home / "config"  # strokes kept there are found again
    home.rmdir()
    home.symlink_to(tmp_path / "elsewhere")
    paths._instead_of_home.cache_clear()
    assert paths.config_dir().parent not in (home, tmp_path / "elsewhere")
    paths._instead_of_home.cache_clear()


def test_a_bug_is_no_sentence_and_an_interruption_is_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def end_with(error: BaseException) -> None:
        def fail(folder: object, *, available: bool) -> None:
            raise error

        monkeypatch.setattr("fcn_studio.jobs.commands.library.networks", fail)

    end_with(KeyboardInterrupt())
    assert cli.main(["networks"]) == 130
    assert "interrupted" in capsys.readouterr().err
    end_with(ProjectError("it is broken; mend it"))
    assert cli.main(["networks"]) == 2
    assert capsys.readouterr().err == "fcn-studio: it is broken; mend it\n"
    end_with(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        cli.main(["networks"])


def test_a_senseless_training_is_exit_code_2(micrograph_project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", str(micrograph_project), "--steps", "0"]) == 2
    assert "--steps 0 makes no sense" in capsys.readouterr().err


# --- results ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("bundled")
def test_segment_out_leaves_the_folder_byte_equal_and_writes_json(
    micrograph_project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(micrograph_project)
    words = ["segment", str(micrograph_project), "--out", str(tmp_path / "out"), "--device", "cpu"]
    assert cli.main([*words, "--json", str(tmp_path / "result.json")]) == 0
    assert contents(micrograph_project) == before
    result = json.loads((tmp_path / "result.json").read_text())
    assert (result["network"], result["images"], result["written"]) == ("tiny", 8, 8)
    assert len(list((tmp_path / "out").glob("*.png"))) == 8
    assert "8 of 8 images" in capsys.readouterr().out


@pytest.mark.usefixtures("bundled")
def test_json_to_standard_output_is_alone_there(micrograph_project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", str(micrograph_project), "--network", "street", "--split", "train", "--device", "cpu"]
    assert cli.main([*words, "--json", "-"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["images"] == 2
    assert "mean IoU" in err


@pytest.mark.usefixtures("bundled")
def test_a_result_that_cannot_be_written_is_a_sentence(
    micrograph_project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["networks", "--json", str(tmp_path / "no" / "folder.json")]) == 2
    assert "the result cannot be written" in capsys.readouterr().err


@pytest.mark.usefixtures("bundled")
def test_segment_train_evaluate_export_in_a_row(micrograph_project: Path, tmp_path: Path) -> None:
    folder = str(micrograph_project)
    assert cli.main(["segment", folder, "--device", "cpu"]) == 0
    assert cli.main(["train", folder, "--level", "quick", "--steps", "1", "--device", "cpu"]) == 0
    run = micrograph_project / ".fcn-studio/runs/0001/best.safetensors"
    assert cli.main(["evaluate", folder, "--network", str(run), "--split", "all", "--device", "cpu"]) == 0
    assert cli.main(["export", folder, "--out", str(tmp_path / "out"), "--json", str(tmp_path / "e.json")]) == 0
    assert json.loads((tmp_path / "e.json").read_text())["images"] == 2
    with ProjectFolder.open(micrograph_project, writable=False) as project:
        assert project.counts()[Status.PRELABELLED] == 6
        assert project.counts()[Status.VERIFIED] == 2


# --- the program itself -------------------------------------------------------------------------------------------


def program(*words: str, timeout: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fcn_studio", *words],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment},
    )


def test_the_program_passes_its_exit_code_on(tmp_path: Path) -> None:
    done = program("export", str(tmp_path / "none"), "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("fcn-studio: ")


@pytest.mark.skipif(sys.platform != "linux", reason="a display is always there on Windows and macOS")
def test_without_a_display_the_window_says_so(tmp_path: Path) -> None:
    done = program(str(tmp_path), QT_QPA_PLATFORM="", DISPLAY="", WAYLAND_DISPLAY="")
    assert done.returncode == 2
    assert "there is no display" in done.stderr


@pytest.mark.slow
def test_the_doctor_reports_as_json() -> None:
    done = program("doctor", "--json", "-")
    report = json.loads(done.stdout)
    assert done.returncode == (0 if report["healthy"] else 2)
    assert report["facts"]["FCN Studio"] == __version__
    assert report["facts"]["network runs on"]
    assert report["facts"]["torch build"] == "CPU" or "--index-url" in report["hints"][0]
    assert "platform offscreen" in report["facts"]["Qt (offscreen)"]
    # In a checkout without the bundled network that may be missing; nothing else may.
    assert all("network" in sentence for sentence in report["missing"]), report["missing"]
