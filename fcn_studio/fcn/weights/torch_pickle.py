"""PyTorch's own weight files, as others write them: only tensors come out of one, and none larger than the file."""

from __future__ import annotations

import pickle
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from fcn_studio.errors import CheckpointError
from fcn_studio.paths import open_file

_MAX_ENTRIES, _MAX_NAME = 20_000, 200
_WRAPPERS = ("model_state_dict", "state_dict", "model")
"""Under which of its keys a training's file has weights. Source: pytorch-fcn's trainer, torchvision's references."""

_DTYPES = {torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64}

_FAULTS = (
    pickle.UnpicklingError, RuntimeError, EOFError, ValueError, TypeError, LookupError, AttributeError, ImportError,
    AssertionError, OverflowError, MemoryError, struct.error, zipfile.BadZipFile, tarfile.TarError,
)  # fmt: skip
"""What a spoiled pickle can raise; what else there may be ends the throw-away process."""


def read_pth(path: Path) -> dict[str, Tensor]:
    """Name -> weight of a ``.pth`` file: dense tensors on the CPU.

    No code of the file runs (``weights_only``). Call it in a process that may be lost.

    Raises:
        CheckpointError: if it cannot be read, holds anything but tensors, or claims more than its size.
    """
    try:
        with open_file(path) as file:
            size = file.seek(0, 2)
        zipped = zipfile.is_zipfile(path)
        if zipped:
            _check_archive(path, size)
        elif tarfile.is_tarfile(path):
            raise ValueError("a tar archive, which no PyTorch of the last years writes")
        with warnings.catch_warnings():  # on oddities of the pickle, which are nothing to the user
            warnings.simplefilter("ignore")
            loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
        return _tensors(loaded, size)
    except OSError as error:
        raise CheckpointError(f"{path}: the file cannot be read: {error.strerror or error}") from error
    except _FAULTS as error:
        reason = str(error).partition("\n")[0][:200] or type(error).__name__
        raise CheckpointError(
            f"{path}: the file is damaged, or holds something else than weights ({reason}); get a fresh copy"
        ) from error


def _check_archive(path: Path, size: int) -> None:
    """Raises: ValueError unless the entries of a zip archive are stored as they are, and no larger than the file."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    if len(entries) > _MAX_ENTRIES or sum(entry.file_size for entry in entries) > size:
        raise ValueError("its entries claim more than the file has")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise ValueError("its entries are compressed, which PyTorch's never are")
    if any(entry.filename.endswith("/constants.pkl") or "/code/" in entry.filename for entry in entries):
        raise ValueError("it holds a program (TorchScript), not weights alone")


def _tensors(loaded: object, size: int) -> dict[str, Tensor]:
    """The weights. Raises: ValueError if there is anything else, or they claim more than ``size`` bytes."""
    if isinstance(loaded, Mapping):
        loaded = next((loaded[key] for key in _WRAPPERS if isinstance(loaded.get(key), Mapping)), loaded)
    if not isinstance(loaded, Mapping) or not loaded or len(loaded) > _MAX_ENTRIES:
        raise ValueError("no table of weights")
    found: dict[str, Tensor] = {}
    total = 0
    for name, value in loaded.items():
        if not isinstance(name, str) or len(name) > _MAX_NAME:
            raise ValueError("a weight has no usable name")
        if not _is_plain(value):
            raise ValueError(f"'{name}' is no plain tensor")
        total += value.numel() * value.element_size()
        if total > size or value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise ValueError(f"'{name}' claims more than the file has")
        found[name] = value.detach()
    return found


def _is_plain(value: object) -> bool:
    return (
        type(value) in (Tensor, torch.nn.Parameter)
        and isinstance(value, Tensor)
        and value.layout is torch.strided
        and value.device.type == "cpu"
        and value.dtype in _DTYPES
        and not value.is_quantized
    )
