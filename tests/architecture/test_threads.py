"""What the program's start asks of numpy and OpenCV is not asked of anybody else."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

LOOK = """
import os
import fcn_studio.core
print(os.environ.get("OPENBLAS_NUM_THREADS"))
"""


@pytest.mark.parametrize("asked", [None, "3"])
def test_the_environment_is_as_before(asked: str | None) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    if asked is not None:
        environment["OPENBLAS_NUM_THREADS"] = asked
    done = subprocess.run([sys.executable, "-c", LOOK], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(asked)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_one_thread_imports_the_core() -> None:
    code = "import fcn_studio.core, os; print(len(os.listdir('/proc/self/task')))"
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
