"""PyTorch's own weight files, as others write them.

Only tensors come out of a file, and none is larger than the file.
"""

from __future__ import annotations

import pickle
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fcn_studio.errors import CheckpointError
from fcn_studio.i18n import tr
from fcn_studio.paths import open_file

_MAX_ENTRIES, _MAX_NAME, _MAX_CLASSES = 20_000, 200, 1000
_WRAPPERS = ("model_state_dict", "state_dict", "model")
"""Keys under which a training's file has its weights.

Source: pytorch-fcn's trainer, torchvision's references, PyTorch Lightning.
"""

_DTYPES = {torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64}

_FAULTS = (
    pickle.UnpicklingError, RuntimeError, EOFError, ValueError, TypeError, LookupError, AttributeError, ImportError,
    AssertionError, OverflowError, MemoryError, struct.error, zipfile.BadZipFile, tarfile.TarError,
)  # fmt: skip
"""Errors that a damaged pickle can raise; any other ends the throw-away process."""


class _Inert:
    """Stand-in for an object of any class that a file names.

    It holds nothing and does nothing.
    """

    def __new__(cls, *_arguments: object, **_named: object) -> _Inert:
        """Take whatever the file passes."""
        return super().__new__(cls)

    def __init__(self, *_arguments: object, **_named: object) -> None:
        """Forget it."""

    def __setstate__(self, _state: object) -> None:
        """Forget the state, too."""


def read_pth(path: Path) -> dict[str, Tensor]:
    """Read name -> weight of a ``.pth`` file.

    The weights are dense tensors on the CPU. No code of the file runs (``weights_only``). Objects beside the weights,
    as a training script's settings, become inert stand-ins. Call it in a process that may be lost.

    Raises:
        CheckpointError: if it cannot be read, its weights are not tensors, or it claims more than its size.
    """
    try:
        with open_file(path) as file:
            size = file.seek(0, 2)
        zipped = zipfile.is_zipfile(path)
        if zipped:
            _check_archive(path, size)
        elif tarfile.is_tarfile(path):
            raise ValueError(tr("it is a tar archive, as PyTorch wrote them before 2017"))
        with warnings.catch_warnings(), torch.serialization.safe_globals(_stand_ins(path) if zipped else []):
            warnings.simplefilter("ignore")  # oddities of the pickle mean nothing to the user
            loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
        return _tensors(loaded, size)
    except OSError as error:
        raise CheckpointError(
            tr("{path}: the file cannot be read: {reason}", path=path, reason=error.strerror or error)
        ) from error
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            tr(
                "{path}: the file is damaged, or holds Python objects in place of weights; get a fresh copy, or save "
                "the network's state_dict() in Python and choose that file",
                path=path,
            )
        ) from error
    except _FAULTS as error:
        reason = str(error).partition("\n")[0][:200] or type(error).__name__
        raise CheckpointError(
            tr(
                "{path}: the file is damaged, or holds something else than weights ({reason}); get a fresh copy",
                path=path,
                reason=reason,
            )
        ) from error


def _stand_ins(path: Path) -> list[Callable[..., Any] | tuple[Callable[..., Any], str]]:
    """Return stand-ins for the classes that a pickle names.

    The pickle is that of a zip archive. Classes that hold weights are left out.
    """
    names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    if len(names) > _MAX_CLASSES:
        raise ValueError(tr("it names too many classes"))
    return [(_Inert, name) for name in names]


def _check_archive(path: Path, size: int) -> None:
    """Check that a zip archive is stored uncompressed.

    The entries must lie within its size.

    Raises:
        ValueError: if they are not.
    """
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    if len(entries) > _MAX_ENTRIES or sum(entry.file_size for entry in entries) > size:
        raise ValueError(tr("its entries claim more bytes than the file has"))
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise ValueError(tr("its entries are compressed, which PyTorch's never are"))
    if any(entry.filename.endswith("/constants.pkl") or "/code/" in entry.filename for entry in entries):
        raise ValueError(tr("it holds a program (TorchScript), not only weights"))


def _tensors(loaded: object, size: int) -> dict[str, Tensor]:
    """Return the weights of what a file holds.

    Names have no common prefix.

    Raises:
        ValueError: if there is anything but tensors, or they claim more than ``size`` bytes.
    """
    if isinstance(loaded, Mapping):
        loaded = next((loaded[key] for key in _WRAPPERS if isinstance(loaded.get(key), Mapping | _Inert)), loaded)
    if isinstance(loaded, _Inert):
        raise pickle.UnpicklingError("a Python object in place of a table of weights")
    if not isinstance(loaded, Mapping) or not loaded or len(loaded) > _MAX_ENTRIES:
        raise ValueError(tr("there is no table of weights"))
    found: dict[str, Tensor] = {}
    total = 0
    for name, value in loaded.items():
        if not isinstance(name, str) or len(name) > _MAX_NAME:
            raise ValueError(tr("a weight has no usable name"))
        if not _is_plain(value):
            raise ValueError(tr("'{name}' is not a plain tensor", name=name))
        total += value.numel() * value.element_size()
        if total > size or value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise ValueError(tr("'{name}' claims more bytes than the file has", name=name))
        found[name] = value.detach()
    return _without_prefix(found)


def _without_prefix(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Remove the first parts that all names share.

    DataParallel puts ``module.`` before all names, PyTorch Lightning ``model.``.
    """
    while len(weights) > 1 and len({name.partition(".")[0] for name in weights}) == 1:
        weights = {name.partition(".")[2]: value for name, value in weights.items()}
    return weights


def _is_plain(value: object) -> bool:
    return (
        type(value) in (Tensor, torch.nn.Parameter)
        and isinstance(value, Tensor)
        and value.layout is torch.strided
        and value.device.type == "cpu"
        and value.dtype in _DTYPES
        and not value.is_quantized
    )
