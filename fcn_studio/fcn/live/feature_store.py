"""Features of images, kept in memory and on disk within bounds."""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from fcn_studio.core.grey_levels import GreyLevels
from fcn_studio.fcn.live.extractor import KNOWN_STRIDE, WORKING_SIDE, Extract, FeatureExtractor
from fcn_studio.fcn.live.features import Features
from fcn_studio.fcn.transforms import Image
from fcn_studio.paths import replace_file

MEMORY_BYTES = 256 << 20
DISK_BYTES = 512 << 20

_FORM = 1
"""Number of the files' form; files of another one are never found."""

_SUFFIX, _TAP = ".features", "tap"


class FeatureStore:
    """Features of images by one extractor.

    Files on disk are rebuildable. One that is damaged is computed again, and what cannot be written is not kept.

    Attributes:
        extractor: what makes the features.
    """

    def __init__(
        self, extractor: FeatureExtractor, memory_bytes: int = MEMORY_BYTES, disk_bytes: int = DISK_BYTES
    ) -> None:
        self.extractor = extractor
        self._memory_bytes, self._disk_bytes = memory_bytes, disk_bytes
        self._kept: OrderedDict[str, Features] = OrderedDict()

    def features(self, path: str, levels: GreyLevels, folder: str, read: Callable[[], Image]) -> Features:
        """Return the features of an image file.

        Args:
            path: the file. It is the same image as long as its size and its time of change are.
            levels: its grey levels.
            folder: of the files on disk; "" for none.
            read: returns the image; what it raises is passed on.
        """
        key = self._key(path, levels)
        if key not in self._kept:
            self._kept[key] = self._extract(key, folder, read).features()
        self._kept.move_to_end(key)
        while len(self._kept) > 1 and sum(kept.nbytes for kept in self._kept.values()) > self._memory_bytes:
            self._kept.popitem(last=False)
        return self._kept[key]

    def _key(self, path: str, levels: GreyLevels) -> str:
        """Return the name of an image's state, 64 hex digits."""
        try:
            status = os.stat(path)
            state = f"{status.st_size} {status.st_mtime_ns}"
        except OSError:  # reading it says why
            state = ""
        said = f"{_FORM} {WORKING_SIDE} {self.extractor.checkpoint.sha256} {state} {levels} {path}"
        return hashlib.sha256(said.encode("utf-8", "surrogateescape")).hexdigest()

    def _extract(self, key: str, folder: str, read: Callable[[], Image]) -> Extract:
        """Return an extract from disk, or compute it and keep it there."""
        file = Path(folder) / f"{key}{_SUFFIX}"
        found = _read(file) if folder else None
        if found is not None:
            return found
        extract = self.extractor.extract(read())
        if folder:
            with suppress(OSError):
                replace_file(file, _as_bytes(extract))
                self._drop_oldest(Path(folder))
        return extract

    def _drop_oldest(self, folder: Path) -> None:
        """Delete files until the rest is within the bound, least recently used first."""
        files = sorted((file.stat().st_mtime_ns, file.stat().st_size, file) for file in folder.glob(f"*{_SUFFIX}"))
        total = sum(size for _, size, _ in files)
        for _, size, file in files[:-1]:
            if total <= self._disk_bytes:
                return
            file.unlink()
            total -= size


def _as_bytes(extract: Extract) -> bytes:
    tensors = {f"{_TAP}{stride}": values for stride, values in extract.taps.items()}
    tensors["known"], tensors["rgb"] = extract.known, torch.from_numpy(extract.working_rgb)
    tensors["sizes"] = torch.tensor([extract.size, extract.full_size])
    return safetensors.torch.save(tensors)


def _read(file: Path) -> Extract | None:
    """Return an extract from its file.

    None if it is missing or damaged.
    """
    try:
        tensors = safetensors.torch.load(file.read_bytes())
        os.utime(file)
        rgb, known = tensors.pop("rgb").numpy(), tensors.pop("known")
        (height, width), (full_height, full_width) = tensors.pop("sizes").tolist()
        taps = {int(name.removeprefix(_TAP)): values for name, values in tensors.items()}
        for stride, values in (*taps.items(), (KNOWN_STRIDE, known)):
            if values.shape[1:] != (rgb.shape[0] // stride, rgb.shape[1] // stride):
                return None
        return Extract(rgb, taps, known, (height, width), (full_height, full_width))
    except (OSError, safetensors.SafetensorError, ValueError, KeyError):
        return None
