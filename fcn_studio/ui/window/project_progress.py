"""The progress of the project in the status bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from fcn_studio.core.sample import Status
from fcn_studio.i18n import tr, tr_n
from fcn_studio.ui.runtime.guard import guarded
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.named import named
from fcn_studio.ui.widgets.segmented_bar import SegmentedBar

if TYPE_CHECKING:
    from fcn_studio.ui.session.session import Session

_BAR = 96


class ProjectProgress(QWidget):
    """A bar of the images by their status, verified of all, and the time that is left.

    Attributes:
        words: verified of all, and the time that is left.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._bar = named(SegmentedBar(_BAR), tr("Progress of the project"))
        self.words = named(QLabel(), tr("Verified images"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.GRID // 2)
        row.addWidget(self._bar)
        row.addWidget(self.words)
        session.project_changed.connect(self.refresh)
        session.document_changed.connect(self.refresh)
        session.sample_changed.connect(self.refresh)
        session.status_scan.found.connect(self.refresh)
        session.effort.pace_read.connect(self.refresh)
        self.refresh()

    @guarded
    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self.refresh()
        super().changeEvent(event)

    def refresh(self, _image_id: str = "") -> None:
        """Show the counts and the time as they are now."""
        session = self._session
        total = len(session.samples) if session.project is not None else 0
        self.setVisible(total > 0)
        if not total:
            return
        counts = session.status_scan.counts()
        verified, begun, prelabelled, skipped = (
            counts.get(status, 0)
            for status in (Status.VERIFIED, Status.IN_PROGRESS, Status.PRELABELLED, Status.SKIPPED)
        )
        new = total - verified - begun - prelabelled - skipped
        self._bar.set_counts((verified, begun, prelabelled, new + skipped))
        left = new + begun + prelabelled
        if session.status_scan.done:
            words = tr("{verified:,} verified of {total:,}", verified=verified, total=total)
        else:
            words = tr("{verified:,} verified so far of {total:,}", verified=verified, total=total)
        seconds = session.effort.pace.seconds if session.status_scan.done and left else None
        time = time_left(seconds * left) if seconds is not None else ""
        self.words.setText(f"{words} · {time}" if time else words)
        tip = [*_count_words(verified, begun, prelabelled, new, skipped)]
        if seconds is not None:
            tip += ["", _estimate_words(seconds, session.effort.pace.images, left)]
        self.setToolTip("\n".join(tip))


def time_left(seconds: float) -> str:
    """Return a rough time in words: ``about 2 h 10 min left``."""
    minutes = max(1, round(seconds / 60))
    if minutes >= 10:  # no more exact than the estimate
        step = 5 if minutes < 60 else 10
        minutes = round(minutes / step) * step
    hours, minutes = divmod(minutes, 60)
    if not hours:
        return tr_n("about {n} min left", "about {n} min left", minutes)
    if not minutes or hours >= 10:
        return tr_n("about {n} h left", "about {n:,} h left", hours)
    return tr("about {hours} h {minutes} min left", hours=hours, minutes=minutes)


def _count_words(verified: int, begun: int, prelabelled: int, new: int, skipped: int) -> list[str]:
    words = [
        tr_n("{n} image verified", "{n:,} images verified", verified),
        tr_n("{n} image in progress", "{n:,} images in progress", begun) if begun else "",
        tr_n("{n} image pre-labelled", "{n:,} images pre-labelled", prelabelled),
        tr_n("{n} image to do", "{n:,} images to do", new),
        tr_n("{n} image skipped", "{n:,} images skipped", skipped) if skipped else "",
    ]
    return [line for line in words if line]


def _estimate_words(seconds: float, images: int, left: int) -> str:
    return tr(
        "The time left is estimated: half of the last {images} verified images took less than {seconds:.0f} s each, "
        "and {left:,} images are not verified. Pauses do not count.",
        images=images,
        seconds=seconds,
        left=left,
    )
