"""The presentation of `Messages`.

They are shown in the message strip, the status bar and dialogs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QStatusBar, QWidget

from fcn_studio.i18n import listed, tr, tr_n
from fcn_studio.ui.runtime.user_messages import ActionDoor, MessageButton, Messages
from fcn_studio.ui.widgets.message_strip import NOTICE_MS, MessageStrip

if TYPE_CHECKING:
    from fcn_studio.ui.network.network_device import NetworkDevice
    from fcn_studio.ui.session.session import Session

MOST_FOLDERS = 3
"""Folders that a sentence names at most."""


class MessagePresenter(QObject):
    """Presenter of messages.

    It clears the messages of a project when that is closed.
    """

    def __init__(
        self,
        messages: Messages,
        strip: MessageStrip,
        status_bar: QStatusBar,
        door: ActionDoor,
        session: Session,
        device: NetworkDevice,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._messages, self._strip, self._status_bar, self._door = messages, strip, status_bar, door
        self._session, self._device, self._window = session, device, window
        session.turned.connect(self._turned)
        messages.notice.connect(self._show_notice)
        messages.withdrawn.connect(self._withdraw)
        messages.problem.connect(strip.show_problem)
        messages.offered.connect(self._show_offer)
        messages.bug.connect(self._show_bug)

    def report_unexpected_end(
        self, text: str, folders: Sequence[Path] = (), open_folder: Callable[[Path], object] | None = None
    ) -> None:
        """Say that the program ended unexpectedly last time and offer a report.

        Args:
            text: the report.
            folders: the project folders with unsaved strokes, the last written first.
            open_folder: opens one of them.
        """
        from fcn_studio.ui.dialogs.help_dialogs import ReportDialog

        title = tr("FCN Studio ended unexpectedly")
        words = tr("FCN Studio crashed, was killed or lost power. Please copy this text into a report.")
        sentence = tr("FCN Studio ended unexpectedly last time.")
        report = tr("Show report"), lambda: ReportDialog(title, words, text, self._window).open()
        if not folders or open_folder is None:
            self._messages.offer(sentence, *report, lasting=True)
            return
        kept = tr_n(
            "Unsaved work on {folders} is kept. It comes back when you open the folder.",
            "Unsaved work on {n:,} folders is kept. It comes back when you open them: {folders}.",
            len(folders),
            folders=listed([*map(str, folders[:MOST_FOLDERS]), *(["…"] if len(folders) > MOST_FOLDERS else [])]),
        )
        opening = tr("Open {name}", name=folders[0].name), partial(open_folder, folders[0])
        self._messages.offer(f"{sentence} {kept}", *opening, report, lasting=True)

    def _turned(self) -> None:
        # A notice before a project is opened may come from the start; it disappears by itself.
        closing = self._session.project is not None
        self._strip.clear(notice=closing)
        if closing:
            self._status_bar.clearMessage()

    def _show_notice(self, text: str) -> None:
        if not self._strip.show_notice(text):
            self._status_bar.showMessage(text, NOTICE_MS)

    def _withdraw(self, text: str) -> None:
        self._strip.withdraw(text)
        if self._status_bar.currentMessage() == text:
            self._status_bar.clearMessage()

    def _show_offer(self, text: str, buttons: Sequence[MessageButton], lasting: bool) -> None:
        self._strip.show_offer(text, *((label, self._door(act)) for label, act in buttons), lasting=lasting)

    def _show_bug(self, text: str) -> None:
        from fcn_studio.ui.commands.report import report_text
        from fcn_studio.ui.dialogs.help_dialogs import show_bug

        show_bug(f"{text}\n{report_text(self._messages, self._device.words)}", self._window)
