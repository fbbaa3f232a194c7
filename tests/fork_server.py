"""Processes of tests that are forked from a server, which has loaded once what each of them needs."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def fork_server(*modules: str) -> Iterator[str]:
    """The method of `multiprocessing` that forks processes from a server with these modules; "spawn" if not on Linux.

    The environment of the processes is that of the server's start.
    """
    if sys.platform != "linux":
        yield "spawn"
        return
    from multiprocessing import forkserver

    forkserver._forkserver._stop()  # type: ignore[attr-defined]  # one of other tests knows other modules
    multiprocessing.set_forkserver_preload(list(modules))
    try:
        yield "forkserver"
    finally:
        forkserver._forkserver._stop()  # type: ignore[attr-defined]
