"""Where the network runs: CUDA, MPS or the CPU; and how many threads of it."""

from __future__ import annotations

from pathlib import Path

import torch

from fcn_studio.errors import DeviceError

CPU = torch.device("cpu")

_ALLOWANCE = 3 * 2**29


def choose_device(name: str = "auto") -> torch.device:
    """The device of a name: "auto" (the best there is), "cpu", "mps", "cuda" or "cuda:N".

    Raises:
        DeviceError: if it is not there.
    """
    if name == "auto":
        return _best()
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"'{name}' is no device; say auto, cpu, cuda, cuda:1 or mps") from error
    if device.type == "cpu":
        return CPU
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) < count:
            return torch.device("cuda", device.index or 0)
        raise DeviceError(f"'{name}' is not there: PyTorch finds {count} CUDA devices; use --device auto")
    if device.type == "mps" and torch.backends.mps.is_available():
        return torch.device("mps")
    raise DeviceError(f"'{name}' is not there, or not supported; use --device auto")


def describe_device(device: torch.device) -> str:
    """The device for people, as "CUDA: NVIDIA H200" or "CPU, 4 threads"."""
    if device.type == "cuda":
        return f"CUDA: {torch.cuda.get_device_name(device)}"
    if device.type == "mps":
        return "Apple GPU (MPS)"
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' if threads != 1 else ''}"


def configure_threads(count: int | None = None) -> int:
    """Set how many CPU threads torch uses (None: as many as it chose itself); gives the number in use."""
    if count is not None:
        torch.set_num_threads(max(1, count))
    return torch.get_num_threads()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device (or the machine) has no memory left for what was asked."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    words = ("out of memory", "not enough memory", "can't allocate memory")
    return isinstance(error, RuntimeError) and any(word in str(error) for word in words)


def release_memory(device: torch.device) -> None:
    """Give cached memory of the device back, after an out-of-memory error."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def free_memory(device: torch.device) -> int:
    """Bytes that one job may take on the device beside the weights.

    On CUDA that is part of what is free. Elsewhere half of what the machine and the process's control group have
    left, and never more than 1.5 GB: with the program and the largest network that stays below 3 GB.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free * 0.6)
    return min(_ALLOWANCE, max(_ALLOWANCE // 8, available_memory() // 2))


def available_memory() -> int:
    """Bytes of main memory that can still be had, as far as the system says; all the allowance where it does not."""
    found = [_meminfo_available(), _cgroup_left()]
    return min((value for value in found if value is not None), default=2 * _ALLOWANCE)


def _meminfo_available() -> int | None:
    """MemAvailable of Linux."""
    for line in _lines(Path("/proc/meminfo")):
        name, _, value = line.partition(":")
        if name == "MemAvailable" and value.split()[:1] and value.split()[0].isdigit():
            return int(value.split()[0]) * 1024
    return None


def _cgroup_left() -> int | None:
    """What the control group of a container (version 2) leaves, its file cache counted as free."""
    folder = Path("/sys/fs/cgroup")
    limit, used = (_lines(folder / f"memory.{name}") for name in ("max", "current"))
    if not (limit and used and limit[0].isdigit() and used[0].isdigit()):
        return None  # none, or "max"
    cache = dict(line.split(" ", 1) for line in _lines(folder / "memory.stat") if " " in line)
    inactive = cache.get("inactive_file", "0")
    return max(0, int(limit[0]) - int(used[0]) + (int(inactive) if inactive.isdigit() else 0))


def _lines(path: Path) -> list[str]:
    """The lines of a file of the kernel's; none where there is no such file."""
    try:
        return path.read_text("ascii", "replace").split("\n")
    except OSError:
        return []


def _best() -> torch.device:
    """CUDA before MPS before the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda", 0)
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return CPU
