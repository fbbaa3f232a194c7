"""The user's settings: one table of what there is, one file, one object that loads and saves it.

Qt-free: the window's settings dialog is made from the table, and the command line reads the same file. The file is
``settings.toml`` in `paths.config_dir`. It never stops a start: an unreadable file, or one of a later version, is
set aside as ``settings.toml.bad`` and the defaults are used; where it cannot be set aside, nothing is saved. One bad
value costs that value only. Keys that this version does not know stay in the file.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fcn_studio import paths

Value = bool | int | float | str

FORMAT = 1
"""Version of the file's layout; a file with a larger number was written by a later program."""

MAX_BYTES = 1 << 18
"""No settings file of ours comes near it."""

_MAX_DOTS = 1000

MAX_PATH = 4096
"""Characters of a folder's path; Linux has no longer ones, Windows has 32,767 and nobody uses them."""

MAX_RECENT = 10
"""How many folders "Open recent" offers."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the settings table.

    Attributes:
        key: name in the file and in the program.
        default: value of a fresh installation; its type is the type of the setting.
        title: what the dialog calls it.
        help: one sentence on what it does.
        low: smallest value of a number.
        high: largest value of a number.
        choices: the texts a text may be; empty: any.
        unit: what a number counts, for the dialog.
        shown: whether the dialog offers it; the others remember what the window was last told.
    """

    key: str
    default: Value
    title: str
    help: str = ""
    low: float = 0
    high: float = 0
    choices: tuple[str, ...] = ()
    unit: str = ""
    shown: bool = True

    @property
    def kind(self) -> type[Value]:
        """``bool``, ``int``, ``float`` or ``str``."""
        return type(self.default)

    def accepted(self, value: object) -> Value:
        """The value if the setting may have it.

        Raises:
            ValueError: if it is of another type, out of range or not among the choices.
        """
        if self.kind is float and type(value) is int and self.low <= value <= self.high:
            value = float(value)
        if not isinstance(value, (bool, int, float, str)) or type(value) is not self.kind:
            raise ValueError(f"{self.key} is {value!r}; it must be of type {self.kind.__name__}")
        if self.choices and value not in self.choices:
            raise ValueError(f"{self.key} is {value!r}; it must be one of {', '.join(self.choices)}")
        if self.high > self.low and not (isinstance(value, (int, float)) and self.low <= value <= self.high):
            raise ValueError(f"{self.key} is {value!r}; it must be {self.low:g} to {self.high:g}")
        return value


SETTINGS: tuple[Setting, ...] = (
    Setting("theme", "system", "Appearance", "Light, dark, or as the desktop has it.",
            choices=("system", "light", "dark")),
    Setting("wheel_zooms", False, "Mouse wheel zooms", "Off: the wheel scrolls and Ctrl+wheel zooms."),
    Setting("pen_pressure", False, "Pen pressure sets the brush size", "Off: a pen paints like a mouse."),
    Setting("autosave_delay", 0.5, "Save after", "Time after the last edit until the mask is written.",
            low=0.1, high=60.0, unit="s"),
    Setting("undo_budget_mb", 256, "Undo memory", "Older steps are forgotten beyond this.",
            low=16, high=8192, unit="MB"),
    Setting("max_pixels", 100_000_000, "Largest image",
            "The window asks before it opens a larger one; it takes about 9 bytes of memory a pixel.",
            low=1_000_000, high=2_000_000_000, unit="pixels"),
    Setting("device", "auto", "Network runs on", "Auto takes a graphics card if there is one.",
            choices=("auto", "cpu", "cuda", "mps")),
    Setting("offline", False, "Never download", "On: networks are installed from files alone."),
    Setting("train_minutes", 3.0, "Fine-tune for", "Wall-clock budget that the Training dock starts with.",
            low=0.1, high=600.0, unit="min"),
    Setting("brush_size", 24, "Brush size", low=1, high=2000, unit="px", shown=False),
    Setting("brush_shape", "round", "Brush shape", choices=("round", "square"), shown=False),
    Setting("label_style", "fill", "Label style", choices=("fill", "outline", "hatch"), shown=False),
    Setting("navigator", False, "Navigator", shown=False),
    Setting("train_level", "full", "Fine-tune level", choices=("quick", "full", "scratch"), shown=False),
)  # fmt: skip
"""Every setting there is."""

BY_KEY = {setting.key: setting for setting in SETTINGS}


def _is_text(path: Path) -> bool:
    """Whether a path can stand in a text file; names that are not UTF-8 cannot."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _text_of(path: Path) -> str:
    """The text of a settings file.

    Raises:
        OSError: if it cannot be read, or has more bytes than settings have.
        ValueError: if it is no UTF-8, or has keys so deep that a parser would take minutes.
    """
    text = paths.read_file(path, MAX_BYTES).decode("utf-8")
    if any(line.count(".") > _MAX_DOTS for line in text.splitlines()):
        raise ValueError("a key that goes too deep")
    return text


class Settings:
    """The settings of this user, loaded from and saved to one TOML file.

    Attributes:
        path: the file.
        notice: a sentence for the user when the file could not be used or written, else "".
        recent: folders opened last, the latest first, at most `MAX_RECENT`.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or paths.config_dir() / "settings.toml"
        self.notice = ""
        self.recent: list[Path] = []
        self._values: dict[str, Value] = {s.key: s.default for s in SETTINGS}
        self._for_now: dict[str, Value] = {}
        self._watchers: list[Callable[[str], None]] = []
        self._in_the_way = False
        self._load()

    def __getitem__(self, key: str) -> Value:
        return self._for_now.get(key, self._values[key])

    def flag(self, key: str) -> bool:
        """The value of a yes/no setting."""
        return bool(self[key])

    def whole(self, key: str) -> int:
        """The value of a setting that is a whole number."""
        return int(self[key])

    def number(self, key: str) -> float:
        """The value of a setting that is a number."""
        return float(self[key])

    def text(self, key: str) -> str:
        """The value of a setting that is a text."""
        return str(self[key])

    def set(self, key: str, value: Value) -> None:
        """Change one setting, save, and tell the watchers.

        Raises:
            ValueError: if the setting may not have the value.
        """
        accepted = BY_KEY[key].accepted(value)
        if accepted == self[key]:
            return
        self._for_now.pop(key, None)
        self._values[key] = accepted
        self.save()
        for watcher in list(self._watchers):
            watcher(key)

    def use_for_now(self, key: str, value: Value) -> None:
        """Use another value until the program ends or the setting is changed; the file keeps its own.

        Raises:
            ValueError: if the setting may not have the value.
        """
        self._for_now[key] = BY_KEY[key].accepted(value)

    def __setitem__(self, key: str, value: Value) -> None:
        self.set(key, value)

    def watch(self, callback: Callable[[str], None]) -> None:
        """Call back with the key after each change."""
        self._watchers.append(callback)

    def add_recent(self, folder: Path) -> None:
        """Put a folder at the head of the recent ones and save."""
        folder = folder.absolute()
        self.recent = [folder, *(f for f in self.recent if f != folder)][:MAX_RECENT]
        self.save()

    def forget_recent(self, folder: Path) -> None:
        """Take a folder that is gone out of the recent ones and save."""
        self.recent = [f for f in self.recent if f != folder]
        self.save()

    def save(self) -> None:
        """Write the file atomically; when that fails, `notice` says so and the program goes on."""
        text = "" if self._in_the_way else self._merged()
        if self._in_the_way:
            return
        try:
            paths.replace_file(self.path, text.encode())
        except OSError as error:
            self.notice = f"The settings cannot be saved to {self.path}: {error.strerror or error}."

    def _merged(self) -> str:
        """The file's text with our values in it; keys of other versions are kept."""
        import tomlkit  # start-up: only writing needs it
        from tomlkit.exceptions import TOMLKitError

        try:
            document = tomlkit.parse(paths.ended(_text_of(self.path)))
        except (FileNotFoundError, NotADirectoryError):
            document = tomlkit.document()
        except (OSError, ValueError, RecursionError, TOMLKitError):  # since the start, or only tomllib can read it
            self._set_aside("is not a readable settings file")
            document = tomlkit.document()
        document["format"] = FORMAT
        for key, value in self._values.items():
            if value != BY_KEY[key].default or key in document:
                document[key] = value
        document["recent"] = [str(folder) for folder in self.recent if _is_text(folder)]
        return tomlkit.dumps(document)

    def _load(self) -> None:
        try:
            content = tomllib.loads(_text_of(self.path))
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            self._set_aside(f"cannot be read ({error.strerror or error})")
            return
        except (ValueError, RecursionError):  # of TOML, of UTF-8, of a number with thousands of digits
            self._set_aside("is not a readable settings file")
            return
        version = content.get("format", FORMAT)
        if type(version) is not int or version > FORMAT:
            self._set_aside("was written by a later version")
            return
        self._take(content)

    def _take(self, content: dict[str, Any]) -> None:
        """Accept each value that its setting may have."""
        wrong = []
        for setting in SETTINGS:
            if setting.key in content:
                try:
                    self._values[setting.key] = setting.accepted(content[setting.key])
                except ValueError:
                    wrong.append(setting.key)
        if wrong:
            self.notice = f"The default is used for {', '.join(wrong)}: {self.path} has a value it cannot have."
        recent = content.get("recent", [])
        if isinstance(recent, list):
            folders = (folder for folder in recent if isinstance(folder, str) and 0 < len(folder) <= MAX_PATH)
            self.recent = [Path(folder) for folder in folders][:MAX_RECENT]

    def _set_aside(self, reason: str) -> None:
        """Keep a file that cannot be used, and never write over it."""
        bad = self.path.with_name(self.path.name + ".bad")
        try:
            os.replace(self.path, bad)
            kept = f"It is kept as {bad.name}."
        except OSError as error:
            self._in_the_way = True
            kept = f"It cannot be set aside ({error.strerror or error}), so no setting is kept until it is gone."
        self.notice = f"{self.path} {reason}; the default settings are used. {kept}"
