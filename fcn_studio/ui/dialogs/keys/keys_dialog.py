"""The dialog that changes keyboard shortcuts."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import (
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QToolButton,
    QWidget,
)

from fcn_studio.errors import ShortcutsError
from fcn_studio.i18n import listed, tr, tr_n
from fcn_studio.ui.actions import key_file
from fcn_studio.ui.actions.keys import WALK_KEY, FixedKey, Keys, refusal
from fcn_studio.ui.actions.table import ActionSpec
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.dialogs.keys.key_field import KeyField
from fcn_studio.ui.dialogs.keys.key_list import KeyList
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.named import named, with_role

FILE_NAME = "fcn-studio-shortcuts.toml"
"""Name that the export proposes."""

_SHOWN = 4
"""Number of sentences on an import that are shown."""


class KeysDialog(Dialog):
    """List of all actions with their keys, and a place to change those of one.

    Nothing is in force before the dialog is accepted.

    Args:
        keys: the keys now.
        parent: the window it belongs to.

    Attributes:
        keys: the keys as the user wants them.
        list: the actions.
    """

    def __init__(self, keys: Keys, parent: QWidget | None = None) -> None:
        super().__init__(tr("Keyboard shortcuts"), tr("Use these keys"), width=720, parent=parent)
        self.keys = keys
        self._spec: ActionSpec | None = None
        self._wanted = ""  # a key that another action has
        self._make_search()
        self.list = KeyList()
        self.list.chosen.connect(self._choose)
        self.column.addWidget(self.list, 1)
        self._make_editor()
        self._make_buttons()
        self._show()
        self._search()
        self.resize(760, 640)

    # --- construction -----------------------------------------------------------------------------------------

    def _make_search(self) -> None:
        self.words = QLineEdit(placeholderText=tr("Search by name"), clearButtonEnabled=True)
        named(self.words, tr("Search by name"), tr("Words of an action's name or of what it does"))
        self.key = named(KeyField(), tr("Search by key"), tr("Press a key to see which action has it"))
        self.key.setPlaceholderText(tr("Search by key: press it"))
        self.words.textChanged.connect(self._search)
        self.key.pressed.connect(self._search)
        row = QHBoxLayout()
        row.setSpacing(theme.GRID)
        row.addWidget(self.words, 3)
        row.addWidget(self.key, 2)
        self.column.addLayout(row)

    def _make_editor(self) -> None:
        self._title = self.add_words("", "strong")
        self._sentence = self.add_words("", "dim")
        self._key_buttons = QHBoxLayout()
        self._key_buttons.setSpacing(theme.GRID // 2)
        self.new_key = named(
            KeyField(), tr("New key"), tr("Press the key that the action gets. Backspace clears the field.")
        )
        self.new_key.setPlaceholderText(tr("Add a key: press it"))
        self.new_key.pressed.connect(self._ask_for)
        self.reset_button = QPushButton(tr("Default keys"))
        named(self.reset_button, tr("Default keys"), tr("Give this action its default keys again"))
        self.reset_button.clicked.connect(self._reset)
        row = QHBoxLayout()
        row.setSpacing(theme.GRID)
        row.addLayout(self._key_buttons)
        row.addWidget(self.new_key, 1)
        row.addWidget(self.reset_button)
        self.column.addLayout(row)
        self.message = QLabel(wordWrap=True)
        self.take_button = QPushButton()
        self.take_button.clicked.connect(self._take)
        self.take_button.hide()
        self.message.setMinimumHeight(self.take_button.sizeHint().height())  # else the list would move
        below = QHBoxLayout()
        below.addWidget(self.message, 1)
        below.addWidget(self.take_button)
        self.column.addLayout(below)

    def _make_buttons(self) -> None:
        for text, tip, act in (
            (tr("Import…"), tr("Read shortcuts from a file"), self._ask_import),
            (tr("Export…"), tr("Write the shortcuts that differ from the defaults to a file"), self._ask_export),
            (tr("Reset all"), tr("Give all actions their default keys again"), self._reset_all),
        ):
            button = self.buttons.addButton(text, QDialogButtonBox.ButtonRole.ResetRole)
            named(button, text, tip)
            button.clicked.connect(act)

    # --- what is shown ----------------------------------------------------------------------------------------

    def _search(self) -> None:
        found = self.list.search(self.words.text(), self.key.text(), self.keys)
        self._say("" if found else tr("No action has this name or key."))

    def _choose(self, row: ActionSpec | FixedKey | None) -> None:
        self._spec = row if isinstance(row, ActionSpec) else None
        if isinstance(row, FixedKey):
            self._title.setText(tr(row.what))
            self._sentence.setText(tr(row.why))
        elif self._spec is not None:
            self._title.setText(self._spec.plain_text)
            self._sentence.setText(self._spec.sentence)
        self.new_key.clear()
        self._say("")
        self._show_row()

    def _show_row(self) -> None:
        """Show the keys of the chosen action as buttons that take them away."""
        while (item := self._key_buttons.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        spec = self._spec
        for key in self.keys.of(spec.name) if spec is not None else ():
            button = with_role(QToolButton(), "choice")
            named(button, tr("Remove {key}", key=key), tr("Remove {key}", key=key))
            button.setText(f"{key}  ✕".replace("&", "&&"))
            button.clicked.connect(lambda _on=False, key=key: self._remove(key))
            self._key_buttons.addWidget(button)
        self.new_key.setEnabled(spec is not None)
        self.reset_button.setEnabled(spec is not None and self.keys.of(spec.name) != spec.shortcuts)

    def _show(self) -> None:
        self.list.show_keys(self.keys)
        self._show_row()

    def _say(self, text: str, take_from: str = "") -> None:
        """Show a sentence, and a button if a key can be taken from an action of this name."""
        self.message.setText(text)
        self.take_button.setVisible(bool(take_from))
        if take_from:
            self.take_button.setText(tr("Take it from {action}", action=take_from).replace("&", "&&"))

    # --- changes ----------------------------------------------------------------------------------------------

    def _ask_for(self, key: str) -> None:
        """Give the chosen action a key, unless that is fixed or another action has it."""
        spec, self._wanted = self._spec, ""
        if spec is None or not key:
            self._say("")
        elif sentence := refusal(spec, key):
            self._say(sentence)
        elif (other := self.keys.owner(key)) is None:
            self._give(spec, key)
        elif other is spec:
            self._say(tr("{action} has the key {key} already.", action=spec.plain_text, key=key))
        else:
            self._wanted = key
            self._say(tr("{key} is the key of {action}.", key=key, action=other.plain_text), other.plain_text)

    def _give(self, spec: ActionSpec, key: str) -> None:
        self.keys = self.keys.with_key(spec.name, key)
        self.new_key.clear()
        self._show()
        self._say(tr("{key} has another meaning at a doubtful region.", key=key) if key in WALK_KEY.keys else "")

    def _take(self) -> None:
        if self._spec is not None and self._wanted:
            self._give(self._spec, self._wanted)
            self.new_key.setFocus()

    def _remove(self, key: str) -> None:
        if self._spec is not None:
            self.keys = self.keys.without_key(self._spec.name, key)
            heir = self.keys.owner(key)
            self._show()
            self._say("" if heir is None else tr("{action} has {key} again.", action=heir.plain_text, key=key))
            self.new_key.setFocus()

    def _reset(self) -> None:
        """Give the chosen action its default keys, and name the actions that lose them."""
        spec = self._spec
        if spec is None:
            return
        owners = [self.keys.owner(key) for key in spec.shortcuts]
        losers = dict.fromkeys(owner.plain_text for owner in owners if owner is not None and owner is not spec)
        self.keys = self.keys.reset(spec.name)
        self._show()
        self._say(tr("Taken from: {actions}", actions=listed(losers)) if losers else "")

    def _reset_all(self) -> None:
        self.keys = Keys()
        self._show()
        self._say(tr("All actions have their default keys."))

    # --- files ------------------------------------------------------------------------------------------------

    def _ask_import(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self, tr("Import shortcuts"), "", tr("Files of shortcuts (*.toml);;All files (*)")
        )
        if chosen:
            self.read(Path(chosen))

    def read(self, path: Path) -> None:
        """Take over the shortcuts of a file, and say what was left out."""
        try:
            self.keys, left_out = key_file.read(path)
        except ShortcutsError as error:
            self._say(str(error))
            return
        self._show()
        sentences = [tr("Imported from {path}.", path=path), *left_out[:_SHOWN]]
        if (more := len(left_out) - _SHOWN) > 0:
            sentences.append(tr_n("{n} more entry was left out.", "{n:,} more entries were left out.", more))
        self._say("\n".join(sentences))

    def _ask_export(self) -> None:
        chosen, _ = QFileDialog.getSaveFileName(
            self, tr("Export shortcuts"), FILE_NAME, tr("Files of shortcuts (*.toml);;All files (*)")
        )
        if chosen:
            self.write(Path(chosen))

    def write(self, path: Path) -> None:
        """Write the shortcuts that differ from the defaults to a file."""
        try:
            key_file.write(path, self.keys)
        except ShortcutsError as error:
            self._say(str(error))
        else:
            self._say(tr("Exported to {path}.", path=path))
