"""Process for one untrusted file.

It downloads, reads and converts the file, and ends. Whatever the file does to it costs this process alone: memory and
time are limited where the system can, it says nothing but JSON, and what it wrote is read with all the checks that
any checkpoint gets. Cancelling kills it.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Generator
from contextlib import suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

from fcn_studio.errors import ArchitectureUndecided, CheckpointError, DownloadError, FcnStudioError
from fcn_studio.fcn.weights.published import PublishedNetwork
from fcn_studio.formats.strict_json import parse, text, whole
from fcn_studio.i18n import tr, tr_noop
from fcn_studio.jobs.protocol import Installing

START_METHOD: Literal["spawn"] = "spawn"
"""A forked process would have all that this one has open."""

_POLL = 0.2
"""Seconds between two looks at the pipe, and so until a cancelled job stops."""

_SILENCE = 300.0
"""Seconds without news until the process is given up; a file of half a gigabyte converts in some ten."""

_MAX_MESSAGE = 1 << 16
_NEWS_EVERY = 0.1

_MEMORY = 3 << 30
"""Bytes of address space beside a multiple of the file's size: torch takes two when it first computes."""

_CPU_SECONDS = 300


@dataclass(frozen=True)
class Conversion:
    """What the process has to do.

    Attributes:
        file: to convert; where a download is put first.
        out: where the checkpoint is written.
        row: the published network that it is, if that is known.
        fetch: whether the file has to be downloaded.
        classes: names of the classes, where no published network says them.
        note: what is to be known of the network.
        architecture: name of its architecture, where the file does not tell it; "" otherwise.
    """

    file: str
    out: str
    row: PublishedNetwork | None = None
    fetch: bool = False
    classes: tuple[str, ...] = ()
    note: str = ""
    architecture: str = ""


def run_sandboxed(conversion: Conversion) -> Generator[Installing, object, None]:
    """Run a conversion in a process of its own.

    Close the generator to end it.

    Raises:
        CheckpointError: with the sentence of the process, or one on how it ended.
    """
    context = multiprocessing.get_context(START_METHOD)
    ours, theirs = context.Pipe(duplex=True)
    process = context.Process(target=_serve, args=(theirs, conversion), name="fcn-studio import", daemon=True)
    try:
        process.start()
        theirs.close()
        news, heard = Installing(0, 0, tr("Starting")), time.monotonic()
        while True:
            if ours.poll(_POLL):
                message = _heard(ours, process, conversion)
                if message is None:
                    return
                news, heard = message, time.monotonic()
            elif time.monotonic() - heard > _SILENCE:
                raise CheckpointError(tr("{file}: reading it takes too long, and was given up", file=conversion.file))
            yield news
    finally:
        with suppress(ValueError, AttributeError):  # it could not be started
            process.kill()
            process.join(2)
        theirs.close()
        ours.close()


def _heard(connection: Connection, process: Any, conversion: Conversion) -> Installing | None:
    """Return the news in a message, None for the last.

    Raises:
        CheckpointError: with the sentence in the message, or one on how the process ended.
    """
    try:
        fields = parse(connection.recv_bytes(_MAX_MESSAGE))
        if "architectures" in fields:
            names = tuple(text(name)[:40] for name in fields["architectures"])
            raise ArchitectureUndecided(text(fields["sentence"])[:2000], names)
        if "sentence" in fields:
            raise CheckpointError(text(fields["sentence"])[:2000])
        if "done" in fields:
            return None
        return Installing(whole(fields["done_bytes"]), whole(fields["total_bytes"]), text(fields["stage"])[:40])
    except (EOFError, OSError, ValueError, TypeError, KeyError) as error:
        process.join(2)
        code = process.exitcode
        if not code:
            sentence = tr(_NONSENSE, file=conversion.file)
        elif code > 0:
            sentence = tr(_ENDED, file=conversion.file, code=code)
        else:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else -code
            sentence = tr(_KILLED, file=conversion.file, signal=name)
        raise CheckpointError(sentence) from error


_NONSENSE = tr_noop(
    "{file}: the file is damaged, or more than this computer can take: the process that read it said what cannot be "
    "understood"
)
_ENDED = tr_noop(
    "{file}: the file is damaged, or more than this computer can take: the process that read it ended with {code}"
)
_KILLED = tr_noop(
    "{file}: the file is damaged, or more than this computer can take: the process that read it was ended by the "
    "system ({signal})"
)


# --- in the process -----------------------------------------------------------------------------------------------


def _serve(connection: Connection, conversion: Conversion) -> None:
    """Do the conversion and report how it went.

    It is the entry point of the process.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the process that started this one
    threading.Thread(target=_end_with_the_other, args=(connection,), daemon=True, name="pipe").start()
    sender = _Sender(connection)
    try:
        _do(conversion, sender)
    except ArchitectureUndecided as error:
        sender.say({"sentence": str(error), "architectures": error.names})
    except FcnStudioError as error:
        sender.say({"sentence": str(error)})
    except MemoryError:
        sentence = tr("{file}: the file takes more memory than it should, and is not used", file=conversion.file)
        sender.say({"sentence": sentence})
    else:
        sender.say({"done": True})


def _do(conversion: Conversion, sender: _Sender) -> None:
    file = Path(conversion.file)
    if conversion.fetch:
        _fetch(conversion, file, sender)
    sender.tell(Installing(0, 0, tr("Converting")), now=True)
    from fcn_studio.fcn.weights.convert import convert

    _limit(file.stat().st_size)
    convert(file, Path(conversion.out), conversion.row, conversion.classes, conversion.note, conversion.architecture)


def _fetch(conversion: Conversion, file: Path, sender: _Sender) -> None:
    """Download the file, unless an earlier process has done so.

    That process was killed before it could convert the file. Raises: DownloadError.
    """
    from fcn_studio.formats.download import Download, require_digest

    row = conversion.row
    assert row is not None
    if row.digest and file.is_file():
        sender.tell(Installing(0, 0, tr("Checking")), now=True)
        with suppress(DownloadError, OSError):
            require_digest(file, row.digest, row.url)
            return
    download = Download(
        row.url,
        limit=row.size + row.size // 4,
        digest=row.digest,
        plain_http=row.url.startswith("http:"),
        remedy=remedy(row),
    )
    for step in download.into(file):
        sender.tell(Installing(step.done, step.total or row.size, step.stage))


def remedy(row: PublishedNetwork) -> str:
    """Return what the user can do in place of a download.

    It is part of a sentence.
    """
    if row.browser:
        return tr(
            "Google may want you to press a button first: open {url} in a browser, save the file, then: "
            "fcn-studio networks import FILE --as {name}",
            url=row.url,
            name=row.name,
        )
    return tr(
        "open {url} in a browser, save the file, then: fcn-studio networks import FILE --as {name}",
        url=row.url,
        name=row.name,
    )


class _Sender:
    """Sends JSON, and of progress no more than a person can follow."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._last = 0.0

    def say(self, message: dict[str, object]) -> None:
        self._connection.send_bytes(json.dumps(message).encode()[:_MAX_MESSAGE])

    def tell(self, news: Installing, *, now: bool = False) -> None:
        if now or time.monotonic() - self._last > _NEWS_EVERY:
            self._last = time.monotonic()
            self.say(asdict(news))


def _end_with_the_other(connection: Connection) -> None:
    """End this process when the one that started it has gone.

    The pipe never carries a message to this process.
    """
    with suppress(EOFError, OSError):
        connection.recv_bytes(1)
    os._exit(0)


def _limit(size: int) -> None:
    """Limit memory, time and written bytes by the file's size.

    This is done where the system can.
    """
    try:
        import resource
    except ImportError:
        return
    with suppress(OSError, ValueError):
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        _lower(resource.RLIMIT_AS, used + 4 * size + _MEMORY)
    with suppress(OSError, ValueError):
        _lower(resource.RLIMIT_CPU, int(time.process_time()) + _CPU_SECONDS)
    with suppress(OSError, ValueError):
        _lower(resource.RLIMIT_FSIZE, 2 * size + (64 << 20))
    with suppress(OSError, ValueError):
        _lower(resource.RLIMIT_CORE, 0)


def _lower(what: int, limit: int) -> None:
    import resource

    hard = resource.getrlimit(what)[1]
    value = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(what, (value, value))
