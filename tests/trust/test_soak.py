"""A short soak; the long one is benchmarks/soak.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from fcn_studio.settings import Settings
from fcn_studio.ui import app
from fcn_studio.ui.session.session import Session
from tests.trust.soak import Soak, growth, steady
from tests.ui.conftest import IdleProcess

pytestmark = pytest.mark.slow

MB_PER_1000 = 120.0
"""In so few visits heaps still grow to their size, and this process holds all other tests too; what leaks a document
a visit is far above it. The long run's bar is 1 MB."""

OBJECTS_PER_1000 = 2000.0
"""A document that leaks has some seventy."""


@pytest.fixture
def soak(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Soak]]:
    monkeypatch.setenv("FCN_STUDIO_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("FCN_STUDIO_CONFIG_DIR", str(tmp_path / "config"))
    made: list[Soak] = []

    def make() -> Soak:
        studio = app.build(Settings(), IdleProcess())  # type: ignore[arg-type]
        studio.window.show()
        made.append(Soak(studio, tmp_path / "project"))
        return made[-1]

    yield make
    for one in made:
        one.studio.session.close_project(discard=True)
        one.studio.shut_down()
        one.studio.window.close()
        one.studio.window.deleteLater()


def run(soak: Soak, visits: int, every: int) -> None:
    for number in range(visits):
        soak.visit(strokes=3)
        if number % every == 0:
            soak.measure()
    soak.measure()


def test_nothing_grows(soak: Callable[[], Soak]) -> None:
    one = soak()
    run(one, 240, 15)
    assert one.problems == []
    assert growth(one.samples, "rss_mb") < MB_PER_1000
    assert growth(one.samples, "objects") < OBJECTS_PER_1000
    for name in ("files", "threads"):
        assert steady(one.samples, name), [getattr(sample, name) for sample in one.samples]


def test_the_harness_sees_documents_that_are_never_let_go(
    soak: Callable[[], Soak], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[object] = []
    real = Session._show

    def leak(self: Session, document: object, *arguments: object) -> None:
        kept.append(document)
        real(self, document, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Session, "_show", leak)
    one = soak()
    run(one, 48, 6)
    # Objects, not memory: in a process that has run other tests a few documents fit into what those have freed.
    assert growth(one.samples, "objects") > 10 * OBJECTS_PER_1000
