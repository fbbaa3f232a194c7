"""Survey of black and white in the deep images of a folder.

A sample of the images is surveyed.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from typing import Any

from numpy.typing import NDArray

from fcn_studio.core.grey_levels import GreyLevels
from fcn_studio.core.sample import Sample
from fcn_studio.errors import ImageError
from fcn_studio.formats.images.depth import joint_levels
from fcn_studio.formats.images.images import deep_image

_log = logging.getLogger(__name__)

_SUFFIXES = frozenset({".jp2", ".pgm", ".png", ".pnm", ".tif", ".tiff"})
"""Casefolded suffixes of files that may have more than 8 bits per sample."""

LOOKED_AT = 32
"""At most so many headers are read, from the whole length of the list."""

READ = 8
"""At most so many deep images are decoded."""

MOST_PIXELS = 50_000_000
"""Larger images are not decoded for this."""


def surveyed_levels(samples: Sequence[Sample]) -> GreyLevels:
    """Return the black and white of the deep images among ``samples``.

    The result says nothing if none is found.
    """
    return joint_levels(_deep_ones(samples))


def _deep_ones(samples: Sequence[Sample]) -> Iterator[NDArray[Any]]:
    """Yield the samples of some deep images.

    What cannot be read is passed by.
    """
    candidates = [s for s in samples if os.path.splitext(s.image_file)[1].casefold() in _SUFFIXES]
    found = 0
    for sample in candidates[:: max(1, -(-len(candidates) // LOOKED_AT))]:
        try:
            deep = deep_image(sample.image_path, max_pixels=MOST_PIXELS)
        except ImageError as error:
            _log.info("passed by: %s", error)
            continue
        if deep is not None:
            yield deep.samples
            found += 1
        if found == READ:
            return
