"""The device that runs the network, its memory and its threads.

It is CUDA, MPS or the CPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fcn_studio.errors import DeviceError
from fcn_studio.i18n import Message, message_n, tr, tr_n

CPU = torch.device("cpu")

_ALLOWANCE = 3 * 2**29

_OUT_OF_MEMORY = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "cublas_status_alloc_failed",
    "cudnn_status_alloc_failed",
    "unable to find an engine",
)
"""What errors of memory say: torch's own, and those of libraries that get no workspace."""


def choose_device(name: str = "auto") -> torch.device:
    """Return the device of a name.

    Names are "auto" (the best), "cpu", "mps", "cuda" or "cuda:N".

    Raises:
        DeviceError: if there is no such device.
    """
    if name == "auto":
        return _best()
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(tr("'{name}' is not a device; choose auto, cpu, cuda, cuda:1 or mps", name=name)) from error
    if device.type == "cpu":
        return CPU
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) < count:
            return torch.device("cuda", device.index or 0)
        raise DeviceError(
            tr_n(
                "'{name}' is not there: PyTorch finds {n} CUDA device; use --device auto",
                "'{name}' is not there: PyTorch finds {n} CUDA devices; use --device auto",
                count,
                name=name,
            )
        )
    if device.type == "mps" and torch.backends.mps.is_available():
        return torch.device("mps")
    raise DeviceError(tr("'{name}' is not there, or not supported; use --device auto", name=name))


def describe_device(device: torch.device) -> Message:
    """Return the name of a device for people.

    Examples are "CUDA: NVIDIA H200" and "CPU, 4 threads".
    """
    if device.type == "cuda":
        return _name(f"CUDA: {torch.cuda.get_device_name(device)}")
    if device.type == "mps":
        return _name("Apple GPU (MPS)")
    return message_n("CPU, {n} thread", "CPU, {n} threads", torch.get_num_threads())


def _name(text: str) -> Message:
    """Return a name, which is the same in all languages."""
    return Message("{name}", "{name}", {"name": text})


def describe_build() -> str:
    """Return what the installed torch is built for: "CPU", "CUDA 13.0" or "ROCm 7.1"."""
    if torch.version.cuda:
        return f"CUDA {torch.version.cuda}"
    hip = torch.version.hip
    return f"ROCm {'.'.join(hip.split('.')[:2])}" if hip else "CPU"


def check_torchvision() -> None:
    """Import torchvision, which fails beside a torch of another build.

    Raises:
        ImportError, RuntimeError: what torchvision raises.
    """
    import torchvision  # noqa: F401 - the import is the check


def configure_threads(count: int | None = None) -> int:
    """Set torch's number of CPU threads, and return the number used.

    None leaves the number that torch has chosen.
    """
    if count is not None:
        torch.set_num_threads(max(1, count))
    return torch.get_num_threads()


@contextmanager
def half_of_threads() -> Iterator[None]:
    """Use half of torch's CPU threads, at least one.

    Small matrices gain little from more, and the window keeps the other cores.
    """
    count = torch.get_num_threads()
    torch.set_num_threads(max(1, count // 2))
    try:
        yield
    finally:
        torch.set_num_threads(count)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory has run out.

    It is the memory of the device or of the machine.
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    message = str(error).casefold()
    return isinstance(error, RuntimeError) and any(words in message for words in _OUT_OF_MEMORY)


def supports_bf16(device: torch.device) -> bool:
    """Return whether a device computes in bfloat16 by itself, without emulation."""
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def select_device(device: torch.device) -> None:
    """Make a CUDA device the current one.

    Some libraries allocate on the current device.
    """
    if device.type == "cuda":
        torch.cuda.set_device(device)


def to_device(array: NDArray[np.generic], device: torch.device) -> Tensor:
    """Copy an array to a device.

    To CUDA it is copied from pinned memory, without waiting for it.
    """
    tensor = torch.from_numpy(array)
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


@contextmanager
def fixed_shapes(device: torch.device) -> Iterator[None]:
    """Let cuDNN choose the fastest algorithms by trial.

    All batches must have one shape.
    """
    if device.type != "cuda":
        yield
        return
    with torch.backends.cudnn.flags(
        enabled=torch.backends.cudnn.enabled, benchmark=True, allow_tf32=torch.backends.cudnn.allow_tf32
    ):
        yield


def release_memory(device: torch.device) -> None:
    """Return cached memory to the device.

    Call it outside of ``except``: there the error still keeps the tensors of the failed step alive.
    """
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def free_memory(device: torch.device) -> int:
    """Return the bytes that one job may take on the device.

    The weights are not counted. On CUDA that is part of what is free and of what torch has reserved without using it.
    Elsewhere half of what the machine and the process's control group have left, and never more than 1.5 GB: with the
    program and the largest network that stays below 3 GB.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        reserved = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int((free + max(0, reserved)) * 0.6)
    return min(_ALLOWANCE, max(_ALLOWANCE // 8, available_memory() // 2))


def available_memory() -> int:
    """Return the available bytes of main memory.

    It is all the allowance where the number is unknown.
    """
    found = [_meminfo_available(), _cgroup_left()]
    return min((value for value in found if value is not None), default=2 * _ALLOWANCE)


def _meminfo_available() -> int | None:
    """Return MemAvailable of Linux."""
    for line in _lines(Path("/proc/meminfo")):
        name, _, value = line.partition(":")
        if name == "MemAvailable" and value.split()[:1] and value.split()[0].isdigit():
            return int(value.split()[0]) * 1024
    return None


def _cgroup_left() -> int | None:
    """Return the bytes that a container's control group leaves.

    It is a control group of version 2. File cache is free.
    """
    folder = Path("/sys/fs/cgroup")
    limit, used = (_lines(folder / f"memory.{name}") for name in ("max", "current"))
    if not (limit and used and limit[0].isdigit() and used[0].isdigit()):
        return None  # none, or "max"
    cache = dict(line.split(" ", 1) for line in _lines(folder / "memory.stat") if " " in line)
    inactive = cache.get("inactive_file", "0")
    return max(0, int(limit[0]) - int(used[0]) + (int(inactive) if inactive.isdigit() else 0))


def _lines(path: Path) -> list[str]:
    """Return the lines of a file of the kernel.

    There are none where there is no such file.
    """
    try:
        return path.read_text("ascii", "replace").split("\n")
    except OSError:
        return []


def _best() -> torch.device:
    """Return CUDA before MPS before the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda", 0)
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return CPU
