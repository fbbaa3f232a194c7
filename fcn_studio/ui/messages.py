"""What the program says: the door through which every action goes, notices, problems, and reports of bugs.

`FcnStudioError` carries a sentence for the user and is shown in the message strip; nothing modal, nothing lost.
Every other exception is a bug: it goes to `sys.excepthook`, is logged, and shown as a report to copy.
"""

from __future__ import annotations

import logging
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from PySide6.QtCore import QObject, Signal

from fcn_studio.errors import FcnStudioError

log = logging.getLogger(__name__)

KEPT = 100
"""How many sentences are remembered for a report."""


@dataclass(frozen=True, slots=True)
class Said:
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
        offered(str, str, object): a sentence, the words of a button beside it, and what the button does; shown until
            the user closes it or takes the offer.
        bug(str): a traceback to show and copy; delivered on the GUI thread whatever thread failed.

    Attributes:
        history: the last sentences, oldest first.
    """

    notice = Signal(str)
    problem = Signal(str)
    offered = Signal(str, str, object)
    bug = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.history: deque[Said] = deque(maxlen=KEPT)

    def say(self, text: str) -> None:
        """Tell the user something."""
        self.history.append(Said(time.time(), "notice", text))
        log.info(text)
        self.notice.emit(text)

    def fail(self, text: str) -> None:
        """Tell the user what did not work, why, and what to do."""
        self.history.append(Said(time.time(), "problem", text))
        log.warning(text)
        self.problem.emit(text)

    def offer(self, text: str, label: str, act: Callable[[], object]) -> None:
        """Tell the user something that they can do something about with one click."""
        self.history.append(Said(time.time(), "offer", text))
        log.info(text)
        self.offered.emit(text, label, act)

    def report(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Log a bug and offer it as a report; has the signature of `sys.excepthook`."""
        text = "".join(traceback.format_exception(kind, error, trace))
        log.error(text)
        self.history.append(Said(time.time(), "bug", text.strip().rsplit("\n", 1)[-1]))
        self.bug.emit(text)

    def install_excepthook(self) -> None:
        """Report every exception that nobody catches; the previous hook still prints it."""
        previous = sys.excepthook

        def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
            previous(kind, error, trace)
            if issubclass(kind, Exception):
                self.report(kind, error, trace)

        sys.excepthook = hook


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
