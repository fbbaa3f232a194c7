"""Messages to the user: notices, problems, offers and reports of bugs.

An `FcnStudioError` has a sentence for the user, which is shown in the message strip. Every other exception is a bug:
it goes to `sys.excepthook`, is logged and shown as a report to copy.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType

from PySide6.QtCore import QObject, Signal

from fcn_studio.errors import FcnStudioError
from fcn_studio.ui.runtime.logs import without_content

log = logging.getLogger(__name__)

KEPT = 100
"""Number of messages that are kept for a report."""

_NUMBERS = re.compile(r"0x[0-9a-f]+|\d+")
"""Parts of a traceback that differ between occurrences of the same bug."""

_MILESTONES = frozenset(10**power for power in range(1, 12))


MessageButton = tuple[str, Callable[[], object]]
"""Text of a button and its effect."""


@dataclass(frozen=True, slots=True)
class SentMessage:
    """Message that was sent to the user.

    Attributes:
        at: seconds since the epoch.
        kind: "notice", "problem", "offer" or "bug".
        text: the sentence.
    """

    at: float
    kind: str
    text: str

    def line(self) -> str:
        """Return a line for a report."""
        return f"{time.strftime('%H:%M:%S', time.localtime(self.at))}  {self.kind:7}  {self.text}"


class Messages(QObject):
    """All messages to the user.

    Signals:
        notice(str): a sentence of interest; shown for some seconds.
        withdrawn(str): a message that is no longer true; it is not shown any more.
        problem(str): a sentence on what failed; shown until the user closes it.
        offered(str, object, bool): a sentence, its `MessageButton`s, and whether it does not depend on the open
            project; shown until the user closes it or clicks a button.
        bug(str): a traceback to show and copy; delivered on the GUI thread whatever thread failed.

    Attributes:
        history: the last messages, oldest first.
    """

    notice = Signal(str)
    withdrawn = Signal(str)
    problem = Signal(str)
    offered = Signal(str, object, bool)
    bug = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.history: deque[SentMessage] = deque(maxlen=KEPT)
        self._met: Counter[str] = Counter()

    def say(self, text: str) -> None:
        """Show a notice."""
        self.history.append(SentMessage(time.time(), "notice", text))
        log.info(text)
        self.notice.emit(text)

    def fail(self, text: str) -> None:
        """Show what failed, why, and what to do."""
        self.history.append(SentMessage(time.time(), "problem", text))
        log.warning(text)
        self.problem.emit(text)

    def offer(
        self, text: str, label: str, act: Callable[[], object], *more: MessageButton, lasting: bool = False
    ) -> None:
        """Show a sentence with one or more buttons.

        A ``lasting`` offer does not depend on the open project and stays when that is closed.
        """
        self.history.append(SentMessage(time.time(), "offer", text))
        log.info(text)
        self.offered.emit(text, ((label, act), *more), lasting)

    def report(self, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> bool:
        """Log a bug and show a report.

        Returns False if the bug occurred before; it is only counted then.
        """
        text = without_content("".join(traceback.format_exception(kind, error, trace)))
        last = text.strip().rsplit("\n", 1)[-1]
        bug = _NUMBERS.sub("", text)
        self._met[bug] += 1
        times = self._met[bug]
        if times > 1:  # it may occur with every paint or move of the mouse
            if times in _MILESTONES:
                self._note_bug(f"{last} (met {times} times)")
            return False
        self._note_bug(last, text)
        self.bug.emit(text)
        return True

    def _note_bug(self, sentence: str, text: str = "") -> None:
        log.error(text or sentence)
        self.history.append(SentMessage(time.time(), "bug", sentence))


@contextmanager
def bugs_reported(messages: Messages) -> Iterator[None]:
    """Report every uncaught exception, in any thread and in destructors.

    What is no bug, such as Ctrl+C, goes to the previous hooks. They also print each bug the first time it occurs.
    """
    before = sys.excepthook, threading.excepthook, sys.unraisablehook

    def hook(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        if not issubclass(kind, Exception) or messages.report(kind, error, trace):
            before[0](kind, error or kind(), trace)

    def in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is not SystemExit:
            hook(args.exc_type, args.exc_value, args.exc_traceback)

    def unraisable(args: sys.UnraisableHookArgs) -> None:
        hook(args.exc_type, args.exc_value, args.exc_traceback)

    sys.excepthook, threading.excepthook, sys.unraisablehook = hook, in_thread, unraisable
    try:
        yield
    finally:
        sys.excepthook, threading.excepthook, sys.unraisablehook = before


class ActionDoor:
    """Wrapper of actions that shows errors for the user as problems.

    Other exceptions pass through.

    Args:
        messages: shows the errors.
        offer: handles errors that it has a remedy for, and returns whether it did.
    """

    def __init__(self, messages: Messages, offer: Callable[[FcnStudioError], bool] = lambda _error: False) -> None:
        self._messages, self._offer = messages, offer

    def __call__(self, act: Callable[[], object]) -> Callable[[], None]:
        """Return the action with its errors shown."""

        # No functools.wraps: reading name and docstring of a method of Qt loads PySide's signatures, 0.1 s.
        def call() -> None:
            try:
                act()
            except FcnStudioError as error:
                if not self._offer(error):
                    self._messages.fail(str(error))

        return call

    def run(self, act: Callable[[], object]) -> None:
        """Run an action now, with its errors shown."""
        self(act)()
