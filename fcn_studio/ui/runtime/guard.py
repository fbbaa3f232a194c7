"""The decorator of every Python override of a Qt virtual method.

On Python 3.11 an exception raised from C that leaves such an override is a segmentation fault in every PySide6
tested (docs/adr/0002). The decorator passes the exception to `sys.excepthook`, which logs and shows it, and the
method returns its fallback.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, overload

P = ParamSpec("P")
R = TypeVar("R")


@overload
def guarded(override: Callable[P, R]) -> Callable[P, R]: ...
@overload
def guarded(*, fallback: Any) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def guarded(override: Callable[P, R] | None = None, *, fallback: Any = None) -> Any:
    """Decorate an override of a Qt virtual method.

    The override returns ``fallback`` when it raises. Use the decorator bare for void methods,
    ``@guarded(fallback=False)`` where Qt wants a value.
    """

    def wrap(method: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(method)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return method(*args, **kwargs)
            except Exception:  # noqa: BLE001 - this is the door; everything is reported, nothing is swallowed
                sys.excepthook(*sys.exc_info())
                return fallback  # type: ignore[no-any-return]

        return call

    return wrap if override is None else wrap(override)
