"""The user's settings.

There is one table, one file, and one object that loads and saves it. The settings dialog is made from the table, and
the command line reads the same file: ``settings.toml`` in `paths.config_dir`. The file never prevents a start. One
that cannot be read, or that a later version wrote, is renamed to ``settings.toml.bad`` and the defaults are used; if
it cannot be renamed, nothing is saved. An invalid value costs only that setting. Keys that this version does not know
stay in the file.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, Self, TypeVar, cast, overload

from fcn_studio import paths
from fcn_studio.i18n import SYSTEM, tr, tr_noop

Value = bool | int | float | str
_V = TypeVar("_V", bound=Value)

FORMAT = 1
"""Version of the file's layout; a larger number means that a later program wrote it."""

MAX_BYTES = 1 << 18
"""Larger settings files are not read."""

_MAX_DOTS = 1000

MAX_PATH = 4096
"""Characters of a folder's path. Linux allows no more; Windows allows 32,767, which nobody uses."""

MAX_RECENT = 10
"""Number of folders in the menu "Open recent"."""


@dataclass(frozen=True, slots=True)
class Setting(Generic[_V]):
    """One setting.

    It is a row of the table and the typed property that reads and changes it.

    Attributes:
        default: value of a fresh installation; its type is the type of the setting.
        title: label in a dialog.
        help: one sentence on what it does.
        low: smallest value of a number.
        high: largest value of a number.
        choices: allowed texts and their labels in a dialog; empty if any text is allowed.
        unit: unit of a number, for a dialog.
        zero: what a dialog shows for 0; "" for the number.
        shown: whether the settings dialog offers it; the others remember the state of the window.
        key: name in the file; the name of the property.
    """

    default: _V
    title: str
    help: str = ""
    low: float = 0
    high: float = 0
    choices: Mapping[str, str] = field(default_factory=dict)
    unit: str = ""
    zero: str = ""
    shown: bool = True
    key: str = ""

    def __set_name__(self, owner: type, name: str) -> None:
        object.__setattr__(self, "key", name)

    @overload
    def __get__(self, settings: None, owner: type) -> Self: ...

    @overload
    def __get__(self, settings: Settings, owner: type) -> _V: ...

    def __get__(self, settings: Settings | None, owner: type) -> Self | _V:
        return self if settings is None else cast(_V, settings[self.key])

    def __set__(self, settings: Settings, value: _V) -> None:
        settings.set(self.key, value)

    @property
    def kind(self) -> type[Value]:
        """``bool``, ``int``, ``float`` or ``str``."""
        return cast(type[Value], type(self.default))

    def accepted(self, value: object) -> Value:
        """Return the value if it is valid.

        A whole number is made a float where the setting is one.

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


def _untitled(*choices: str) -> Mapping[str, str]:
    """Return choices that no dialog shows."""
    return dict.fromkeys(choices, "")


class _SettingsTable:
    """All settings, one in a row.

    The name of a row is the key of the setting in the file.
    """

    theme = Setting(
        "system",
        tr_noop("Appearance"),
        tr_noop("Light, dark, or as the desktop."),
        choices={"system": tr_noop("System"), "light": tr_noop("Light"), "dark": tr_noop("Dark")},
    )
    language = Setting(
        SYSTEM,
        tr_noop("Language"),
        tr_noop("Language of the window and of the command line."),
        choices={SYSTEM: tr_noop("System"), "en": "English", "zh_CN": "简体中文"},
    )
    screen_colours = Setting(
        "bright",
        tr_noop("Colours of classes"),
        tr_noop("On screen only: masks keep VOC's palette. A colour that you choose for a class stays."),
        choices={
            "file": tr_noop("Of the project file"),
            "bright": tr_noop("Bright"),
            "colour_blind": tr_noop("Colour-blind safe"),
        },
    )
    interface_scale = Setting(
        100,
        tr_noop("Interface scale"),
        tr_noop("Size of text and controls, in addition to the scale of the desktop. It changes at the next start."),
        low=80,
        high=200,
        unit="%",
    )
    wheel_zooms = Setting(
        False, tr_noop("Mouse wheel zooms"), tr_noop("Off: the wheel scrolls and Ctrl+wheel zooms.")
    )
    keep_view = Setting(
        True,
        tr_noop("Keep zoom and position"),
        tr_noop("When the next image has the same size. Off: each image is fitted in the window."),
    )
    pen_pressure = Setting(
        False, tr_noop("Pen pressure sets the brush size"), tr_noop("Off: a pen paints like a mouse.")
    )
    autosave_delay = Setting(
        0.5,
        tr_noop("Save after"),
        tr_noop("Time after the last edit until the mask is written."),
        low=0.1,
        high=60.0,
        unit=tr_noop("s"),
    )
    undo_budget_mb = Setting(
        256,
        tr_noop("Undo memory"),
        tr_noop("Older steps are forgotten beyond this."),
        low=16,
        high=8192,
        unit=tr_noop("MB"),
    )
    predictions_mb = Setting(
        1024,
        tr_noop("Predictions on disk"),
        tr_noop("What each project keeps of its network's predictions. The oldest are deleted beyond this."),
        low=0,
        high=1_000_000,
        unit=tr_noop("MB"),
    )
    max_pixels = Setting(
        100_000_000,
        tr_noop("Largest image"),
        tr_noop("The window asks before it opens a larger image. It takes about 9 bytes of memory per pixel."),
        low=1_000_000,
        high=2_000_000_000,
        unit=tr_noop("pixels"),
    )
    device = Setting(
        "auto",
        tr_noop("Network runs on"),
        tr_noop("Auto uses a graphics card if there is one."),
        choices={"auto": tr_noop("Auto"), "cpu": "CPU", "cuda": "CUDA", "mps": "MPS"},
    )
    live = Setting(
        "auto",
        tr_noop("Live"),
        tr_noop("Learn from each stroke while you paint, and show the prediction at once."),
        choices={
            "auto": tr_noop("Where no network knows the classes"),
            "on": tr_noop("On"),
            "off": tr_noop("Off"),
        },
    )
    offline = Setting(False, tr_noop("Never download"), tr_noop("On: networks are installed from files only."))
    train_minutes = Setting(
        3.0,
        tr_noop("Fine-tune for"),
        tr_noop("Time limit that the Training dock starts with."),
        low=0.1,
        high=600.0,
        unit=tr_noop("min"),
    )
    train_mirror = Setting(
        True,
        tr_noop("Train on mirrored images"),
        tr_noop("Turn off where left and right are different classes, or where text is labelled."),
    )
    train_upside_down = Setting(
        False,
        tr_noop("Train on images turned upside down"),
        tr_noop("Turn on for pictures from above and for micrographs. The level quick does not use it."),
    )
    train_rotation = Setting(
        0.0,
        tr_noop("Train on images turned by up to"),
        tr_noop("Largest angle either way, as in pictures from above. The level quick does not use it."),
        low=0.0,
        high=180.0,
        unit=tr_noop("degrees"),
    )
    brush_size = Setting(24, "Brush size", low=1, high=2000, unit="px", shown=False)
    brush_shape: Setting[Literal["round", "square"]] = Setting(
        "round", "Brush shape", choices=_untitled("round", "square"), shown=False
    )
    label_style = Setting("fill", "Label style", choices=_untitled("fill", "outline", "hatch"), shown=False)
    tool = Setting("brush", "Tool", shown=False)
    navigator = Setting(False, "Navigator", shown=False)
    class_order = Setting("table", "Order of the classes", choices=_untitled("table", "image", "recent"), shown=False)
    class_names = Setting(False, "Class names", shown=False)
    thumbnails = Setting(False, "Thumbnails", shown=False)
    palette_used = Setting("", "Commands used last", shown=False)
    train_level = Setting(
        "full", "Fine-tune level", choices=_untitled("quick", "better", "full", "scratch"), shown=False
    )  # fmt: skip


SETTINGS: tuple[Setting[Any], ...] = tuple(row for row in vars(_SettingsTable).values() if isinstance(row, Setting))
"""The rows of the table, in its order."""

BY_KEY = {setting.key: setting for setting in SETTINGS}


def _is_text(path: Path) -> bool:
    """Return whether a path can be written in a text file.

    A name that is not UTF-8 cannot.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _text_of(path: Path) -> str:
    """Return the text of a settings file.

    Raises:
        OSError: if it cannot be read, or is larger than `MAX_BYTES`.
        ValueError: if it is not UTF-8, or a key nests so deep that a parser would take minutes.
    """
    text = paths.read_file(path, MAX_BYTES).decode("utf-8")
    if any(line.count(".") > _MAX_DOTS for line in text.splitlines()):
        raise ValueError("a key nests too deep")
    return text


def chosen_language(path: Path | None = None) -> str:
    """Return the setting `language`, before anything is said.

    A file that cannot be used is left to `Settings`, which tells the user.
    """
    setting = Settings.language
    try:
        content = tomllib.loads(_text_of(path or paths.config_dir() / "settings.toml"))
        return str(setting.accepted(content.get(setting.key, setting.default)))
    except (OSError, ValueError, RecursionError):
        return setting.default


class Settings(_SettingsTable):
    """The settings of this user.

    They are loaded from and saved to one TOML file. ``settings.theme`` reads a setting and ``settings.theme =
    "dark"`` changes it, as `set` does.

    Attributes:
        path: the file.
        notice: a sentence for the user when the file could not be used or written, else "".
        recent: folders opened last, the latest first, at most `MAX_RECENT`.
        keys: changes of shortcuts by the name of the action, as `ui.actions.key_file` reads and writes them.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or paths.config_dir() / "settings.toml"
        self.notice = ""
        self.recent: list[Path] = []
        self.keys: Mapping[str, object] = {}
        self._values: dict[str, Value] = {s.key: s.default for s in SETTINGS}
        self._temporary: dict[str, Value] = {}
        self._watchers: list[Callable[[str], None]] = []
        self._unusable_file_stays = False
        self._load()

    def __getitem__(self, key: str) -> Value:
        return self._temporary.get(key, self._values[key])

    def set(self, key: str, value: Value) -> None:
        """Change one setting, save, and call the watchers.

        Raises:
            ValueError: if the value is not valid for the setting.
        """
        accepted = BY_KEY[key].accepted(value)
        if accepted == self[key]:
            return
        self._temporary.pop(key, None)
        self._values[key] = accepted
        self.save()
        for watcher in list(self._watchers):
            watcher(key)

    def set_keys(self, keys: Mapping[str, object]) -> None:
        """Change the shortcuts, save, and call the watchers with "keys"."""
        self.keys = keys
        self.save()
        for watcher in list(self._watchers):
            watcher("keys")

    def use_for_now(self, key: str, value: Value) -> None:
        """Use another value, without saving it.

        It holds until the program ends or the setting changes.

        Raises:
            ValueError: if the value is not valid for the setting.
        """
        self._temporary[key] = BY_KEY[key].accepted(value)

    def watch(self, callback: Callable[[str], None]) -> None:
        """Call ``callback`` with the key after each change."""
        self._watchers.append(callback)

    def add_recent(self, folder: Path) -> None:
        """Move a folder to the head of the recent ones and save."""
        folder = folder.absolute()
        self.recent = [folder, *(f for f in self.recent if f != folder)][:MAX_RECENT]
        self.save()

    def forget_recent(self, folder: Path) -> None:
        """Remove a folder from the recent ones and save."""
        self.recent = [f for f in self.recent if f != folder]
        self.save()

    def save(self) -> None:
        """Write the file atomically.

        If that fails, `notice` says so and the program goes on.
        """
        text = "" if self._unusable_file_stays else self._merged()
        if self._unusable_file_stays:
            return
        try:
            paths.replace_file(self.path, text.encode())
        except OSError as error:
            reason = error.strerror or error
            self.notice = tr("The settings cannot be saved to {path}: {reason}.", path=self.path, reason=reason)

    def _merged(self) -> str:
        """Return the file's text with the values of this object.

        Keys of other versions are kept.
        """
        import tomlkit  # start-up: only writing needs it
        from tomlkit.exceptions import TOMLKitError

        try:
            document = tomlkit.parse(paths.ended(_text_of(self.path)))
        except (FileNotFoundError, NotADirectoryError):
            document = tomlkit.document()
        except (OSError, ValueError, RecursionError, TOMLKitError):  # since the start, or only tomllib can read it
            self._set_aside(tr("{path} is not a settings file.", path=self.path))
            document = tomlkit.document()
        document["format"] = FORMAT
        for key, value in self._values.items():
            if value != BY_KEY[key].default or key in document:
                document[key] = value
        if self.keys or "keys" in document:
            document["keys"] = self.keys
        document["recent"] = [str(folder) for folder in self.recent if _is_text(folder)]
        return tomlkit.dumps(document)

    def _load(self) -> None:
        try:
            content = tomllib.loads(_text_of(self.path))
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            reason = error.strerror or error
            self._set_aside(tr("{path} cannot be read: {reason}.", path=self.path, reason=reason))
            return
        except (ValueError, RecursionError):  # of TOML, of UTF-8, of a number with thousands of digits
            self._set_aside(tr("{path} is not a settings file.", path=self.path))
            return
        version = content.get("format", FORMAT)
        if type(version) is not int or version > FORMAT:
            self._set_aside(tr("{path} was written by a later version of FCN Studio.", path=self.path))
            return
        self._take(content)

    def _take(self, content: dict[str, Any]) -> None:
        """Take over every valid value."""
        wrong = []
        for setting in SETTINGS:
            if setting.key in content:
                try:
                    self._values[setting.key] = setting.accepted(content[setting.key])
                except ValueError:
                    wrong.append(setting.key)
        if wrong:
            self.notice = tr(
                "{path} has a value that is not valid for: {keys}. The default is used.",
                path=self.path,
                keys=", ".join(wrong),
            )
        keys = content.get("keys")
        self.keys = keys if isinstance(keys, dict) else {}
        recent = content.get("recent", [])
        if isinstance(recent, list):
            folders = (folder for folder in recent if isinstance(folder, str) and 0 < len(folder) <= MAX_PATH)
            self.recent = [Path(folder) for folder in folders][:MAX_RECENT]

    def _set_aside(self, sentence: str) -> None:
        """Rename a file that cannot be used.

        The file is never overwritten. ``sentence`` says what is wrong with it.
        """
        bad = self.path.with_name(self.path.name + ".bad")
        try:
            os.replace(self.path, bad)
            end = tr("The default settings are used. The file is kept as {name}.", name=bad.name)
        except OSError as error:
            self._unusable_file_stays = True
            end = tr(
                "The default settings are used. The file cannot be renamed ({reason}), so no setting is saved until "
                "it is gone.",
                reason=error.strerror or error,
            )
        self.notice = f"{sentence} {end}"
