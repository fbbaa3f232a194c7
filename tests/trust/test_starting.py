"""R28: nothing that lies in the settings folder stops a start, and what could not be used is not written over."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings
from pytestqt.qtbot import QtBot

from fcn_studio import paths
from fcn_studio.settings import MAX_BYTES, SETTINGS, Settings
from fcn_studio.ui.app import build
from tests.helpers import contents
from tests.ui.conftest import IdleProcess, draw_project


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A settings folder of the test's own."""
    monkeypatch.setenv("FCN_STUDIO_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("FCN_STUDIO_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "config").mkdir()
    return tmp_path / "config"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_project(tmp_path_factory.mktemp("pictures") / "project")


def start(qtbot: QtBot, pictures: Path) -> Settings:
    """Start the real window, open a folder, paint no stroke, close it as its owner would."""
    settings = Settings()
    studio = build(settings, IdleProcess())  # type: ignore[arg-type]
    window = studio.window
    with qtbot.waitExposed(window):
        window.show()
    window.open_folder(pictures)
    qtbot.waitUntil(lambda: studio.session.document is not None and window.canvas.isVisible())
    qtbot.waitUntil(lambda: window.canvas.width() > 200)  # the docks get their widths once they are shown
    assert window.classes_dock.isVisible()
    assert window.close()
    studio.shut_down()
    window.deleteLater()
    return settings


def defaults(settings: Settings) -> bool:
    return all(settings[setting.key] == setting.default for setting in SETTINGS)


BROKEN = {
    "binary": bytes(range(256)),
    "no TOML": b"theme = [broken",
    "other encoding": "theme = 'dunkel' # \u00fc".encode("latin-1"),
    "zeros": bytes(4096),
    "later version": b"format = 99\ntheme = 'dark'\n",
    "format of a wrong type": b"format = 'one'\n",
    "deep": b"theme = " + b"[" * 100_000,
    "deep and closed": b"theme = " + b"[" * 5000 + b"]" * 5000,
    "deep tables": b"[" + b".".join([b"a"] * 20_000) + b"]\n",
    "too many digits": b"brush_size = " + b"9" * 5000,
    "too long": b"# " + b"x" * MAX_BYTES,
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_an_unusable_file_is_set_aside(qtbot: QtBot, config: Path, pictures: Path, content: bytes) -> None:
    (config / "settings.toml").write_bytes(content)
    settings = start(qtbot, pictures)
    assert defaults(settings)
    assert (config / "settings.toml.bad").read_bytes() == content
    assert "settings.toml.bad" in settings.notice
    assert Settings().notice == ""


ODD = {
    "empty": "",
    "spaces": " \n\n\t\n",
    "a table in place of a value": "[theme]\na = 1\n[recent]\nb = 2\n",
    "wrong types": "\n".join(f"{setting.key} = []" for setting in SETTINGS),
    "not a number": "autosave_delay = nan\ntrain_minutes = inf\n",
    "a number beyond all floats": f"autosave_delay = 0x{'f' * 3000}\nbrush_size = 0x{'f' * 3000}\n",
    "odd folders": 'recent = ["", "\\u0000", 5, "/nowhere", "a\\nb", "//", "%s"]\n' % ("/x" * 50_000),
    "many folders": f"recent = {['/x'] * 20_000}\n",
}


@pytest.mark.parametrize("content", ODD.values(), ids=ODD)
def test_odd_values_cost_themselves_only(qtbot: QtBot, config: Path, pictures: Path, content: str) -> None:
    (config / "settings.toml").write_text("tomorrow = 'kept'\n" + content)
    settings = start(qtbot, pictures)
    assert defaults(settings)
    assert not (config / "settings.toml.bad").exists()
    assert "tomorrow = 'kept'" in (config / "settings.toml").read_text()
    assert Settings().notice == ""


def test_a_file_of_100_megabytes_is_not_read(qtbot: QtBot, config: Path, pictures: Path) -> None:
    with (config / "settings.toml").open("wb") as file:
        file.truncate(100_000_000)
    assert defaults(start(qtbot, pictures))
    assert (config / "settings.toml.bad").stat().st_size == 100_000_000


def folder(path: Path) -> None:
    path.mkdir()
    (path / "mine.txt").write_text("kept")


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and links in folders are a thing of Unix")
@pytest.mark.parametrize("place", [folder, loop, pipe])
@pytest.mark.parametrize("name", ["settings.toml", "window.ini"])
def test_what_is_no_file_stops_nothing(
    qtbot: QtBot, config: Path, pictures: Path, name: str, place: Callable[[Path], None]
) -> None:
    place(config / name)
    settings = start(qtbot, pictures)
    assert defaults(settings)
    kept = config / (f"{name}.bad" if name == "settings.toml" else name)
    assert os.path.lexists(kept)
    if place is folder:
        assert (kept / "mine.txt").read_text() == "kept"


@pytest.fixture
def unwritable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No file of the settings folder can be made or moved, for root neither."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(paths, "replace_file", refuse)
    monkeypatch.setattr("fcn_studio.settings.os.replace", refuse)
    monkeypatch.setattr(QSettings, "setValue", lambda *_: None)
    yield
    monkeypatch.undo()


@pytest.mark.usefixtures("unwritable")
@pytest.mark.parametrize("content", [None, b"theme = 'dark'\n", b"theme = [broken"])
def test_a_folder_that_cannot_be_written_is_left_as_it_is(
    qtbot: QtBot, config: Path, pictures: Path, content: bytes | None
) -> None:
    if content is not None:
        (config / "settings.toml").write_bytes(content)
    before = contents(config)
    settings = start(qtbot, pictures)
    settings.brush_size = 99
    assert "cannot be" in settings.notice
    assert settings.theme == ("dark" if content == b"theme = 'dark'\n" else "system")
    assert contents(config) == before


@pytest.mark.usefixtures("unwritable")
def test_an_unusable_file_that_cannot_be_set_aside_is_never_written_over(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (config / "settings.toml").write_bytes(b"theme = [broken")
    settings = Settings()
    monkeypatch.undo()  # the folder can be written again
    monkeypatch.setenv("FCN_STUDIO_CONFIG_DIR", str(config))
    settings.theme = "dark"
    assert (config / "settings.toml").read_bytes() == b"theme = [broken"
    assert "until it is gone" in settings.notice


def test_a_settings_folder_that_is_a_file_stops_nothing(qtbot: QtBot, config: Path, pictures: Path) -> None:
    config.rmdir()
    config.write_text("in the way")
    assert defaults(start(qtbot, pictures))
    assert config.read_text() == "in the way"


# --- the layout -----------------------------------------------------------------------------------------------


def test_a_layout_comes_back_if_it_is_as_it_was_left(qtbot: QtBot, config: Path, pictures: Path) -> None:
    start(qtbot, pictures)
    store = QSettings(str(config / "window.ini"), QSettings.Format.IniFormat)
    assert {"geometry", "geometry_sha256", "state", "state_sha256"} <= set(store.allKeys())
    studio = build(Settings(), IdleProcess())  # type: ignore[arg-type]
    assert studio.window.layout_._remembered == store.value("state")
    store.setValue("state", store.value("state").left(200))
    store.sync()
    damaged = build(Settings(), IdleProcess())  # type: ignore[arg-type]
    assert damaged.window.layout_._remembered is None
    for made in (studio, damaged):
        made.window.close()
        made.shut_down()
        made.window.deleteLater()


@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_layout_stops_no_start(qtbot: QtBot, config: Path, pictures: Path, seed: int) -> None:
    start(qtbot, pictures)
    good, rng = (config / "window.ini").read_bytes(), random.Random(seed)
    for _ in range(4):
        (config / "window.ini").write_bytes(damaged(good, rng))
        start(qtbot, pictures)


def damaged(good: bytes, rng: random.Random) -> bytes:
    """A file with some bytes changed, left out, or put in."""
    changed = bytearray(good)
    for _ in range(rng.choice((1, 3, 20))):
        at = rng.randrange(len(changed))
        match rng.randrange(3):
            case 0:
                changed[at] = rng.randrange(256)
            case 1:
                del changed[at : at + rng.randrange(1, 20)]
            case _:
                changed[at:at] = rng.choice(
                    (b"\\xff", b"\xff\xff\xff\xff", b"@Variant(\\0\\0\\0\\x46\\x7f\\xff)", b"\\0")
                )
    return bytes(changed)
