"""Frames of films, and pages of TIFFs, as image files.

Films are decoded by OpenCV, whose wheels have FFmpeg. Rotation that the film asks for is applied.
"""

from __future__ import annotations

import io
import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
from PIL import Image, ImageSequence

from fcn_studio.errors import ImageError, UsageError
from fcn_studio.formats.atomic import CANNOT_READ, os_errors_as
from fcn_studio.formats.images.images import MOST_PIXELS, opened
from fcn_studio.i18n import tr
from fcn_studio.paths import open_file

FILM_SUFFIXES = frozenset(
    {".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts"}
    | {".webm", ".wmv"}
)
"""Casefolded suffixes of the files that are read as films."""

PAGE_SUFFIXES = frozenset({".tif", ".tiff"})

FrameKind = Literal["jpg", "png"]

_TOLERANCE = 1e-4
"""Times are in milliseconds or fractions that floats do not hold."""

_EVERY = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(s|f)")


@dataclass(frozen=True, slots=True)
class Every:
    """How many seconds, or else frames, lie between two frames that are taken."""

    step: float
    seconds: bool

    @classmethod
    def parsed(cls, text: str) -> Every:
        """Return what a text such as ``1s``, ``0.5s`` or ``30f`` says.

        Raises:
            UsageError: if it says nothing.
        """
        match = _EVERY.fullmatch(text.strip().casefold())
        step = float(match[1]) if match else 0.0
        seconds = match is not None and match[2] == "s"
        if step <= 0 or not (seconds or step.is_integer()):
            raise UsageError(
                tr("'{text}' is no distance between frames; write seconds as 1s or 0.5s, or frames as 30f", text=text)
            )
        return cls(step, seconds)


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of a film or a page of a TIFF.

    Attributes:
        number: of the frame in the film, from 0.
        total: how many the film has, about; 0 if it does not tell.
        data: of the image file; None for a frame that is not taken.
    """

    number: int
    total: int
    data: bytes | None


def is_film(path: Path) -> bool:
    """Return whether a file is a film by its name."""
    return path.suffix.casefold() in FILM_SUFFIXES


def has_frames(path: Path) -> bool:
    """Return whether a file is a film by its name, or a TIFF of several pages."""
    if is_film(path):
        return path.is_file()
    if path.suffix.casefold() not in PAGE_SUFFIXES or not path.is_file():
        return False
    try:
        with opened(path, MOST_PIXELS) as image:
            return getattr(image, "n_frames", 1) > 1
    except ImageError:
        return False


def frames_of(path: Path, every: Every, kind: FrameKind, quality: int, max_pixels: int) -> Iterator[Frame]:
    """Yield all frames of a film; those that are taken have data.

    Args:
        path: of the film.
        every: which frames are taken, the first among them.
        kind: of the image files.
        quality: of JPEGs, 1..100.
        max_pixels: limit of width x height.

    Raises:
        ImageError: if the file is no film, its frames are too large, or it tells no times where they are needed.
        ProjectError: if it cannot be opened.
    """
    with os_errors_as(CANNOT_READ, path):
        open_file(path).close()
    film = _opened_film(path)
    try:
        _check(film, path, every, max_pixels)
        total = max(0, round(film.get(cv2.CAP_PROP_FRAME_COUNT)))
        rate = film.get(cv2.CAP_PROP_FPS)
        number = taken = 0
        while film.grab():
            steps = (_seconds(film, number, rate) if every.seconds else number) / every.step
            data = None
            if steps >= taken - _TOLERANCE:
                taken = math.floor(steps + _TOLERANCE) + 1
                found, picture = film.retrieve()
                data = encoded(Image.fromarray(picture[:, :, ::-1]), kind, quality) if found else None
            yield Frame(number, total, data)
            number += 1
        if not number:
            raise _no_film(path)
    finally:
        film.release()


def pages_of(path: Path, every: Every, max_pixels: int) -> Iterator[Frame]:
    """Yield all pages of a TIFF; those that are taken have data: a TIFF of the same depth.

    Raises:
        ImageError: if the file cannot be read, a page is too large, or ``every`` is in seconds.
    """
    if every.seconds:
        raise ImageError(tr("{path} has pages and no times; choose every which page is taken, as 1f", path=path))
    with opened(path, max_pixels) as image:
        total = getattr(image, "n_frames", 1)
        for number, page in enumerate(ImageSequence.Iterator(image)):
            taken = number % int(every.step) == 0
            if taken and page.width * page.height > max_pixels:
                raise ImageError(tr("{path}: page {number} is too large", path=path, number=number))
            yield Frame(number, total, encoded(page, "tif", 0) if taken else None)


def encoded(image: Image.Image, kind: FrameKind | Literal["tif"], quality: int) -> bytes:
    """Return the bytes of an image file: JPEG without chroma subsampling, PNG, or deflated TIFF."""
    buffer = io.BytesIO()
    options: dict[str, dict[str, Any]] = {
        "jpg": {"format": "JPEG", "quality": quality, "subsampling": "4:4:4"},
        "png": {"format": "PNG", "compress_level": 4},
        "tif": {"format": "TIFF", "compression": "tiff_adobe_deflate", "save_all": False},
    }
    image.save(buffer, **options[kind])
    return buffer.getvalue()


def _opened_film(path: Path) -> cv2.VideoCapture:
    """Open a film, without the words of OpenCV and FFmpeg on damage, which go to the terminal."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    before = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    try:
        return cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    finally:
        cv2.utils.logging.setLogLevel(before)


def _check(film: cv2.VideoCapture, path: Path, every: Every, max_pixels: int) -> None:
    """Check that a film can be read.

    Raises:
        ImageError: if it is none, its frames are too large, or it has no times.
    """
    if not film.isOpened():
        raise _no_film(path)
    width, height = round(film.get(cv2.CAP_PROP_FRAME_WIDTH)), round(film.get(cv2.CAP_PROP_FRAME_HEIGHT))
    if width * height > max_pixels:
        raise ImageError(
            tr("{path}: frames of {width} x {height} pixels are over the limit (--max-pixels)",
               path=path, width=width, height=height)
        )  # fmt: skip
    if every.seconds and not film.get(cv2.CAP_PROP_FPS) > 0:
        raise ImageError(tr("{path} does not tell how many frames a second has; choose frames, as 30f", path=path))


def _seconds(film: cv2.VideoCapture, number: int, rate: float) -> float:
    """Return when the frame that was grabbed is shown; films of varying rate tell, others are counted."""
    told = float(film.get(cv2.CAP_PROP_POS_MSEC)) / 1000
    return told if told > 0 else number / rate


def _no_film(path: Path) -> ImageError:
    return ImageError(tr("{path}: not a film that is read, or damaged; convert it to MP4 (H.264)", path=path))
