"""Search for images that show the same picture, also when one was compressed, scaled or brightened.

Two images are near-duplicates if their perceptual hashes differ in few bits and their thumbnails correlate. Either
test alone also finds other images: the hash of plain pictures, the thumbnails of those with the same light.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

MOST_BITS = 8
"""Bits of the hash in which near-duplicates may differ, of 64; a JPEG of quality 40 or half the size differs in 2."""

LEAST_CORRELATION = 0.98
"""Correlation of the thumbnails of near-duplicates; see docs/adr/0034."""

SAME_GREY = 1.0
"""Mean difference of the thumbnails of one picture, in grey levels; neighbouring frames of films differ by more."""

_HASHED, _THUMBNAIL, _KEPT = 32, 16, 8
_ROWS = 128


@dataclass(frozen=True, slots=True)
class PictureSignature:
    """What of a picture is compared with others.

    Attributes:
        hash: 64 bits of its discrete cosine transform.
        thumbnail: its grey values, 16 x 16 bytes.
    """

    hash: bytes
    thumbnail: bytes


def signature_of(image_rgb: NDArray[np.uint8]) -> PictureSignature:
    """Return the signature of a picture, uint8 (H, W, 3).

    Source: C. Zauner 2010, "Implementation and benchmarking of perceptual image hash functions", 3.2.1: the lowest
    8 x 8 coefficients of 32 x 32 grey values, each larger than their median or not.
    """
    size = (_HASHED, _HASHED)
    grey = cv2.cvtColor(cv2.resize(image_rgb, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    low = np.asarray(cv2.dct(grey.astype(np.float32)))[:_KEPT, :_KEPT].ravel()
    thumbnail = cv2.resize(grey, (_THUMBNAIL, _THUMBNAIL), interpolation=cv2.INTER_AREA)
    return PictureSignature(np.packbits(low > np.median(low[1:])).tobytes(), np.asarray(thumbnail).tobytes())


def near_duplicates(signatures: Sequence[PictureSignature]) -> Iterator[tuple[int, int]]:
    """Yield the places (i, j), i < j, of all pairs of near-duplicates."""
    if len(signatures) < 2:
        return
    packed = np.frombuffer(b"".join(s.hash for s in signatures), np.uint8).reshape(len(signatures), -1)
    signs = np.where(np.unpackbits(packed, axis=1), np.float32(1), np.float32(-1))
    bits = signs.shape[1]
    for start in range(0, len(signatures), _ROWS):
        part = signs[start : start + _ROWS]
        differing = (bits - part @ signs[start:].T) / 2
        for i, j in np.argwhere(np.triu(differing <= MOST_BITS, 1)).tolist():
            if _correlate(signatures[start + i], signatures[start + j]):
                yield start + i, start + j


def show_the_same(one: PictureSignature, other: PictureSignature) -> bool:
    """Return whether near-duplicates are one picture, perhaps compressed or scaled, and not two frames of a film."""
    a, b = (np.frombuffer(s.thumbnail, np.uint8).astype(np.float64) for s in (one, other))
    return bool(np.abs(a - b).mean() < SAME_GREY)


def groups_of(pairs: Iterable[tuple[int, int]], number: int) -> list[int]:
    """Return a number of the group of each of so many images; those of a pair share it, directly or by others."""
    parent = list(range(number))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    for i, j in pairs:
        first, last = sorted((root(i), root(j)))
        parent[last] = first
    return [root(place) for place in range(number)]


def _correlate(one: PictureSignature, other: PictureSignature) -> bool:
    if one.thumbnail == other.thumbnail:
        return True  # also of plain colour, which correlates with nothing
    a, b = (np.frombuffer(s.thumbnail, np.uint8).astype(np.float64) for s in (one, other))
    a, b = a - a.mean(), b - b.mean()
    return bool(a @ b > LEAST_CORRELATION * np.linalg.norm(a) * np.linalg.norm(b))
