"""The jobs on the command line.

The generators are the same as in the window. They are run here, with progress bars. Each function prints what a
person wants to know and returns what ``--json`` writes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.metrics import Figures
from fcn_studio.core.review.hotspots import Hotspot
from fcn_studio.core.review.suspects import Suspects, confusion, ranked
from fcn_studio.core.sample import Split, Status
from fcn_studio.core.snapshot import LabelledImage
from fcn_studio.core.with_result import WithResult
from fcn_studio.errors import UsageError
from fcn_studio.formats.images.images import MAX_PIXELS
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.i18n import listed, tr, tr_n
from fcn_studio.jobs.commands.segmentations import segment as segment
from fcn_studio.jobs.commands.trainings import train as train
from fcn_studio.jobs.console import (
    exhaust,
    open_project,
    print_details,
    print_figures,
    progress_bar,
    quiet,
    tell_notes,
    trusted,
)
from fcn_studio.jobs.evaluate import evaluate_network
from fcn_studio.jobs.live import LiveLearners
from fcn_studio.jobs.networks import class_map_with, index_map_of, needed, network_of
from fcn_studio.jobs.predictor_cache import PredictorCache
from fcn_studio.jobs.protocol import EvaluateJob, ImageFailed, Judged, SuspectsJob
from fcn_studio.jobs.snapshot import Snapshot
from fcn_studio.jobs.suspects import draw_samples, judge_images, suspects_job
from fcn_studio.settings import Value

if TYPE_CHECKING:
    from fcn_studio.fcn.distributed import Ranks
    from fcn_studio.fcn.live.learner import Sample

Json = dict[str, Any]


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

    Several processes, started by torchrun or srun, share the images. All but the first return nothing.

    Raises:
        UsageError: if the split has no verified image, or ``class_map`` makes no sense.
        NetworkCannotHelp: if the network knows none of the project's classes.
        ProcessGroupError: if another process has failed.
    """
    from fcn_studio.fcn.distributed import process_group

    with process_group() as ranks:
        if not ranks.is_first:
            with quiet():
                _score(ranks, list)
            return {}
        with open_project(folder, grey_as_indices=grey_as_indices, max_pixels=max_pixels) as project:
            chosen = needed(network_of(project, network))
            said = class_map_with(project, chosen, class_map)
            index_map_of(project, chosen, said)  # raises if it cannot help
            table, snapshot = project.config.table, trusted(project)
            images = _verified(project, snapshot, split)
            job = EvaluateJob(str(chosen.path), table, images, device, said, boundary)
            figures, failed = _score(ranks, lambda: _shares(job, ranks.share.size))
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
                "opening": project.opening.as_json(),
                **figures.as_json(table),
                **figures.details_as_json(table),
                "failed": [*snapshot.problems, *failed],
            }


def _verified(project: ProjectFolder, snapshot: Snapshot, split: str) -> tuple[LabelledImage, ...]:
    """Return the verified images of a split. Raises: UsageError if there are none."""
    status = project.annotations.status
    train = tuple(i for i in snapshot.train if status(project.sample(i.image_id)) is Status.VERIFIED)
    found = {"train": train, "val": snapshot.val, "test": snapshot.test, "all": train + snapshot.val}[split]
    if not found:
        raise UsageError(
            tr(
                "'{folder}' has no verified image in the {split} split to score on.",
                folder=project.folder,
                split=split,
            )
        )
    return found


def _shares(job: EvaluateJob, count: int) -> list[EvaluateJob]:
    """Return the parts of a job for several processes, each a run of images."""
    bounds = [len(job.snapshot) * rank // count for rank in range(count + 1)]
    return [replace(job, snapshot=job.snapshot[start:end]) for start, end in pairwise(bounds)]


def _score(ranks: Ranks, jobs: Callable[[], Sequence[EvaluateJob]]) -> tuple[Figures, list[str]]:
    """Return the figures of all processes.

    In the first one, a sentence for each image that cannot be read is returned too.

    Args:
        ranks: this process among those that score.
        jobs: makes the job of each process; called in the first one.
    """
    job = ranks.scatter(jobs)
    steps = WithResult(evaluate_network(job, PredictorCache(), ranks))
    failed: list[str] = []
    with progress_bar(tr("evaluate"), len(job.snapshot)) as bar:
        for news in steps:
            tell_notes(news)
            bar.update()
            if isinstance(news, ImageFailed):
                failed.append(news.sentence)
    failed = list(ranks.gather(failed))
    for sentence in failed:
        print(tr("left out: {sentence}", sentence=sentence), file=sys.stderr)
    return steps.result, failed


_LISTED = 50
"""Suspect regions that are printed; JSON has all."""


def suspects(
    folder: Path, *, device: str = "auto", grey_as_indices: bool = False, max_pixels: int = MAX_PIXELS
) -> Json:
    """List the regions of verified images whose labels are probably wrong, the likeliest first.

    Several processes, started by torchrun or srun, share the images. All but the first return nothing.

    Raises:
        TrainingError: if there are fewer than two verified images.
        ProcessGroupError: if another process has failed.
        CheckpointError, DeviceError: as their sentences say.
    """
    from fcn_studio.fcn.distributed import process_group

    with process_group() as ranks:
        if not ranks.is_first:
            with quiet():
                _judge(ranks, list)
            return {}
        with open_project(folder, grey_as_indices=grey_as_indices, max_pixels=max_pixels) as project:
            table, snapshot = project.config.table, trusted(project)
            job = suspects_job(snapshot, table, device)
            judged, failed = _judge(ranks, lambda: [job] * ranks.share.size)
            regions = ranked(judged)
            _print_suspects(regions, len(judged), table)
            return {
                "images": {found.image_id: found.score for found in judged},
                "confusion": [
                    {"label": table.name_of(own), "predicted": table.name_of(predicted), "pixels": pixels}
                    for (own, predicted), pixels in sorted(confusion(judged).items())
                ],
                "opening": project.opening.as_json(),
                "regions": [_region_json(image_id, region, table) for image_id, region in regions],
                "failed": [*snapshot.problems, *failed],
            }


def _print_suspects(regions: Sequence[tuple[str, Hotspot]], images: int, table: ClassTable) -> None:
    """Print the first regions, and how many there are in so many images."""
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
            images=images,
        )
    )
    if len(regions) > _LISTED:
        print(tr("the first {listed} are listed; --json writes all", listed=_LISTED))


def _judge(ranks: Ranks, jobs: Callable[[], Sequence[SuspectsJob]]) -> tuple[list[Suspects], list[str]]:
    """Return what is suspect in each image, and a sentence for each image that cannot be read.

    Only the first process gets them.

    Args:
        ranks: this process among those that share the images.
        jobs: makes the job, once for each process; called in the first one.
    """
    judged: list[Suspects] = []
    failed: list[str] = []
    samples: dict[str, Sample] = {}
    job, own = ranks.scatter(jobs), slice(ranks.share.rank, None, ranks.share.size)
    learner = LiveLearners().learner(job.base, job.device)
    with progress_bar(tr("find label errors"), 2 * len(job.images)) as bar:
        for _ in draw_samples(job, learner, samples, own):
            bar.update(ranks.share.size)
        samples = {image_id: sample for part in ranks.exchange(samples) for image_id, sample in part.items()}
        for news in ranks.gather(judge_images(job, learner, samples, own)):
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
        parts = listed(f"{count:,} {split.value}" for split, count in result.counts.items() if count)
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
            "opening": project.opening.as_json(),
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
                tr("unknown status '{status}'; known: {known}", status=name, known=listed(sorted(known)))
            )
    return {Status(name) for name in names}
