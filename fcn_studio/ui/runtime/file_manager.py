"""Showing folders in the file manager of the desktop."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices

from fcn_studio.i18n import tr
from fcn_studio.ui.runtime.user_messages import Messages


def show_folder(folder: Path, messages: Messages) -> None:
    """Show a folder in the file manager, or say that no program does."""
    if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
        messages.fail(tr("No program of this computer shows the folder {folder}.", folder=folder))
