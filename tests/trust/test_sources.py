"""R18: image files are only ever read. The whole run is watched by `conftest.sources_stay_as_they_are`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import watched
from tests.fingerprints import differences, fingerprints


def test_the_comparison_sees_every_kind_of_change(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d", "sub/e"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"picture")
    before = fingerprints(tmp_path, lambda path: path.name != "d")
    assert differences(before, fingerprints(tmp_path, lambda path: path.name != "d")) == []

    then = (tmp_path / "b").stat()
    (tmp_path / "a").unlink()
    (tmp_path / "b").write_bytes(b"Picture")  # as if nothing had been: same size, same time
    os.utime(tmp_path / "b", ns=(then.st_atime_ns, then.st_mtime_ns))
    (tmp_path / "c").write_bytes(b"pictures")
    os.utime(tmp_path / "d", ns=(1, 1))
    (tmp_path / "sub" / "f").write_bytes(b"")
    words = differences(before, fingerprints(tmp_path, lambda path: path.name != "d"))
    told = [word.removeprefix(f"{tmp_path}{os.sep}").replace(os.sep, "/") for word in words]
    for expected in ("a is gone", "b has another sha256", "c has another size", "d has another time of change"):
        assert expected in told
    assert "sub/f is new" in told
    assert not any(word.startswith("sub/e") for word in told)


def test_a_run_that_changes_a_source_fails(pytester: pytest.Pytester) -> None:
    """The negative control of the fixture itself, in a run of its own."""
    pytester.mkdir("data").joinpath("a.png").write_bytes(b"picture")
    pytester.makeconftest(
        """
        from pathlib import Path
        from tests import conftest
        conftest.watched = lambda: {Path("data"): lambda path: True}
        from tests.conftest import sources_stay_as_they_are
        """
    )
    pytester.makepyfile(
        """
        from pathlib import Path
        def test_reads():
            Path("data/a.png").read_bytes()
        def test_writes():
            Path("data/a.png").write_bytes(b"Picture")
        """
    )
    root = str(Path(__file__).resolve().parents[2])
    pytester.syspathinsert(root)
    reads = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-k", "reads")
    reads.assert_outcomes(passed=1, deselected=1)
    writes = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    writes.assert_outcomes(passed=2, errors=1)
    writes.stdout.fnmatch_lines(["*a.png has another sha256*"])


def test_the_bundled_resources_are_watched() -> None:
    assert any(folder.name == "resources" for folder in watched())
