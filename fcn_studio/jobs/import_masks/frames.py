"""Import of the frames of a film, or the pages of a TIFF, as images of a folder."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from fcn_studio.errors import UsageError
from fcn_studio.formats.atomic import refuse_outside, write_atomically
from fcn_studio.formats.images.frames import Every, FrameKind, frames_of, has_frames, is_film, pages_of
from fcn_studio.formats.images.images import MAX_PIXELS
from fcn_studio.formats.images.scan import IMAGES
from fcn_studio.i18n import tr, tr_n

_FEWER = 0.9
"""A film that has less than this share of the frames that its header tells is cut off."""


@dataclass(slots=True)
class FramesResult:
    """What an import of frames did.

    Attributes:
        folder: the folder of images.
        written: names of the images that were written.
        kept: how many were there already, and were left as they are.
        notice: what was odd about the film, "" for nothing.
    """

    folder: Path
    written: list[str]
    kept: int = 0
    notice: str = ""


def import_frames(
    path: Path,
    folder: Path,
    every: Every,
    kind: FrameKind = "jpg",
    quality: int = 95,
    max_pixels: int = MAX_PIXELS,
) -> Generator[tuple[int, int], None, FramesResult]:
    """Write frames as images into a folder. Yields (done, total) after each frame.

    A frame is ``film-000123.jpg``, numbered as in the film; a second run with a smaller distance adds those between.
    Nothing is written over. Closed early, it leaves the images that were written.

    Raises:
        ImageError: if the film cannot be read.
        ProjectError: if an image cannot be written.
    """
    film = is_film(path)
    frames = frames_of(path, every, kind, quality, max_pixels) if film else pages_of(path, every, max_pixels)
    root = folder / IMAGES if (folder / IMAGES).is_dir() else folder
    result = FramesResult(root, [])
    number = total = 0
    for frame in frames:
        number, total = frame.number + 1, frame.total
        if frame.data is not None:
            target = root / f"{path.stem}-{frame.number:06}.{kind if film else 'tif'}"
            if target.exists():
                result.kept += 1
            else:
                refuse_outside(folder, target)
                write_atomically(target, frame.data)
                result.written.append(target.name)
        yield number, max(number, total)
    if number < total * _FEWER:
        result.notice = tr(
            "{path} ends after {number:,} of {total:,} frames; it may be cut off",
            path=path,
            number=number,
            total=total,
        )
    return result


def run_import_frames(
    path: Path, folder: Path, *, every: str | None, png: bool, quality: int, max_pixels: int
) -> dict[str, object]:
    """Run the command ``fcn-studio import`` for a film or a TIFF of several pages.

    Raises:
        UsageError: if the file has no frames, or an option makes no sense.
        ImageError, ProjectError: as `import_frames`.
    """
    from fcn_studio.jobs.console import exhaust  # the window needs it not

    if not path.exists():
        raise UsageError(tr("there is no '{path}'", path=path))
    if not has_frames(path):
        raise UsageError(tr("'{path}' is neither a film nor a TIFF of several pages", path=path))
    if not 1 <= quality <= 100:
        raise UsageError(tr("the quality of a JPEG is 1 to 100"))
    default = "1s" if is_film(path) else "1f"
    work = import_frames(path, folder, Every.parsed(every or default), "png" if png else "jpg", quality, max_pixels)
    result = exhaust(work, tr("import"))
    for line in result_sentences(result):
        print(line)
    return {"folder": str(result.folder), "written": result.written, "kept": result.kept, "notice": result.notice}


def result_sentences(result: FramesResult) -> list[str]:
    """Return sentences on what an import of frames did."""
    lines = [
        tr_n("{n} image written to '{folder}'", "{n:,} images written to '{folder}'", len(result.written),
             folder=result.folder)
    ]  # fmt: skip
    if result.kept:
        lines.append(tr_n("{n} image was there already", "{n:,} images were there already", result.kept))
    return [*lines, *filter(None, [result.notice])]
