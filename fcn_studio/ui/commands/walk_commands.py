"""Commands of the walk: its keys, its panel and the view that follows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QKeyEvent

from fcn_studio.core.region import StencilRegion
from fcn_studio.ui.actions.keys import key_of
from fcn_studio.ui.actions.physical_keys import latin_key
from fcn_studio.ui.actions.table import class_keys
from fcn_studio.ui.canvas.canvas import Canvas
from fcn_studio.ui.canvas.view_motion import ViewMotion
from fcn_studio.ui.commands.view_commands import no_prediction
from fcn_studio.ui.runtime.user_messages import ActionDoor, Messages
from fcn_studio.ui.session.walk import Walk
from fcn_studio.ui.widgets.walk_panel import WalkPanel

if TYPE_CHECKING:
    from fcn_studio.ui.session.session import Session


class WalkCommands(QObject):
    """Goes through hotspots on a canvas.

    During a walk Enter, R, Backspace and Escape are its keys while the canvas has the keyboard and no gesture is
    half done; keys of classes answer too.

    Attributes:
        walk: the hotspots and the answers.
    """

    def __init__(self, canvas: Canvas, session: Session, messages: Messages, door: ActionDoor) -> None:
        super().__init__(canvas)
        self._canvas, self._session, self._messages, self._door = canvas, session, messages, door
        self.walk = Walk(session, self)
        self._panel = WalkPanel(canvas)
        self._motion = ViewMotion(canvas)
        canvas.key_taker = self
        canvas.view_changed.connect(self._panel.follow)
        self._said = ""  # of the open image
        self.walk.notice.connect(self._say)
        session.document_changed.connect(self._withdraw)
        self.walk.changed.connect(self._show)
        self.walk.went.connect(self._follow)

    def table(self) -> Mapping[str, Callable[[], object]]:
        """Return what each action does, by its name."""
        return {"walk_next": partial(self.step, +1), "walk_previous": partial(self.step, -1)}

    def step(self, direction: int) -> None:
        """Go to the next hotspot or the one before."""
        if self._session.prediction is None:
            self._messages.say(no_prediction())
            return
        self._canvas.setFocus()
        self.walk.step(direction)

    def name_by_key(self, key: str) -> bool:
        """Answer with the class of a key; return False outside of a walk."""
        if self.walk.current is None:
            return False
        index = class_keys(self._session.table).get(key)
        if index is not None:
            self._door.run(lambda: self.walk.name(index))
        return True

    # --- keys of the canvas

    def wants(self, event: QKeyEvent) -> bool:
        """Return whether a key is one of the walk's now."""
        return self.walk.current is not None and self._answer(event) is not None

    def press(self, event: QKeyEvent) -> None:
        """Do what a key of the walk does; a held key does it once."""
        answer = self._answer(event)
        if answer is not None and not event.isAutoRepeat():
            self._door.run(answer)

    def _answer(self, event: QKeyEvent) -> Callable[[], object] | None:
        if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            return None
        walk = self.walk
        return {
            Qt.Key.Key_Return: walk.take,
            Qt.Key.Key_Enter: walk.take,
            Qt.Key.Key_R: walk.take_second,
            Qt.Key.Key_Backspace: walk.leave,
            Qt.Key.Key_Escape: walk.end,
        }.get(latin_key(event) or Qt.Key(event.key()))

    # --- what is shown

    def _say(self, text: str) -> None:
        self._said = text
        self._messages.say(text)

    def _withdraw(self) -> None:
        """Take back what was said of the image before."""
        if self._said:
            self._messages.withdrawn.emit(self._said)
            self._said = ""

    def _show(self) -> None:
        hotspot = self.walk.current
        if hotspot is None:
            self._canvas.set_outlined(None)
            self._panel.hide()
            return
        self._canvas.set_outlined(StencilRegion(hotspot.rect, hotspot.inside.view("uint8")))
        self._panel.ask(hotspot, self.walk.place, self._session.table, key_of("walk_next"))

    def _follow(self) -> None:
        """Move the view to the current hotspot, and the panel out of its way."""
        hotspot = self.walk.current
        view = None if hotspot is None else self._motion.go_to(hotspot.rect)
        if hotspot is not None and view is not None:
            ratio, rect = self._canvas.devicePixelRatioF(), hotspot.rect
            top, bottom = (view.to_device(0, y)[1] / ratio for y in (rect.y0, rect.y1))
            self._panel.avoid(top, bottom)
