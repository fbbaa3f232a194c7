"""Where the network runs: CUDA, MPS or the CPU; and how many threads of it."""

from __future__ import annotations

import torch

from fcn_studio.errors import DeviceError

CPU = torch.device("cpu")


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
    """Bytes that one job may take on the device: part of what is free on CUDA, a fixed allowance elsewhere."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free * 0.6)
    return 2 * 2**30


def _best() -> torch.device:
    """CUDA before MPS before the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda", 0)
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return CPU
