"""Clicks that the network is asked about, beside a process that answers when the test says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from fcn_studio.core.regions.clicks import Clicks
from fcn_studio.jobs.protocol import ClickAnswer, ClickJob, Done, Failed, FeaturesJob
from tests.ui.conftest import Studio, draw_project


def test_one_job_at_a_time_and_the_latest_clicks_are_asked_next(
    make_studio: Callable[[], Studio], tmp_path: Path
) -> None:
    studio = make_studio()
    studio.window.open_folder(draw_project(tmp_path / "cells"))
    toolbox, jobs = studio.toolbox, studio.process.jobs

    def asked() -> dict[int, ClickJob]:
        return {number: job for number, job in jobs.items() if isinstance(job, ClickJob)}

    toolbox.use("smart_click")
    assert studio.session.document is not None
    studio.network.current.changed.emit()
    assert sum(isinstance(job, FeaturesJob) for job in jobs.values()) == 1
    first, second, third = (toolbox.ask_network(Clicks(((x, 2.0),))) for x in (1.0, 2.0, 3.0))
    assert first is not None
    assert second is not None
    assert third is not None
    assert second.cancelled()
    assert len(asked()) == 1
    likely = np.zeros((3, 4), np.uint8)
    studio.process.replied.emit(Done(next(iter(asked())), ClickAnswer(likely)))
    assert first.result() is likely
    number, job = list(asked().items())[-1]
    assert job.clicks.inside_xy == ((3.0, 2.0),)
    studio.process.replied.emit(Failed(number, "no memory"))
    assert third.result() is None
    last = toolbox.ask_network(Clicks(((4.0, 2.0),)))
    studio.session.go_to(1)
    assert last is not None
    assert last.cancelled()
    studio.session.close_project()
    assert toolbox.ask_network(Clicks(((4.0, 2.0),))) is None
