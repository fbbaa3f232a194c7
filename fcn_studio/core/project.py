"""Settings of a project, which travel with its folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Literal

from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.grey_levels import BY_FILE, GreyLevels

Unlabelled = Literal["background", "void"]

DEFAULT_VAL_PERCENT = 20
"""Share of the verified images in no ImageSets list that is for validation, in percent."""


class Access(Enum):
    """What may be written into an open project.

    Attributes:
        WRITABLE: everything; this process holds the lock.
        FOLDER_READ_ONLY: nothing at present, because the folder cannot be written. It is labelled all the same, and
            each save tries to take the lock first.
        READ_ONLY: nothing; it was opened to read, or another process has the lock.
    """

    WRITABLE = auto()
    FOLDER_READ_ONLY = auto()
    READ_ONLY = auto()


def _new_id() -> str:
    import uuid  # the start of the window needs none

    return str(uuid.uuid4())


@dataclass(frozen=True)
class ProjectConfig:
    """The settings that travel with a project folder.

    Attributes:
        table: the class table.
        unlabelled: what Verify makes of pixels that nobody labelled.
        val_percent: 0..100, see `fcn_studio.core.sample.assign`.
        grey_levels: what is black and white in images of more than 8 bits.
        project_id: a UUID in hex with dashes; names the project's journal outside the folder.
    """

    table: ClassTable
    unlabelled: Unlabelled
    val_percent: int = DEFAULT_VAL_PERCENT
    project_id: str = field(default_factory=_new_id)
    grey_levels: GreyLevels = BY_FILE

    @classmethod
    def new(cls, table: ClassTable) -> ProjectConfig:
        """Make a new project.

        Unlabelled means background if class 0 bears that name, else void.
        """
        return cls(table, "void" if table.background_index is None else "background")

    @property
    def unlabelled_index(self) -> int:
        """What Verify writes on unlabelled pixels: the background's class index, or 255."""
        background = self.table.background_index
        return VOID if self.unlabelled == "void" or background is None else background
