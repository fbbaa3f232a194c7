"""The dialogs of settings and of thresholds, each made from its table."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFormLayout, QWidget

from fcn_studio.formats.checks.options import OPTIONS
from fcn_studio.i18n import tr
from fcn_studio.settings import SETTINGS, Settings
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.setting_editor import add_setting


class SettingsDialog(Dialog):
    """A row for each setting.

    Changes take effect on OK.
    """

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(tr("Settings"), tr("OK"), parent=parent)
        self._settings = settings
        form = QFormLayout(horizontalSpacing=2 * theme.GRID, verticalSpacing=theme.GRID)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self._readers = {
            setting.key: add_setting(form, setting, settings[setting.key]) for setting in SETTINGS if setting.shown
        }
        self.column.addLayout(form)
        self.add_words(tr("Some settings take effect at the next start."), "dim")

    def apply(self) -> None:
        """Save what was chosen."""
        for key, read in self._readers.items():
            self._settings.set(key, read())


class ThresholdsDialog(Dialog):
    """A row for each threshold of the check.

    Args:
        limits: key -> value now.
        parent: the window it belongs to.
    """

    def __init__(self, limits: Mapping[str, float], parent: QWidget | None = None) -> None:
        super().__init__(tr("Thresholds"), tr("Check with them"), parent=parent)
        form = QFormLayout(horizontalSpacing=2 * theme.GRID, verticalSpacing=theme.GRID)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self._readers = {option.key: add_setting(form, option, limits[option.key]) for option in OPTIONS}
        self.column.addLayout(form)

    def limits(self) -> dict[str, float]:
        """Return key -> value as chosen."""
        return {key: float(read()) for key, read in self._readers.items()}
