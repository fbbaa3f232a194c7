"""What all import formats share: the row of the registry, and a source of masks as it is read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.classes import Colour

if TYPE_CHECKING:  # start-up: the parser needs the rows only
    from fcn_studio.core.sample import Split

SourceMap = NDArray[np.int16]
"""(H, W): index into the classes of a source, `UNLABELLED` or `VOID_VALUE`."""

UNLABELLED = -1
"""Value of a pixel that the source says nothing of."""

VOID_VALUE = -2
"""Value of a pixel that the source says to ignore."""


@dataclass(frozen=True, slots=True)
class SourceClass:
    """A class as a source has it.

    Attributes:
        name: of the class; "" if the source does not tell.
        colour: in the source; None if it has none.
        value: what stands in the source, for people and for ``--map``: a name, ``#rrggbb`` or a number.
    """

    name: str
    colour: Colour | None
    value: str


@dataclass(frozen=True, slots=True)
class MaskItem:
    """The annotation of one image in a source.

    Attributes:
        name: path of the image, or of its mask where there is no image, relative to the source, with slashes and
            without suffix.
        image: the source's own image file, if it is there.
        split: the split that the source gives the image, if it does.
        mask: the file that holds this annotation and no other, if there is one.
    """

    name: str
    image: Path | None = None
    split: Split | None = None
    mask: Path | None = None


class MaskSource(ABC):
    """Annotations of a data set as another program wrote them.

    Attributes:
        items: its images, each with an annotation.
        notices: translated sentences on what was left out or how something was read.
    """

    items: Sequence[MaskItem] = ()
    notices: tuple[str, ...] = ()

    @property
    @abstractmethod
    def classes(self) -> tuple[SourceClass, ...]:
        """The classes of the source.

        A source that only its pixels tell adds to them while items are read; none ever changes its index.
        """

    def named_classes(self) -> tuple[SourceClass, ...]:
        """Return the classes that the source names, those without a pixel too."""
        return tuple(found for found in self.classes if found.name)

    @abstractmethod
    def read(self, item: MaskItem, size: tuple[int, int] | None) -> SourceMap:
        """Return the annotation of an image.

        The image has ``size`` (width, height) as displayed. It is None where no image is known: then the source's
        own size counts.

        Raises:
            MaskError, ProjectError: if it cannot be read or has another size; the import leaves this image out.
        """


@dataclass(frozen=True, slots=True)
class ImportFormat:
    """A row of the registry of import formats.

    Attributes:
        name: value of ``--format``, and name of the module that reads it.
        title: name of the format in the window.
        description: what it reads.
        pattern: the files that it reads.
    """

    name: str
    title: str
    description: str
    pattern: str

    def found(self, path: Path) -> bool:
        """Return whether a file or folder looks like this format, by names and first bytes."""
        return bool(self._module().found(path))

    def open(self, path: Path) -> MaskSource:
        """Return what a file or folder of this format holds.

        Raises:
            ProjectError, MaskError: if it cannot be read.
        """
        source = self._module().open_source(path)
        assert isinstance(source, MaskSource)
        return source

    def _module(self) -> ModuleType:
        return import_module(f"fcn_studio.formats.importers.{self.name}")
