"""Commands of the Check dock: showing it, going to faults, and fixing them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QDockWidget, QWidget

from fcn_studio.core.region import StencilRegion
from fcn_studio.i18n import tr, tr_n
from fcn_studio.ui.canvas.canvas import Canvas
from fcn_studio.ui.runtime.user_messages import ActionDoor, Messages

if TYPE_CHECKING:  # start-up: the dock and what it needs are made when it is first shown
    from fcn_studio.core.checks.fault import Fault
    from fcn_studio.core.review.suspects import Suspects
    from fcn_studio.ui.docks.check_dock import CheckDock
    from fcn_studio.ui.network.label_errors import LabelErrors
    from fcn_studio.ui.network.network_parts import NetworkParts
    from fcn_studio.ui.session.data_check import DataCheck
    from fcn_studio.ui.session.session import Session


class CheckCommands(QObject):
    """Shows the Check dock, and does what it asks for.

    Attributes:
        dock: None until it is first shown.
    """

    def __init__(
        self,
        canvas: Canvas,
        session: Session,
        network: NetworkParts,
        messages: Messages,
        door: ActionDoor,
        show: Callable[[QDockWidget], None],
        window: QWidget,
    ) -> None:
        """Prepare.

        Args:
            canvas: shows the place of a fault.
            session: opens its image.
            network: searches for label errors.
            messages: to the user.
            door: shows errors.
            show: puts a dock into the window and shows it.
            window: parent of dialogs.
        """
        super().__init__(window)
        self._canvas, self._session, self._network = canvas, session, network
        self._messages, self._door = messages, door
        self._show_dock, self._window = show, window
        self.dock: CheckDock | None = None
        self._check: DataCheck | None = None
        self._errors: LabelErrors | None = None
        self._outlined = False  # the walk outlines regions too, and its outline is its own

    def table(self) -> Mapping[str, Callable[[], object]]:
        """Return what each action does, by its name."""
        return {"check": self.show, "label_errors": self.find_label_errors}

    def show(self) -> None:
        """Show the dock."""
        if self.dock is None:
            self._make()
        assert self.dock is not None
        self._show_dock(self.dock)
        self.dock.start.setFocus()

    def find_label_errors(self) -> None:
        """Show the dock, and let the network look for labels that may be wrong."""
        self.show()
        assert self._errors is not None
        self._errors.start()

    def close(self) -> None:
        """End the threads of the dock."""
        if self._check is not None and self._errors is not None:
            self._check.close()
            self._errors.close()

    def _make(self) -> None:
        from fcn_studio.ui.canvas.view_motion import ViewMotion
        from fcn_studio.ui.docks.check_dock import CheckDock
        from fcn_studio.ui.network.label_errors import LabelErrors
        from fcn_studio.ui.session.data_check import DataCheck

        self._check = DataCheck(self._session, self)
        self._check.failed.connect(self._messages.fail)
        self._errors = LabelErrors(self._session, self._network.job_list, self._network.device, self)
        self._errors.problem.connect(self._messages.fail)
        self._errors.found.connect(self.list_suspects)
        self._motion = ViewMotion(self._canvas)
        self.dock = CheckDock(self._session, self._check, self._window)
        self.dock.thresholds_wanted.connect(self._ask_thresholds)
        self.dock.matrix_wanted.connect(self._show_matrix)
        self.dock.chosen.connect(lambda fault: self._door.run(lambda: self._go_to(fault)))
        self.dock.fix_here.connect(lambda name: self._door.run(lambda: self._fix_here(name)))
        self.dock.fix_all.connect(lambda name: self._door.run(lambda: self._fix_all(name)))
        self.dock.done.connect(self._canvas.setFocus)
        self._session.edited.connect(self._forget_outline)

    def _ask_thresholds(self) -> None:
        """Ask for the thresholds, and check with them."""
        from fcn_studio.ui.dialogs.settings_dialog import ThresholdsDialog

        assert self._check is not None
        dialog = ThresholdsDialog(self._check.limits, self._window)
        if dialog.asked():
            self._check.limits = dialog.limits()
            self._check.start()

    def _show_matrix(self) -> None:
        """Show which classes the network contradicts, and list the suspects of the chosen cell only."""
        from fcn_studio.ui.dialogs.confusion_dialog import ConfusionDialog

        assert self._check is not None
        assert self._check.judged is not None
        dialog = ConfusionDialog(self._check.judged, self._session.table, self._window)
        if dialog.asked():
            self._check.list_only(dialog.pair)
            for first in (self._check.suspects or ())[:1]:
                self._door.run(partial(self._go_to, first))

    def _go_to(self, fault: Fault) -> None:
        """Open the image of a fault and show the place; of several images, the one after the open one.

        Raises:
            ImageError, MaskError, ProjectError: if the image or its mask cannot be read.
        """
        document = self._session.document
        image_id = fault.images[0]
        if document is not None and document.image_id in fault.images and len(fault.images) > 1:
            image_id = fault.images[(fault.images.index(document.image_id) + 1) % len(fault.images)]
        row = self._session.row_of(image_id)
        if row is None:
            return
        self._session.go_to(row)
        if fault.rect is not None and image_id == fault.images[0]:
            inside = np.ones((fault.rect.height, fault.rect.width), np.uint8)
            self._canvas.set_outlined(StencilRegion(fault.rect, inside))
            self._outlined = True
            self._motion.go_to(fault.rect)

    def _forget_outline(self) -> None:
        """Outline a fault no longer: its image has changed, or another one is open."""
        if self._outlined:
            self._outlined = False
            self._canvas.set_outlined(None)

    def list_suspects(self, judged: Sequence[Suspects]) -> None:
        """List labels that may be wrong in the dock."""
        assert self._check is not None
        self._check.set_judged(judged)
        if not self._check.suspects:
            self._messages.say(tr("The network contradicts no label of a verified image."))

    def _fix_here(self, name: str) -> None:
        """Fix what a check found in the open image. Raises: ProjectError if the project is read-only."""
        assert self._check is not None
        if not self._check.fix_open(name):
            self._messages.say(tr("Nothing was left to fix in this image, or its classes are hidden or locked."))

    def _fix_all(self, name: str) -> None:
        """Fix what a check found in all images, if the user agrees. Raises: ProjectError as `_fix_here`."""
        from fcn_studio.formats.checks.registry import BY_NAME
        from fcn_studio.ui.dialogs.questions import ConfirmationDialog

        assert self._check is not None
        images = len(self._check.fixable_images(name))
        dialog = ConfirmationDialog(tr("Fix all of this kind"), tr("Fix them"), self._window)
        dialog.add_words(
            tr_n(
                "{kind} in {n} image get the class around them.",
                "{kind} in {n:,} images get the class around them.",
                images,
                kind=tr(BY_NAME[name].title),
            )
        )
        dialog.add_words(
            tr("The masks as they are now are kept as earlier versions. Image > Restore brings them back."), "dim"
        )
        if dialog.asked():
            self._check.fix_all(name)
