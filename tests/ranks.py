"""Processes that share a command, as torchrun starts them, forked from a server."""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
from collections.abc import Callable

from tests.patience import PATIENCE_S


def together(child: Callable[..., None], *arguments: object, size: int = 2) -> list[str]:
    """Run ``child(*arguments, tell)`` in some processes, which know their rank; what each said at last.

    The caller has a `tests.fork_server.fork_server`.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(size)}
    context = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
    processes, pipes = [], []
    for rank in range(size):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_run, args=(child, {**where, "RANK": str(rank)}, *arguments, theirs))
        process.start()
        theirs.close()
        processes.append(process)
        pipes.append(ours)
    said = []
    for process, pipe in zip(processes, pipes, strict=True):
        try:
            said.append(pipe.recv() if pipe.poll(PATIENCE_S) else "says nothing")
        except EOFError:
            said.append("died")
        process.join(PATIENCE_S)
        process.close()
        pipe.close()
    return said


def _run(child: Callable[..., None], environment: dict[str, str], *arguments: object) -> None:
    os.environ.update(environment)
    child(*arguments)


def rank() -> int:
    """The rank of this process."""
    return int(os.environ["RANK"])
