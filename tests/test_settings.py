from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from fcn_studio.settings import MAX_RECENT, SETTINGS, Settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config" / "settings.toml"


def test_values_survive_a_restart(file: Path) -> None:
    settings = Settings(file)
    settings.theme = "dark"
    settings.brush_size = 99
    settings.autosave_delay = 2
    again = Settings(file)
    assert (again.theme, again.brush_size, again.autosave_delay) == ("dark", 99, 2.0)
    assert again.notice == ""
    assert [p.name for p in file.parent.iterdir()] == ["settings.toml"]


def test_every_default_is_acceptable() -> None:
    for setting in SETTINGS:
        assert setting.accepted(setting.default) == setting.default
        assert setting.title
        assert setting.help or not setting.shown


def test_each_row_of_the_table_is_a_property_of_its_type_and_a_key_of_the_file(file: Path) -> None:
    assert len(SETTINGS) == len({setting.key for setting in SETTINGS}) >= 14
    settings = Settings(file)
    for setting in SETTINGS:
        assert getattr(Settings, setting.key) is setting
        assert type(getattr(settings, setting.key)) is setting.kind
        other = {bool: True, int: setting.high, float: setting.high, str: list(setting.choices)[-1:] or ["any"]}[
            setting.kind
        ]
        other = other[0] if isinstance(other, list) else other
        setattr(settings, setting.key, other)
        assert getattr(Settings(file), setting.key) == settings[setting.key] == other
        assert setting.default in setting.choices or not setting.choices
        assert all(setting.choices.values()) or not setting.shown


@pytest.mark.parametrize(
    ("key", "value"),
    [("theme", "pink"), ("brush_size", 0), ("brush_size", True), ("wheel_zooms", 1), ("device", 3)],
)
def test_a_value_it_cannot_have_is_refused(file: Path, key: str, value: object) -> None:
    settings = Settings(file)
    with pytest.raises(ValueError, match=key):
        settings.set(key, value)  # type: ignore[arg-type]


@pytest.mark.parametrize("content", [b"theme = [broken", b"\xff\xfe\x00", b"format = 99\ntheme = 'dark'"])
def test_a_broken_or_later_file_is_set_aside(file: Path, content: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    settings = Settings(file)
    assert settings.theme == "system"
    assert file.with_name("settings.toml.bad").read_bytes() == content
    assert "settings.toml.bad" in settings.notice
    settings.theme = "light"
    assert Settings(file).theme == "light"


def test_one_bad_value_costs_that_value_only(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("theme = 7\nbrush_size = 50\nrecent = 'no list'\n")
    settings = Settings(file)
    assert (settings.theme, settings.brush_size, settings.recent) == ("system", 50, [])
    assert "theme" in settings.notice


def test_unknown_keys_stay_in_the_file(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("tomorrow = 'kept'  # with its comment\n")
    Settings(file).set("wheel_zooms", True)
    assert "tomorrow = 'kept'  # with its comment" in file.read_text()


def test_recent_folders_latest_first_and_no_more_than_ten(file: Path, tmp_path: Path) -> None:
    settings = Settings(file)
    for i in range(MAX_RECENT + 3):
        settings.add_recent(tmp_path / str(i))
    settings.add_recent(tmp_path / "5")
    recent = Settings(file).recent
    assert len(recent) == MAX_RECENT
    assert [f.name for f in recent[:2]] == ["5", "12"]
    settings.forget_recent(tmp_path / "5")
    assert tmp_path / "5" not in Settings(file).recent


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every file name is text")
def test_a_folder_whose_name_is_not_utf8_is_offered_until_the_end_and_not_saved(file: Path, tmp_path: Path) -> None:
    settings = Settings(file)
    odd = tmp_path / os.fsdecode(b"caf\xe9")
    settings.add_recent(tmp_path)
    settings.add_recent(odd)
    settings.brush_size = 99
    assert settings.recent == [odd, tmp_path]
    again = Settings(file)
    assert (again.recent, again.brush_size, again.notice) == ([tmp_path], 99, "")


def test_a_folder_that_cannot_be_written_is_said_and_survived(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    settings = Settings(blocker / "settings.toml")
    settings.theme = "dark"
    assert settings.theme == "dark"
    assert "cannot be saved" in settings.notice


def test_watchers_hear_of_changes_only(file: Path) -> None:
    settings, heard = Settings(file), []
    settings.watch(heard.append)
    settings.theme = "system"
    settings.theme = "dark"
    assert heard == ["theme"]


def test_a_value_for_now_is_used_and_not_saved(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    settings = Settings(path)
    settings.use_for_now("max_pixels", 2_000_000)
    assert settings.max_pixels == 2_000_000
    settings.brush_size = 7
    assert Settings(path).max_pixels == 100_000_000
    settings.max_pixels = 3_000_000
    assert settings.max_pixels == Settings(path).max_pixels == 3_000_000
    with pytest.raises(ValueError, match="must be"):
        settings.use_for_now("max_pixels", 2)


@pytest.mark.parametrize(
    "text", ["a." * 20_000 + "a = 1", "#" * 300_000, "max_pixels = " + "9" * 5000, "x = [" * 3000]
)
def test_a_file_made_to_be_slow_is_set_aside(tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    settings = Settings(path)
    assert settings.max_pixels == 100_000_000
    assert settings.notice


def test_a_last_line_that_does_not_end_is_not_written_into(file: Path) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text("a.b = 1")
    settings = Settings(file)
    settings.save()
    assert Settings(file).notice == ""
    assert "a.b = 1\n" in file.read_text()
