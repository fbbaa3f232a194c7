from __future__ import annotations

import pytest
import torch

from fcn_studio.errors import DeviceError
from fcn_studio.fcn.device import choose_device, configure_threads, describe_device, is_out_of_memory


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
