"""What all tests share."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import partialmethod
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import HealthCheck, settings
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.data import shared_root
from tests.fingerprints import differences, fingerprints
from tests.patience import PATIENCE_S

# Before the first import of Qt and torch: no display, one thread (small convolutions are faster so), and settings
# and state of this run alone, also for the processes that tests start.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")
_home = Path(tempfile.mkdtemp(prefix="fcn-studio-tests-"))
os.environ["FCN_STUDIO_LANGUAGE"] = "en"  # whatever the machine speaks
os.environ["FCN_STUDIO_CONFIG_DIR"] = str(_home / "config")
os.environ["FCN_STUDIO_STATE_DIR"] = str(_home / "state")
os.environ["FCN_STUDIO_NETWORKS_DIR"] = str(_home / "networks")

# How long an example takes depends on the machine, and says nothing of the program.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_unconfigure() -> None:
    shutil.rmtree(_home, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def no_flush() -> Iterator[None]:
    """Nothing is flushed to disk in this process: it takes longer than most tests, and no test cuts the power.

    A flush still fails for a file that is not open. The processes that tests start flush as they do for users.
    """

    def flush(descriptor: int) -> None:
        os.fstat(descriptor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", flush)
        yield


_tests_since = 0


@pytest.fixture(scope="session", autouse=True)
def modules_are_no_garbage() -> None:
    """What is imported and collected before the first test is left out of all later collections."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def garbage_on_this_thread() -> Iterator[None]:
    """Circles of objects are taken down on the main thread, as in `fcn_studio.ui.runtime.garbage_collection`."""
    global _tests_since
    gc.disable()
    yield
    _tests_since += 1
    gc.collect(2 if _tests_since % 20 == 0 else 1)


def watched() -> dict[Path, Callable[[Path], bool]]:
    """Folders that no test may change, and which of their files are read for it: few enough to take no time."""
    data = shared_root()
    return {
        Path(__file__).parents[1] / "resources": lambda path: True,
        data: lambda path: "hard" in path.relative_to(data).parts or crc32(os.fsencode(path.name)) % 100 == 0,
    }


@pytest.fixture(scope="session", autouse=True)
def sources_stay_as_they_are() -> Iterator[None]:
    """The run fails if anything in it has changed a source image or a bundled file (R18)."""
    before = [fingerprints(folder, read) for folder, read in watched().items()]
    yield
    after = [fingerprints(folder, read) for folder, read in watched().items()]
    changed = [words for then, now in zip(before, after, strict=True) for words in differences(then, now)]
    assert not changed, "\n".join(changed[:20])


class PatientBot(QtBot):
    """A `QtBot` that waits for events as long as a slow machine may need."""

    waitUntil = partialmethod(QtBot.waitUntil, timeout=1000 * PATIENCE_S)  # noqa: N815
    waitSignal = partialmethod(QtBot.waitSignal, timeout=1000 * PATIENCE_S)  # noqa: N815
    waitExposed = partialmethod(QtBot.waitExposed, timeout=1000 * PATIENCE_S)  # noqa: N815


@pytest.fixture
def qtbot(qapp: QApplication, request: pytest.FixtureRequest) -> QtBot:
    return PatientBot(request)


@pytest.fixture(scope="session")
def tiny_network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a network with random weights that knows the classes of the micrographs."""
    from tests.helpers import tiny_checkpoint

    return tiny_checkpoint(tmp_path_factory.mktemp("networks") / "tiny.safetensors")


@pytest.fixture
def bundled(tiny_network: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """The bundled networks, in place of the real ones: the tiny one as the default. Tests may change the dict."""
    from fcn_studio.fcn.weights.catalogue import DEFAULT

    networks = {DEFAULT: tiny_network}
    for module in ("fcn_studio.fcn.weights.catalogue", "fcn_studio.jobs.networks"):
        monkeypatch.setattr(f"{module}.bundled", lambda: networks)
    return networks


@pytest.fixture(scope="session")
def _demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from fcn_studio.jobs.demo import make_demo

    return make_demo(tmp_path_factory.mktemp("demo") / "micrographs", count=8)


@pytest.fixture
def micrograph_project(_demo: Path, tmp_path: Path) -> Path:
    """A project of eight drawn micrographs, two of them verified; a copy of the test's own."""
    return Path(shutil.copytree(_demo, tmp_path / "micrographs"))
