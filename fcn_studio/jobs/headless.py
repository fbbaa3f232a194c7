"""The jobs on the command line.

The generators are the same as in the window. They are run here, with progress bars. Each function prints what a
person wants to know and returns what ``--json`` writes.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from fcn_studio.core.class_map import ClassMap, can_help, map_classes
from fcn_studio.core.classes import ClassTable
from fcn_studio.core.metrics import Figures
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.review.hotspots import Hotspot
from fcn_studio.core.review.suspects import Suspects, ranked
from fcn_studio.core.sample import Split, Status
from fcn_studio.core.with_result import WithResult
from fcn_studio.errors import (
    ImageError,
    MaskError,
    NameTooLong,
    ProjectError,
    UsageError,
)
from fcn_studio.fcn.weights.catalogue import NetworkInfo
from fcn_studio.formats.atomic import CANNOT_WRITE, os_errors_as
from fcn_studio.formats.images.images import MAX_PIXELS
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.voc.class_files import write_class_files
from fcn_studio.formats.voc.found_classes import found_classes
from fcn_studio.formats.voc.masks import write_mask
from fcn_studio.i18n import tr, tr_n
from fcn_studio.jobs import batch
from fcn_studio.jobs.console import (
    exhaust,
    open_project,
    print_details,
    print_figures,
    progress_bar,
    tell_notes,
    trusted,
)
from fcn_studio.jobs.networks import class_map_with, index_map_of, needed, network_of, refuse_trunk
from fcn_studio.jobs.outputs import check_folder
from fcn_studio.jobs.protocol import EvaluateJob, ImageFailed, Judged, Predicted, SegmentJob, SuspectsJob
from fcn_studio.jobs.run import JobRunner
from fcn_studio.jobs.suspects import suspects_job
from fcn_studio.jobs.trainings import train as train
from fcn_studio.settings import Settings, Value

Json = dict[str, Any]
Writer = Callable[[Prediction], bool]
"""Writes one prediction; False if it may not."""


# --- segment ----------------------------------------------------------------------------------------------------


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

    Raises:
        NetworkCannotHelp: if the network knows none of the project's classes (not with ``out``).
        UsageError: if ``class_map`` or ``out`` makes no sense.
        ProjectError, CheckpointError, DeviceError: as their sentences say.
    """
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
        if out is None:
            samples = batch.waiting(project, include_prelabelled=include_prelabelled)
            write = _writer_into(project, index_map_of(project, chosen, said), include_prelabelled)
        else:
            samples = list(project.samples)
            _check_beside(project, out, overwrite=overwrite)
            write = _writer_beside(project, chosen, out, _index_map_beside(project, chosen, said))
        return _segment(project, chosen, batch.segment_job(chosen, samples, device, project), write)


def _segment(project: ProjectFolder, network: NetworkInfo, job: SegmentJob, write: Writer) -> Json:
    """Predict and write images, and tell how many."""
    started = time.monotonic()
    written, failed = _predict(job, write)
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
        "written": written,
        "failed": failed,
        "seconds": seconds,
    }


def _predict(job: SegmentJob, write: Writer) -> tuple[int, list[str]]:
    """Predict and write images, and return how many were written.

    A sentence for each image that was left out is returned too.
    """
    written, failed = 0, []
    with progress_bar(tr("segment"), len(job.images)) as bar:
        for news in JobRunner().run(job):
            bar.update()
            tell_notes(news)
            try:
                if isinstance(news, ImageFailed):
                    raise ImageError(news.sentence)
                if isinstance(news, Predicted):
                    written += write(news.prediction)
            except (ImageError, MaskError, NameTooLong) as error:
                failed.append(str(error))
                tqdm.write(tr("left out: {sentence}", sentence=error), file=sys.stderr)
    return written, failed


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
                names=", ".join(lost),
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


def _writer_beside(
    project: ProjectFolder, network: NetworkInfo, out: Path, index_map: dict[int, int] | None
) -> Writer:
    """Writes predictions and the class files of their indices into another folder.

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

    def write(prediction: Prediction) -> bool:
        found = prediction if index_map is None else prediction.mapped(index_map)
        write_mask(out / f"{project.sample(prediction.image_id).mask_id}.png", found.label_map)
        return True

    return write


# --- evaluate, export, networks -----------------------------------------------------------------------------------


def evaluate(
    folder: Path,
    *,
    network: str,
    device: str = "auto",
    split: str = "val",
    boundary: bool = False,
    class_map: Sequence[str] = (),
    grey_as_indices: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> Json:
    """Score a network on the verified images of a split.

    ``all`` stands for train and val. Test images are scored only if the split is ``test``.
    ``class_map`` says what the network's classes mean in the project, as ``sky=Sky,road=Road``.

    Raises:
        UsageError: if the split has no verified image, or ``class_map`` makes no sense.
        NetworkCannotHelp: if the network knows none of the project's classes.
    """
    with open_project(folder, grey_as_indices=grey_as_indices, max_pixels=max_pixels) as project:
        chosen = needed(network_of(project, network))
        table = project.config.table
        said = class_map_with(project, chosen, class_map)
        index_map_of(project, chosen, said)  # raises if it cannot help
        snapshot = trusted(project)
        train = tuple(
            i for i in snapshot.train if project.annotations.status(project.sample(i.image_id)) is Status.VERIFIED
        )
        by_split = {"train": train, "val": snapshot.val, "test": snapshot.test, "all": train + snapshot.val}
        chosen_set = by_split[split]
        if not chosen_set:
            raise UsageError(
                tr("'{folder}' has no verified image in the {split} split to score on.", folder=folder, split=split)
            )
        figures, failed = _score(EvaluateJob(str(chosen.path), table, chosen_set, device, said, boundary))
        print(
            tr_n(
                "{network} on {n} image of {folder} ({split})",
                "{network} on {n} images of {folder} ({split})",
                figures.images,
                network=chosen.name,
                folder=folder,
                split=split,
            )
        )
        print_figures(figures, table)
        print_details(figures, table)
        return {
            "network": chosen.name,
            "checkpoint": chosen.sha256,
            "split": split,
            **figures.as_json(table),
            **figures.details_as_json(table),
            "failed": [*snapshot.problems, *failed],
        }


def _score(job: EvaluateJob) -> tuple[Figures, list[str]]:
    """Return the figures.

    A sentence for each image that cannot be read is returned too.
    """
    steps = WithResult(JobRunner().run(job))
    failed: list[str] = []
    with progress_bar(tr("evaluate"), len(job.snapshot)) as bar:
        for news in steps:
            tell_notes(news)
            bar.update()
            if isinstance(news, ImageFailed):
                failed.append(news.sentence)
                tqdm.write(tr("left out: {sentence}", sentence=news.sentence), file=sys.stderr)
    assert isinstance(steps.result, Figures)
    return steps.result, failed


_LISTED = 50
"""Suspect regions that are printed; JSON has all."""


def suspects(
    folder: Path, *, device: str = "auto", grey_as_indices: bool = False, max_pixels: int = MAX_PIXELS
) -> Json:
    """List the regions of verified images whose labels are probably wrong, the likeliest first.

    Raises:
        TrainingError: if there are fewer than two verified images.
        CheckpointError, DeviceError: as their sentences say.
    """
    with open_project(folder, grey_as_indices=grey_as_indices, max_pixels=max_pixels) as project:
        table, snapshot = project.config.table, trusted(project)
        job = suspects_job(snapshot, table, device)
        judged, failed = _judge(job)
        regions = ranked(judged)
        for image_id, region in regions[:_LISTED]:
            words = tr(
                "{image}: {own} may be {guess} ({probability:.0%}), {area:,} px at {x}, {y}",
                image=image_id,
                own=table.name_of(region.own),
                guess=table.name_of(region.class_index),
                probability=region.probability,
                area=region.area,
                x=region.rect.x0,
                y=region.rect.y0,
            )
            print(f"  {words}")
        print(
            tr_n(
                "{n} suspect region in {images:,} verified images",
                "{n:,} suspect regions in {images:,} verified images",
                len(regions),
                images=len(judged),
            )
        )
        if len(regions) > _LISTED:
            print(tr("the first {listed} are listed; --json writes all", listed=_LISTED))
        return {
            "images": {found.image_id: found.score for found in judged},
            "regions": [_region_json(image_id, region, table) for image_id, region in regions],
            "failed": [*snapshot.problems, *failed],
        }


def _judge(job: SuspectsJob) -> tuple[list[Suspects], list[str]]:
    """Return what is suspect in each image, and a sentence for each image that cannot be read."""
    judged: list[Suspects] = []
    failed: list[str] = []
    with progress_bar(tr("find label errors"), 2 * len(job.images)) as bar:
        for news in JobRunner().run(job):
            bar.update()
            if isinstance(news, Judged):
                judged.append(news.suspects)
            elif isinstance(news, ImageFailed):
                failed.append(news.sentence)
                tqdm.write(tr("left out: {sentence}", sentence=news.sentence), file=sys.stderr)
    return sorted(judged, key=lambda found: found.score), failed


def _region_json(image_id: str, region: Hotspot, table: ClassTable) -> Json:
    """Return a suspect region for ``--json``."""
    return {
        "image": image_id,
        "class": table.name_of(region.own),
        "predicted": table.name_of(region.class_index),
        "probability": region.probability,
        "box": list(region.rect),
        "pixels": region.area,
    }


def export(
    folder: Path,
    out: Path,
    *,
    statuses: Sequence[str],
    split: str = "all",
    exporter: str = "voc",
    options: Mapping[str, Value] | None = None,
    grey_as_indices: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> Json:
    """Write a data set of the images of some statuses and split.

    The format and its options are given.

    Raises:
        UsageError: if a status is unknown, or the format has no such option.
        ProjectError: if nothing matches or the target is in the way.
    """
    from fcn_studio.formats.exporters import BY_NAME
    from fcn_studio.jobs.export import export_project

    wanted, row = _statuses(statuses), BY_NAME[exporter]
    if strange := set(options or {}) - {option.key for option in row.options}:
        option = f"--{min(strange).replace('_', '-')}"
        raise UsageError(tr("the format '{format}' has no option {option}", format=exporter, option=option))
    splits = set(Split) if split == "all" else {Split(split)}
    with open_project(folder, grey_as_indices=grey_as_indices, max_pixels=max_pixels) as project:
        steps = export_project(project, out, wanted, splits, row, options)
        result = exhaust(steps, tr("export"))
        for sentence in result.failed.values():
            print(tr("left out: {sentence}", sentence=sentence), file=sys.stderr)
        parts = ", ".join(f"{count:,} {split.value}" for split, count in result.counts.items() if count)
        print(
            tr_n(
                "{n} image ({splits}) written to {folder}",
                "{n:,} images ({splits}) written to {folder}",
                result.images,
                splits=parts,
                folder=result.folder,
            )
        )
        return {
            "format": row.name,
            "images": result.images,
            **{split.value: count for split, count in result.counts.items()},
            "folder": str(result.folder),
            "statuses": sorted(statuses),
            "failed": list(result.failed.values()),
        }


def _statuses(names: Sequence[str]) -> set[Status]:
    """Return the statuses of these names.

    Raises:
        UsageError: if one is unknown.
    """
    known = {status.value for status in Status}
    for name in names:
        if name not in known:
            raise UsageError(
                tr("unknown status '{status}'; known: {known}", status=name, known=", ".join(sorted(known)))
            )
    return {Status(name) for name in names}
