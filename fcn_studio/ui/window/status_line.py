"""The status bar: cursor, zoom, saving, verified images, device and running job."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QLabel, QProgressBar, QStatusBar, QToolButton, QWidget

from fcn_studio.i18n import tr, tr_n, tr_noop
from fcn_studio.ui.actions.key_tips import tip_with_key
from fcn_studio.ui.saving.autosave import SaveState
from fcn_studio.ui.session.cursor_info import CursorInfo, cursor_info
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.named import named
from fcn_studio.ui.window.project_progress import ProjectProgress

if TYPE_CHECKING:
    from fcn_studio.ui.network.job_list import JobList, JobView
    from fcn_studio.ui.network.live import Live
    from fcn_studio.ui.network.network_device import NetworkDevice
    from fcn_studio.ui.session.session import Session


def cursor_words(x: int, y: int, info: CursorInfo | None) -> str:
    """Return what is under the cursor, in words.

    An example is ``412, 208   Pole (you)   network: Tree 61 %``.
    """
    parts = [f"{x}, {y}"]
    if info is not None:
        parts.append(tr("{name} ({who})", name=info.class_name, who=info.who) if info.class_name else info.who)
        if info.predicted:
            percent = None if info.probability is None else round(100 * info.probability)
            if percent is None:
                parts.append(tr("network: {name}", name=info.predicted))
            else:
                parts.append(tr("network: {name} {percent} %", name=info.predicted, percent=percent))
    return "   ".join(parts)


_STATES = {
    SaveState.SAVED: tr_noop("saved"),
    SaveState.UNSAVED: tr_noop("not saved yet"),
    SaveState.SAVING: tr_noop("saving…"),
    SaveState.KEPT: tr_noop("kept on this computer"),
    SaveState.READ_ONLY: tr_noop("read-only"),
}


def saved_words(state: SaveState | None, saved_at: float | None, now: float) -> str:
    """Return the save state as text: ``saved 2 s ago``."""
    if state is None:
        return ""
    if state != SaveState.SAVED or saved_at is None:
        return tr(_STATES[state])
    seconds = max(0, int(now - saved_at))
    if seconds < 60:
        return tr("saved {seconds} s ago", seconds=seconds)
    if seconds < 3600:
        return tr("saved {minutes} min ago", minutes=seconds // 60)
    return tr("saved {hours} h ago", hours=seconds // 3600)


def live_words(live: Live, now: float) -> str:
    """Return what Live has learned from: ``Live: learned from 7 images and 12 strokes, 0.3 s ago``."""
    if not live.on:
        return ""
    if live.refuses:
        return tr("Live: this image is too large")
    if live.lacking:
        return tr_n("Live: paint {n} more class", "Live: paint {n} classes", live.lacking)
    if live.learned is None:
        return tr("Live: learning…") if live.learning else tr("Live")
    images = tr_n("{n} image", "{n:,} images", live.learned.images)
    strokes, ago = live.learned.strokes, _ago(max(0.0, now - live.learned.at))
    if not strokes:
        return tr("Live: learned from {images}, {ago}", images=images, ago=ago)
    strokes_words = tr_n("{n} stroke", "{n:,} strokes", strokes)
    return tr("Live: learned from {images} and {strokes}, {ago}", images=images, strokes=strokes_words, ago=ago)


def _ago(seconds: float) -> str:
    """Return an age in words."""
    if seconds < 10:
        return tr("{seconds:.1f} s ago", seconds=seconds)
    if seconds < 60:
        return tr("{seconds:.0f} s ago", seconds=seconds)
    return tr("{minutes} min ago", minutes=int(seconds // 60))


class StatusLine(QStatusBar):
    """Status bar of the window.

    It follows the session, the jobs and the device of the network.

    Signals:
        export_cancelled(): the user cancelled the running export.
    """

    export_cancelled = Signal()

    def __init__(
        self,
        session: Session,
        job_list: JobList,
        device: NetworkDevice,
        live: Live,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._job_list, self._network_device, self._live = session, job_list, device, live
        self._job: JobView | None = None
        self._at: tuple[int, int] | None = None
        self._export: tuple[int, int] | None = None
        self.setSizeGripEnabled(False)
        self._cursor = named(QLabel(), tr("Under the cursor"))
        self._zoom = named(QLabel(), tr("Zoom"), tr("Screen pixels per image pixel"))
        self._saved = named(QLabel(), tr("Saving"))
        self._project = ProjectProgress(session)
        self._device = named(QLabel(), tr("Device"), tr("Device that the network runs on"))
        self._live_words = named(QLabel(), tr("Live"), tr("What the prediction was learned from"))
        self._job_words = named(QLabel(), tr("Running job"))
        self._bar = named(QProgressBar(maximum=1000, textVisible=False), tr("Progress"))
        self._bar.setFixedSize(128, 8)
        self.cancel_button = self._made_cancel_button()
        self.addWidget(self._cursor, 1)
        for widget in (self._live_words, self._job_words, self._bar, self.cancel_button, self._zoom, self._saved,
                       self._project, self._device):  # fmt: skip
            self.addPermanentWidget(widget)
        self.setContentsMargins(theme.GRID, 0, 2 * theme.GRID, 0)
        self.setMinimumWidth(1)  # long words are cut; they must not widen the window
        self._clock = QTimer(self, interval=1000)
        self._clock.timeout.connect(self._show_saved)
        self._clock.timeout.connect(self._show_live)
        session.project_changed.connect(self._show_project)
        session.document_changed.connect(self._show_project)
        session.saved.connect(self._show_saved)
        session.edited.connect(self._show_saved)
        for changed in (session.edited, session.prediction_changed):
            changed.connect(lambda: self.show_cursor(self._at))
        job_list.progress.connect(self._progressed)
        job_list.changed.connect(self._jobs_changed)
        device.changed.connect(self._show_device)
        live.changed.connect(self._show_live)
        live.switched.connect(self._show_live)
        self.retheme()
        self._show_project()
        self._show_device()
        self._jobs_changed()

    def _made_cancel_button(self) -> QToolButton:
        button = named(QToolButton(autoRaise=True), tr("Cancel the running job"))
        button.clicked.connect(self._cancel)
        return tip_with_key(button, tr("Cancel"), "stop")

    def retheme(self) -> None:
        """Draw icons in the colours of the theme."""
        self.cancel_button.setIcon(theme.icon("close"))

    # --- set by the window ------------------------------------------------------------------------------------

    def show_cursor(self, at: tuple[int, int] | None) -> None:
        """Show what is at an image pixel, or nothing."""
        self._at = at
        self._cursor.setText("" if at is None else cursor_words(*at, cursor_info(self._session, *at)))

    def show_zoom(self, zoom: float) -> None:
        """Show the zoom, in screen pixels per image pixel."""
        percent = zoom * 100
        self._zoom.setText(f"{percent:.0f} %" if percent >= 10 else f"{percent:.1f} %")

    def show_export(self, done: int, total: int) -> None:
        """Show the progress of an export.

        (0, 0) means that it has ended.
        """
        self._export = (done, total) if total else None
        self._jobs_changed()

    # --- what changes elsewhere -------------------------------------------------------------------------------

    def _show_project(self) -> None:
        there = self._session.document is not None
        self._zoom.setVisible(there)
        self._saved.setVisible(there)
        if not there:
            self.show_cursor(None)
        self._show_saved()

    def _show_saved(self) -> None:
        saved_at = self._session.autosave.saved_at
        self._saved.setText(saved_words(self._session.save_state, saved_at, time.time()))
        self._run_clock()

    def _show_live(self) -> None:
        words = live_words(self._live, time.monotonic())
        crowded = self._bar.isVisibleTo(self) and self._live.learned is not None
        self._live_words.setText(tr("Live") if crowded else words)
        self._live_words.setVisible(self._live.on)
        self._run_clock()

    def _run_clock(self) -> None:
        """Run the clock only while there is an age to show."""
        saved = self._session.save_state == SaveState.SAVED and self._session.autosave.saved_at is not None
        if not saved and self._live.learned is None:
            self._clock.stop()
        elif not self._clock.isActive():
            self._clock.start()

    def _show_device(self) -> None:
        self._device.setText(self._network_device.words)

    def _jobs_changed(self) -> None:
        jobs = self._job_list.views
        self._show_job(jobs[0] if jobs else None)

    def _progressed(self, job: JobView) -> None:
        if self._job is None or job.job_id == self._job.job_id:
            self._show_job(job)

    def _show_job(self, job: JobView | None) -> None:
        self._job = job
        busy = job is not None or self._export is not None
        for widget in (self._job_words, self._bar):
            widget.setVisible(busy)
        self.cancel_button.setVisible(job.can_cancel if job is not None else busy)
        self._show_live()
        if job is None:
            if self._export is not None:
                done, total = self._export
                self._show_progress(tr("Export"), tr("{done:,} of {total:,}", done=done, total=total), done / total)
            return
        more = len(self._job_list.views) - 1
        waiting = f"   (+{more})" if more > 0 else ""
        self._show_progress(job.title, f"{job.words}{waiting}", job.fraction)

    def _show_progress(self, title: str, words: str, fraction: float | None) -> None:
        self._job_words.setText(f"{title}   {words}".strip())
        self._bar.setRange(0, 0 if fraction is None else 1000)  # an empty range is shown as "busy"
        if fraction is not None:
            self._bar.setValue(round(1000 * fraction))

    def _cancel(self) -> None:
        if self._job is not None:
            self._job_list.stop(self._job.job_id)
        elif self._export is not None:
            self.export_cancelled.emit()
