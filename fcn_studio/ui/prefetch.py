"""Decodes the open image's neighbours ahead of time, so that the next one is there when it is asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class Prefetch:
    """A small cache of decoded images, filled by one thread.

    ``max_pixels`` is the limit that `read_image` enforces.
    """

    def __init__(self, max_pixels: int) -> None:
        self.max_pixels = max_pixels
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="prefetch")
        self._images: OrderedDict[Path, Future[NDArray[np.uint8]]] = OrderedDict()

    def get(self, path: Path) -> NDArray[np.uint8]:
        """The image, uint8 (H, W, 3) RGB, from the cache or decoded now; it leaves the cache.

        What could not be read ahead is tried again: it may have been mended.

        Raises:
            ImageError: if it cannot be read.
        """
        future = self._images.pop(path, None)
        if future is not None and not future.cancel() and future.exception() is None:
            return future.result()
        return self._read(path)

    def want(self, paths: Iterable[Path]) -> None:
        """Decode these in the background and forget all others."""
        wanted = list(paths)
        for path in [p for p in self._images if p not in wanted]:
            self._images.pop(path).cancel()
        for path in wanted:
            if path not in self._images:
                self._images[path] = self._executor.submit(self._read, path)

    def _read(self, path: Path) -> NDArray[np.uint8]:
        from fcn_studio.formats.images import read_image  # start-up: Pillow is loaded with the first image

        return read_image(path, max_pixels=self.max_pixels)

    def close(self) -> None:
        """Forget everything and end the thread."""
        self.want(())
        self._executor.shutdown(wait=True)
