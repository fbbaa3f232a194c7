"""Commands of keys: the shortcuts, what is possible now, and the command palette."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from fcn_studio.i18n import plain, tr
from fcn_studio.settings import Settings
from fcn_studio.ui.actions import keys
from fcn_studio.ui.actions.table import ACTIONS, BY_NAME, class_keys
from fcn_studio.ui.runtime.user_messages import ActionDoor

if TYPE_CHECKING:
    from fcn_studio.ui.actions.qt_actions import Actions
    from fcn_studio.ui.dialogs.keys.palette_dialog import Entry
    from fcn_studio.ui.network.live import Live
    from fcn_studio.ui.session.session import Session
    from fcn_studio.ui.session.walk import Walk

KEPT = 12
"""Number of commands used last that are remembered."""

_IMAGES = 20
"""Number of images that the palette lists for a text."""


class KeyCommands(QObject):
    """Shows the dialogs of keys and the command palette.

    Args:
        actions: every action.
        session: classes and images for the palette.
        live: whether Live is on.
        walk: whether a doubtful region is outlined.
        settings: keeps shortcuts, and the commands used last.
        door: shows errors of what the palette runs.
        open_folder: opens a recent folder.
        window: the window of the dialogs.
    """

    def __init__(
        self,
        actions: Actions,
        session: Session,
        live: Live,
        walk: Walk,
        settings: Settings,
        door: ActionDoor,
        open_folder: Callable[[Path], object],
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._actions, self._session, self._live, self._walk = actions, session, live, walk
        self._settings, self._door, self._open_folder, self._window = settings, door, open_folder, window
        self._used: deque[str] = deque(settings.palette_used.split(), maxlen=KEPT)
        self._images: deque[str] = deque(maxlen=KEPT)  # opened last, the latest first
        session.document_changed.connect(self._note_image)
        session.project_changed.connect(lambda: self._images.clear())
        for name, act in self.table().items():
            actions.bind(name, act)

    def table(self) -> Mapping[str, Callable[[], object]]:
        """Return what each action does, by its name."""
        return {"palette": self.show_palette, "possible_now": self.show_possible, "change_keys": self.change_keys}

    def change_keys(self) -> None:
        """Let the user change shortcuts."""
        from fcn_studio.ui.actions.key_file import as_table
        from fcn_studio.ui.dialogs.keys.keys_dialog import KeysDialog

        dialog = KeysDialog(keys.current(), self._window)
        if dialog.asked():
            self._settings.set_keys(as_table(dialog.keys, self._settings.keys))

    def show_possible(self) -> None:
        """Show what keys and mouse can do now."""
        from fcn_studio.ui.actions.possible import Moment, possible_now
        from fcn_studio.ui.dialogs.keys.possible_dialog import PossibleDialog

        session = self._session
        editable = session.document is not None and not session.read_only
        moment = Moment(
            enabled=lambda name: self._actions[name].isEnabled(),
            tool=session.toolbox.tool_name if editable else "",
            prediction=session.prediction is not None,
            live=self._live.on,
            walking=self._walk.current is not None,
            class_keys=tuple(class_keys(session.table)) if session.project is not None else (),
        )
        PossibleDialog(possible_now(moment), self._window).open()

    # --- the palette ------------------------------------------------------------------------------------------

    def show_palette(self) -> None:
        """Let the user find a command by its name, and run it."""
        from fcn_studio.ui.dialogs.keys.palette_dialog import PaletteDialog

        entries = [*self._commands(), *self._classes(), *self._recent()]
        dialog = PaletteDialog(entries, list(self._used), self._found_images, self._window)
        if dialog.asked() and (entry := dialog.chosen) is not None:
            self._note_used(entry.name)
            self._door.run(entry.run)

    def _commands(self) -> Iterable[Entry]:
        """Yield all actions, but those that act while a key is held."""
        from fcn_studio.ui.dialogs.keys.palette_dialog import Entry

        for spec in ACTIONS:
            if not spec.hold and spec.name != "palette":
                action, english = self._actions[spec.name], spec.text.replace("&", "").rstrip("…")
                of_action = ", ".join(keys.current().of(spec.name))
                place = plain(tr(spec.menu))
                yield Entry(spec.name, spec.plain_text, english, place, of_action, action.trigger, action.isEnabled())

    def _classes(self) -> Iterable[Entry]:
        from fcn_studio.ui.dialogs.keys.palette_dialog import Entry

        session = self._session
        of_class = {index: key for key, index in class_keys(session.table).items()}
        for info in session.table.active if session.project is not None else ():
            name, run = f"class:{info.index}", partial(session.toolbox.set_class, info.index)
            title = tr("Class: {name}", name=info.name)
            yield Entry(name, title, f"class: {info.name}", "", of_class.get(info.index, ""), run)

    def _recent(self) -> Iterable[Entry]:
        """Yield the images opened last, then the folders."""
        from fcn_studio.ui.dialogs.keys.palette_dialog import Entry

        yield from (self._image(image_id) for image_id in self._images)
        for folder in self._settings.recent:
            title = tr("Open {folder}", folder=folder)
            yield Entry(f"folder:{folder}", title, title, tr("Recent"), "", partial(self._open_folder, folder))

    def _found_images(self, text: str) -> list[Entry]:
        """Return the images whose name has a text in it, but for those opened last."""
        words, found = text.casefold().split(), []
        if not words:
            return []
        for sample in self._session.samples:
            name = sample.image_id.casefold()
            if sample.image_id not in self._images and all(word in name for word in words):
                found.append(self._image(sample.image_id))
                if len(found) == _IMAGES:
                    break
        return found

    def _image(self, image_id: str) -> Entry:
        from fcn_studio.ui.dialogs.keys.palette_dialog import Entry

        return Entry(f"image:{image_id}", image_id, image_id, tr("Image"), "", partial(self._go_to, image_id))

    def _go_to(self, image_id: str) -> None:
        row = self._session.row_of(image_id)
        if row is not None:
            self._session.go_to(row)

    def _note_image(self) -> None:
        document = self._session.document
        if document is not None:
            if document.image_id in self._images:
                self._images.remove(document.image_id)
            self._images.appendleft(document.image_id)

    def _note_used(self, name: str) -> None:
        if name in self._used:
            self._used.remove(name)
        self._used.appendleft(name)
        self._settings.palette_used = " ".join(used for used in self._used if used in BY_NAME)
