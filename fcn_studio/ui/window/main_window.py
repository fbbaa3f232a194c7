"""The main window, which puts session, actions, commands, docks and canvas together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QLabel,
    QMainWindow,
    QStackedWidget,
    QToolBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from fcn_studio.errors import FcnStudioError
from fcn_studio.i18n import tr
from fcn_studio.settings import Settings
from fcn_studio.tools.options import BRUSH_SHAPE, BRUSH_SIZE
from fcn_studio.ui.actions.qt_actions import Actions, HeldKey
from fcn_studio.ui.actions.table import ACTIONS, TOOL_NAMES, class_keys
from fcn_studio.ui.canvas.canvas import Canvas
from fcn_studio.ui.commands.check_commands import CheckCommands
from fcn_studio.ui.commands.class_commands import ClassCommands
from fcn_studio.ui.commands.commands import Commands
from fcn_studio.ui.commands.file_commands import FileCommands
from fcn_studio.ui.commands.key_commands import KeyCommands
from fcn_studio.ui.commands.label_commands import LabelCommands
from fcn_studio.ui.commands.live_commands import LiveCommands
from fcn_studio.ui.commands.network_menu import NetworkMenu
from fcn_studio.ui.commands.open_folder import dropped_path
from fcn_studio.ui.commands.split_commands import SplitCommands
from fcn_studio.ui.commands.training_commands import TrainingCommands
from fcn_studio.ui.commands.view_commands import ViewCommands
from fcn_studio.ui.commands.walk_commands import WalkCommands
from fcn_studio.ui.docks.classes_dock import ClassesDock
from fcn_studio.ui.docks.files_dock import FilesDock
from fcn_studio.ui.docks.layers_dock import LayersDock
from fcn_studio.ui.docks.training_dock import TrainingDock
from fcn_studio.ui.runtime import language
from fcn_studio.ui.runtime.guard import guarded
from fcn_studio.ui.runtime.user_messages import ActionDoor, Messages
from fcn_studio.ui.saving.autosave import SaveState
from fcn_studio.ui.widgets import class_colours, theme
from fcn_studio.ui.widgets.bar_buttons import DuplicateConnectionFilter
from fcn_studio.ui.widgets.class_colours import on_screen
from fcn_studio.ui.widgets.focus_ring import WITHOUT, FocusRing
from fcn_studio.ui.widgets.message_strip import MessageStrip
from fcn_studio.ui.widgets.named import named, with_role
from fcn_studio.ui.widgets.welcome import Welcome
from fcn_studio.ui.window.layout import Docks, Layout
from fcn_studio.ui.window.message_presenter import MessagePresenter
from fcn_studio.ui.window.options_bar import OptionsBar
from fcn_studio.ui.window.recent_folders import RecentFolders
from fcn_studio.ui.window.status_line import StatusLine
from fcn_studio.ui.window.title import window_title

if TYPE_CHECKING:
    from fcn_studio.ui.network.network_parts import NetworkParts
    from fcn_studio.ui.session.session import Session
    from fcn_studio.ui.session.toolbox import Toolbox


class MainWindow(QMainWindow):
    """Window with menus, bars, docks and status bar around the canvas.

    Signals:
        demo_requested(): the user wants the demo project.
        closed(): the window was closed and everything is saved.

    Attributes:
        messages: all messages to the user.
        message_presenter: shows the messages.
        actions_: every action by name.
        check: the commands of the Check dock.
    """

    demo_requested = Signal()
    closed = Signal()

    def __init__(
        self,
        session: Session,
        toolbox: Toolbox,
        network: NetworkParts,
        settings: Settings,
        messages: Messages | None = None,
    ) -> None:
        super().__init__()
        self._session, self._toolbox, self._network, self._settings = session, toolbox, network, settings
        self.messages = messages or Messages(self)
        self._door = ActionDoor(self.messages, self._offer_way_out)
        class_colours.use(settings.screen_colours)
        self.canvas = Canvas()
        self.canvas.setProperty(WITHOUT, True)
        self.actions_ = Actions(self, self._door, settings)
        self._commands = Commands(session, network, settings, self.messages, self)
        self.setAcceptDrops(True)
        FocusRing(self)
        self._make_centre()
        self._make_bars()
        self._make_docks()
        self.message_presenter = MessagePresenter(
            self.messages, self._strip, self.status_line, self._door, session, network.device, self
        )
        self._bind()
        self._follow()
        self.setStyleSheet(theme.style_sheet(theme.current()))
        self._recall()
        self._project_changed()

    # --- construction -----------------------------------------------------------------------------------------

    def _make_centre(self) -> None:
        self._welcome = Welcome(self.actions_["open_folder"], self.actions_["demo"])
        self._pages = QStackedWidget()
        self._pages.addWidget(self._welcome)
        self._pages.addWidget(self.canvas)
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._pages)
        self._strip = MessageStrip(centre)
        self.setCentralWidget(centre)

    def _make_bars(self) -> None:
        self.actions_.fill(self.menuBar())
        networks = self._commands.networks
        self._network_menu = NetworkMenu(
            self.actions_.menus["Network"],
            self.actions_["networks"],
            lambda: networks.rows,
            self._network.library,
            networks.use_behind_door,
        )
        recent = self.actions_.menus["File"].addMenu(tr("Open &recent"))
        self.actions_.menus["File"].insertMenu(self.actions_["demo"], recent)
        self._recent = RecentFolders(recent, self._welcome, self._settings, self.open_folder)
        self._network_words = named(QLabel(), tr("Network in use"), tr("Network that labels your images"))
        with_role(self._network_words, "dim")
        self._network_words.setContentsMargins(theme.GRID, theme.GRID // 4, 2 * theme.GRID, 0)
        self._network_words.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.menuBar().setCornerWidget(self._network_words)
        self.options_bar = OptionsBar(self._session)
        for name in ("live", "auto_segment", "fine_tune"):
            self.options_bar.add_button(self.actions_.with_icon(name))
        self.options_bar.add_button(self.actions_.with_icon("verify", "on_accent"), main=True)
        self.addToolBar(Qt.ToolBarArea.TopToolBarArea, self.options_bar)
        self._tools = QToolBar(tr("Tools"))
        self._tools.setObjectName("toolBar")
        self._tools.setMovable(False)
        self._tools.setIconSize(QSize(20, 20))
        for name in (*TOOL_NAMES, "", "undo", "redo", "", "fit", "one_to_one"):
            if name:
                self._tools.addAction(self.actions_.with_icon(name))
            else:
                self._tools.addSeparator()
        for button in self._tools.findChildren(QToolButton):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.addToolBar(Qt.ToolBarArea.LeftToolBarArea, self._tools)
        DuplicateConnectionFilter(self)
        self.status_line = StatusLine(self._session, self._network.job_list, self._network.device, self._network.live)
        self.setStatusBar(self.status_line)

    def _make_docks(self) -> None:
        self.classes_dock = ClassesDock(self._session, self._door)
        self.layers_dock = LayersDock(self.canvas.layers, self._session.grey_display, self._door)
        self.files_dock = FilesDock(self._session, self._door, self._network.stored)
        self.training_dock = TrainingDock(self._session, self._network, self._settings, self._door)
        self._docks = (self.classes_dock, self.layers_dock, self.files_dock, self.training_dock)
        self.layout_ = Layout(
            self,
            Docks(self.classes_dock, self.layers_dock, self.files_dock, [self.training_dock]),
            [self._tools, self.options_bar],
            self.actions_["toggle_docks"],
            self.actions_["canvas_only"],
        )
        self._training = TrainingCommands(
            self.training_dock, self.layout_.show_below, self._settings, self.messages, self
        )
        self._reset_layout()

    def _reset_layout(self) -> None:
        self.layout_.reset(shown=self._session.project is not None)

    def _bind(self) -> None:
        """Bind every action to a command."""
        self._labels = LabelCommands(self._session, self.messages, self.canvas, self)
        for name, act in (*self._commands.table().items(), *self._labels.table().items()):
            self.actions_.bind(name, act)
        for name, act in (
            ("demo", self.demo_requested.emit), ("quit", self.close),
            ("add_class", self.classes_dock.start_adding), ("find_class", self.classes_dock.start_finding),
            ("canvas_only", self._toggle_canvas_only), ("toggle_docks", self._toggle_docks),
            ("reset_layout", self._reset_layout),
            ("next_part", self.focusNextChild),
        ):  # fmt: skip
            self.actions_.bind(name, act)
        self._files = FileCommands(
            self._session,
            self._network.auto_segment,
            self.files_dock,
            SplitCommands(self._session, self.files_dock, self.actions_, self.messages, self),
            self.actions_,
            self._settings,
            self.messages,
            self,
        )
        self._classes = ClassCommands(
            self._session,
            self._network.job_list,
            self._commands.exporter,
            self.classes_dock,
            self.actions_,
            self.messages,
            self,
        )
        self._view = ViewCommands(self.canvas, self._session, self._settings, self.actions_, self.messages)
        self._network.comparison.predicted.connect(self._view.wipe_between)
        self._live = LiveCommands(self.canvas, self._session, self._network, self.actions_, self._door)
        self._peek = HeldKey(self.actions_["peek"], self.canvas.layers.set_peeking)
        self.check = CheckCommands(
            self.canvas, self._session, self._network, self.messages, self._door, self.layout_.show_below, self
        )
        self._walk = WalkCommands(self.canvas, self._session, self.messages, self._door)
        self._keys = KeyCommands(
            self.actions_, self._session, self._network.live, self._walk.walk, self._settings, self._door,
            self.open_folder, self,
        )  # fmt: skip
        for name, act in (*self._walk.table().items(), *self.check.table().items(), *self._training.table().items()):
            self.actions_.bind(name, act)
        self.canvas.addActions([self.actions_[spec.name] for spec in ACTIONS if spec.on_canvas])
        self.actions_.class_key.connect(self._class_key)

    def _follow(self) -> None:
        """Connect signals of the parts."""
        session, toolbox, network, canvas = self._session, self._toolbox, self._network, self.canvas
        session.project_changed.connect(self._project_changed)
        session.document_changed.connect(self._document_changed)
        session.pictures.arrived.connect(canvas.layers.picture_changed)
        session.edited.connect(self._show_history)
        session.edited.connect(self._show_title)
        session.saved.connect(self._show_title)
        session.table_changed.connect(self._table_changed)
        session.recovered.connect(
            lambda text: self.messages.offer(text, tr("What came back"), self._commands.show_recovery)
        )
        session.prediction_changed.connect(lambda: canvas.layers.set_prediction(session.prediction))
        toolbox.tool_changed.connect(self._tool_changed)
        toolbox.options_changed.connect(canvas.refresh_overlay)
        toolbox.class_changed.connect(canvas.refresh_overlay)
        toolbox.rules_changed.connect(self._rules_changed)
        toolbox.undo_changed.connect(self._show_history)
        for talker in (session, *network.speakers):
            talker.notice.connect(self.messages.say)
            talker.problem.connect(self.messages.fail)
        network.job_list.withdrawn.connect(self.messages.withdrawn)
        for changed in (network.current.changed, network.job_list.changed, network.device.changed):
            changed.connect(self._network_changed)
        canvas.hovered.connect(self.status_line.show_cursor)
        canvas.hovered.connect(session.effort.see)
        canvas.zoom_changed.connect(self.status_line.show_zoom)
        canvas.zoom_changed.connect(toolbox.follow_zoom)
        canvas.class_pick.connect(toolbox.set_class)
        canvas.brush_resize.connect(toolbox.scale_brush)
        canvas.tool_work.changed.connect(lambda: self.status_line.showMessage(canvas.tool_work.words))
        self._commands.exporter.changed.connect(self._show_jobs)
        self._commands.exporter.progress.connect(self.status_line.show_export)
        self.status_line.export_cancelled.connect(self._commands.exporter.cancel)
        for typing in (self.classes_dock, self.layers_dock, self.files_dock, self.training_dock, self.options_bar):
            typing.done.connect(canvas.setFocus)
        self._settings.watch(self._setting_changed)
        QApplication.styleHints().colorSchemeChanged.connect(self._scheme_changed)

    # --- opening and closing ----------------------------------------------------------------------------------

    def open_folder(self, folder: Path) -> None:
        """Open a folder, or that of an image.

        Errors are shown in the message strip.
        """
        self._door.run(lambda: self._commands.opening.open(folder))

    @guarded
    def closeEvent(self, event: QCloseEvent) -> None:
        event.ignore()  # if anything below fails, the window stays open with its work
        self._remember()
        if not self._commands.quitting.may_close():
            return
        if not self._session.close_project() and not self._close_and_lose():
            return
        event.accept()
        self._commands.exporter.close()
        self.check.close()
        self.files_dock.close_threads()
        self._welcome.recent.close_threads()
        super().closeEvent(event)
        self.closed.emit()

    def close_at_once(self) -> None:
        """Close the window without asking about running jobs."""
        self._commands.quitting.at_once = True
        self.close()

    def _close_and_lose(self) -> bool:
        """Close with unsaved work if the user agrees.

        The journal keeps the work.
        """
        from fcn_studio.ui.dialogs.questions import LossDialog

        dialog = LossDialog(kept=self._session.autosave.journal_holds_all, parent=self)
        return dialog.asked() and self._session.close_project(discard=True)

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.layout_.follow_window()

    @guarded
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_path(event.mimeData()) is not None:
            event.acceptProposedAction()

    @guarded
    def dropEvent(self, event: QDropEvent) -> None:
        path = dropped_path(event.mimeData())
        if path is not None:
            event.acceptProposedAction()
            self.open_folder(path)

    @guarded
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self.actions_.key_by_place(event):
            super().keyPressEvent(event)

    # --- what changes elsewhere -------------------------------------------------------------------------------

    def _project_changed(self) -> None:
        there = self._session.project is not None
        self._pages.setCurrentWidget(self.canvas if there else self._welcome)
        self.layout_.show_parts(there)
        (self.canvas if there else self._welcome).setFocus()
        self._recent.show()
        self._table_changed()
        self._rules_changed()
        self._tool_changed()
        self._document_changed()
        self._network_changed()

    def _table_changed(self) -> None:
        self.canvas.layers.set_table(on_screen(self._session.table))
        self.actions_.set_class_keys(class_keys(self._session.table))

    def _document_changed(self) -> None:
        self.canvas.set_document(self._session.document, self._session.picture)
        self._show_why_empty()
        self._refresh()

    def _show_why_empty(self) -> None:
        """Say on the canvas why it shows no image."""
        if self._session.opening and self._session.samples:  # the first is about to be shown
            self.canvas.set_empty_text("")
        elif self._session.project is not None:
            found = (finding.sentence for finding in self._session.project.opening.findings)
            self.canvas.set_empty_text(
                tr("No image is open.")
                if self._session.samples
                else "\n".join((tr("This folder has no image."), *found))
            )

    def _tool_changed(self) -> None:
        self.actions_[self._toolbox.tool_name].setChecked(True)
        self.canvas.set_tool(None if self._session.read_only else self._toolbox.tool)

    def _rules_changed(self) -> None:
        self.canvas.layers.set_hidden(self._toolbox.hidden)
        self.canvas.set_selection(self._toolbox.selection)
        for only in ("unlabelled", "over", "predicted"):
            self.actions_[f"only_{only}"].setChecked(self._toolbox.where.only == only)

    def _network_changed(self) -> None:
        self._network_words.setText(self._network.current.summary)
        self._network_words.setMinimumWidth(self._network_words.sizeHint().width())
        self.menuBar().setCornerWidget(self._network_words)  # else it keeps its old width
        self._show_jobs()

    def _refresh(self) -> None:
        """Offer what makes sense for the open project and image."""
        session = self._session
        self.actions_.set_available(
            project=session.project is not None,
            document=session.document is not None,
            writable=not session.read_only,
        )
        self.actions_["take_over"].setVisible(session.read_only)
        self._show_history()
        self._show_jobs()
        self._show_title()

    def _show_history(self) -> None:
        """Offer undo and redo, and say what they would do."""
        document = self._session.document
        writable = document is not None and not self._session.read_only
        history = document.history if document is not None else None
        corner = self._toolbox.tool.undo_title
        undo_title, redo_title = corner or (history and history.undo_title), history and history.redo_title
        undo, redo = self.actions_["undo"], self.actions_["redo"]
        undo.setEnabled(writable and bool(corner or (history and history.can_undo)))
        redo.setEnabled(writable and bool(history and history.can_redo))
        undo.setText(tr("&Undo {step}", step=tr(undo_title)) if undo_title else tr("&Undo"))
        redo.setText(tr("&Redo {step}", step=tr(redo_title)) if redo_title else tr("&Redo"))

    def _show_jobs(self) -> None:
        """Offer what depends on running jobs."""
        busy = bool(self._network.job_list.views)
        self.actions_["stop"].setEnabled(busy or self._commands.exporter.running)
        idle = self._network.job_list.only_refreshes
        self.actions_["go_back"].setEnabled(self._network.current.can_go_back and idle)
        self.actions_["go_forward"].setEnabled(self._network.current.can_go_forward and idle)

    def _show_title(self) -> None:
        self.setWindowTitle(window_title(self._session))
        unsaved = (SaveState.UNSAVED, SaveState.SAVING, SaveState.KEPT)
        self.setWindowModified(self._session.project is not None and self._session.save_state in unsaved)

    def _offer_way_out(self, error: FcnStudioError) -> bool:
        return self._commands.restore.offer(error) or self._commands.networks.offer(error)

    # --- the window's own actions -----------------------------------------------------------------------------

    def _class_key(self, key: str) -> None:
        if not self._walk.name_by_key(key):
            self._commands.pick_class_key(key)

    def _toggle_docks(self) -> None:
        self.layout_.show_docks(self.actions_["toggle_docks"].isChecked())

    def _toggle_canvas_only(self) -> None:
        self.layout_.show_parts(self._session.project is not None)

    # --- looks and layout -------------------------------------------------------------------------------------

    def retheme(self) -> None:
        """Apply the colours of the theme."""
        self.setStyleSheet(theme.style_sheet(theme.current()))
        self.actions_.retheme()
        for part in (self._strip, self.options_bar, self.status_line, *self._docks):
            part.retheme()
        self._recent.show()

    def _scheme_changed(self) -> None:
        application = QApplication.instance()
        if isinstance(application, QApplication):
            theme.apply(application, self._settings.theme)
            self.retheme()

    def _setting_changed(self, key: str) -> None:
        if key == "theme":
            self._scheme_changed()
        elif key == "language":
            language.change(self._settings.language)
            self._network.job_list.say_again()
            self._show_why_empty()
            self._network_changed()
            self._refresh()
            self._recent.show()
        elif key == "screen_colours":
            class_colours.use(self._settings.screen_colours)
            self._session.table_changed.emit()

    @guarded  # a bug here must not keep the window open
    def _remember(self) -> None:
        """Save layout, brush and tool for the next start."""
        self.layout_.save()
        self._settings.brush_size = self._toolbox.option(BRUSH_SIZE)
        self._settings.brush_shape = self._toolbox.option(BRUSH_SHAPE)
        self._settings.tool = self._toolbox.tool_name

    def _recall(self) -> None:
        """Restore layout, brush and tool."""
        self.layout_.restore()
        self._toolbox.set_option(BRUSH_SIZE, self._settings.brush_size)
        self._toolbox.set_option(BRUSH_SHAPE, self._settings.brush_shape)
        if self._settings.tool in TOOL_NAMES:
            self._toolbox.use(self._settings.tool)
        if self._settings.notice:
            self.messages.say(self._settings.notice)
