"""Errors whose text a user can read.

The text says what failed, on which file, and what to do about it. Errors are raised where the cause is known, chained
with ``from``, and caught in three places only: the job scheduler (`fcn_studio.jobs.process.scheduler`), the wrapper
of window actions (`fcn_studio.ui.runtime.user_messages`) and `cli.main` (standard error, exit code 2). Every other
exception is a bug and is reported as one.
"""

from __future__ import annotations

from pathlib import Path


class FcnStudioError(Exception):
    """Base of all errors that carry a sentence for the user."""


class ImageError(FcnStudioError):
    """An image cannot be read, or its kind is not shown."""


class ImageTooLarge(ImageError):  # noqa: N818 - a question where there is somebody to ask
    """An image has more pixels than allowed.

    It could be opened if the limit were higher.

    Attributes:
        pixels: how many it has.
        memory: bytes that it would take, about.
    """

    def __init__(self, text: str, pixels: int, memory: int) -> None:
        """Say ``text`` of an image of so many ``pixels``."""
        self.pixels, self.memory = pixels, memory
        super().__init__(text)


class MaskError(FcnStudioError):
    """A mask file is not a label map of its image.

    Its mode, its size or a class index is wrong.
    """


class MaskUnmapped(MaskError):  # noqa: N818 - a state, not a failure
    """A mask has another encoding, or indices that are no classes of the project.

    An import can read it once somebody says what its values mean.
    """


class MaskDamaged(MaskError):  # noqa: N818 - a state, not a failure
    """A mask file exists but is no label map of its image.

    An earlier version may be put in its place.

    Attributes:
        image_id: the image it belongs to.
        unmapped: whether an import can read it, as `MaskUnmapped`.
    """

    def __init__(self, text: str, image_id: str, *, unmapped: bool = False) -> None:
        """Say ``text`` of the mask of an image."""
        self.image_id, self.unmapped = image_id, unmapped
        super().__init__(text)


class MaskNotRead(MaskError):  # noqa: N818 - a state, not a failure
    """There is not enough memory to read a mask or its record.

    Nothing is wrong with the file, and reading may succeed later.
    """


class MaskNeedsDecision(MaskError):  # noqa: N818 - a question, not a failure
    """A mask can be read in two ways.

    Only the user can say which is right.
    """


class GreyMaskFound(MaskNeedsDecision):
    """A grey mask of 0 and 255 has an uncertain meaning.

    Its values may be class indices or not. The answer holds for the whole project.
    """


class ProjectError(FcnStudioError):
    """A project folder or its files cannot be opened or written."""


class ProjectFileBroken(ProjectError):  # noqa: N818 - a state, not a failure
    """The project file makes no sense, or is gone.

    Attributes:
        folder: the project; None if nobody said.
        earlier: the newest copy of it that does make sense; None if there is none.
    """

    def __init__(self, text: str, folder: Path | None = None, earlier: Path | None = None) -> None:
        """Say ``text``, and where in the project ``folder`` an ``earlier`` copy lies."""
        self.folder, self.earlier = folder, earlier
        super().__init__(text)


class NameTooLong(ProjectError):  # noqa: N818 - a fact, not a failure
    """A file's name is longer than the file system allows.

    The names of other files may be short enough.
    """


class ClassTableNeeded(ProjectError):  # noqa: N818 - a question, not a failure
    """A folder has masks, and nothing says what their class indices mean."""


class ProjectReadOnly(ProjectError):  # noqa: N818 - a state, not a failure
    """A project folder cannot be written.

    Its file system or its permissions forbid it.
    """


class YearsFound(ProjectError):  # noqa: N818 - an offer, not a failure
    """The folder is a VOCdevkit: its years are projects, it is none.

    Attributes:
        years: the folders that can be opened.
    """

    def __init__(self, text: str, years: tuple[Path, ...]) -> None:
        """Say ``text``, and offer ``years``."""
        self.years = years
        super().__init__(text)


class ProjectLocked(ProjectError):  # noqa: N818 - a state, not a failure
    """Another process writes this project."""


class CheckpointError(FcnStudioError):
    """A checkpoint is not readable, not ours, or does not fit."""


class ArchitectureUndecided(CheckpointError):  # noqa: N818 - a question, not a failure
    """The weights in a file fit more than one architecture.

    Attributes:
        names: of the architectures.
    """

    def __init__(self, text: str, names: tuple[str, ...]) -> None:
        """Say ``text`` of weights that fit several architectures."""
        self.names = names
        super().__init__(text)


class DownloadError(FcnStudioError):
    """A file cannot be downloaded, or is not what was published."""


class NetworkCannotHelp(FcnStudioError):  # noqa: N818 - a state, not a failure
    """The network knows none of the project's classes."""


class TrainingError(FcnStudioError):
    """A fine-tune cannot start or cannot go on."""


class ProcessGroupError(FcnStudioError):
    """The processes that share a command cannot connect, or another one has failed."""


class DeviceError(FcnStudioError):
    """The requested device is missing or out of memory.

    The latter is raised only when smaller tiles, smaller batches and other devices do not help.
    """


class EngineError(FcnStudioError):
    """The network's process died, hung, or answered nonsense."""


class ShortcutsError(FcnStudioError):
    """A file of keyboard shortcuts cannot be read or written."""


class UsageError(FcnStudioError):
    """The command line asked for something that cannot be done as asked."""
