"""The start of the program: application object, logs, hooks, parts and window."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from fcn_studio import i18n
from fcn_studio.core.training import Level
from fcn_studio.errors import FcnStudioError, UsageError
from fcn_studio.i18n import tr
from fcn_studio.paths import resource
from fcn_studio.settings import Settings
from fcn_studio.ui.actions.keys import key_of
from fcn_studio.ui.network.network_parts import NetworkParts
from fcn_studio.ui.network.network_process import JobProcess, NetworkProcess
from fcn_studio.ui.runtime.crash_marker import CrashMarker, take_unexpected_ends
from fcn_studio.ui.runtime.garbage_collection import GuiThreadGarbageCollector
from fcn_studio.ui.runtime.language import translate_qt
from fcn_studio.ui.runtime.logs import log_to
from fcn_studio.ui.runtime.platform_probe import has_display
from fcn_studio.ui.runtime.unix_signals import QuitSignals
from fcn_studio.ui.runtime.user_messages import Messages, bugs_reported
from fcn_studio.ui.session.session import Session
from fcn_studio.ui.session.toolbox import Toolbox
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.window.main_window import MainWindow

DEMO_MARK = Path(".fcn-studio") / "demo"
DEMO_MINUTES = 0.5
"""Time that the demo proposes for a full fine-tuning; it promises less than a minute on a CPU."""

WARM_UP_MS = 1500
"""Milliseconds until the network's process loads torch, so that Ctrl+I is quick."""


@dataclass
class Studio:
    """Parts of a running program that live as long as the window."""

    settings: Settings
    toolbox: Toolbox
    session: Session
    network: NetworkParts
    window: MainWindow

    def shut_down(self) -> None:
        """End all threads and the network's process.

        The project must be closed.
        """
        self.network.shut_down()
        self.session.shut_down()


def build(settings: Settings, process: JobProcess | None = None) -> Studio:
    """Make the parts and the window without showing it.

    Tests pass a ``process`` of their own.
    """
    toolbox = Toolbox()
    session = Session(settings, toolbox)
    network = NetworkParts.make(session, process or NetworkProcess())
    messages = Messages()
    window = MainWindow(session, toolbox, network, settings, messages)
    messages.setParent(window)
    studio = Studio(settings, toolbox, session, network, window)
    window.demo_requested.connect(lambda: open_demo(studio))
    session.project_changed.connect(lambda: _greet_demo(studio))
    return studio


def open_demo(studio: Studio) -> None:
    """Make a fresh demo project in a temporary folder and open it."""
    import tempfile

    from fcn_studio.jobs.demo import make_demo

    folder = make_demo(Path(tempfile.mkdtemp(prefix="fcn-studio-demo-")) / "micrographs")
    studio.window.open_folder(folder)


def _greet_demo(studio: Studio) -> None:
    """Say what to do in a demo project.

    A training of half a minute is proposed.
    """
    project = studio.session.project
    if project is None or not (project.folder / DEMO_MARK).is_dir():
        return
    studio.window.training_dock.propose(Level.FULL, DEMO_MINUTES)
    studio.window.layout_.show_below(studio.window.training_dock)
    studio.window.messages.say(
        tr(
            "Demo: 24 drawn micrographs, 2 of them labelled. Live has learned from these: paint, and press {accept} "
            "to accept its prediction. Fine-tune ({fine_tune}) trains the network on all that you labelled.",
            accept=key_of("auto_segment"),
            fine_tune=key_of("fine_tune"),
        )
    )


def application(arguments: list[str] | None = None, *, scale: int = 100) -> QApplication:
    """Return the application object with names and fonts.

    ``scale`` enlarges everything by so many percent, in addition to the scale of the desktop.

    Raises:
        UsageError: if there is no display to open a window on.
    """
    refuse_without_display()
    with qt_scale(scale):
        app = QApplication.instance() or QApplication(arguments or sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setApplicationName("FCN Studio")
    app.setApplicationDisplayName("FCN Studio")
    app.setDesktopFileName("fcn-studio")
    app.setWindowIcon(QIcon(str(resource("desktop", "fcn-studio-128.png"))))
    theme.install_fonts()
    return app


@contextmanager
def qt_scale(percent: int) -> Iterator[None]:
    """Multiply the scale that Qt reads when the application object is made.

    Programs that are started later get the environment as it was.
    """
    name = "QT_SCALE_FACTOR"
    before = os.environ.get(name)
    try:
        factor = float(before or 1)
    except ValueError:
        factor = 1.0
    if percent != 100:
        os.environ[name] = f"{factor * percent / 100:g}"
    try:
        yield
    finally:
        if before is not None:
            os.environ[name] = before
        else:
            os.environ.pop(name, None)


def refuse_without_display() -> None:
    """Raise an error without a display, where Qt would abort the process.

    Raises:
        UsageError: if there is no display.
    """
    if not has_display():
        raise UsageError(
            tr(
                "there is no display to open a window on. Use the commands segment, train, evaluate and export, or "
                "run under Xvfb (xvfb-run fcn-studio), or set QT_QPA_PLATFORM=offscreen for a hidden window."
            )
        )


def run_window(
    folder: Path | None, signals: QuitSignals, *, break_lock: bool = False, max_pixels: int | None = None
) -> int:
    """Open the window, run it, and return the exit code.

    Args:
        folder: folder to open, or an image in it.
        signals: signals since the start of the program.
        break_lock: break the lock of the project.
        max_pixels: largest image for this time, in place of the setting.

    Raises:
        UsageError: if there is no display, or ``folder`` does not exist.
    """
    if folder is not None and not (folder.is_dir() or folder.is_file()):
        raise UsageError(
            tr(
                "'{folder}' is no folder and no file; give a folder of images or an image, or nothing at all",
                folder=folder,
            )
        )
    settings = Settings()
    app = application(scale=settings.interface_scale)
    with CrashMarker() as log_file:
        log_to(log_file)
        return _run(app, settings, folder, break_lock, max_pixels, signals)


def _run(
    app: QApplication,
    settings: Settings,
    folder: Path | None,
    break_lock: bool,
    max_pixels: int | None,
    signals: QuitSignals,
) -> int:
    if max_pixels is not None:
        settings.use_for_now("max_pixels", max_pixels)
    i18n.remember()
    translate_qt()
    theme.apply(app, settings.theme)
    studio = build(settings)
    with bugs_reported(studio.window.messages):
        studio.window.closed.connect(app.exit)  # even if other windows are open
        signals.connect(studio.window.close_at_once)
        studio.window.show()
        gc.freeze()
        GuiThreadGarbageCollector(studio.window)
        QTimer.singleShot(0, studio.window, lambda: _tell_ended(studio, folder))
        if folder is not None:
            QTimer.singleShot(0, studio.window, lambda: _open(studio, folder, break_lock))
        QTimer.singleShot(WARM_UP_MS, studio.window, studio.network.process.warm_up)
        try:
            return app.exec()
        finally:
            studio.session.close_project(discard=True)
            studio.shut_down()


def _tell_ended(studio: Studio, asked: Path | None) -> None:
    """Report that the program ended unexpectedly, and name the folders with unsaved work that are not opened now."""
    ended = take_unexpected_ends()
    if ended:
        from fcn_studio.formats.journal.journal_folder import folders_with_strokes
        from fcn_studio.ui.commands.report import report_text, unexpected_ends_text

        text = f"{unexpected_ends_text(ended)}\n{report_text(studio.window.messages, studio.network.device.words)}"
        kept = [
            folder for folder in folders_with_strokes() if asked is None or not asked.resolve().is_relative_to(folder)
        ]
        studio.window.message_presenter.report_unexpected_end(text, kept, studio.window.open_folder)


def _open(studio: Studio, folder: Path, break_lock: bool) -> None:
    if not break_lock:
        studio.window.open_folder(folder)
        return
    try:
        studio.session.open_folder(folder, break_lock=True)
    except FcnStudioError as error:
        studio.window.messages.fail(str(error))
