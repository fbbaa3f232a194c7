"""Faults: what a check says is wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fcn_studio.core.geometry import Rect


@dataclass(frozen=True)
class Fault:
    """What a check has found in one image, or in a data set.

    Attributes:
        sentence: for people.
        rect: a region of the first image, None if it is not about one.
        images: ids of the images that it is about, the one to look at first; empty if it is about none.
        fixable: whether there is a safe fix in all of these images.
        check: name of the check that found it.
    """

    sentence: str
    rect: Rect | None = None
    images: tuple[str, ...] = ()
    fixable: bool = False
    check: str = ""

    def found_by(self, check: str, image_id: str = "") -> Fault:
        """Return the fault with its check, and with the image that it was found in."""
        return replace(self, check=check, images=(image_id, *self.images) if image_id else self.images)
