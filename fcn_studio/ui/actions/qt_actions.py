"""The Qt actions made from the action table, with menus and keys."""

from __future__ import annotations

from collections.abc import Callable, Collection

from PySide6.QtCore import QEvent, QKeyCombination, QObject, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QApplication, QComboBox, QMenu, QMenuBar, QWidget

from fcn_studio.i18n import tr
from fcn_studio.settings import Settings
from fcn_studio.ui.actions import keys
from fcn_studio.ui.actions.key_tips import refresh_tips
from fcn_studio.ui.actions.physical_keys import digit_at, latin_key
from fcn_studio.ui.actions.table import ACTIONS, BY_NAME, CHORDS, CLASS_KEYS, MENUS, ActionSpec, Needs
from fcn_studio.ui.runtime.guard import guarded
from fcn_studio.ui.runtime.user_messages import ActionDoor
from fcn_studio.ui.widgets import theme


class Actions(QObject):
    """All actions of the window.

    Args:
        window: the window that has the actions.
        door: shows the errors of what they do.
        settings: has the keys that the user changed; they are put in force here.

    Signals:
        class_key(str): a class shortcut such as "3" or "Ctrl+4" was pressed.
    """

    class_key = Signal(str)

    def __init__(self, window: QWidget, door: ActionDoor, settings: Settings) -> None:
        super().__init__(window)
        self._window, self._door, self._settings = window, door, settings
        self._use_keys()
        settings.watch(self._setting_changed)
        if isinstance(application := QApplication.instance(), QApplication):
            application.focusChanged.connect(self._focus_changed)
        self._actions: dict[str, QAction] = {}
        self._inks: dict[str, str] = {}
        groups: dict[str, QActionGroup] = {}
        for spec in ACTIONS:
            action = self._made(spec, window)
            if spec.group:
                groups.setdefault(spec.group, QActionGroup(self)).addAction(action)
        self._class_actions = [self._made_class_action(key) for key in CLASS_KEYS]
        self._chords: dict[str, QAction] = {}
        self.menus: dict[str, QMenu] = {}

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def _made_class_action(self, key: str) -> QAction:
        action = QAction(tr("Class {key}", key=key), self._window)
        action.setShortcut(QKeySequence(key))
        action.setAutoRepeat(False)  # during a walk a held key would answer region after region
        action.triggered.connect(lambda _checked=False: self.class_key.emit(key))
        self._window.addAction(action)
        return action

    def set_class_keys(self, used: Collection[str]) -> None:
        """Let the chords of the classes work, and no others.

        The first key of a chord that no class has would swallow the key after it.
        """
        for chord in CHORDS:
            if chord in used and chord not in self._chords:
                self._chords[chord] = self._made_class_action(chord)
            elif chord in self._chords and chord not in used:
                action = self._chords.pop(chord)
                self._window.removeAction(action)
                action.deleteLater()

    def _made(self, spec: ActionSpec, window: QWidget) -> QAction:
        action = QAction(tr(spec.text), window)
        action.setObjectName(spec.name)
        action.setIconText(spec.plain_text)  # on a tool button; Qt's own would keep the "(F)" of a Chinese mnemonic
        if spec.on_canvas:
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        action.setStatusTip(spec.sentence)
        action.setCheckable(spec.checkable)
        action.setAutoRepeat(spec.repeats)  # Qt's default is True: a held Ctrl+Enter would verify image after image
        action.setIconVisibleInMenu(False)
        if spec.name == "quit":
            action.setMenuRole(QAction.MenuRole.QuitRole)
        window.addAction(action)  # so that its key works while the menu bar is hidden
        self._actions[spec.name] = action
        self._give_keys(spec)
        return action

    def _give_keys(self, spec: ActionSpec) -> None:
        action = self._actions[spec.name]
        action.setShortcuts([QKeySequence(key) for key in keys.current().of(spec.name)])
        action.setToolTip(keys.with_key(spec.sentence, spec.name))

    def _use_keys(self) -> None:
        """Put the keys of the settings in force."""
        if not self._settings.keys:
            keys.use(keys.Keys())
            return
        from fcn_studio.ui.actions.key_file import from_table  # start-up: most users change no key

        keys.use(from_table(self._settings.keys)[0])

    def _setting_changed(self, setting: str) -> None:
        """Put changed keys in force, and into actions and tool tips."""
        if setting != "keys":
            return
        self._use_keys()
        for action in self._actions.values():
            action.setShortcuts([])  # else a key that moves would be ambiguous for a moment
        for spec in ACTIONS:
            self._give_keys(spec)
        refresh_tips(self._window)

    def with_icon(self, name: str, ink: str = "text") -> QAction:
        """Return an action with its icon, for a tool bar; ``ink`` names a colour of the theme."""
        action = self._actions[name]
        self._inks[name] = ink
        action.setIcon(theme.icon(BY_NAME[name].icon, getattr(theme.current(), ink)))
        return action

    def bind(self, name: str, act: Callable[[], object]) -> None:
        """Set what an action does."""
        behind_door = self._door(act)
        self._actions[name].triggered.connect(lambda _checked=False: behind_door())

    def fill(self, bar: QMenuBar) -> None:
        """Fill the menu bar."""
        for title in MENUS:
            menu = self.menus[title.replace("&", "")] = bar.addMenu(tr(title))
            for spec in ACTIONS:
                if spec.menu == title:
                    if spec.separator:
                        menu.addSeparator()
                    menu.addAction(self._actions[spec.name])

    def set_available(self, *, project: bool, document: bool, writable: bool) -> None:
        """Enable the actions that can be used now."""
        there = {
            Needs.NOTHING: True,
            Needs.PROJECT: project,
            Needs.WRITABLE_PROJECT: project and writable,
            Needs.DOCUMENT: document,
            Needs.WRITABLE: document and writable,
        }
        for spec in ACTIONS:
            self._actions[spec.name].setEnabled(there[spec.needs])
        for action in self._class_actions:
            action.setEnabled(project)

    def retheme(self) -> None:
        """Draw the icons in the colours of the theme."""
        for name, ink in self._inks.items():
            self.with_icon(name, ink)

    def key_by_place(self, event: QKeyEvent) -> bool:
        """Handle a key by its place on the keyboard.

        This is for layouts without digits (AZERTY), brackets or Latin letters in their usual places.

        Returns whether the key was handled.
        """
        return self._class_by_place(event) or self._action_by_place(event)

    def _focus_changed(self, _old: QWidget | None, new: QWidget | None) -> None:
        """Handle keys by their place before a list or combo box searches for the letter."""
        if isinstance(new, (QAbstractItemView, QComboBox)) and new.window() is self._window:
            new.installEventFilter(self)

    @guarded(fallback=False)
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        return event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and self.key_by_place(event)

    def _action_by_place(self, event: QKeyEvent) -> bool:
        latin = latin_key(event)
        if latin is None:
            return False
        modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        pressed = QKeySequence(QKeyCombination(modifiers, latin))
        for action in self._actions.values():
            if action.isEnabled() and pressed in action.shortcuts():
                if not event.isAutoRepeat() or action.autoRepeat():
                    action.trigger()
                return True
        return False

    def _class_by_place(self, event: QKeyEvent) -> bool:
        digit = digit_at(event)
        if digit is None or event.text().isdigit():
            return False
        modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        prefix = {Qt.KeyboardModifier.NoModifier: "", Qt.KeyboardModifier.ControlModifier: "Ctrl+"}.get(modifiers)
        if prefix is None or not self._class_actions[0].isEnabled():
            return False
        if not event.isAutoRepeat():
            self.class_key.emit(f"{prefix}{digit}")
        return True


_GONE = (QEvent.Type.WindowDeactivate, QEvent.Type.ApplicationDeactivate)


class HeldKey(QObject):
    """Event filter that reports the release of an action's key.

    The filter is installed only while the key is held, so that it costs nothing otherwise.
    """

    def __init__(self, action: QAction, held: Callable[[bool], object]) -> None:
        super().__init__(action)
        self._action, self._held = action, held
        self._down = False
        action.triggered.connect(self.press)

    def press(self) -> None:
        """Report that the key is held."""
        application = QApplication.instance()
        if not self._down and application is not None:
            self._down = True
            application.installEventFilter(self)
            self._held(True)

    def release(self) -> None:
        """Report that the key was released or the window lost the keyboard."""
        application = QApplication.instance()
        if self._down and application is not None:
            self._down = False
            application.removeEventFilter(self)
            self._held(False)

    @guarded(fallback=False)
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in _GONE or self._let_go(event):
            self.release()
        return False

    def _let_go(self, event: QEvent) -> bool:
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.KeyRelease:
            return False
        own = [sequence[0].key() for sequence in self._action.shortcuts()]  # type: ignore[index]
        return (event.key() in own or latin_key(event) in own) and not event.isAutoRepeat()
