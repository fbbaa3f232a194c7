from __future__ import annotations

import pytest
import torch

from fcn_studio.errors import DeviceError
from fcn_studio.fcn import device as device_module
from fcn_studio.fcn.device import (
    CPU,
    available_memory,
    choose_device,
    configure_threads,
    describe_device,
    free_memory,
    is_out_of_memory,
)


def test_the_cpu_is_always_there() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    assert describe_device(torch.device("cpu")).startswith("CPU, ")
    assert choose_device("auto").type in ("cpu", "cuda", "mps")


@pytest.mark.parametrize("name", ["cuda:99", "toaster", "cuda:x", "meta", ""])
def test_devices_that_are_not_there_are_named(name: str) -> None:
    with pytest.raises(DeviceError, match=f"'{name}'"):
        choose_device(name)


def test_threads_are_counted() -> None:
    before = torch.get_num_threads()
    try:
        assert configure_threads(1) == 1
        assert describe_device(torch.device("cpu")) == "CPU, 1 thread"
    finally:
        assert configure_threads(before) == before


def test_only_memory_errors_are_memory_errors() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("x"))
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"))
    assert not is_out_of_memory(RuntimeError("shapes differ"))
    assert not is_out_of_memory(ValueError("out of memory"))


MEMINFO = ["MemTotal:       24000000 kB", "MemFree:         1000000 kB", "MemAvailable:    4000000 kB", ""]


def files(monkeypatch: pytest.MonkeyPatch, **contents: list[str]) -> None:
    """Pretend that the kernel's files hold these lines; a file is named by its last part, with _ for a dot."""
    monkeypatch.setattr(device_module, "_lines", lambda path: contents.get(path.name.replace(".", "_"), []))


def test_memory_that_is_left_is_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    files(monkeypatch, meminfo=MEMINFO)
    assert available_memory() == 4_000_000 * 1024
    assert free_memory(CPU) == 3 * 2**29


def test_a_container_leaves_less(monkeypatch: pytest.MonkeyPatch) -> None:
    left = {"meminfo": MEMINFO, "memory_max": ["1000000000", ""], "memory_current": ["700000000", ""]}
    files(monkeypatch, **left, memory_stat=["anon 5", "inactive_file 500000000", ""])
    assert available_memory() == 800_000_000
    assert free_memory(CPU) == 400_000_000
    files(monkeypatch, **left)
    assert available_memory() == 300_000_000
    files(monkeypatch, **{**left, "memory_max": ["max", ""]})
    assert available_memory() == 4_000_000 * 1024


def test_memory_is_never_nothing_and_never_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    files(monkeypatch, meminfo=["MemAvailable: 8 kB"])
    assert 2**27 < free_memory(CPU) < 2**28
    files(monkeypatch, meminfo=["MemAvailable: many kB", "MemAvailable:"])
    assert free_memory(CPU) == 3 * 2**29
    monkeypatch.undo()
    assert 2**27 < free_memory(CPU) <= 3 * 2**29
