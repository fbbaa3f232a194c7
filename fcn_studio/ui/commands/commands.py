"""Commands, which are what each action does.

The window binds the table of actions to them. Dialogs and the export are imported where they are used, so that the
window starts without them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from fcn_studio.core.sample import Status
from fcn_studio.i18n import tr, tr_n
from fcn_studio.settings import Settings
from fcn_studio.ui.actions.table import TOOL_NAMES, class_keys
from fcn_studio.ui.commands.first_classes import FirstClasses
from fcn_studio.ui.commands.import_frames import ImportFrames
from fcn_studio.ui.commands.import_masks import ImportMasks
from fcn_studio.ui.commands.network_commands import NetworkCommands
from fcn_studio.ui.commands.open_folder import OpenFolder
from fcn_studio.ui.commands.opening_report import OpeningReports
from fcn_studio.ui.commands.quitting import LONG_KINDS, Quitting
from fcn_studio.ui.commands.restore import RestoreEarlier
from fcn_studio.ui.runtime.file_manager import show_folder
from fcn_studio.ui.runtime.user_messages import ActionDoor, Messages
from fcn_studio.ui.saving.exporter import Exporter

if TYPE_CHECKING:
    from fcn_studio.formats.exporters.base import ExportResult
    from fcn_studio.jobs.export import ExportForecast
    from fcn_studio.ui.dialogs.data_sets.export_dialog import ExportChoice
    from fcn_studio.ui.network.network_parts import NetworkParts
    from fcn_studio.ui.session.session import Session

Act = Callable[[], object]


class Commands(QObject):
    """The commands of session, toolbox, network and dialogs.

    Window and canvas have their own.

    Attributes:
        opening: opens folders.
        first_classes: asks for the classes of a folder that has none.
        importing: imports annotations of other programs.
        frames: imports frames of films.
        restore: brings earlier versions back.
        exporter: runs exports.
        networks: the commands on networks.
    """

    def __init__(
        self,
        session: Session,
        network: NetworkParts,
        settings: Settings,
        messages: Messages,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._session, self._network = session, network
        self._settings, self._messages, self._window = settings, messages, window
        self.opening = OpenFolder(session, settings, messages, self.may_end_jobs, window)
        self.first_classes = FirstClasses(session, self.opening, network.current, settings, messages, window)
        self.exporter = Exporter(self)
        self.importing = ImportMasks(
            session, self.opening, network.job_list, self.exporter, self.may_end_jobs, messages, window
        )
        self.frames = ImportFrames(session, self.opening, settings, messages, window)
        self.reports = OpeningReports(session, self.importing, messages, window)
        self.restore = RestoreEarlier(session, messages, self.importing.import_masks, window)
        self.networks = NetworkCommands(session, network, messages, window)
        self.quitting = Quitting(network.job_list, self.exporter, messages, window)
        self.exporter.failed.connect(messages.fail)
        self.exporter.finished.connect(self._exported)
        self._exported_to = Path()
        session.project_changed.connect(self._project_changed)

    def table(self) -> Mapping[str, Act]:
        """Return what each action does, by its name."""
        session, toolbox, network = self._session, self._session.toolbox, self._network
        tools: dict[str, Act] = {name: partial(toolbox.use, name) for name in TOOL_NAMES}
        return tools | {
            "open_folder": self.opening.ask,
            "first_classes": self.first_classes.ask,
            "take_over": self.opening.take_over,
            "save": session.autosave.save_soon,
            "export": self.export,
            "import_masks": self.importing.import_masks,
            "import_frames": self.frames.import_frames,
            "recovery": self.show_recovery,
            "opening_report": self.reports.show,
            "settings": self.change_settings,
            "close_project": self.close_project,
            "undo": session.undo,
            "redo": session.redo,
            "swap_background": toolbox.swap_with_background,
            "previous_class": toolbox.use_previous_class,
            "brush_smaller": partial(toolbox.scale_brush, 1 / 1.2),
            "brush_larger": partial(toolbox.scale_brush, 1.2),
            "next": lambda: session.step(+1),
            "previous": lambda: session.step(-1),
            "next_unverified": lambda: session.step_unverified(+1),
            "previous_unverified": lambda: session.step_unverified(-1),
            "skip": session.toggle_skip,
            "restore": self.restore.restore_open,
            "only_unlabelled": partial(toolbox.toggle_where, "unlabelled"),
            "only_over": partial(toolbox.toggle_where, "over"),
            "only_predicted": partial(toolbox.toggle_where, "predicted"),
            "select_nothing": partial(toolbox.select, None),
            "segment_folder": self.segment_folder,
            "stop": self.stop,
            "go_back": network.current.go_back,
            "go_forward": network.current.go_forward,
            "networks": self.networks.show_networks,
            "network_classes": self.networks.show_classes,
            "shortcuts": self.show_shortcuts,
            "effort": self.show_effort,
            "report": self.show_report,
            "about": self.show_about,
        }

    # --- project ----------------------------------------------------------------------------------------------

    def close_project(self) -> None:
        """Close the project, unless the user wants to wait for its jobs."""
        if self.may_end_jobs():
            self._session.close_project()

    def may_end_jobs(self) -> bool:
        """Return whether the project may be closed; ask the user if that ends jobs which take long."""
        from fcn_studio.ui.dialogs.questions import EndJobsDialog

        project, job_list = self._session.project, self._network.job_list
        jobs = [view for kind in LONG_KINDS for view in job_list.views_of(kind)]
        if project is None or not jobs:
            return True
        words = [f"{view.title}   {view.words}" for view in jobs]
        return EndJobsDialog(project.folder.name, words, self._window).asked()

    # --- classes ----------------------------------------------------------------------------------------------

    def pick_class_key(self, key: str) -> None:
        """Paint with the class of a key, if there is one."""
        index = class_keys(self._session.table).get(key)
        if index is not None:
            self._session.toolbox.set_class(index)

    # --- network ----------------------------------------------------------------------------------------------

    def segment_folder(self) -> None:
        """Ask which images to label, and start the batch."""
        from fcn_studio.ui.dialogs.questions import BatchDialog

        self._session.status_scan.look(range(len(self._session.samples)))
        counts = self._session.status_scan.counts()
        network, before = self._network.current, self._network.auto_segment.batch_network
        dialog = BatchDialog(
            counts.get(Status.NEW, 0),
            counts.get(Status.PRELABELLED, 0),
            network.name or tr("none"),
            again=bool(before) and network.info is not None and network.info.sha256 != before,
            parent=self._window,
        )
        if dialog.asked():
            self._network.auto_segment.segment_folder(include_prelabelled=dialog.include_prelabelled)

    def stop(self) -> None:
        """Stop every job and export. A fine-tune keeps its best network."""
        self.exporter.cancel()
        for job in self._network.job_list.views:
            if job.can_cancel:
                self._network.job_list.stop(job.job_id)

    # --- export -----------------------------------------------------------------------------------------------

    def export(self) -> None:
        """Ask what to export, and start it.

        Raises: ProjectError if an export is running.
        """
        from fcn_studio.jobs.export import forecast
        from fcn_studio.ui.dialogs.class_counts import ClassCounts
        from fcn_studio.ui.dialogs.data_sets.export_dialog import ExportDialog

        self.exporter.refuse_second()
        project, session = self._session.project, self._session
        if project is None:
            return
        session.status_scan.look(range(len(session.samples)))
        statuses = [session.status_scan.status(row) for row in range(len(session.samples))]
        by_sample = list(zip(session.samples, statuses, strict=True))
        expected = project.splits.expected([s for s, status in by_sample if status is Status.VERIFIED])
        images = [(status, expected.get(s.image_id) or project.splits.of(s)) for s, status in by_sample]

        def look_ahead(choice: ExportChoice, rows: Sequence[int]) -> ExportForecast:
            samples = [session.samples[row] for row in rows]
            return forecast(project, choice.out, samples, choice.exporter, choice.options)

        masks = [project.annotations.mask_path(sample) for sample in session.samples]
        counts = ClassCounts(masks, project.config.table)
        dialog = ExportDialog(images, project.folder.parent, self._window, look_ahead=look_ahead, class_counts=counts)
        if dialog.asked():
            self.start_export(dialog.choice())

    def start_export(self, choice: ExportChoice) -> None:
        """Save everything, then export what was chosen.

        Raises:
            ProjectError: if an export is running.
        """
        from fcn_studio.jobs.export import export_project

        self.exporter.refuse_second()
        project = self._session.project
        if project is None:
            return
        self._session.drain()
        self._exported_to = choice.out
        steps = export_project(project, choice.out, choice.statuses, choice.splits, choice.exporter, choice.options)
        self.exporter.start(steps)

    def _project_changed(self) -> None:
        """Cancel the export of the project that was open."""
        if self.exporter.running:
            self.exporter.cancel()
            self._messages.say(
                tr("The export to {folder} was cancelled because its project was closed.", folder=self._exported_to)
            )

    def _exported(self, result: ExportResult) -> None:
        for image_id, sentence in result.failed.items():
            self._session.note_failure(image_id, sentence)
        text = tr_n(
            "{n} image exported to {folder}.",
            "{n:,} images exported to {folder}.",
            result.images,
            folder=result.folder,
        )
        if result.failed:
            text += " " + tr_n(
                "{n} image cannot be read; the Files list says why.",
                "{n:,} images cannot be read; the Files list says why.",
                len(result.failed),
            )
        self._messages.offer(
            text, tr("Open folder"), partial(show_folder, result.folder, self._messages), lasting=True
        )

    # --- dialogs ----------------------------------------------------------------------------------------------

    def change_settings(self) -> None:
        """Let the user change settings."""
        from fcn_studio.ui.dialogs.settings_dialog import SettingsDialog

        dialog = SettingsDialog(self._settings, self._window)
        if dialog.asked():
            dialog.apply()
            if self._settings.notice:
                self._messages.fail(self._settings.notice)

    def show_recovery(self) -> None:
        """Show what was recovered from the stroke journals."""
        from fcn_studio.ui.commands.recover_strokes import apply_strokes
        from fcn_studio.ui.dialogs.recovery_dialog import RecoveryDialog

        recovery = self._session.recovery
        if recovery.came_back or recovery.left_over:
            apply = partial(apply_strokes, self._session)
            RecoveryDialog(self._session, apply, ActionDoor(self._messages), self._window).open()
        else:
            self._messages.say(tr("Nothing had to be recovered: everything was in the folder."))

    def show_shortcuts(self) -> None:
        """Show all keys."""
        from fcn_studio.ui.dialogs.help_dialogs import ShortcutsDialog

        ShortcutsDialog(self._window).open()

    def show_effort(self) -> None:
        """Show how long labelling took."""
        from fcn_studio.formats.effort_log import effort_log, read_gestures
        from fcn_studio.ui.dialogs.effort_dialog import EffortDialog

        project = self._session.project
        if project is not None:
            self._session.effort.write_now()
            gestures = read_gestures(effort_log(project.config.project_id))
            EffortDialog(gestures, project.config.table, self._window).open()

    def show_report(self) -> None:
        """Show the text for a report of a problem."""
        from fcn_studio.ui.commands.report import report_text
        from fcn_studio.ui.dialogs.help_dialogs import ReportDialog

        text = report_text(self._messages, self._network.device.words)
        ReportDialog(tr("Report"), tr("Copy this into your report of the problem:"), text, self._window).open()

    def show_about(self) -> None:
        """Show name, version, licence and paper."""
        from PySide6.QtWidgets import QMessageBox

        import fcn_studio

        text = tr(
            "<b>FCN Studio {version}</b><p>Labels photographs for semantic segmentation, and learns while you "
            "label.</p><p>BSD-3-Clause. Fully Convolutional Networks: Long, Shelhamer and Darrell, 2015.</p>",
            version=fcn_studio.__version__,
        )
        QMessageBox.about(self._window, tr("About FCN Studio"), text)
