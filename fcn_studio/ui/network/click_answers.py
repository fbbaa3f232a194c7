"""What the network makes of clicks on the open image."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from fcn_studio.core.labels import LabelMap
from fcn_studio.core.prediction import likelihood
from fcn_studio.ui.network.current_network import CurrentNetwork
from fcn_studio.ui.network.network_device import NetworkDevice
from fcn_studio.ui.network.network_process import JobProcess
from fcn_studio.ui.session.session import Session

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.core.regions.clicks import Clicks
    from fcn_studio.jobs.protocol import ClickJob, FeaturesJob, ImageToSegment, Reply

TOOL = "smart_click"

_SIDE = 512
"""Longest side in pixels of the prediction that goes with clicks."""


class ClickAnswers(QObject):
    """Asks the network's process about clicks on the open image.

    There is at most one job at a time. The latest clicks wait for its end; those between get no answer. The features
    of an image are prepared as soon as it is open and smart click is the active tool.
    """

    def __init__(
        self,
        session: Session,
        process: JobProcess,
        current: CurrentNetwork,
        device: NetworkDevice,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._process, self._current, self._device = session, process, current, device
        self._job: int | None = None
        self._asked: Future[LabelMap | None] | None = None  # of the job
        self._next: tuple[ClickJob, Future[LabelMap | None]] | None = None
        self._prepared: FeaturesJob | None = None  # the last, so that none is sent twice
        self._likely: tuple[int, LabelMap] | None = None  # class index and likelihood by the open prediction
        process.replied.connect(self._on_reply)
        session.document_changed.connect(self._on_document)
        session.prediction_changed.connect(self._forget_likelihood)
        session.toolbox.tool_changed.connect(self._prepare)
        current.changed.connect(self._prepare)
        session.toolbox.ask_network = self.ask

    def ask(self, clicks: Clicks) -> Future[LabelMap | None] | None:
        """Ask about clicks on the open image; None if there is no network."""
        from fcn_studio.jobs.protocol import ClickJob

        image, network, project = self._image(), self._current.info, self._session.project
        if image is None or network is None or project is None:
            return None
        job = ClickJob(
            str(network.path),
            image,
            clicks,
            self._likelihood(),
            self._device.name,
            project.config.grey_levels,
            str(project.features_folder or ""),
        )
        answer: Future[LabelMap | None] = Future()
        if self._next is not None:
            self._next[1].cancel()
        self._next = job, answer
        self._go_on()
        return answer

    def _likelihood(self) -> LabelMap | None:
        """Return how likely each pixel has the active class by the prediction; None if there is none.

        It is kept between clicks, since it takes some 20 ms of 12 million pixels.
        """
        prediction, index = self._session.prediction, self._session.toolbox.class_index
        if prediction is None:
            return None
        if self._likely is None or self._likely[0] != index:
            self._likely = index, likelihood(prediction, index, _SIDE)
        return self._likely[1]

    def _forget_likelihood(self) -> None:
        self._likely = None

    def _go_on(self) -> None:
        if self._job is None and self._next is not None:
            (job, self._asked), self._next = self._next, None
            self._job = self._process.submit(job, interactive=True)

    def _on_reply(self, reply: Reply) -> None:
        if self._job is None or getattr(reply, "job_id", None) != self._job:
            return
        from fcn_studio.jobs.protocol import ClickAnswer, Done, Failed

        if not isinstance(reply, Done | Failed):
            return
        asked, self._asked, self._job = self._asked, None, None
        if asked is not None and not asked.cancelled():
            result = reply.result if isinstance(reply, Done) else None
            asked.set_result(result.likely if isinstance(result, ClickAnswer) else None)
        self._go_on()

    def _on_document(self) -> None:
        """Leave an image and turn to the next."""
        if self._job is not None:
            self._process.cancel(self._job)
        for answer in (self._asked, None if self._next is None else self._next[1]):
            if answer is not None:
                answer.cancel()
        self._job = self._asked = self._next = None
        self._prepare()

    def _prepare(self) -> None:
        """Let the features of the open image be computed before the first click needs them."""
        image, network, project = self._image(), self._current.info, self._session.project
        if self._session.toolbox.tool_name != TOOL or image is None or network is None or project is None:
            return
        from fcn_studio.jobs.protocol import FeaturesJob

        levels, cache = project.config.grey_levels, str(project.features_folder or "")
        job = FeaturesJob(str(network.path), (image,), self._device.name, levels, cache)
        if job != self._prepared:
            self._prepared = job
            self._process.submit(job)

    def _image(self) -> ImageToSegment | None:
        image, project = self._session.image, self._session.project
        if image is None or project is None:
            return None
        from fcn_studio.jobs.protocol import ImageToSegment

        sample = project.samples[image.row]
        return ImageToSegment(sample.image_id, str(sample.image_path))
