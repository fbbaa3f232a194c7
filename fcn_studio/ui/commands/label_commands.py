"""Commands that label many pixels of the open image at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from fcn_studio.core.classes import VOID
from fcn_studio.core.document import Document
from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import Labels, Provenance
from fcn_studio.errors import ProjectError
from fcn_studio.i18n import tr, tr_n, tr_noop
from fcn_studio.ui.canvas.canvas import Canvas
from fcn_studio.ui.runtime.user_messages import Messages
from fcn_studio.ui.session.session import Session

if TYPE_CHECKING:  # start-up: what only a command needs is imported where it is used
    from fcn_studio.core.regions.gaps import Parts
    from fcn_studio.ui.dialogs.clean_dialog import Place


class LabelCommands:
    """Fills gaps, cleans labels, and copies labels from image to image.

    Each command is one undo step. Classes that are hidden or locked keep their pixels.
    """

    def __init__(self, session: Session, messages: Messages, canvas: Canvas, window: QWidget) -> None:
        """Prepare.

        Args:
            session: the open image and its tools.
            messages: to the user.
            canvas: what shows the image.
            window: parent of dialogs.
        """
        self._session, self._messages, self._canvas, self._window = session, messages, canvas, window
        self._hovered: tuple[int, int] | None = None
        canvas.hovered.connect(self._hover)

    def _hover(self, pixel: tuple[int, int] | None) -> None:
        self._hovered = pixel

    def table(self) -> Mapping[str, Callable[[], object]]:
        """Return what each action does, by its name."""
        return {
            "fill_unlabelled": self.fill_unlabelled,
            "fill_gaps": self.fill_from_nearest,
            "copy_previous": self.copy_previous,
            "copy_labels": self.copy_labels,
            "paste": self.paste,
            "clean": self.clean,
        }

    def clean(self) -> None:
        """Ask how to clean the labels, with a preview, and do it.

        Raises:
            ProjectError: if no image is open or the project is read-only.
        """
        from fcn_studio.ui.dialogs.clean_dialog import CleanDialog

        session, canvas = self._session, self._canvas
        document = session.editable()
        labels = Labels(document.label_map, document.provenance)
        info = session.table.get(session.toolbox.class_index)
        if info is None:
            raise ProjectError(tr("Choose a class first; void cannot be cleaned."))
        classes = [row.index for row in session.table.active]
        image, active = session.toolbox.image_rgb, (info.index, info.name)
        dialog = CleanDialog(
            document, image, classes, active, self._place(document), canvas.set_outlined, self._window
        )
        if dialog.asked() and session.document is document:
            find = partial(dialog.choice().of, labels, image)
            session.toolbox.tool.write(document, tr_noop("Clean"), find, labels.label_map.size)

    def _place(self, document: Document) -> Place:
        """Return what is in view, and the pixel under the cursor if it has a class."""
        from fcn_studio.ui.dialogs.clean_dialog import Place

        view = self._canvas.view
        frame = Rect(0, 0, document.width, document.height)
        if view is not None:
            corners = (view.to_image(0, 0), view.to_image(view.width, view.height))
            (x0, y0), (x1, y1) = ((round(x), round(y)) for x, y in corners)
            frame = Rect(x0, y0, x1, y1).intersect(frame)
        if self._hovered is None:
            return Place(frame)
        x, y = self._hovered
        index = int(document.label_map[y, x])
        return Place(frame) if index == VOID else Place(frame, (x, y), self._session.table.name_of(index))

    def fill_unlabelled(self) -> None:
        """Give all unlabelled pixels the active class.

        Raises:
            ProjectError: if no image is open or the project is read-only.
        """
        from fcn_studio.core.regions import gaps

        self._session.toolbox.show_active()
        value = self._session.toolbox.class_index
        self._fill(tr_noop("Fill unlabelled"), lambda labels: gaps.unlabelled(labels, value))

    def fill_from_nearest(self) -> None:
        """Give each unlabelled pixel the class of the nearest labelled one.

        Raises:
            ProjectError: if no image is open or the project is read-only.
        """
        from fcn_studio.core.regions.gaps import from_nearest

        self._fill(tr_noop("Fill gaps"), from_nearest)

    def copy_previous(self) -> None:
        """Copy the labels of the previous image to the unlabelled pixels of the open one.

        They count as of unknown origin: no network writes over them, and no training uses them before the image is
        verified.

        Raises:
            ProjectError: if no image is open, the project is read-only, there is no previous image, or it has
                another size or no labels.
            MaskError: if its mask cannot be read.
        """
        from fcn_studio.core.regions.gaps import copied

        document = self._session.editable()
        found = self._previous(document)
        parts = copied(Labels(document.label_map, document.provenance), found)
        if not parts:
            self._messages.say(tr("The previous image has no label where this one has none."))
            return
        title, pixels = tr_noop("Copy from the previous image"), found.label_map.size
        self._session.toolbox.tool.write(document, title, lambda: parts, pixels, Provenance.UNKNOWN)

    def copy_labels(self) -> None:
        """Copy the labels inside the selection, or all labels of the open image.

        Raises:
            ProjectError: if no image is open.
        """
        from fcn_studio.core.regions.selection import copied_labels

        document, toolbox = self._session.document, self._session.toolbox
        if document is None:
            raise ProjectError(tr("No image is open. Open a folder of images first."))
        self._session.settle()
        found = copied_labels(Labels(document.label_map, document.provenance), toolbox.selection)
        if found is None:
            self._messages.say(tr("Nothing is labelled here that could be copied."))
            return
        toolbox.copied = found
        self._messages.say(
            tr_n(
                "The labels of {n} pixel are copied. Paste them into any image.",
                "The labels of {n:,} pixels are copied. Paste them into any image.",
                found.region.area,
            )
        )

    def paste(self) -> None:
        """Show the copied labels above the open image, to be moved and kept.

        Raises:
            ProjectError: if no image is open or the project is read-only.
        """
        self._session.editable()
        if self._session.toolbox.copied is None:
            self._messages.say(tr("No labels are copied yet."))
        self._session.toolbox.paste()

    def _fill(self, title: str, find: Callable[[Labels], Parts]) -> None:
        document = self._session.editable()
        labels = Labels(document.label_map, document.provenance)
        if labels.provenance.all():
            self._messages.say(tr("Every pixel of this image is labelled."))
            return
        self._session.toolbox.tool.write(document, title, partial(find, labels), labels.label_map.size)

    def _previous(self, document: Document) -> Labels:
        """Return the labels of the image before the open one."""
        from fcn_studio.formats.images.images import image_size

        session = self._session
        project, row = session.project, session.index - 1
        assert project is not None
        if row < 0:
            raise ProjectError(tr("There is no previous image."))
        session.drain()
        sample = session.samples[row]
        size = image_size(sample.image_path, max_pixels=project.max_pixels)
        if size != (document.width, document.height):
            raise ProjectError(
                tr("{image} has another size than this image. Its labels do not fit.", image=sample.image_id)
            )
        return project.annotations.load(sample, size, peek=True).labels
