"""What the start page will tell of the open project."""

from __future__ import annotations

import time
from contextlib import suppress

import cv2
from PySide6.QtCore import QObject, QSize, QTimer

from fcn_studio.core.sample import Status
from fcn_studio.formats.recent_projects import RecentProject, remember
from fcn_studio.settings import Settings
from fcn_studio.ui.session.open_project import OpenProject
from fcn_studio.ui.session.status_scan import StatusScan
from fcn_studio.ui.widgets.small_picture import shrunk, with_labels

PICTURE = QSize(144, 96)
"""Largest picture: two of its pixels for each pixel of a usual screen."""

LATER_MS = 5000


class RecentProjects(QObject):
    """Notes the counts of the open project, and a picture of its open image.

    It does so soon after an image was shown, and when `note` is called.
    """

    def __init__(self, open_project: OpenProject, status_scan: StatusScan, settings: Settings) -> None:
        super().__init__(open_project)
        self._open, self._status_scan, self._settings = open_project, status_scan, settings
        self._later = QTimer(self, singleShot=True, interval=LATER_MS)
        self._later.timeout.connect(self.note)
        open_project.document_changed.connect(self._document_changed)

    def note(self) -> None:
        """Write what is known now. A failure is no news: the page tells less."""
        self._later.stop()
        project = self._open.project
        if project is None:
            return
        verified = self._status_scan.counts().get(Status.VERIFIED, 0) if self._status_scan.done else None
        known = RecentProject(int(time.time()), len(project.samples), verified)
        with suppress(OSError):
            remember(project.folder.resolve(), known, self._picture(), self._settings.recent)

    def _picture(self) -> bytes:
        """Return the open image with its labels as a small PNG, b"" without one."""
        document, picture = self._open.document, self._open.picture
        if document is None or picture is None:
            return b""
        width, height = picture.size
        level = picture.level_for(max(PICTURE.width() / width, PICTURE.height() / height))
        if level is None:
            return b""
        small = with_labels(shrunk(level, (width, height), PICTURE), document.label_map, self._open.table)
        _, png = cv2.imencode(".png", small[..., ::-1])
        return png.tobytes()

    def _document_changed(self) -> None:
        if self._open.document is None:
            self._later.stop()
        elif not self._later.isActive():  # not at each of many images
            self._later.start()
