"""The languages that the user's system asks for, and the catalogue that serves them."""

from __future__ import annotations

import ctypes
import locale
import os
import plistlib
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from xml.parsers.expat import ExpatError

_TRADITIONAL = {"hant", "tw", "hk", "mo"}
"""Parts of a code that ask for Traditional Chinese, which a catalogue in Simplified Chinese does not serve."""

_MACOS_LANGUAGES = Path("Library") / "Preferences" / ".GlobalPreferences.plist"


def parts_of(code: str) -> list[str]:
    """Return the lower-case parts of a code such as ``zh-Hans-CN`` or ``de_AT.UTF-8@euro``."""
    return code.split(".")[0].split("@")[0].replace("-", "_").lower().split("_")


def catalogue_for(code: str, catalogues: Collection[str]) -> str | None:
    """Return the catalogue that serves a language.

    It is that of the same code, else one of the same language: ``zh``, ``zh-Hans`` and ``zh_SG`` are served by
    ``zh_CN``. Traditional Chinese is not; its readers get English. None if there is none.
    """
    language, *rest = parts_of(code)
    for name in catalogues:
        if parts_of(name) == [language, *rest]:
            return name
    if language == "zh" and _TRADITIONAL.intersection(rest):
        return None
    return next((name for name in catalogues if parts_of(name)[0] == language), None)


def system_languages(environment: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Yield the codes of the languages that the user wants, the most wanted first.

    They are those of ``LANGUAGE``, ``LC_ALL``, ``LC_MESSAGES`` and ``LANG`` in the order of gettext. Where none is
    set, as for a program that is started from the desktop of Windows or macOS, the system is asked.
    """
    of_messages = next((code for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (code := environment.get(name))), "")
    if parts_of(of_messages)[0] in ("c", "posix"):
        return  # as gettext: a program in the locale C speaks no other language, whatever LANGUAGE says
    yield from filter(None, environment.get("LANGUAGE", "").split(":"))
    if of_messages:
        yield of_messages
    elif sys.platform == "win32":
        yield from _windows_languages()
    elif sys.platform == "darwin":
        yield from _macos_languages(Path.home() / _MACOS_LANGUAGES)


def _windows_languages() -> Iterator[str]:
    number = ctypes.windll.kernel32.GetUserDefaultUILanguage()  # type: ignore[attr-defined,unused-ignore]
    if (code := locale.windows_locale.get(number)) is not None:
        yield code


def _macos_languages(preferences: Path) -> Iterator[str]:
    try:
        found = plistlib.loads(preferences.read_bytes()).get("AppleLanguages", [])
    except (OSError, ValueError, ExpatError):
        return
    yield from (code for code in found if isinstance(code, str))
