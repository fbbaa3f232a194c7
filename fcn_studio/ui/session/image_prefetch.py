"""Decode the neighbours of the open image ahead of time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from fcn_studio.core.grey_levels import BY_FILE, GreyLevels
from fcn_studio.core.image_pyramid import ImagePyramid, levels_of

STAGED_FROM = 20_000_000
"""Pixels from which an image is read in stages and not ahead; smaller ones are opened whole."""

BUDGET = 400_000_000
"""Bytes that pictures read ahead may take."""

_MOST = BUDGET // (4 * STAGED_FROM)  # three bytes a pixel, and a third more for the levels


class ImagePrefetch:
    """A cache of decoded images of at most `BUDGET` bytes.

    A thread fills it.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="prefetch")
        self._images: OrderedDict[Path, Future[ImagePyramid | None]] = OrderedDict()

    def taken(self, path: Path) -> ImagePyramid | None:
        """Take a picture with all its levels out of the cache.

        It is None if it is not there or cannot be read.
        """
        future = self._images.pop(path, None)
        return None if future is None or future.cancel() or future.exception() is not None else future.result()

    def want(self, paths: Iterable[Path], max_pixels: int, levels: GreyLevels = BY_FILE) -> None:
        """Decode the first of these images in the background.

        They are as many as fit. All others are forgotten.
        """
        wanted = list(islice(paths, _MOST))
        for path in [p for p in self._images if p not in wanted]:
            self._images.pop(path).cancel()
        for path in wanted:
            if path not in self._images:
                self._images[path] = self._executor.submit(_small, path, max_pixels, levels)

    def close(self) -> None:
        """Forget everything and end the thread."""
        self.want((), 0)
        self._executor.shutdown(wait=True)


def _small(path: Path, max_pixels: int, levels: GreyLevels) -> ImagePyramid | None:
    """Read an image that does not come in stages, else return None.

    Raises: ImageError if it cannot be read.
    """
    from fcn_studio.formats.images.images import (  # start-up: Pillow is loaded with the first image
        image_size,
        read_image,
    )

    width, height = image_size(path, max_pixels=max_pixels)
    if width * height >= STAGED_FROM:
        return None
    return ImagePyramid.of_levels(levels_of(read_image(path, max_pixels=max_pixels, levels=levels)))
