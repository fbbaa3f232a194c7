"""Labelling of an image with a network.

The image is labelled whole if memory allows, else in exact tiles.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

from fcn_studio.core.geometry import Rect
from fcn_studio.core.prediction import Prediction
from fcn_studio.errors import DeviceError
from fcn_studio.fcn.device import CPU, free_memory, is_out_of_memory, release_memory, to_device
from fcn_studio.fcn.inference.argmax import ArgmaxUpsampler, InterpolationAxis, Planes
from fcn_studio.fcn.inference.fast_network import FastNetwork
from fcn_studio.fcn.transforms import Image, resized, scaled_size
from fcn_studio.fcn.weights.checkpoint import Checkpoint
from fcn_studio.i18n import tr

_log = logging.getLogger(__name__)

_RETRY_TILES = (1024, 512, 256)
_LARGEST_BATCH = 8


class Predictor:
    """A checkpoint made ready on a device.

    Attributes:
        checkpoint: what it predicts with.
        device: where.
    """

    def __init__(self, checkpoint: Checkpoint, device: torch.device = CPU) -> None:
        """Build the network.

        The first image moves it to the device.
        """
        # The weights are the fast network's from here on; a second copy of a VGG-16's would be half a gigabyte.
        self.checkpoint = replace(checkpoint, state={})
        self.device = device
        self._network = FastNetwork(checkpoint.build(), checkpoint.preprocessing)
        self._upsampler = ArgmaxUpsampler(checkpoint.class_indices, checkpoint.temperature)
        self._notes: list[str] = []
        self._noted: set[str] = set()
        self._alignment = self._network.network.alignment
        self._halo = self._aligned_up(self._network.network.halo)

    def predict(self, image_rgb: Image, image_id: str = "") -> Prediction:
        """Label an image.

        When memory runs out, smaller and smaller tiles are tried, and at last the CPU.

        Args:
            image_rgb: uint8 (H, W, 3).
            image_id: put into the result.

        Returns:
            The label map in the checkpoint's own class indices, the uncertainty
            ``round(255 * (1 - max softmax))`` at the checkpoint's temperature, and the second guess.

        Raises:
            DeviceError: if memory does not suffice even on the CPU in the smallest tiles.
        """
        shape = scaled_size(image_rgb.shape[:2], self.checkpoint.preprocessing.input_scale)
        scaled = resized(image_rgb, shape)
        for rung, (device, tile) in enumerate(self._ladder(shape)):
            try:
                planes = self._label(scaled, image_rgb.shape[:2], device, tile)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            else:
                if rung:
                    self._note(
                        tr("out of memory: an image was labelled in tiles of {tile} pixels", tile=tile)
                        if device == self.device
                        else tr(
                            "out of memory: an image was labelled on the CPU in tiles of {tile} pixels", tile=tile
                        )
                    )
                return self._prediction(image_id, planes)
            # Outside of except: the error keeps the activations of the failed try alive.
            _log.warning("out of memory on %s with tiles of %d pixels", device, tile)
            release_memory(device)
        raise DeviceError(
            tr(
                "out of memory: an image of {width} x {height} pixels cannot be labelled here even in small tiles; "
                "close other programs or shrink the image",
                width=image_rgb.shape[1],
                height=image_rgb.shape[0],
            )
        )

    def batch_size(self, shape: tuple[int, int]) -> int:
        """Return how many images of (height, width) are labelled together.

        It is one on the CPU.
        """
        if self.device.type != "cuda":
            return 1
        shape = scaled_size(shape, self.checkpoint.preprocessing.input_scale)
        return max(1, min(_LARGEST_BATCH, free_memory(self.device) // self._bytes_for(shape)))

    def predict_many(self, images_rgb: Sequence[Image], image_ids: Sequence[str]) -> list[Prediction]:
        """Label images, together where size and memory allow.

        The results are the same.

        Raises:
            DeviceError: as `predict`.
        """
        shapes = {image.shape for image in images_rgb}
        if len(images_rgb) > 1 and len(shapes) == 1 and len(images_rgb) <= self.batch_size(images_rgb[0].shape[:2]):
            try:
                return self._predict_together(images_rgb, image_ids)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            _log.warning("out of memory on %s with %d images together", self.device, len(images_rgb))
            release_memory(self.device)
        return [self.predict(image, name) for image, name in zip(images_rgb, image_ids, strict=True)]

    def _predict_together(self, images_rgb: Sequence[Image], image_ids: Sequence[str]) -> list[Prediction]:
        full_shape = images_rgb[0].shape[:2]
        shape = scaled_size(full_shape, self.checkpoint.preprocessing.input_scale)
        stack = np.stack([resized(image, shape) for image in images_rgb])
        maps = self._label_all(stack, full_shape, self.device, self._aligned_up(max(shape)))
        return [self._prediction(image_id, planes) for image_id, planes in zip(image_ids, maps, strict=True)]

    def _prediction(self, image_id: str, planes: Planes) -> Prediction:
        labels, uncertainty, second_guess = planes
        return Prediction(image_id, labels, uncertainty, self.checkpoint.sha256, second_guess)

    def take_notes(self) -> tuple[str, ...]:
        """Return the notes since the last call.

        Each is given once.
        """
        notes, self._notes = tuple(self._notes), []
        return notes

    def _note(self, sentence: str) -> None:
        if sentence not in self._noted:
            self._noted.add(sentence)
            self._notes.append(sentence)

    def _ladder(self, shape: tuple[int, int]) -> Iterator[tuple[torch.device, int]]:
        """Yield devices and tile sizes to try.

        They go from the largest that should fit to the CPU.
        """
        first = self._fitting_tile(shape, self.device)
        yield self.device, first
        yield from ((self.device, tile) for tile in _RETRY_TILES if tile < first)
        if self.device != CPU:
            yield CPU, min(self._fitting_tile(shape, CPU), _RETRY_TILES[1])

    def _fitting_tile(self, shape: tuple[int, int], device: torch.device) -> int:
        """Return the largest tile within the memory allowance.

        It is the whole image if that fits.
        """
        allowed = free_memory(device)
        if self._least_bytes_for(shape) <= allowed:
            return self._aligned_up(max(shape))
        tile = _RETRY_TILES[-1]
        # A tile of the image's rim has less around it; the largest possible one decides.
        while self._least_bytes_for(self._window(shape, tile + self._alignment)) <= allowed:
            tile += self._alignment
        return tile

    def _window(self, shape: tuple[int, int], tile: int) -> tuple[int, int]:
        """Return the largest (height, width) that the network sees of a tile."""
        return min(shape[0], tile + 2 * self._halo), min(shape[1], tile + 2 * self._halo)

    def _bytes_for(self, shape: tuple[int, int]) -> int:
        return self._network.bytes_for(shape, len(self.checkpoint.table))

    def _least_bytes_for(self, shape: tuple[int, int]) -> int:
        return self._network.least_bytes_for(shape, len(self.checkpoint.table))

    def _aligned_up(self, size: int) -> int:
        """Round up to the pooling grid.

        On this grid, tiles see the phase of the whole image.
        """
        return -(-size // self._alignment) * self._alignment

    def _label(self, scaled: Image, full_shape: tuple[int, int], device: torch.device, tile: int) -> Planes:
        """Return label map, uncertainty and second guess of ``full_shape`` from the scaled image."""
        return self._label_all(scaled[None], full_shape, device, tile)[0]

    @torch.inference_mode()
    def _label_all(self, scaled: Image, full_shape: tuple[int, int], device: torch.device, tile: int) -> list[Planes]:
        """Do the same for several images (N, h, w, 3) at once."""
        self._network.to(device)
        number, height, width = scaled.shape[:3]
        maps = [
            (np.empty(full_shape, np.uint8), np.empty(full_shape, np.uint8), np.empty(full_shape, np.uint8))
            for _ in range(number)
        ]
        # A tile smaller than would fit is tried because memory ran out: then as little as can be is taken.
        budget = free_memory(device) if tile >= self._fitting_tile((height, width), device) else 0
        frame = Rect(0, 0, width, height)
        for y in range(0, height, tile):
            for x in range(0, width, tile):
                window = Rect(x, y, x + tile, y + tile).grown(self._halo).intersect(frame)
                piece = to_device(np.ascontiguousarray(scaled[:, *window.slices]), device)
                scores = self._network.score_map(piece, budget)
                rows = InterpolationAxis.of(full_shape[0], height, y, y + tile, window.y0)
                columns = InterpolationAxis.of(full_shape[1], width, x, x + tile, window.x0)
                for i, planes in enumerate(maps):
                    self._upsampler.write(scores.only(i), rows, columns, planes)
        return maps
