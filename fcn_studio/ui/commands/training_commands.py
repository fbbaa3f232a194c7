"""The commands of training a network, and of the page on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtWidgets import QDockWidget, QWidget

from fcn_studio.i18n import tr
from fcn_studio.settings import Settings
from fcn_studio.ui.actions import keys
from fcn_studio.ui.docks.training_dock import TrainingDock
from fcn_studio.ui.runtime.user_messages import Messages


class TrainingCommands:
    """Commands that train, and that show the Training dock.

    Args:
        dock: the Training dock.
        show: shows a dock below the image.
        settings: with the time that a training from scratch is offered.
        messages: to the user.
        window: parent of dialogs.
    """

    def __init__(
        self,
        dock: TrainingDock,
        show: Callable[[QDockWidget], object],
        settings: Settings,
        messages: Messages,
        window: QWidget,
    ) -> None:
        self._dock, self._show, self._settings = dock, show, settings
        self._messages, self._window = messages, window

    def table(self) -> Mapping[str, Callable[[], object]]:
        """Return what each action does, by its name."""
        return {
            "fine_tune": self.fine_tune,
            "train_from_scratch": self.train_from_scratch,
            "training": self.show_or_hide,
        }

    def fine_tune(self) -> None:
        """Fine-tune as chosen in the dock."""
        self._dock.start()
        self._tell()

    def train_from_scratch(self) -> None:
        """Ask for a new network and train it."""
        from fcn_studio.ui.dialogs.scratch_dialog import ScratchDialog

        dialog = ScratchDialog(self._settings.train_minutes, self._window)
        if dialog.asked():
            config = dialog.config()
            self._dock.begin(config)
            self._tell()

    def show_or_hide(self) -> None:
        """Show the dock, or hide it if it is in front."""
        if self._dock.in_front:
            self._dock.hide()
            self._dock.done.emit()
        else:
            self._show(self._dock)

    def _tell(self) -> None:
        """Say where a training that has begun is to be seen: showing it would give the image another size."""
        if not self._dock.in_front:
            words = tr("The network learns while you go on labelling. The page Training shows its curves.")
            self._messages.say(keys.with_key(words, "training"))
