"""The check of the open project in the background, and its safe fixes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from fcn_studio.core.checks.fault import Fault
from fcn_studio.core.review.suspects import ranked
from fcn_studio.errors import FcnStudioError
from fcn_studio.formats.checks.options import default_limits
from fcn_studio.i18n import tr
from fcn_studio.ui.runtime.worker import Worker

if TYPE_CHECKING:
    from fcn_studio.core.classes import ClassTable
    from fcn_studio.core.review.hotspots import Hotspot
    from fcn_studio.core.review.suspects import Suspects
    from fcn_studio.core.sample import Sample
    from fcn_studio.formats.project.project_folder import ProjectFolder
    from fcn_studio.jobs.checks.check import CheckReport
    from fcn_studio.ui.session.session import Session

SUSPECTS = "suspects"
"""Name of the check whose faults are labels that may be wrong."""


@dataclass(frozen=True)
class _Fix:
    """The safe fix of an image that is not open."""

    project: ProjectFolder
    sample: Sample
    check: str
    limits: Mapping[str, float]
    done: Callable[[str, str, bool], None]
    """Told image id, check and whether it is fixed, once it has ended."""

    def write(self) -> None:
        """Fix the image as it is on disk."""
        from fcn_studio.jobs.checks.fixes import fix_image

        fixed = False
        try:
            fix_image(self.project, self.sample, (self.check,), self.limits)
            fixed = True
        finally:
            self.done(self.sample.image_id, self.check, fixed)


class DataCheck(QObject):
    """Checks the open project in a thread, and fixes what can be fixed.

    Images that are not open are fixed one after the other by the thread that writes annotations.

    Signals:
        changed(): another report, or another state.
        progress(int, int): images done, images in all.
        failed(str): a sentence on why the check ended.

    Attributes:
        limits: the thresholds, by the key of each.
        report: what was found, without what was fixed since; None before the first check of the project.
        judged: what labels are to a network, as the search for label errors found them; None before the first.
        pair: label and predicted class of the only suspects that are listed, None for all.
    """

    changed = Signal()
    progress = Signal(int, int)
    failed = Signal(str)
    _fixed = Signal(str, str, bool)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.limits: Mapping[str, float] = default_limits()
        self.report: CheckReport | None = None
        self.judged: Sequence[Suspects] | None = None
        self.pair: tuple[int, int] | None = None
        self._to_fix: list[tuple[str, str]] = []  # image id, check
        self._number = 0
        self._worker = Worker("check", self)
        self._worker.stepped.connect(lambda step: self.progress.emit(*step))
        self._worker.finished.connect(self._on_finished)
        self._worker.failed.connect(self._on_failed)
        self._fixed.connect(self._on_fixed)
        session.project_changed.connect(self._forget)

    @property
    def running(self) -> bool:
        """Whether a check runs."""
        return self._worker.running

    @property
    def fixing(self) -> bool:
        """Whether images are being fixed."""
        return bool(self._to_fix)

    def start(self) -> None:
        """Check the open project as it is saved now."""
        from fcn_studio.jobs.checks.check import check_project

        if self._session.project is not None and not self.fixing:
            self._session.drain()
            self.report = None
            self._worker.start(check_project(self._session.project, self.limits))
            self.changed.emit()

    def cancel(self) -> None:
        """Stop the check, or the fixes, after the present image."""
        self._worker.cancel()
        self._to_fix.clear()
        self.changed.emit()

    def close(self) -> None:
        """Stop, and end the thread."""
        self._to_fix.clear()
        self._worker.close()

    def set_judged(self, judged: Sequence[Suspects]) -> None:
        """List labels that may be wrong beside the report."""
        self.judged, self.pair = judged, None
        self.changed.emit()

    def list_only(self, pair: tuple[int, int] | None) -> None:
        """List the suspects of one label and predicted class only, or all."""
        self.pair = pair
        self.changed.emit()

    @property
    def suspects(self) -> Sequence[Fault] | None:
        """Labels that may be wrong, the likeliest first; None before the first search."""
        if self.judged is None:
            return None
        table = self._session.table
        return [
            _suspect(image_id, region, table)
            for image_id, region in ranked(self.judged)
            if self.pair in (None, (region.own, region.class_index))
        ]

    def fixable_images(self, check: str) -> Sequence[str]:
        """Return the ids of the images in which a check has found what can be fixed."""
        from fcn_studio.jobs.checks.fixes import to_fix

        return [] if self.report is None else to_fix(self.report, (check,))

    def fix_open(self, check: str) -> bool:
        """Fix what a check finds in the open image, as one step, and return whether anything changed.

        Raises:
            ProjectError: if no image is open or the project is read-only.
        """
        from fcn_studio.jobs.checks.fixes import fix_document

        document = self._session.editable()
        changed = fix_document(document, self._session.table, (check,), self.limits)
        if changed:
            self._take_out(document.image_id, check)
            self.changed.emit()
        return changed

    def fix_all(self, check: str) -> None:
        """Fix what a check has found in all images.

        Raises:
            ProjectError: if the project is read-only.
        """
        if self._session.document is not None:
            self._session.editable()
        self._session.drain()
        self._to_fix = [(image_id, check) for image_id in self.fixable_images(check)]
        self._number = len(self._to_fix)
        self._fix_next()
        self.changed.emit()

    def _fix_next(self) -> None:
        session = self._session
        while self._to_fix and session.project is not None:
            image_id, check = self._to_fix[0]
            if session.document is None or session.document.image_id != image_id:
                sample = session.project.sample(image_id)
                fix = _Fix(session.project, sample, check, self.limits, self._fixed.emit)
                if session.autosave.write_other(fix):
                    return
            else:
                self.fix_open(check)
            del self._to_fix[0]

    def _on_fixed(self, image_id: str, check: str, fixed: bool) -> None:
        if fixed:
            self._take_out(image_id, check)
        if (image_id, check) in self._to_fix:
            self._to_fix.remove((image_id, check))
            self.progress.emit(self._number - len(self._to_fix), self._number)
            self._fix_next()
            self.changed.emit()

    def _take_out(self, image_id: str, check: str) -> None:
        """Take what was fixed in an image out of the report."""
        if self.report is None:
            return
        faults = (
            _without(fault, image_id) if fault.check == check and fault.fixable else fault
            for fault in self.report.faults
        )
        self.report = replace(self.report, faults=tuple(fault for fault in faults if fault is not None))

    def _forget(self) -> None:
        self.report = self.judged = self.pair = None
        self.cancel()

    def _on_finished(self, report: CheckReport) -> None:
        self.report = report
        self.changed.emit()

    def _on_failed(self, error: Exception) -> None:
        self.changed.emit()
        if isinstance(error, FcnStudioError):  # anything else was reported as a bug
            self.failed.emit(str(error))


def _suspect(image_id: str, region: Hotspot, table: ClassTable) -> Fault:
    """Return a region whose label may be wrong as a fault."""
    sentence = tr(
        "{own} may be {guess} ({probability:.0%}).",
        own=table.name_of(region.own),
        guess=table.name_of(region.class_index),
        probability=region.probability,
    )
    return Fault(sentence, region.rect, (image_id,), check=SUSPECTS)


def _without(fault: Fault, image_id: str) -> Fault | None:
    """Return a fault without one of its images, None if it has no other."""
    left = tuple(image for image in fault.images if image != image_id)
    return replace(fault, images=left) if left else None
