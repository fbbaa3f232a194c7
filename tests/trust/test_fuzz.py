"""Some hundred spoiled files for every reader; `benchmarks/fuzz.py` has ten thousand."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.fork_server import fork_server
from tests.trust.fuzz import fuzz
from tests.trust.readers import CONTROLS, READERS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the harness limits its workers as POSIX systems do")

FILES = {"image": 500, "lock": 500, "caffemodel": 150, "pth": 150}


@pytest.fixture(scope="module")
def method() -> Iterator[str]:
    with fork_server("tests.trust.preload", "tests.trust.fuzz") as method:
        yield method


@pytest.mark.parametrize("name", READERS)
def test_spoiled_files_are_read_or_refused(name: str, method: str) -> None:
    report = fuzz(name, FILES.get(name, 250), seed=1, method=method)
    assert report.failures == []
    assert report.opened + report.refused == report.files
    assert report.opened > report.files // 100, "spoiled beyond recognition: nothing is tried"
    if name not in ("adopted", "lists"):  # any bytes are a list of names
        assert report.refused > report.files // 100, "hardly spoiled: nothing is tried"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("crashes", "SIGSEGV"),
        ("sleeps", "a hang"),
        ("burns", "s of CPU time"),
        ("never ends", "SIGPROF"),
        ("allocates", "MB of memory"),
        ("raises", "ValueError: no sentence"),
    ],
)
def test_the_harness_sees_a_reader_that(name: str, words: str, method: str) -> None:
    assert name in CONTROLS
    report = fuzz(name, 5, hang_s=1.5 if name == "sleeps" else 60, method=method)
    assert [words in failure.what for failure in report.failures[:1]] == [True], report.failures
    assert report.failures[0].number == 2  # the fault is at its third file, and is named by it
    seen = {failure.number for failure in report.failures}
    assert report.opened + report.refused + len(seen) == report.files, "it did not go on behind the fault"
