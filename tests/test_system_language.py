"""Which language a program speaks that starts."""

from __future__ import annotations

import plistlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from fcn_studio import i18n
from fcn_studio.i18n import system_language
from fcn_studio.i18n.system_language import catalogue_for, system_languages
from fcn_studio.settings import Settings, chosen_language

THERE = ["en", "zh_CN", "pt_BR"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        *((code, "zh_CN") for code in ("zh", "zh_CN", "zh-Hans", "zh_Hans_CN", "zh_SG", "zh_CN.UTF-8", "ZH-cn@euro")),
        *((code, None) for code in ("zh_TW", "zh-HK", "zh-Hant-CN", "zh_MO.Big5", "tlh", "", "C")),
        *((code, "en") for code in ("en", "en_GB.UTF-8")),
        ("pt", "pt_BR"),
    ],
)
def test_a_language_is_served_by_a_catalogue_of_the_same_language_and_script(code: str, expected: str | None) -> None:
    assert catalogue_for(code, THERE) == expected


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"LANG": "zh_CN.UTF-8"}, ["zh_CN.UTF-8"]),
        ({"LANGUAGE": "de:zh_CN", "LANG": "en_US.UTF-8"}, ["de", "zh_CN", "en_US.UTF-8"]),
        ({"LC_ALL": "zh_CN", "LC_MESSAGES": "fr", "LANG": "de"}, ["zh_CN"]),
        ({"LC_ALL": "", "LC_MESSAGES": "fr", "LANG": "de"}, ["fr"]),
        ({"LC_ALL": "C.UTF-8", "LANGUAGE": "zh_CN", "LANG": "zh_CN"}, []),
    ],
)
def test_the_system_is_asked_in_the_order_of_gettext(environment: dict[str, str], expected: list[str]) -> None:
    assert list(system_languages(environment)) == expected


def test_without_variables_the_desktop_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    preferences = tmp_path / system_language._MACOS_LANGUAGES
    preferences.parent.mkdir(parents=True)
    monkeypatch.setattr(system_language.sys, "platform", "darwin")
    monkeypatch.setattr(system_language.Path, "home", lambda: tmp_path)
    assert list(system_languages({})) == []
    preferences.write_bytes(plistlib.dumps({"AppleLanguages": ["zh-Hans-CN", "en-CN"]}, fmt=plistlib.FMT_BINARY))
    assert list(system_languages({})) == ["zh-Hans-CN", "en-CN"]
    preferences.write_bytes(b"broken")
    assert list(system_languages({})) == []


@pytest.fixture
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    for name in (i18n.ENVIRONMENT, "LANGUAGE", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    monkeypatch.setattr(i18n, "_spoken", None)
    yield monkeypatch
    i18n.use("en")


def test_the_environment_counts_more_than_the_setting_and_that_more_than_the_system(
    nothing_said: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    i18n.begin(chosen_language(tmp_path / "none.toml"))
    assert i18n.language() == "zh_CN"
    settings = Settings(tmp_path / "settings.toml")
    settings.language = "en"
    nothing_said.setenv(i18n.ENVIRONMENT, "")
    i18n.begin(chosen_language(settings.path))
    assert i18n.language() == "en"
    nothing_said.setenv(i18n.ENVIRONMENT, "zh-Hans")
    i18n.begin(chosen_language(settings.path))
    assert i18n.language() == "zh_CN"


@pytest.mark.parametrize("content", ["language = 'tlh'", "language = 3", "[broken", ""])
def test_a_setting_that_cannot_be_used_asks_the_system_and_stays(content: str, tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(content)
    assert chosen_language(file) == i18n.SYSTEM
    assert file.read_text() == content
