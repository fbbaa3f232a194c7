"""Annotations that are encoded and not written yet."""

from __future__ import annotations

from dataclasses import dataclass, field

from fcn_studio.core.labels import Labels
from fcn_studio.core.sample import Sample, Status
from fcn_studio.formats.project.image_digests import ImageOrigin


@dataclass(frozen=True)
class EncodedAnnotation:
    """An annotation whose mask is encoded and not written yet.

    Attributes:
        sample: the image.
        labels: label map and provenance.
        status: how far the image is.
        prelabelled_by: sha256 of the checkpoint that pre-labelled it, if one did.
        image: the image file that was labelled; None if that is not known.
        mask: the mask file; None if the image needs none.
        sha256: of the mask file.
    """

    sample: Sample
    labels: Labels = field(repr=False)
    status: Status
    prelabelled_by: str | None
    image: ImageOrigin | None
    mask: bytes | None = field(repr=False)
    sha256: str | None
