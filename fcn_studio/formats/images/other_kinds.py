"""Image files of kinds that are not read.

With them, a folder of such files is not called empty.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable

from fcn_studio.i18n import tr, tr_n, tr_noop

_KINDS: dict[str, str] = {
    **dict.fromkeys((".heic", ".heif", ".hif"), tr_noop("HEIC photos")),
    **dict.fromkeys((".3fr", ".arw", ".cr2", ".cr3", ".dng", ".erf", ".iiq", ".kdc"), tr_noop("raw camera files")),
    **dict.fromkeys((".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2"), tr_noop("raw camera files")),
    **dict.fromkeys((".rwl", ".srw", ".x3f"), tr_noop("raw camera files")),
    **dict.fromkeys((".dcm", ".dicom", ".ima"), tr_noop("DICOM images")),
    **dict.fromkeys((".nii", ".mha", ".mhd", ".nrrd"), tr_noop("medical volumes")),
    **dict.fromkeys(
        (".czi", ".lif", ".lsm", ".mrxs", ".nd2", ".ndpi", ".oib", ".oir", ".svs", ".vsi"),
        tr_noop("microscope files"),
    ),
    **dict.fromkeys((".exr", ".hdr", ".pfm"), tr_noop("HDR images")),
    **dict.fromkeys((".kra", ".psd", ".xcf"), tr_noop("files of drawing programs")),
    **dict.fromkeys((".eps", ".pdf", ".svg"), tr_noop("vector drawings")),
    **dict.fromkeys((".jxl", ".mpo", ".ico", ".tga", ".dds"), tr_noop("other kinds of images")),
}
"""Casefolded suffix -> what such files are."""


def kind_of(name: str) -> str | None:
    """Return the kind of an image file by its suffix, in English.

    It is None if the suffix is of no known kind of image.
    """
    return _KINDS.get(os.path.splitext(name)[1].casefold())


def left_out_sentence(kinds: Iterable[str]) -> str | None:
    """Return the sentence on left-out files of such kinds.

    It is None if there are none.
    """
    counts = Counter(kinds)
    if not counts:
        return None
    words = ", ".join(f"{tr(kind)} ({count:,})" for kind, count in sorted(counts.items()))
    return tr_n(
        "{n} file is of a kind that is not read: {kinds}. Convert it to JPEG, PNG or TIFF.",
        "{n:,} files are of kinds that are not read: {kinds}. Convert them to JPEG, PNG or TIFF.",
        sum(counts.values()),
        kinds=words,
    )
