"""Live: the network learns from each stroke, and the prediction follows."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from fcn_studio.core.document import BY_NETWORK
from fcn_studio.core.history import Motion, Step
from fcn_studio.core.sample import Status
from fcn_studio.errors import FcnStudioError
from fcn_studio.i18n import tr
from fcn_studio.ui.network.current_network import CurrentNetwork
from fcn_studio.ui.network.job_list import JobFault
from fcn_studio.ui.network.live_labels import WORKED_ON, HumanPixels, LiveLabels, gathered
from fcn_studio.ui.network.network_device import NetworkDevice
from fcn_studio.ui.network.network_process import JobProcess
from fcn_studio.ui.network.predictions import Predictions
from fcn_studio.ui.runtime.worker import Worker
from fcn_studio.ui.session.session import Session

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.jobs.protocol import Failed, LiveJob, LivePrediction, Reply

REST_MS = 300
"""Milliseconds of rest after which the labels are looked at again, and an image that was opened is predicted."""

LARGE, LARGEST = 16_000_000, 100_000_000
"""Pixels from which a stroke is learned from only after a rest, since the copy takes a moment; and not at all."""

FEWEST_CLASSES = 2
"""Classes that a fit needs: with human pixels, or known to the network in use."""

_COUNTED = {Motion.DO: +1, Motion.UNDO: -1, Motion.REDO: +1}


@dataclass(frozen=True, slots=True)
class Learned:
    """What the prediction on the screen was learned from.

    Attributes:
        images: number of images.
        strokes: number of strokes in this session.
        at: when the last of them was taken, as `time.monotonic`.
    """

    images: int
    strokes: int
    at: float


class Live(QObject):
    """Fits the network to the human pixels after each stroke, and shows its prediction of the open image.

    There is at most one job at a time, of the latest state; a stroke never waits for it. Results of an image that
    was left are dropped.

    Signals:
        switched(): it was switched on or off.
        changed(): `learned` or `lacking` has changed.
        notice(str), problem(str): a sentence for the user.

    Attributes:
        on: whether it learns.
        learned: what the prediction of the open image was learned from; None if there is none.
        lacking: number of classes that must still be painted before it can learn.
    """

    switched = Signal()
    changed = Signal()
    notice = Signal(str)
    problem = Signal(str)

    def __init__(
        self,
        session: Session,
        process: JobProcess,
        current: CurrentNetwork,
        device: NetworkDevice,
        predictions: Predictions,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._process, self._current = session, process, current
        self._device, self._predictions = device, predictions
        self.on = False
        self.learned: Learned | None = None
        self.lacking = 0
        self._strokes: dict[str, int] = {}  # image id -> strokes in this session
        self._others: dict[str, HumanPixels] = {}
        self._look = True  # whether other images must be looked for again
        self._wanted = False  # a newer state than that of the running job
        self._job: int | None = None
        self._ahead: int | None = None  # the job that prepares an image
        self._prepared_row = -1  # of the image that was prepared last
        self._held: LivePrediction | None = None  # shown when the stroke that is being painted has ended
        self._sent = Learned(0, 0, 0.0)  # what the running job learns from
        self._began, self._sent_strokes = 0.0, 0  # of the labels that are gathered
        self._told = ""  # the last problem, which is told once
        self._disconnects: list[Callable[[], None]] = []
        self._worker = Worker("live", self)
        self._worker.finished.connect(self._submit)
        self._worker.failed.connect(self._on_unreadable)
        self._soon = QTimer(self, singleShot=True, interval=0)  # after the stroke is on the screen
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        for timer in (self._soon, self._rest):
            timer.timeout.connect(self._gather)
        process.replied.connect(self._on_reply)
        session.project_changed.connect(self._on_project)
        session.document_changed.connect(self._on_document)
        session.sample_changed.connect(self._on_sample)
        session.grey_display.rule_changed.connect(self._on_grey_levels)
        current.changed.connect(self._decide)
        session.settings.watch(lambda key: self._decide() if key == "live" else None)

    @property
    def shows(self) -> bool:
        """Whether the prediction on the screen is Live's."""
        document = self._session.document
        return document is not None and self._predictions.live_of == document.image_id

    @property
    def refuses(self) -> bool:
        """Whether the open image is too large for it."""
        document = self._session.document
        return document is not None and document.label_map.size > LARGEST

    @property
    def learning(self) -> bool:
        """Whether a fit is under way."""
        return self._job is not None

    @property
    def idle(self) -> bool:
        """Whether nothing is left to learn from."""
        waits = self._wanted or self._held is not None or self._soon.isActive() or self._rest.isActive()
        return not (waits or self.learning or self._worker.running)

    def toggle(self) -> None:
        """Switch it on or off, and remember that."""
        self._session.settings.live = "off" if self.on else "on"

    def shut_down(self) -> None:
        """End the thread."""
        self.on = False
        for timer in (self._soon, self._rest):
            timer.stop()
        self._worker.close()

    # --- on and off -------------------------------------------------------------------------------------------

    def _decide(self) -> None:
        """Follow the setting, the network and the project.

        By default it is on where the network knows no class of the project, and stays on until the project is closed.
        """
        session, wanted = self._session, self._session.settings.live
        possible = session.project is not None and not session.read_only and self._current.info is not None
        unknown = self.on or not self._current.can_prelabel
        on = possible and (wanted == "on" or (wanted == "auto" and unknown))
        if on == self.on:
            if on:  # the classes or the network may be others
                self._rest.start()
            return
        self.on = on
        self._drop()
        if on:
            self._told = ""
            self._rest.start()
        self.switched.emit()

    def _on_project(self) -> None:
        self._strokes, self._others, self._told, self._prepared_row = {}, {}, "", -1
        self._drop()
        if self.on:
            self.on = False
            self.switched.emit()

    def _drop(self) -> None:
        """Forget what is under way, and what was learned."""
        self._soon.stop()
        self._rest.stop()
        self._worker.cancel()
        for job in (self._job, self._ahead):
            if job is not None:
                self._process.cancel(job)
        self._job = self._ahead = self._held = self.learned = None
        self._wanted, self._look, self.lacking = False, True, 0
        self._predictions.live_of = ""
        self.changed.emit()

    # --- what changes -----------------------------------------------------------------------------------------

    def _on_document(self) -> None:
        """Leave an image and turn to the next."""
        for disconnect in self._disconnects:
            disconnect()
        self._disconnects = []
        self._drop()
        document = self._session.document
        if document is not None:
            self._others.pop(document.image_id, None)  # it may change before it is one of the others again
            self._disconnects = [
                document.stepped.connect(self._on_step),
                document.committed.connect(self._on_edit_ended),
                document.dropped.connect(self._on_edit_ended),
            ]
            if self.on:
                self._rest.start()

    def _on_step(self, motion: Motion, step: Step) -> None:
        """Learn from a step, unless it is the network's own."""
        document = self._session.document
        if document is None or step.title in BY_NETWORK:
            return
        if step.after.status not in (Status.VERIFIED, Status.SKIPPED):
            strokes = self._strokes.get(document.image_id, 0) + _COUNTED[motion]
            self._strokes[document.image_id] = max(0, strokes)
        if self.on:
            self._wanted = True
            (self._soon if document.label_map.size < LARGE else self._rest).start()

    def _on_edit_ended(self) -> None:
        """Show the prediction that has arrived during a stroke."""
        held, self._held = self._held, None
        if held is not None:
            self._show(held)

    def _on_sample(self, image_id: str) -> None:
        """Read another image again once it is on disk."""
        image = self._session.image
        if image is not None and image_id == image.document.image_id:
            return
        row = self._session.row_of(image_id) if self.on else None
        if image_id in self._others or (row is not None and self._session.status_scan.known(row) in WORKED_ON):
            self._others.pop(image_id, None)
            self._look = self._wanted = True
            if self.on:
                self._rest.start()

    def _on_grey_levels(self) -> None:
        """Learn again, from images of other grey levels."""
        self._others = {}
        self._drop()
        if self.on:
            self._rest.start()

    # --- learning ---------------------------------------------------------------------------------------------

    def _gather(self) -> None:
        """Gather the labels in the thread, unless a job is under way; its end comes back here."""
        image, project = self._session.image, self._session.project
        if not self.on or image is None or project is None or self.refuses:
            return
        if self._worker.running or self._job is not None:
            self._wanted = True
            return
        if image.document.editing:  # a stroke that is cancelled, or changes nothing, is no step that would tell
            self._rest.start()
            return
        self._soon.stop()
        self._rest.stop()
        self._wanted, look, self._look = False, self._look, False
        self._began, self._sent_strokes = time.monotonic(), sum(self._strokes.values())
        labels = image.document.labels_snapshot()
        self._worker.start(gathered(project, image.row, labels, dict(self._others), look=look))

    def _submit(self, labels: LiveLabels) -> None:
        """Submit what was gathered, if it is enough to learn from."""
        if not self._look:  # else one of them has changed meanwhile
            self._others = dict(labels.others)
        lacking = self._lacking(labels)
        if lacking:
            self.lacking, self.learned = lacking, None
            self._predictions.drop_live()  # its strokes were undone
            self.changed.emit()
            self._go_on()
            self._prepare(self._session.index)
            return
        self.lacking = 0
        images = len(labels.others) + bool(labels.open.classes)
        self._sent = Learned(images, self._sent_strokes, self._began)
        self._job = self._process.submit(self._job_of(labels), interactive=True)
        self.changed.emit()

    def _lacking(self, labels: LiveLabels) -> int:
        """Return how many classes must still be painted.

        One is enough if the network in use knows others, and a fit can begin with its scores.
        """
        active = {info.index for info in self._session.table.active}
        painted, network = labels.classes & active, self._current.info
        trunk = "" if network is None else str(network.architecture.get("trunk"))
        known: set[int] = set()
        if trunk.startswith("efficientnet-") and self._current.can_prelabel:
            known = active.intersection(self._current.index_map.values())
        return max(0 if painted else 1, FEWEST_CLASSES - len(painted | known))

    def _job_of(self, labels: LiveLabels) -> LiveJob:
        from fcn_studio.jobs.protocol import LiveJob

        network, project = self._current.info, self._session.project
        assert network is not None
        assert project is not None
        others = tuple(other.image for other in labels.others.values())
        return LiveJob(
            str(network.path),
            self._session.table,
            labels.open.image,
            others,
            self._device.name,
            self._current.class_map,
            str(project.features_folder or ""),
        )

    def _on_unreadable(self, error: Exception) -> None:
        if isinstance(error, FcnStudioError):
            self._fail(str(error))

    def _on_reply(self, reply: Reply) -> None:
        from fcn_studio.jobs.protocol import Done, Failed, LivePrediction

        job = getattr(reply, "job_id", None)
        if job is None or not isinstance(reply, Done | Failed):
            return
        if job == self._ahead:
            self._ahead = None
        elif job == self._job:
            self._job = None
            if isinstance(reply, Failed):
                self._on_failed(reply)
            elif isinstance(reply.result, LivePrediction):
                self._show(reply.result)

    def _on_failed(self, failed: Failed) -> None:
        """Pause until the next stroke; the sentence is told once."""
        new = failed.sentence != self._told
        self._fail(failed.sentence)
        if failed.trace and new:
            raise JobFault(failed.trace)

    def _fail(self, sentence: str) -> None:
        self._wanted = False
        if sentence != self._told:
            self._told = sentence
            self.problem.emit(tr("Live: {reason}", reason=sentence))
        self.changed.emit()

    def _show(self, result: LivePrediction) -> None:
        """Show a prediction of the open image.

        During a stroke, it waits for the stroke's end: all layers would be drawn anew under the hand.
        """
        document = self._session.document
        if document is not None and document.editing:
            self._held = result
            return
        before, self._told = self.learned, ""
        self.learned = Learned(result.images, self._sent.strokes, self._sent.at)
        # A job takes in few new images; the others join in the next ones.
        self._wanted |= (before.images if before is not None else 0) < result.images < self._sent.images
        self._predictions.show_live(result.prediction)
        self.changed.emit()
        self._go_on()

    def _go_on(self) -> None:
        """Turn to a newer state, or prepare the next image if there is none."""
        if self._wanted:
            self._soon.start()
        elif self.learned is not None:
            self._prepare(self._session.index + 1)

    def _prepare(self, row: int) -> None:
        """Let the features of an image be computed before a fit needs them."""
        from fcn_studio.jobs.protocol import FeaturesJob, ImageToSegment

        network, project = self._current.info, self._session.project
        if network is None or project is None or row >= len(project.samples):
            return
        if self._ahead is not None or row == self._prepared_row:
            return
        self._prepared_row = row
        sample = project.samples[row]
        images = (ImageToSegment(sample.image_id, str(sample.image_path)),)
        levels = project.config.grey_levels
        cache = str(project.features_folder or "")
        self._ahead = self._process.submit(FeaturesJob(str(network.path), images, self._device.name, levels, cache))
