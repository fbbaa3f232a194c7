"""Processes of tests that are forked from a server, which has loaded once what each of them needs."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.patience import PATIENCE_S

WINDOW = "fcn_studio.ui.app"
"""All that a window needs, before there is an application object."""


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


def run_forked(method: str, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`tests.helpers.run_python` in a process that ``method`` starts: loaded already what the server has loaded."""
    context: Any = multiprocessing.get_context(method)
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("out", "error")]
        process = context.Process(target=_run, args=(code, arguments, dict(os.environ), os.getcwd(), *files))
        process.start()
        process.join(2 * PATIENCE_S)
        assert process.exitcode is not None, "it does not end"
        words = [file.read_text(encoding="utf-8") for file in files]
    return subprocess.CompletedProcess([code, *arguments], process.exitcode, *words)


def _run(code: str, arguments: Sequence[str], environment: dict[str, str], folder: str, *files: Path) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, file in enumerate(files, 1):
        with open(file, "wb") as target:
            os.dup2(target.fileno(), number)
    sys.argv = ["-c", *arguments]
    exec(compile(code, "<forked>", "exec"), {"__name__": "__main__"})
