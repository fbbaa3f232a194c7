"""The network's process is killed while it trains: the window says so at once, and the next click works."""

from __future__ import annotations

import os
import signal
import sys

from fcn_studio.core.sample import Status
from fcn_studio.core.training import Level, TrainConfig
from fcn_studio.ui.app import Studio
from fcn_studio.ui.network.network_process import NetworkProcess
from tests.journeys.driver import Script, drag, run_program, trigger

EXPECTED = "was killed (SIGKILL)"


def script(studio: Studio) -> Script:
    session, network = studio.session, studio.network
    assert isinstance(studio.network.process, NetworkProcess)
    problems: list[str] = []
    studio.window.messages.problem.connect(problems.append)
    yield lambda: session.document is not None and studio.window.isVisible()
    assert session.project is not None
    for row in range(4):
        session.go_to(row)
        drag(studio, [(60, 60), (400, 300)])
        trigger(studio, "verify")
        yield lambda: session.save_state == "saved"
    steps: list[object] = []
    network.fine_tuning.training.connect(steps.append)
    network.fine_tuning.start(TrainConfig(Level.FULL, minutes=5))
    yield lambda: len(steps) >= 1

    first = studio.network.process.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    yield lambda: any(EXPECTED in problem for problem in problems)
    assert not network.fine_tuning.busy
    assert network.current.name == "street", "the network in use is unchanged"

    session.go_to(5)
    document = session.document
    assert document is not None
    drag(studio, [(60, 60), (400, 300)])
    assert document.status is Status.IN_PROGRESS
    trigger(studio, "auto_segment")
    yield lambda: session.prediction is not None and not network.job_list.views
    assert (document.provenance == 1).any()
    assert studio.network.process.pid not in (None, first)
    studio.window.close()


if __name__ == "__main__":
    run_program([sys.argv[1]], script, expected=EXPECTED)
