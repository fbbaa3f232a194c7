"""Segmentation on the command line, in one process or shared by several.

Of several processes the first one opens the project, tells, and writes into it. The others predict their share of the
images.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from fcn_studio.core.class_map import ClassMap, can_help, map_classes
from fcn_studio.core.prediction import Prediction
from fcn_studio.errors import ImageError, MaskError, NameTooLong, ProjectError, UsageError
from fcn_studio.fcn.weights.catalogue import NetworkInfo
from fcn_studio.formats.atomic import CANNOT_WRITE, os_errors_as
from fcn_studio.formats.images.images import MAX_PIXELS
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.voc.class_files import write_class_files
from fcn_studio.formats.voc.found_classes import found_classes
from fcn_studio.formats.voc.masks import write_mask
from fcn_studio.i18n import listed, tr, tr_n
from fcn_studio.jobs import batch
from fcn_studio.jobs.console import open_project, progress_bar
from fcn_studio.jobs.networks import class_map_with, index_map_of, needed, network_of, refuse_trunk
from fcn_studio.jobs.outputs import check_folder
from fcn_studio.jobs.protocol import ImageFailed, Predicted, SegmentJob
from fcn_studio.jobs.run import JobRunner
from fcn_studio.settings import Settings

if TYPE_CHECKING:
    from fcn_studio.fcn.distributed import Ranks

Json = dict[str, Any]
Writer = Callable[[Prediction], bool]
"""Writes one prediction into the project; False if it may not."""

_LEFT_OUT = (ImageError, MaskError, NameTooLong)
"""Errors that leave one image out, and no other."""


@dataclass(frozen=True)
class _Beside:
    """Where predictions are written beside a project.

    Attributes:
        out: the folder.
        mask_ids: image id -> path of its mask below ``out``, without suffix.
        index_map: network class index -> project class index; None keeps the network's.
    """

    out: Path
    mask_ids: Mapping[str, str]
    index_map: Mapping[int, int] | None

    def write(self, prediction: Prediction) -> None:
        """Write a mask. Raises: MaskError, NameTooLong, ProjectError."""
        found = prediction if self.index_map is None else prediction.mapped(self.index_map)
        write_mask(self.out / f"{self.mask_ids[prediction.image_id]}.png", found.label_map)


@dataclass(frozen=True)
class _Share:
    """What one process predicts.

    Attributes:
        job: its images.
        beside: where it writes the predictions itself; None leaves them to the first process.
    """

    job: SegmentJob
    beside: _Beside | None

    def parts(self, count: int) -> list[_Share]:
        """Return the shares of several processes; image after image goes to the next one."""
        return [replace(self, job=replace(self.job, images=self.job.images[rank::count])) for rank in range(count)]


@dataclass(frozen=True)
class _Segmented:
    """What became of one image.

    Attributes:
        failed: a sentence if the image was left out.
        prediction: its prediction if the first process is to write it.
        notes: what ran out.
    """

    failed: str = ""
    prediction: Prediction | None = None
    notes: tuple[str, ...] = ()


def segment(
    folder: Path,
    *,
    network: str = "",
    device: str = "auto",
    include_prelabelled: bool = False,
    out: Path | None = None,
    overwrite: bool = False,
    class_map: Sequence[str] = (),
    grey_as_indices: bool = False,
    break_lock: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> Json:
    """Pre-label the images of a folder, or predict to ``out``.

    With ``out`` every image is predicted and the folder is left alone. What ``out`` holds already is replaced with
    ``overwrite`` only. Its masks have the class indices of the project if the project has classes of its own and the
    network knows some of them, else those of the network. ``class_map`` says what the network's classes mean in the
    project, as ``sky=Sky,road=Road``.

    Several processes, started by torchrun or srun, share the images. All but the first return nothing.

    Raises:
        NetworkCannotHelp: if the network knows none of the project's classes (not with ``out``).
        UsageError: if ``class_map`` or ``out`` makes no sense.
        ProcessGroupError: if another process has failed.
        ProjectError, CheckpointError, DeviceError: as their sentences say.
    """
    from fcn_studio.fcn.distributed import process_group

    with process_group() as ranks:
        if not ranks.is_first:
            for _ in ranks.gather(_segmented(ranks.scatter(list))):
                pass  # the first process gets them all
            return {}
        with open_project(
            folder,
            writable=out is None,
            grey_as_indices=grey_as_indices,
            break_lock=break_lock,
            max_pixels=max_pixels,
        ) as project:
            if not project.samples:
                raise ProjectError(tr("'{folder}' holds no image that can be read", folder=project.image_root))
            chosen = needed(network_of(project, network))
            refuse_trunk(chosen)
            said = class_map_with(project, chosen, class_map)
            if out is not None:
                _check_beside(project, out, overwrite=overwrite)
                beside = _folder_beside(project, chosen, out, _index_map_beside(project, chosen, said))
                job = batch.segment_job(chosen, list(project.samples), device, project)
                return _segment(project, chosen, _Share(job, beside), None, ranks)
            write = _writer_into(project, index_map_of(project, chosen, said), include_prelabelled)
            job = batch.segment_job(
                chosen, batch.waiting(project, include_prelabelled=include_prelabelled), device, project
            )
            return _segment(project, chosen, _Share(job, None), write, ranks)


def _segment(project: ProjectFolder, network: NetworkInfo, share: _Share, write: Writer | None, ranks: Ranks) -> Json:
    """Predict and write images, and tell how many."""
    started = time.monotonic()
    written, failed = _predict(share, write, ranks)
    seconds, total = time.monotonic() - started, len(project.samples)
    print(
        tr_n(
            "{written} of {n} image labelled by '{network}' in {seconds:.1f} s",
            "{written} of {n} images labelled by '{network}' in {seconds:.1f} s",
            total,
            written=written,
            network=network.name,
            seconds=seconds,
        )
    )
    return {
        "network": network.name,
        "checkpoint": network.sha256,
        "images": total,
        "opening": project.opening.as_json(),
        "written": written,
        "failed": failed,
        "seconds": seconds,
    }


def _predict(share: _Share, write: Writer | None, ranks: Ranks) -> tuple[int, list[str]]:
    """Predict and write images in all processes, and return how many were written.

    A sentence for each image that was left out is returned too.
    """
    written, failed = 0, []
    own = ranks.scatter(lambda: share.parts(ranks.share.size))
    with progress_bar(tr("segment"), len(share.job.images)) as bar:
        for image in ranks.gather(_segmented(own)):
            bar.update()
            for note in image.notes:
                tqdm.write(note, file=sys.stderr)
            try:
                if image.failed:
                    raise ImageError(image.failed)
                written += write(image.prediction) if write is not None and image.prediction is not None else True
            except _LEFT_OUT as error:
                failed.append(str(error))
                tqdm.write(tr("left out: {sentence}", sentence=error), file=sys.stderr)
    return written, failed


def _segmented(share: _Share) -> Iterator[_Segmented]:
    """Predict the images of a share, and write them beside the project if it says where."""
    if not share.job.images:
        return
    for news in JobRunner().run(share.job):
        if isinstance(news, ImageFailed):
            yield _Segmented(news.sentence)
        elif isinstance(news, Predicted) and share.beside is None:
            yield _Segmented(prediction=news.prediction, notes=news.notes)
        elif isinstance(news, Predicted) and share.beside is not None:
            sentence = ""
            try:
                share.beside.write(news.prediction)
            except _LEFT_OUT as error:
                sentence = str(error)
            yield _Segmented(sentence, notes=news.notes)


def _writer_into(project: ProjectFolder, mapping: Mapping[int, int], include_prelabelled: bool) -> Writer:
    """Writes predictions as annotations, by the rule of batches, and keeps them for the window."""
    project.predictions.limit = Settings().predictions_mb << 20
    keep = _keeper(project)

    def write(prediction: Prediction) -> bool:
        sample, mapped = project.sample(prediction.image_id), prediction.mapped(mapping)
        written = project.accept_prediction(sample, mapped, allow_prelabelled=include_prelabelled)
        keep(prediction)
        return written

    return write


def _keeper(project: ProjectFolder) -> Callable[[Prediction], None]:
    """Returns what writes predictions into the project's cache until that fails, which is told once."""
    failed = False

    def keep(prediction: Prediction) -> None:
        nonlocal failed
        if failed:
            return
        try:
            project.predictions.write(project.sample(prediction.image_id), prediction)
        except ProjectError as error:
            failed = True
            tqdm.write(tr("predictions are not kept: {reason}", reason=error), file=sys.stderr)

    return keep


def _index_map_beside(project: ProjectFolder, network: NetworkInfo, said: ClassMap) -> dict[int, int] | None:
    """Return network class index -> project class index.

    It is None if predictions keep the network's indices. They do where the folder has no classes of its own, and
    where the network knows none of them.
    """
    own = not project.first_opening or found_classes(project.folder, project.annotations.masks) is not None
    mapped = map_classes(network.table, project.config.table, said)
    if not (own and can_help(mapped, network.table)):
        return None
    lost = [info.name for info in network.table.active if info.index not in mapped]
    if lost:
        print(
            tr_n(
                "{n} class of '{network}' means nothing in this project and is void in the masks: {names}; "
                "--map says what a class means",
                "{n} classes of '{network}' mean nothing in this project and are void in the masks: {names}; "
                "--map says what a class means",
                len(lost),
                network=network.name,
                names=listed(lost),
            ),
            file=sys.stderr,
        )
    return mapped


def _check_beside(project: ProjectFolder, out: Path, *, overwrite: bool) -> None:
    """Check a folder for predictions. Raises: UsageError, as its sentence says."""
    if out.resolve().is_relative_to(project.folder.resolve()):
        raise UsageError(
            tr(
                "--out {out} lies in '{folder}', which is to be left alone; choose another folder",
                out=out,
                folder=project.folder,
            )
        )
    images = {sample.image_path.resolve() for sample in project.samples}  # they may be links into ``out``
    for sample in project.samples:
        if (target := (out / f"{sample.mask_id}.png").resolve()) in images:
            raise UsageError(
                tr("--out {out} would write over the image {target}; choose another folder", out=out, target=target)
            )
        if target.exists() and not overwrite:
            raise UsageError(
                tr(
                    "--out {out} holds {name} already; choose another folder, or add --overwrite",
                    out=out,
                    name=target.name,
                )
            )
    check_folder(out)


def _folder_beside(
    project: ProjectFolder, network: NetworkInfo, out: Path, index_map: dict[int, int] | None
) -> _Beside:
    """Make a folder for predictions, with the class files of their indices.

    Raises:
        ProjectError: if it cannot be written.
    """
    table = network.table if index_map is None else project.config.table
    with os_errors_as(CANNOT_WRITE, out):
        out.mkdir(parents=True, exist_ok=True)
        write_class_files(out, table)
    print(
        tr(
            "the masks have the class indices of the network '{name}', as {out}/labelmap.txt lists them",
            name=network.name,
            out=out,
        )
        if index_map is None
        else tr("the masks have the class indices of the project, as {out}/labelmap.txt lists them", out=out)
    )
    return _Beside(out, {sample.image_id: sample.mask_id for sample in project.samples}, index_map)
