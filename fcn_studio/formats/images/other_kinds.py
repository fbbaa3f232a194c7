"""Image files of kinds that are not read.

With them, a folder of such files is not called empty.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping

from fcn_studio.formats.finding import Finding, first_names, in_a_row
from fcn_studio.i18n import listed, tr, tr_n, tr_noop

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


def kinds_left_out(files: Mapping[str, str]) -> Finding | None:
    """Return what to say of left-out files, None if there are none.

    Args:
        files: path -> kind, in English.
    """
    if not files:
        return None
    counts = Counter(files.values())
    words = listed(f"{tr(kind)} ({count:,})" for kind, count in sorted(counts.items()))
    sentence = tr_n(
        "{n} file is of a kind that is not read: {kinds}. Convert it to JPEG, PNG or TIFF: {names}.",
        "{n:,} files are of kinds that are not read: {kinds}. Convert them to JPEG, PNG or TIFF: {names}.",
        len(files),
        kinds=words,
        names=in_a_row(files),
    )
    return Finding("unread_kinds", sentence, len(files), first_names(files))
