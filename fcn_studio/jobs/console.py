"""What the commands share: opening a project, progress bars, and printed figures."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.metrics import Figures
from fcn_studio.core.with_result import WithResult
from fcn_studio.formats.images.images import MAX_PIXELS
from fcn_studio.formats.opening.told import is_news
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.i18n import listed, tr
from fcn_studio.i18n.columns import padded
from fcn_studio.jobs.networks import default_network
from fcn_studio.jobs.protocol import Evaluated, JobProgress, Predicted
from fcn_studio.jobs.snapshot import Snapshot, collect

_Result = TypeVar("_Result")


def open_project(
    folder: Path,
    *,
    writable: bool = False,
    grey_as_indices: bool = False,
    break_lock: bool = False,
    max_pixels: int = MAX_PIXELS,
    table: ClassTable | None = None,
) -> ProjectFolder:
    """Open a project and print what is noticed about it.

    It is printed on standard error. ``table`` is what the masks of a folder without project file mean.

    Raises:
        ProjectError: as `ProjectFolder.open`.
    """
    network = default_network()
    project = ProjectFolder.open(
        folder,
        writable=writable,
        break_lock=break_lock,
        table=table,
        default_table=network.table if network else None,
        grey_as_indices=grey_as_indices or None,
    )
    project.max_pixels = max_pixels
    if is_news(project) or not project.samples:
        for sentence in project.opening.for_console(folder):
            print(sentence, file=sys.stderr)
    return project


def progress_bar(words: str, total: int | None) -> tqdm[Any]:
    """Return a progress bar, shown only on a terminal.

    It shows nothing where standard error is a file.
    """
    return tqdm(total=total, desc=words, file=sys.stderr, leave=False, dynamic_ncols=True, disable=None)


@contextmanager
def quiet() -> Iterator[None]:
    """Print nothing meanwhile, in all but the first of several processes."""
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield


def exhaust(work: Generator[tuple[int, int], None, _Result], words: str) -> _Result:
    """Run a generator under a progress bar and return its result.

    The generator yields (done, total).
    """
    steps = WithResult(work)
    with progress_bar(words, None) as bar:
        for done, bar.total in steps:
            bar.update(done - bar.n)
    return steps.result


def print_figures(figures: Figures, table: ClassTable) -> None:
    """Print the four figures and the IoU of each class."""
    for words, value in (
        (tr("pixel accuracy"), figures.pixel_accuracy),
        (tr("mean accuracy"), figures.mean_accuracy),
        (tr("mean IoU"), figures.mean_iou),
        (tr("frequency-weighted IoU"), figures.frequency_weighted_iou),
    ):
        print(f"  {padded(words, 24)} {value:.4f}")
    for index, value in figures.iou.items():
        print(f"    {padded(table.name_of(index), 22)} {value:.4f}  ({figures.pixels[index]:,} px)")
    if figures.absent:
        print("    " + tr("absent: {names}", names=listed(table.name_of(i) for i in figures.absent)))


def print_details(figures: Figures, table: ClassTable) -> None:
    """Print the most frequent confusions and the boundary figures.

    Boundary figures are printed if boundaries were scored.
    """
    for true, predicted, pixels in figures.worst_confusions():
        words = tr(
            "{true} taken for {guess}: {pixels:,} px, {share:.1%} of it",
            true=table.name_of(true),
            guess=tr("none of the classes") if predicted == VOID else table.name_of(predicted),
            pixels=pixels,
            share=pixels / figures.pixels[true],
        )
        print(f"    {words}")
    if figures.boundary:
        title = tr("boundary F at 2 px")
        print(f"  {padded(title, 24)} {figures.mean_boundary:.4f}")
        for index, value in figures.boundary.items():
            print(f"    {padded(table.name_of(index), 22)} {value:.4f}")


def trusted(project: ProjectFolder) -> Snapshot:
    """Return the trusted pixels of a project.

    Prints what is left out on standard error.
    """
    snapshot = exhaust(collect(project), tr("collect labels"))
    tell_left_out(snapshot)
    return snapshot


def tell_left_out(snapshot: Snapshot) -> list[str]:
    """Print and return a sentence for each image left out."""
    for sentence in snapshot.problems:
        print(tr("left out: {sentence}", sentence=sentence), file=sys.stderr)
    return list(snapshot.problems)


def tell_notes(news: JobProgress) -> None:
    """Print what ran out, without breaking the progress bar."""
    for note in news.notes if isinstance(news, Predicted | Evaluated) else ():
        tqdm.write(note, file=sys.stderr)
