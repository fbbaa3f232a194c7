"""Where the network runs.

It is what the setting says, and what the network's process reports.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from fcn_studio.i18n import Message, tr
from fcn_studio.settings import Settings
from fcn_studio.ui.network.job_list import JobList


class NetworkDevice(QObject):
    """The device that the network runs on.

    Signals:
        changed(): another device was chosen, or the process reported where it runs.

    Attributes:
        reported: the device in the words of the network's process; None while nobody knows it.
    """

    changed = Signal()

    def __init__(self, settings: Settings, job_list: JobList, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self.reported: Message | None = None
        job_list.device.connect(self._on_reported)
        settings.watch(self._on_setting)

    @property
    def name(self) -> str:
        """The setting: auto, cpu, cuda or mps."""
        return self._settings.device

    @property
    def words(self) -> str:
        """The device in words that can stand alone."""
        if self.reported is not None:
            return self.reported.translated()
        return tr("device: automatic") if self.name == "auto" else self.name.upper()

    @property
    def short_words(self) -> str:
        """The device in words, after a heading that says what they are."""
        if self.reported is not None:
            return self.reported.translated()
        return tr("automatic") if self.name == "auto" else self.name.upper()

    def _on_setting(self, key: str) -> None:
        if key == "device":
            self.reported = None
            self.changed.emit()

    def _on_reported(self, words: Message) -> None:
        if words != self.reported:
            self.reported = words
            self.changed.emit()
