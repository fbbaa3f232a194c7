from __future__ import annotations

import numpy as np
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
    fixed_shapes,
    free_memory,
    is_out_of_memory,
    select_device,
    supports_bf16,
    to_device,
)


def test_the_cpu_is_always_there() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    assert str(describe_device(torch.device("cpu"))).startswith("CPU, ")
    assert choose_device("auto").type in ("cpu", "cuda", "mps")


@pytest.mark.parametrize("name", ["cuda:99", "toaster", "cuda:x", "meta", ""])
def test_devices_that_are_not_there_are_named(name: str) -> None:
    with pytest.raises(DeviceError, match=f"'{name}'"):
        choose_device(name)


def test_threads_are_counted() -> None:
    before = torch.get_num_threads()
    try:
        assert configure_threads(1) == 1
        assert str(describe_device(torch.device("cpu"))) == "CPU, 1 thread"
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


@pytest.mark.parametrize(
    "message",
    [
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "GET was unable to find an engine to execute this computation",
        "Unable to find an engine to execute this computation",
        "CUDA out of memory. Tried to allocate 2.00 GiB",
    ],
)
def test_libraries_that_get_no_workspace_are_out_of_memory(message: str) -> None:
    assert is_out_of_memory(RuntimeError(message))


CARD = torch.device("cuda", 1)


def test_reserved_memory_that_is_not_used_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (10 * 2**30, 80 * 2**30))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 40 * 2**30)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 20 * 2**30)
    assert free_memory(CARD) == int(30 * 2**30 * 0.6)


def test_a_card_is_selected_and_fed_from_pinned_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: calls.append(device))
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: calls.append("pinned") or self)
    monkeypatch.setattr(torch.Tensor, "to", lambda self, *a, **named: calls.append((a, named)) or self)
    array = np.arange(6, dtype=np.uint8)
    select_device(CPU)
    assert to_device(array, CPU).tolist() == list(range(6))
    assert calls == [((CPU,), {})]
    select_device(CARD)
    assert to_device(array, CARD).tolist() == list(range(6))
    assert calls[1:] == [CARD, "pinned", ((CARD,), {"non_blocking": True})]


def test_bf16_is_asked_of_the_card(monkeypatch: pytest.MonkeyPatch) -> None:
    for has in (True, False):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation, has=has: has)
        assert supports_bf16(CARD) is has
    assert not supports_bf16(CPU)


def test_algorithms_are_tried_on_a_card_only(monkeypatch: pytest.MonkeyPatch) -> None:
    with fixed_shapes(CPU):
        assert not torch.backends.cudnn.benchmark
    with fixed_shapes(CARD):
        assert torch.backends.cudnn.benchmark
    assert not torch.backends.cudnn.benchmark
