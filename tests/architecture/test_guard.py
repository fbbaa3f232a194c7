"""Every Python override of a Qt virtual goes through `guarded`, and what that is for."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject

import fcn_studio.ui
from fcn_studio.ui.runtime.guard import guarded
from tests.helpers import run_python

MODULES = sorted(m.name for m in pkgutil.walk_packages(fcn_studio.ui.__path__, "fcn_studio.ui."))


def qt_classes(module: object) -> Iterator[type]:
    """Classes made in a module that are Qt objects (or Qt values with virtuals, as QStyledItemDelegate)."""
    for value in vars(module).values():
        made_here = inspect.isclass(value) and value.__module__ == module.__name__  # type: ignore[attr-defined]
        if made_here and any(base.__module__.startswith("PySide6") for base in value.__mro__):
            yield value


def overrides(cls: type) -> Iterator[tuple[str, object]]:
    """The functions of a class that replace an attribute which Qt gives it."""
    bases = [base for base in cls.__mro__ if base.__module__.startswith(("PySide6", "Shiboken"))]
    for name, value in vars(cls).items():
        if inspect.isfunction(value) and not name.startswith("__") and any(name in vars(base) for base in bases):
            yield name, value


def is_guarded(function: object) -> bool:
    # functools.wraps leaves its mark, and the code that runs first is the guard's.
    return hasattr(function, "__wrapped__") and function.__code__.co_filename == guarded.__code__.co_filename  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", MODULES)
def test_every_override_is_guarded(name: str) -> None:
    for cls in qt_classes(importlib.import_module(name)):
        for method, function in overrides(cls):
            assert is_guarded(function), f"{name}.{cls.__name__}.{method} overrides Qt without @guarded"


def test_the_check_sees_an_unguarded_override() -> None:
    class Bare(QObject):
        def event(self, event: object) -> bool:
            return False

        @guarded
        def timerEvent(self, event: object) -> None: ...  # noqa: N802

        def own(self) -> None: ...

    found = dict(overrides(Bare))
    assert set(found) == {"event", "timerEvent"}
    assert not is_guarded(found["event"])
    assert is_guarded(found["timerEvent"])


PROLOGUE = """
import sys
from PySide6.QtCore import QCoreApplication, QEvent, QObject
from fcn_studio.ui.runtime.guard import guarded
app = QCoreApplication([])
"""


@pytest.mark.slow
def test_200000_void_calls_through_an_override_survive() -> None:
    done = run_python(
        PROLOGUE
        + """
class Counter(QObject):
    seen = 0
    @guarded
    def customEvent(self, event):
        self.seen += 1
counter = Counter()
event = QEvent(QEvent.Type.User)
for _ in range(200_000):
    QCoreApplication.sendEvent(counter, event)
print(counter.seen)
"""
    )
    assert (done.returncode, done.stdout.split()) == (0, ["200000"]), done.stderr


def test_a_type_error_from_c_in_an_override_is_reported_and_the_process_lives() -> None:
    done = run_python(
        PROLOGUE
        + """
class Broken(QObject):
    @guarded
    def customEvent(self, event):
        len(5)  # raised by C
    @guarded(fallback=False)
    def eventFilter(self, watched, event):
        raise TypeError("of the filter")
reported = []
sys.excepthook = lambda kind, error, trace: reported.append(f"{kind.__name__}: {error}")
broken, plain = Broken(), QObject()
plain.installEventFilter(broken)
QCoreApplication.sendEvent(broken, QEvent(QEvent.Type.User))
QCoreApplication.sendEvent(plain, QEvent(QEvent.Type.User))
print(*reported, sep="\\n")
"""
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["TypeError: object of type 'int' has no len()", "TypeError: of the filter"]
