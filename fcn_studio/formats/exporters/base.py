"""What all export formats share: the row of the registry, what is asked of a format, and its result."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Container, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fcn_studio.core.sample import Sample, Split
from fcn_studio.errors import ProjectError
from fcn_studio.formats.atomic import CANNOT_WRITE, os_errors_as
from fcn_studio.formats.exporters.options import ImageChoices, chosen_of, without_shared
from fcn_studio.i18n import tr
from fcn_studio.settings import Setting, Value

if TYPE_CHECKING:  # start-up: the parser needs the rows only
    from fcn_studio.formats.project.project_folder import ProjectFolder


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What an export wrote.

    Attributes:
        folder: the folder that holds what was written.
        counts: number of images of each split, every split named.
        failed: image id -> why it was left out: it or its mask cannot be read.
    """

    folder: Path
    counts: Mapping[Split, int]
    failed: Mapping[str, str] = field(default_factory=dict)

    @property
    def images(self) -> int:
        """Number of images of all splits."""
        return sum(self.counts.values())


ExportSteps = Generator[tuple[int, int], None, ExportResult]
"""An export under way: yields (images done, images in all) after each image, and returns the result."""


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What a format is asked to write.

    Attributes:
        project: where the samples come from.
        out: absolute path of the folder that gets the data set.
        samples: the images.
        choices: what was chosen of the options that all formats share.
        row: of the format.
        own_options: value of each option of the format itself, by key.
    """

    project: ProjectFolder
    out: Path
    samples: Sequence[Sample]
    choices: ImageChoices
    row: ExportFormat
    own_options: Mapping[str, Value]

    def samples_by_split(self, without: Container[str] = ()) -> dict[Split, list[Sample]]:
        """Return the samples of each split, without those of some image ids."""
        by_split: dict[Split, list[Sample]] = {split: [] for split in Split}
        for sample in self.samples:
            if sample.image_id not in without:
                by_split[self.project.splits.of(sample)].append(sample)
        return by_split


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """A row of the registry of export formats.

    Attributes:
        name: value of ``--format``, and name of the module that writes it.
        title: name of the format in the window.
        description: what it writes into the folder.
        folder: name of the folder that it writes; the name of the format if empty.
        images: suffix of the images that it writes, "" if it writes none.
        keeps_void: whether what it writes tells trainings to ignore void.
        options: what the user can choose, each with its ``key``. The module's ``export`` gets those of
            `IMAGE_OPTIONS` as ``request.choices``, and its own by their keys.
    """

    name: str
    title: str
    description: str
    folder: str = ""
    images: str = ".jpg"
    keeps_void: bool = True
    options: tuple[Setting[Any], ...] = ()

    def target(self, out: Path) -> Path:
        """Return the folder that is written if ``out`` is chosen."""
        return out / (self.folder or self.name)

    def run(
        self, project: ProjectFolder, out: Path, samples: Sequence[Sample], options: Mapping[str, Value] | None = None
    ) -> ExportSteps:
        """Write the images and masks of ``samples`` into the folder ``out``.

        What is written appears when the generator is exhausted; closing it before leaves nothing behind. An image
        that cannot be read, or whose mask cannot, is left out.

        Raises:
            ProjectError: if no image is given or can be read, ``out`` lies among the project's images, what is to be
                written is there already, the options contradict each other, or anything cannot be written.
            ValueError: if the format has no such option, or its value is not valid.
        """
        return (yield from self._begin(project, out, samples, options or {}))

    def refuse(
        self, project: ProjectFolder, out: Path, samples: Sequence[Sample], options: Mapping[str, Value]
    ) -> None:
        """Raise what `run` would before it writes anything.

        Raises:
            ProjectError, ValueError: as `run`.
        """
        self._begin(project, out, samples, options).close()
        refuse_taken(self.target(out))

    def _begin(
        self, project: ProjectFolder, out: Path, samples: Sequence[Sample], options: Mapping[str, Value]
    ) -> ExportSteps:
        """Return the export, which has not begun to write."""
        if not samples:
            raise ProjectError(
                tr(
                    "{folder}: no image was chosen for export; verify some, or choose other statuses",
                    folder=project.folder,
                )
            )
        if out.resolve().is_relative_to(project.image_root.resolve()):
            raise ProjectError(
                tr(
                    "{out} lies among the project's images; choose a folder outside {images}",
                    out=out,
                    images=project.image_root,
                )
            )
        request = self._request(project, out.absolute(), samples, options)
        module = import_module(f"fcn_studio.formats.exporters.{self.name}")
        steps: ExportSteps = module.export(request, **request.own_options)
        return steps

    def _request(
        self, project: ProjectFolder, out: Path, samples: Sequence[Sample], options: Mapping[str, Value]
    ) -> ExportRequest:
        """Return the request with the options that were chosen, and defaults for the others."""
        chosen = {option.key: option.default for option in self.options} | dict(options)
        for option in self.options:
            option.accepted(chosen[option.key])
        if unknown := chosen.keys() - {option.key for option in self.options}:
            raise ValueError(f"{self.name} has no option {', '.join(sorted(unknown))}")
        choices = chosen_of(chosen)
        choices.refuse_contradictions(project.config.table)
        return ExportRequest(project, out, samples, choices, self, without_shared(chosen))


def refuse_taken(target: Path) -> None:
    """Raise if a folder is there already and not empty.

    Raises: ProjectError.
    """
    with os_errors_as(CANNOT_WRITE, target):
        if target.exists() and any(target.iterdir()):
            raise ProjectError(
                tr("{folder} is there already and not empty; choose another folder, or move it away", folder=target)
            )


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Provide a temporary folder to write into.

    It becomes ``target`` when the block ends without an error.

    Raises:
        ProjectError: if ``target`` is there already and not empty, or cannot be written.
    """
    refuse_taken(target)
    with os_errors_as(CANNOT_WRITE, target):
        target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.parent / f".{target.name}-{secrets.token_hex(4)}"
    try:
        with os_errors_as(CANNOT_WRITE, target):
            temporary.mkdir()
        yield temporary
        with os_errors_as(CANNOT_WRITE, target):
            if target.exists():
                target.rmdir()
            temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
