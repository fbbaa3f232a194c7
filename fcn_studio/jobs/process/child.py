"""Code of the network's process.

It reads requests from the pipe, runs them, and gives signs of life. torch is imported here, in the child, and never
in the window.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import sys
import threading
import time
import traceback
from multiprocessing.connection import Connection

from fcn_studio import i18n
from fcn_studio.jobs.process.scheduler import JobScheduler
from fcn_studio.jobs.protocol import Alive, Cancel, Ready, Reply, Submit
from fcn_studio.jobs.run import JobRunner

SIGN_INTERVAL = 0.5
"""Seconds between two signs of life."""


def serve(connection: Connection) -> None:
    """Serve requests until the other end of the pipe closes.

    The process then exits at once. The other end belongs to the program that started it. This is the entry point of
    the process. A thread reads the pipe and ends the process on EOF, so that it does not outlive a killed window.
    Another thread gives signs of life as long as this process can run at all (adr/0011).
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in the terminal is the window's to handle
    if hasattr(os, "nice"):
        os.nice(5)  # painting comes first
    requests: queue.SimpleQueue[Submit | Cancel] = queue.SimpleQueue()
    sender = _Sender(connection)
    runner = JobRunner()
    scheduler = JobScheduler(runner, sender.send)
    for name, work in (
        ("pipe", lambda: _read_pipe(connection, requests)),
        ("signs of life", lambda: _give_signs(scheduler, sender)),
    ):
        threading.Thread(target=work, daemon=True, name=name).start()
    sender.send(Ready(runner.start()))
    while True:
        if scheduler.idle:
            _take(scheduler, requests.get())
        while not requests.empty():
            _take(scheduler, requests.get())
        if not scheduler.idle:
            scheduler.step()


def _take(scheduler: JobScheduler, request: Submit | Cancel) -> None:
    """Take a request; the user may have changed the language since the last one."""
    if isinstance(request, Submit) and request.language != i18n.language():
        i18n.use(request.language)
    scheduler.take(request)


def _read_pipe(connection: Connection, requests: queue.SimpleQueue[Submit | Cancel]) -> None:
    try:
        while True:
            requests.put(connection.recv())
    except (EOFError, OSError):
        os._exit(0)
    except Exception:  # noqa: BLE001 - door: the shell sees this process end, and starts another
        traceback.print_exc(file=sys.stderr)
        os._exit(1)


class _Sender:
    """Sends on the pipe for two threads, whose messages must not mix."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def send(self, message: Reply | Alive) -> None:
        """Send a message, or end the process if the window is gone."""
        # Protocol 5 makes arrays at the other end without another copy, which would be half a GB of a large image.
        data = pickle.dumps(message, protocol=5)
        with self._lock:
            try:
                self._connection.send_bytes(data)
            except OSError:  # the window is gone
                os._exit(0)


def _give_signs(scheduler: JobScheduler, sender: _Sender) -> None:
    while True:
        sender.send(Alive(0 if scheduler.idle else scheduler.steps, time.process_time()))
        time.sleep(SIGN_INTERVAL)
