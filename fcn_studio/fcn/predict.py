"""An image in, a label map and an uncertainty map out: whole if memory allows, else in exact tiles."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fcn_studio.core.geometry import Rect
from fcn_studio.core.prediction import Prediction
from fcn_studio.errors import DeviceError
from fcn_studio.fcn.device import CPU, free_memory, is_out_of_memory, release_memory
from fcn_studio.fcn.transforms import Image, normalise, resized, scaled_size
from fcn_studio.fcn.weights import Checkpoint

_log = logging.getLogger(__name__)

_RETRY_TILES = (1024, 512, 256)
_STRIP_BYTES = 16 * 2**20


class Predictor:
    """A checkpoint made ready on a device.

    Attributes:
        checkpoint: what it predicts with.
        device: where.
    """

    def __init__(self, checkpoint: Checkpoint, device: torch.device = CPU) -> None:
        """Build the network; it goes to the device with the first image, where lack of memory has its ladder."""
        self.checkpoint = checkpoint
        self.device = device
        self._network = checkpoint.build().for_inference().to(memory_format=torch.channels_last)
        self._notes: list[str] = []
        self._noted: set[str] = set()
        self._alignment = self._network.alignment
        self._halo = self._aligned_up(self._network.halo)

    def predict(self, image_rgb: Image, image_id: str = "") -> Prediction:
        """Label an image.

        If memory runs out, it is tried again in smaller and smaller tiles and last on the CPU.

        Args:
            image_rgb: uint8 (H, W, 3).
            image_id: put into the result.

        Returns:
            The label map in the checkpoint's own class indices, and the uncertainty
            ``round(255 * (1 - max softmax))`` at the checkpoint's temperature.

        Raises:
            DeviceError: if there is not memory enough even on the CPU in the smallest tiles.
        """
        shape = scaled_size(image_rgb.shape[:2], self.checkpoint.preprocessing.input_scale)
        scaled = resized(image_rgb, shape)
        for rung, (device, tile) in enumerate(self._ladder(shape)):
            try:
                labels, uncertainty = self._label(scaled, image_rgb.shape[:2], device, tile)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                _log.warning("out of memory on %s with tiles of %d pixels", device, tile)
                release_memory(device)
            else:
                if rung:
                    where = "" if device == self.device else " on the CPU"
                    self._note(f"out of memory: an image was labelled{where} in tiles of {tile} pixels")
                return Prediction(image_id, labels, uncertainty, self.checkpoint.sha256)
        raise DeviceError(
            f"out of memory: an image of {image_rgb.shape[1]} x {image_rgb.shape[0]} pixels cannot be labelled "
            "here even in small tiles; close other programs or shrink the image"
        )

    def take_notes(self) -> tuple[str, ...]:
        """Sentences about what ran out since they were last taken; each comes once."""
        notes, self._notes = tuple(self._notes), []
        return notes

    def _note(self, sentence: str) -> None:
        if sentence not in self._noted:
            self._noted.add(sentence)
            self._notes.append(sentence)

    def _ladder(self, shape: tuple[int, int]) -> Iterator[tuple[torch.device, int]]:
        """Devices and tile sizes to try in turn: the largest that should fit, smaller ones, then the CPU."""
        first = self._fitting_tile(shape, self.device)
        yield self.device, first
        yield from ((self.device, tile) for tile in _RETRY_TILES if tile < first)
        if self.device != CPU:
            yield CPU, min(self._fitting_tile(shape, CPU), _RETRY_TILES[1])

    def _fitting_tile(self, shape: tuple[int, int], device: torch.device) -> int:
        """The largest tile within the memory allowance: the whole image, rounded up, if that fits."""
        bytes_per_pixel = self._network.bytes_per_pixel(len(self.checkpoint.table))
        side = math.isqrt(free_memory(device) // bytes_per_pixel)
        if (shape[0] + 2 * self._halo) * (shape[1] + 2 * self._halo) <= side * side:
            return self._aligned_up(max(shape))
        return max(_RETRY_TILES[-1], (side - 2 * self._halo) // self._alignment * self._alignment)

    def _aligned_up(self, size: int) -> int:
        """The next multiple of the pooling grid, on which tiles see the same phase as the whole image."""
        return -(-size // self._alignment) * self._alignment

    @torch.inference_mode()
    def _label(
        self, scaled: Image, full_shape: tuple[int, int], device: torch.device, tile: int
    ) -> tuple[Image, Image]:
        """Label map and uncertainty of ``full_shape`` from the image at the network's scale."""
        network = self._network.to(device)
        labels = np.empty(full_shape, np.uint8)
        uncertainty = np.empty(full_shape, np.uint8)
        height, width = scaled.shape[:2]
        frame = Rect(0, 0, width, height)
        for y in range(0, height, tile):
            for x in range(0, width, tile):
                window = Rect(x, y, x + tile, y + tile).grown(self._halo).intersect(frame)
                piece = torch.from_numpy(np.ascontiguousarray(scaled[window.slices])[None]).to(device)
                scores = network(normalise(piece, self.checkpoint.preprocessing))[0].float()
                rows = _Axis.of(full_shape[0], height, y, y + tile, window.y0)
                columns = _Axis.of(full_shape[1], width, x, x + tile, window.x0)
                self._paint(scores, rows, columns, labels, uncertainty)
        return labels, uncertainty

    def _paint(self, scores: Tensor, rows: _Axis, columns: _Axis, labels: Image, uncertainty: Image) -> None:
        """Upsample scores (C, h, w) to the image in strips of rows; write the best class and the doubt."""
        indices = torch.tensor(self.checkpoint.class_indices, dtype=torch.uint8, device=scores.device)
        scores = scores.permute(1, 2, 0).contiguous()
        strip = max(1, _STRIP_BYTES // (4 * scores.shape[2] * len(columns)))
        for start in range(0, len(rows), strip):
            part = rows.part(start, start + strip)
            # (n, w, C) -> (n, W, C); the classes lie last, where argmax is fast.
            piece = columns.sample(part.sample(scores, 0), 1)
            best, channel = piece.max(2)
            confidence = 1 / ((piece - best[..., None]) / self.checkpoint.temperature).exp().sum(2)
            doubt = (255 * (1 - confidence)).round().to(torch.uint8)
            target = slice(part.start, part.start + len(part)), slice(columns.start, columns.start + len(columns))
            labels[target] = indices[channel].cpu().numpy()
            uncertainty[target] = doubt.cpu().numpy()


@dataclass(frozen=True)
class _Axis:
    """Linear interpolation along one axis: image pixel ``start + i`` lies between two cells of a score map.

    Attributes:
        start: first image pixel.
        low, high: cells before and after, int64 (n,).
        weight: of the cell after, float32 (n,); None if every pixel lies on its cell.
    """

    start: int
    low: Tensor
    high: Tensor
    weight: Tensor | None

    @classmethod
    def of(cls, full: int, scaled: int, begin: int, end: int, origin: int) -> _Axis:
        """The image pixels that belong to cells ``begin`` to ``end`` of a map that starts at cell ``origin``.

        The map of all ``scaled`` cells covers all ``full`` pixels, centres at halves (align_corners=False).
        """
        start = -(-begin * full // scaled)
        stop = min(full, -(-end * full // scaled))
        pixels = torch.arange(start, stop)
        if full == scaled:
            return cls(start, pixels - origin, pixels - origin, None)
        position = ((pixels + 0.5).double() * (scaled / full) - 0.5).clamp(0, scaled - 1)
        low = position.floor().long()
        high = (low + 1).clamp(max=scaled - 1)
        return cls(start, low - origin, high - origin, (position - low).float())

    def __len__(self) -> int:
        return len(self.low)

    def part(self, start: int, stop: int) -> _Axis:
        """A run of its pixels."""
        cut = slice(start, stop)
        weight = None if self.weight is None else self.weight[cut]
        return _Axis(self.start + start, self.low[cut], self.high[cut], weight)

    def sample(self, values: Tensor, dim: int) -> Tensor:
        """Values (h, w, C) at its pixels along dimension 0 or 1."""
        low = values.index_select(dim, self.low.to(values.device))
        if self.weight is None:
            return low
        weight = self.weight.to(values.device).view(-1, *(1,) * (2 - dim))
        return low.lerp_(values.index_select(dim, self.high.to(values.device)), weight)
