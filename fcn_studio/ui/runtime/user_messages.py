"""What the program says: the door through which every action goes, notices, problems, and reports of bugs.

`FcnStudioError` carries a sentence for the user and is shown in the message strip; nothing modal, nothing lost.
Every other exception is a bug: it goes to `sys.excepthook`, is logged, and shown as a report to copy.
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
"""How many sentences are remembered for a report."""

_NUMBERS = re.compile(r"0x[0-9a-f]+|\d+")
"""What may differ when the same bug is met again."""

_MILESTONES = frozenset(10**power for power in range(1, 12))


MessageButton = tuple[str, Callable[[], object]]
"""The words of a button and what it does."""


@dataclass(frozen=True, slots=True)
class SentMessage:
    """One sentence that the user was told.

    Attributes:
        at: seconds since the epoch.
        kind: "notice", "problem", "offer" or "bug".
        text: the sentence.
    """

    at: float
    kind: str
    text: str

    def line(self) -> str:
        """One line of a report."""
        return f"{time.strftime('%H:%M:%S', time.localtime(self.at))}  {self.kind:7}  {self.text}"


class Messages(QObject):
    """The one place through which sentences reach the user.

    Signals:
        notice(str): something the user may like to know; shown for some seconds.
        problem(str): something did not work; shown until the user closes it.
        offered(str, object, bool): a sentence; the ways that are offered beside it, each the words of a button and
            what it does; whether it holds whatever project is open. Shown until the user closes it or takes one.
        bug(str): a traceback to show and copy; delivered on the GUI thread whatever thread failed.

    Attributes:
        history: the last sentences, oldest first.
    """

    notice = Signal(str)
    problem = Signal(str)
    offered = Signal(str, object, bool)
    bug = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.history: deque[SentMessage] = deque(maxlen=KEPT)
        self._met: Counter[str] = Counter()

    def say(self, text: str) -> None:
        """Tell the user something."""
        self.history.append(SentMessage(time.time(), "notice", text))
        log.info(text)
        self.notice.emit(text)

    def fail(self, text: str) -> None:
        """Tell the user what did not work, why, and what to do."""
        self.history.append(SentMessage(time.time(), "problem", text))
        log.warning(text)
        self.problem.emit(text)

    def offer(
        self, text: str, label: str, act: Callable[[], object], *more: MessageButton, lasting: bool = False
    ) -> None:
        """Tell the user something that they can do something about with one click, in one way or more.

        ``lasting``: it is not about the open project, and stays when that is closed.
        """
        self.history.append(SentMessage(time.time(), "offer", text))
        log.info(text)
        self.offered.emit(text, ((label, act), *more), lasting)

    def report(self, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> bool:
        """Log a bug and offer it as a report; False if it was met before: that is only counted."""
        text = without_content("".join(traceback.format_exception(kind, error, trace)))
        last = text.strip().rsplit("\n", 1)[-1]
        bug = _NUMBERS.sub("", text)
        self._met[bug] += 1
        times = self._met[bug]
        if times > 1:  # it may come with every paint or move of the mouse
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
    """Meanwhile every exception that nobody catches is reported, in any thread and where objects are taken down.

    What is no bug, as Ctrl+C, goes to the hooks that were there; they print each bug too, the first time it is met.
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
    """Wraps what actions do: an error for the user becomes a sentence, a bug stays a bug.

    Args:
        messages: through which the sentence is said.
        offer: tells errors that it knows a way out of, itself, and says whether it did.
    """

    def __init__(self, messages: Messages, offer: Callable[[FcnStudioError], bool] = lambda _error: False) -> None:
        self._messages, self._offer = messages, offer

    def __call__(self, act: Callable[[], object]) -> Callable[[], None]:
        """The same action, behind the door."""

        # No functools.wraps: asking a method of Qt for its name and text loads PySide's signatures, 0.1 s.
        def call() -> None:
            try:
                act()
            except FcnStudioError as error:
                if not self._offer(error):
                    self._messages.fail(str(error))

        return call

    def run(self, act: Callable[[], object]) -> None:
        """Do it now, behind the door."""
        self(act)()
