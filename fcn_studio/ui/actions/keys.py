"""Keys in force: the defaults of the action table, and what the user changed.

Changes are stored as differences from the defaults, so that new defaults of later versions arrive. A key that the
user gave to one action is taken from every action that has it by default. The module has no Qt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fcn_studio.i18n import plain, tr, tr_noop
from fcn_studio.ui.actions.table import ACTIONS, BY_NAME, CHORD, CLASS_KEYS, MENUS, WALK, ActionSpec


@dataclass(frozen=True, slots=True)
class KeyChange:
    """Difference of the keys of one action from its defaults.

    Attributes:
        added: keys that the user gave to it, in Qt's portable spelling.
        removed: default keys that the user took from it.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FixedKey:
    """Keys that cannot be given to an action.

    Attributes:
        keys: in Qt's portable spelling.
        what: what they do, marked for translation.
        why: reason for which they are fixed, marked for translation.
    """

    keys: tuple[str, ...]
    what: str
    why: str


FIXED: tuple[FixedKey, ...] = (
    FixedKey(
        CLASS_KEYS,
        tr_noop("Paint with a class"),
        tr_noop("The digits are keys of the project's classes. They are found by their place on the keyboard."),
    ),
    FixedKey(
        (CHORD,),
        tr_noop("First of two keys of a class"),
        tr_noop("Chords of classes begin with it. Give them in the menu of a class."),
    ),
    FixedKey(
        ("Space",), tr_noop("Pan while held"), tr_noop("It is held during a drag, and presses the focused button.")
    ),
    FixedKey(
        ("Return", "Enter", "Backspace", "Esc"),
        tr_noop("Finish, remove the last corner, cancel"),
        tr_noop("Tools, dialogs and the walk through doubtful regions share them."),
    ),
    FixedKey(("Del", "Shift+F10"), tr_noop("Delete, menu of a row"), tr_noop("Lists use them.")),
)
"""Keys that no action can have."""

WALK_KEY = FixedKey(
    ("R",),
    WALK[1][1],
    tr_noop("Only at a doubtful region, while the canvas has the keyboard. An action may have the key too."),
)
"""Letter with another meaning during a walk."""

TAB_KEYS = ("Tab", "Shift+Tab")
"""Keys that move the keyboard focus everywhere but on the canvas."""


def refusal(spec: ActionSpec, key: str) -> str:
    """Return a sentence on why a key cannot be given to an action, or "" if it can."""
    for fixed in FIXED:
        if key in fixed.keys:
            return tr("{key} is fixed ({what}). {why}", key=key, what=tr(fixed.what), why=tr(fixed.why))
    if key in TAB_KEYS and not spec.on_canvas:
        return tr("{key} moves the keyboard from one part of the window to the next.", key=key)
    for menu in MENUS:
        mnemonic = re.search("&(.)", tr(menu))
        if mnemonic is not None and key.casefold() == f"alt+{mnemonic[1]}".casefold():
            return tr("{key} opens the menu {menu}.", key=key, menu=plain(tr(menu)))
    return ""


class Keys:
    """The keys of each action, with the changes of the user.

    It never changes; its methods return another one.

    Args:
        changes: by the name of the action. A key that is added to several actions goes to the first in the table.
    """

    def __init__(self, changes: Mapping[str, KeyChange] | None = None) -> None:
        given = {name: change for name, change in (changes or {}).items() if change != KeyChange()}
        self._owners: dict[str, str] = {}
        for spec in ACTIONS:
            for key in given.get(spec.name, KeyChange()).added:
                self._owners.setdefault(key, spec.name)
        self.changes: Mapping[str, KeyChange] = given
        self._in_force = {spec.name: tuple(self._keys_of(spec)) for spec in ACTIONS}

    def _keys_of(self, spec: ActionSpec) -> Iterator[str]:
        change = self.changes.get(spec.name, KeyChange())
        for key in spec.shortcuts:
            if key not in change.removed and self._owners.get(key, spec.name) == spec.name:
                yield key
        for key in change.added:
            if self._owners[key] == spec.name and key not in spec.shortcuts:
                yield key

    def of(self, name: str) -> tuple[str, ...]:
        """Return the keys of an action, the one shown first."""
        return self._in_force[name]

    def owner(self, key: str) -> ActionSpec | None:
        """Return the action that has a key."""
        return next((spec for spec in ACTIONS if key in self._in_force[spec.name]), None)

    def with_key(self, name: str, key: str) -> Keys:
        """Give a key to an action, and take it from every other."""
        changes = self._without_added(key)
        change = changes.get(name, KeyChange())
        removed = tuple(other for other in change.removed if other != key)
        added = change.added if key in BY_NAME[name].shortcuts else (*change.added, key)
        return Keys({**changes, name: KeyChange(added, removed)})

    def without_key(self, name: str, key: str) -> Keys:
        """Take a key from an action; an action that has it by default gets it back."""
        change = self.changes.get(name, KeyChange())
        added = tuple(other for other in change.added if other != key)
        removed = (*change.removed, key) if key in BY_NAME[name].shortcuts else change.removed
        return Keys({**self.changes, name: KeyChange(added, removed)})

    def reset(self, name: str) -> Keys:
        """Give an action its default keys, and take them from every other."""
        keys = Keys({other: change for other, change in self.changes.items() if other != name})
        for key in BY_NAME[name].shortcuts:
            keys = Keys(keys._without_added(key))
        return keys

    def _without_added(self, key: str) -> dict[str, KeyChange]:
        """Return the changes without those that add a key."""
        return {
            name: KeyChange(tuple(other for other in change.added if other != key), change.removed)
            for name, change in self.changes.items()
        }


_current = Keys()


def current() -> Keys:
    """Return the keys in force."""
    return _current


def use(keys: Keys) -> None:
    """Put other keys in force."""
    global _current
    _current = keys


def key_of(name: str) -> str:
    """Return the key of an action for a sentence; without one, its name in quotes."""
    keys = _current.of(name)
    return keys[0] if keys else f"“{BY_NAME[name].plain_text}”"


def with_key(sentence: str, name: str) -> str:
    """Return a translated sentence with the key of an action behind it, for a tool tip."""
    keys = _current.of(name)
    return f"{sentence} ({keys[0]})" if keys else sentence
