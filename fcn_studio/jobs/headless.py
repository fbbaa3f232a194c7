"""The jobs on the command line: the same generators as in the window, run here, with progress bars.

Each function prints what a person wants to know and returns what ``--json`` writes.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from fcn_studio.core.class_map import can_help, map_classes
from fcn_studio.core.classes import ClassTable
from fcn_studio.core.metrics import Figures
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.sample import Split, Status
from fcn_studio.core.training import Level, TrainConfig, TrainOutcome, TrainProgress
from fcn_studio.errors import (
    CheckpointError,
    ImageError,
    MaskError,
    NameTooLong,
    NetworkCannotHelp,
    TrainingError,
    UsageError,
)
from fcn_studio.fcn.catalogue import NetworkInfo
from fcn_studio.formats.atomic import told
from fcn_studio.formats.images import MAX_PIXELS
from fcn_studio.formats.masks import write_mask
from fcn_studio.formats.project_folder import ProjectFolder
from fcn_studio.formats.voc_export import write_class_files
from fcn_studio.jobs import batch, runs
from fcn_studio.jobs.console import exhaust, open_project, print_figures, progress_bar, tell_notes
from fcn_studio.jobs.interruption import interruption
from fcn_studio.jobs.messages import EvaluateJob, FineTuneJob, ImageFailed, JobProgress, Predicted
from fcn_studio.jobs.networks import all_networks, class_map_of, needed, network_of
from fcn_studio.jobs.run import Workshop
from fcn_studio.jobs.snapshot import Snapshot, collect

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
    grey_as_indices: bool = False,
    break_lock: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> Json:
    """Pre-label the images of a folder, or with ``out`` predict every image raw and leave the folder alone.

    Raises:
        NetworkCannotHelp: if the network knows none of the project's classes (not with ``out``).
        ProjectError, CheckpointError, DeviceError: as their sentences say.
    """
    with open_project(
        folder,
        writable=out is None,
        grey_as_indices=grey_as_indices,
        break_lock=break_lock,
        max_pixels=max_pixels,
    ) as project:
        chosen = needed(network_of(project, network))
        if out is None:
            samples = batch.waiting(project, include_prelabelled=include_prelabelled)
            write = _writer_into(project, chosen, include_prelabelled)
        else:
            samples = list(project.samples)
            write = _writer_beside(project, chosen, out)
        written, failed, started = 0, [], time.monotonic()
        with progress_bar("segment", len(samples)) as bar:
            for news in Workshop().run(batch.segment_job(chosen, samples, device, max_pixels)):
                bar.update()
                tell_notes(news)
                try:
                    if isinstance(news, ImageFailed):
                        raise ImageError(news.sentence)
                    if isinstance(news, Predicted):
                        written += write(news.prediction)
                except (ImageError, MaskError, NameTooLong) as error:
                    failed.append(str(error))
                    tqdm.write(f"left out: {error}", file=sys.stderr)
        seconds = time.monotonic() - started
        print(f"{written} of {len(project.samples)} images labelled by '{chosen.name}' in {seconds:.1f} s")
        return {
            "network": chosen.name,
            "checkpoint": chosen.sha256,
            "images": len(project.samples),
            "written": written,
            "failed": failed,
            "seconds": seconds,
        }


def _writer_into(project: ProjectFolder, network: NetworkInfo, include_prelabelled: bool) -> Writer:
    """Writes predictions as annotations, by the rule of batches. Raises: NetworkCannotHelp."""
    mapping = batch.index_map(network, project, class_map_of(project, network))

    def write(prediction: Prediction) -> bool:
        sample = project.sample(prediction.image_id)
        return project.accept_prediction(sample, prediction.mapped(mapping), allow_prelabelled=include_prelabelled)

    return write


def _writer_beside(project: ProjectFolder, network: NetworkInfo, out: Path) -> Writer:
    """Writes raw predictions and the network's class files into another folder. Raises: UsageError, ProjectError."""
    if out.resolve().is_relative_to(project.folder.resolve()):
        raise UsageError(f"--out {out} lies in '{project.folder}', which is to be left alone; choose another folder")
    images = {sample.image_path.resolve() for sample in project.samples}  # they may be links into ``out``
    for sample in project.samples:
        if (target := (out / f"{sample.mask_id}.png").resolve()) in images:
            raise UsageError(f"--out {out} would write over the image {target}; choose another folder")
    with told("written", out):
        out.mkdir(parents=True, exist_ok=True)
        write_class_files(out, network.table)

    def write(prediction: Prediction) -> bool:
        write_mask(out / f"{project.sample(prediction.image_id).mask_id}.png", prediction.label_map)
        return True

    return write


# --- train ------------------------------------------------------------------------------------------------------


def _trusted(project: ProjectFolder) -> Snapshot:
    snapshot: Snapshot = exhaust(collect(project), "collect labels")
    for sentence in snapshot.problems:
        print(f"left out: {sentence}", file=sys.stderr)
    return snapshot


def train(
    folder: Path,
    config: TrainConfig,
    *,
    network: str = "",
    device: str = "auto",
    out: Path | None = None,
    grey_as_indices: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> Json:
    """Train on the trusted pixels of a folder; without ``out`` as a run of the project, adopted by the rule.

    Ctrl+C ends the training early and keeps the best network so far.

    Raises:
        TrainingError: if there is nothing to train on.
        UsageError: if the budget or the output makes no sense.
    """
    _check(config, out)
    with open_project(folder, grey_as_indices=grey_as_indices, max_pixels=max_pixels) as project:
        snapshot = _trusted(project)
        if not snapshot.train:
            raise TrainingError(f"'{folder}' has no training image with human pixels: label or verify a few first.")
        base = None if config.level is Level.SCRATCH else needed(network_of(project, network))
        run = None if out is not None else runs.begin(project, config)
        current = network_of(project) if out is None else None
        current_map = class_map_of(project, current) if current else {}
        index_map = map_classes(current.table, project.config.table, current_map) if current else {}
        job = FineTuneJob(
            config=config,
            table=project.config.table,
            train=snapshot.train,
            val=snapshot.val,
            base=str(base.path) if base else "",
            baseline=str(current.path) if current and can_help(index_map, current.table) else "",
            out=str(out if run is None else run.checkpoint),
            device=device,
            base_map=class_map_of(project, base) if base else {},
            baseline_map=current_map,
        )
        print(f"{config.level.value}: {len(snapshot.train)} images to train on, {len(snapshot.val)} to validate on")
        outcome = _run_training(job, run)
        result = _training_json(outcome, project.config.table) | {"failed": list(snapshot.problems)}
        if run is not None:
            adoption = runs.finish(project, run, outcome)
            print(f"{run.name}: {adoption.verdict.value} ({'; '.join(adoption.reasons)})")
            result |= {"run": run.name, "verdict": adoption.verdict.value, "reasons": list(adoption.reasons)}
        return result


def _check(config: TrainConfig, out: Path | None) -> None:
    if config.minutes is not None and not 0 < config.minutes <= 60 * 24 * 30:
        raise UsageError(f"--minutes {config.minutes:g} makes no sense; give a positive number")
    if config.steps is not None and config.steps < 1:
        raise UsageError(f"--steps {config.steps} makes no sense; give a positive number")
    if not 1 <= config.batch_size <= 256:
        raise UsageError(f"--batch-size {config.batch_size} is not between 1 and 256")
    if not 0.05 <= config.width <= 2:
        raise UsageError(f"--width {config.width:g} is not between 0.05 and 2")
    if out is not None and not out.resolve().parent.is_dir():
        raise UsageError(f"the folder of --out {out} does not exist")


def _run_training(job: FineTuneJob, run: runs.Run | None) -> TrainOutcome:
    work = Workshop().run(job)
    with progress_bar(job.config.level.value, 1000) as bar, interruption() as interrupted:
        news = next(work)
        while True:
            _show(news, bar, run)
            try:
                news = work.send(interrupted.is_set())
            except StopIteration as end:
                outcome: TrainOutcome = end.value
                return outcome


def _show(news: JobProgress, bar: tqdm[Any], run: runs.Run | None) -> None:
    if not isinstance(news, TrainProgress):
        return
    bar.update(round(1000 * news.fraction) - bar.n)
    bar.set_postfix_str(f"step {news.step} loss {news.loss:.3f} cpu {news.cpu_seconds / 60:.1f} min")
    if run is not None:
        run.log(news)
    if news.figures is not None:
        figures = news.figures
        tqdm.write(
            f"step {news.step:5}  {news.elapsed / 60:6.1f} min  {news.cpu_seconds / 60:6.1f} CPU-min  "
            f"loss {news.loss:.3f}  mean IoU {figures.mean_iou:.4f}  pixel accuracy {figures.pixel_accuracy:.4f}"
        )


def _training_json(outcome: TrainOutcome, table: ClassTable) -> Json:
    print(f"{outcome.steps} steps, {outcome.cpu_seconds / 60:.1f} CPU-minutes, checkpoint {outcome.checkpoint}")
    for note in outcome.notes:
        print(note)
    if outcome.figures is not None:
        print_figures(outcome.figures, table)
    return {
        "checkpoint": outcome.checkpoint,
        "steps": outcome.steps,
        "cpu_minutes": outcome.cpu_seconds / 60,
        "trained_on": outcome.trained_on,
        "validated_on": len(outcome.val_ids),
        "figures": outcome.figures.as_json(table) if outcome.figures else None,
        "baseline": outcome.baseline.as_json(table) if outcome.baseline else None,
        "stopped": outcome.stopped,
        "notes": list(outcome.notes),
    }


# --- evaluate, export, networks -----------------------------------------------------------------------------------


def evaluate(
    folder: Path,
    *,
    network: str,
    device: str = "auto",
    split: str = "val",
    grey_as_indices: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> Json:
    """Score a network on the verified images of a split.

    Raises:
        UsageError: if the split has no verified image.
        NetworkCannotHelp: if the network knows none of the project's classes.
    """
    with open_project(folder, grey_as_indices=grey_as_indices, max_pixels=max_pixels) as project:
        chosen = needed(network_of(project, network))
        table = project.config.table
        class_map = class_map_of(project, chosen)
        if not can_help(map_classes(chosen.table, table, class_map), chosen.table):
            raise NetworkCannotHelp(f"The network '{chosen.name}' knows none of the classes of '{folder}'.")
        snapshot = _trusted(project)
        train = tuple(i for i in snapshot.train if project.status(project.sample(i.image_id)) is Status.VERIFIED)
        chosen_set = {"train": train, "val": snapshot.val, "all": train + snapshot.val}[split]
        if not chosen_set:
            raise UsageError(f"'{folder}' has no verified image in the {split} split to score on.")
        figures, failed = _score(EvaluateJob(str(chosen.path), table, chosen_set, device, class_map))
        print(f"{chosen.name} on {figures.images} images of {folder} ({split})")
        print_figures(figures, table)
        return {
            "network": chosen.name,
            "checkpoint": chosen.sha256,
            "split": split,
            **figures.as_json(table),
            "failed": [*snapshot.problems, *failed],
        }


def _score(job: EvaluateJob) -> tuple[Figures, list[str]]:
    """The figures, and a sentence for each image that cannot be read."""
    work = Workshop().run(job)
    failed: list[str] = []
    with progress_bar("evaluate", len(job.snapshot)) as bar:
        while True:
            try:
                news = next(work)
            except StopIteration as end:
                figures: Figures = end.value
                return figures, failed
            tell_notes(news)
            bar.update()
            if isinstance(news, ImageFailed):
                failed.append(news.sentence)
                tqdm.write(f"left out: {news.sentence}", file=sys.stderr)


def export(
    folder: Path,
    out: Path,
    *,
    statuses: Sequence[str],
    split: str = "all",
    grey_as_indices: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> Json:
    """Write a VOC data set of the images with these statuses and of this split.

    Raises:
        UsageError: if a status is unknown.
        ProjectError: if nothing matches or the target is in the way.
    """
    from fcn_studio.jobs.export import export_project

    known = {status.value for status in Status}
    unknown = [status for status in statuses if status not in known]
    if unknown:
        raise UsageError(f"unknown status '{unknown[0]}'; known: {', '.join(sorted(known))}")
    splits = set(Split) if split == "all" else {Split(split)}
    with open_project(folder, grey_as_indices=grey_as_indices, max_pixels=max_pixels) as project:
        result = exhaust(export_project(project, out, {Status(s) for s in statuses}, splits), "export")
        for sentence in result.failed.values():
            print(f"left out: {sentence}", file=sys.stderr)
        images = result.train + result.val
        print(f"{images} images ({result.train} train, {result.val} val) written to {result.folder}")
        return {
            "images": images,
            "train": result.train,
            "val": result.val,
            "folder": str(result.folder),
            "statuses": sorted(statuses),
            "failed": list(result.failed.values()),
        }


def networks(folder: Path | None) -> Json:
    """List the bundled networks, and the runs of a project."""
    project = open_project(folder) if folder is not None else None
    try:
        current = network_of(project)
    except CheckpointError as error:  # the list may show what else there is
        print(f"the network in use is missing: {error}", file=sys.stderr)
        current = None
    rows = []
    for origin, network in all_networks(project):
        if isinstance(network, Path):
            print(f"  {network}: damaged")
            continue
        in_use = current is not None and network.sha256 == current.sha256
        miou = (network.validation or {}).get("mean_iou")
        names = ", ".join(c.name for c in network.table)
        name = network.name if origin == "bundled" else f"{network.path.parent.name}/{network.name}"
        print(f"{'*' if in_use else ' '} {name:20} {network.size / 1e6:7.1f} MB  {_percent(miou)}  {names}")
        rows.append(
            {
                "name": name,
                "origin": origin,
                "path": str(network.path),
                "sha256": network.sha256,
                "classes": [c.name for c in network.table],
                "mean_iou": miou,
                "in_use": in_use,
            }
        )
    if not rows:
        print("no network is installed; train one with 'fcn-studio train FOLDER --level scratch'")
    return {"networks": rows}


def _percent(value: object) -> str:
    return f"mean IoU {value:.3f}" if isinstance(value, float) else "mean IoU    ? "
