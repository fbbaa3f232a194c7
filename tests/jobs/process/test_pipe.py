"""The wire: everything that a job says comes through, nothing else does, and nobody waits for it."""

from __future__ import annotations

import os
import pickle
import queue
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, Pipe
from typing import Any

import numpy as np
import pytest

from fcn_studio.core.metrics import Figures
from fcn_studio.core.training import Level, TrainConfig, TrainOutcome, TrainProgress
from fcn_studio.i18n import message_n
from fcn_studio.jobs.process import pipe as pipe_module
from fcn_studio.jobs.process.pipe import END, MessagePipe
from fcn_studio.jobs.protocol import Alive, Done, Evaluated, Failed, Progress, Ready, Started
from tests.jobs.helpers import figures, news, outcome
from tests.patience import PATIENCE_S


class Line:
    """A wire, its other end, and what was heard."""

    def __init__(self) -> None:
        ours, self.other = Pipe()
        self._heard: queue.SimpleQueue[object] = queue.SimpleQueue()
        self.wire = MessagePipe(ours, lambda wire, message: self._heard.put(message))

    def hear(self) -> Any:
        return self._heard.get(timeout=PATIENCE_S)


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    yield made
    made.other.close()
    made.wire.close(10)


MESSAGES = [
    Ready(message_n("CPU, {n} thread", "CPU, {n} threads", 2)),
    Started(1),
    Alive(3, 0.5),
    Failed(2, "no memory left", "Traceback"),
    Progress(1, Evaluated(1, 2, ("out of memory",))),
    Progress(1, TrainProgress(1, 2, 0.5, 0.1, 1.0, 1.0, figures(0.5, c1=0.5))),
    Done(1, outcome("best")),
    Done(1, figures(0.5, c1=np.float64(0.25))),
    Done(1, TrainConfig(Level.QUICK)),
    Done(1, None, message_n("CPU, {n} thread", "CPU, {n} threads", 1)),
]


@pytest.mark.parametrize("protocol", [4, 5])
def test_all_that_a_job_says_comes_through(line: Line, protocol: int) -> None:
    for message in MESSAGES:
        line.other.send_bytes(pickle.dumps(message, protocol))
        assert line.hear() == message
    sent = news()
    sent.prediction.label_map[:] = 7
    line.other.send_bytes(pickle.dumps(Progress(1, sent), protocol))
    heard = line.hear().news.prediction
    np.testing.assert_array_equal(heard.label_map, sent.prediction.label_map)
    assert isinstance(MESSAGES[6].result, TrainOutcome)  # type: ignore[attr-defined]
    assert isinstance(MESSAGES[7].result, Figures)  # type: ignore[attr-defined]


class Evil:
    """Runs code where it is unpickled."""

    def __init__(self, act: Callable[..., object], *arguments: object) -> None:
        self._call = act, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self._call


def announce(size: int) -> bytes:
    return size.to_bytes(4, "big", signed=True)


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps(Evil(os.mkdir, "evil")),
        pickle.dumps(Evil(eval, "open('evil', 'w')")),
        pickle.dumps(Evil(np.savetxt, "evil", [1])),
        pickle.dumps(pickle.loads),
        b"cfcn_studio.core.training\njudge\n.",
        b"cno_such_module\nNothing\n.",
        b"never pickled",
        b"",
        pickle.dumps(Started(1))[:-5],
    ],
    ids=lambda data: data[:24],
)
def test_nothing_else_does(line: Line, data: bytes, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    line.other.send_bytes(data)
    assert line.hear() is END
    assert list(tmp_path.iterdir()) == []


def test_the_payload_would_run_if_it_were_simply_unpickled(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pickle.loads(pickle.dumps(Evil(os.mkdir, "evil")))
    assert [path.name for path in tmp_path.iterdir()] == ["evil"]


@pytest.mark.skipif(os.name == "nt", reason="writes to the file descriptor of a socket")
class TestBytes:
    """Bytes that are no message, written past the other end."""

    def write(self, line: Line, data: bytes) -> None:
        assert isinstance(line.other, Connection)
        os.write(line.other.fileno(), data)

    @pytest.mark.parametrize("size", [pipe_module.LONGEST + 1, 2**31 - 1])
    def test_a_message_that_is_too_long_is_refused_by_its_header(self, line: Line, size: int) -> None:
        self.write(line, announce(size))
        assert line.hear() is END

    def test_printed_text_is_refused(self, line: Line) -> None:
        for text in (b" warning: low memory", b"terminate called", b"~~~~"):
            one = Line()
            self.write(one, text)
            assert one.hear() is END
            one.other.close()
            one.wire.close(10)

    def test_a_longer_one_is_taken_where_it_is_expected(self, line: Line) -> None:
        line.wire.expect(2**31 - 1)
        line.other.send(Started(1))
        assert line.hear() == Started(1)
        self.write(line, announce(2**31 - 1))
        with pytest.raises(queue.Empty):
            line._heard.get(timeout=0.2)
        line.other.close()
        assert line.hear() is END

    def test_the_rest_of_a_message_that_never_comes_holds_nobody_up(self, line: Line) -> None:
        self.write(line, announce(1000) + b"half")
        reading, _ = line.wire._threads
        line.wire.close(0.1)
        assert reading.is_alive(), "it was not waited for"


def test_what_nobody_reads_holds_nobody_up(line: Line) -> None:
    line.wire.send(b"x" * 10_000_000)
    line.wire.send(b"more")
    assert len(line.other.recv()) == 10_000_000
    assert line.other.recv() == b"more"


def test_the_end_of_the_other_side_is_heard(line: Line) -> None:
    line.other.send(Started(1))
    line.other.close()
    assert line.hear() == Started(1)
    assert line.hear() is END
