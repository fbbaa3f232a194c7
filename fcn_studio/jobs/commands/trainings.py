"""Training on the command line.

It has what is asked for, going on with what did not finish, and what is printed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from fcn_studio.core.class_map import can_help, map_classes
from fcn_studio.core.classes import ClassTable
from fcn_studio.core.sample import Split, Status
from fcn_studio.core.training import Level, RecipeName, TrainConfig, TrainOutcome, TrainProgress, Verdict
from fcn_studio.errors import ProjectError, TrainingError, UsageError
from fcn_studio.fcn.model.architecture import Architecture, named
from fcn_studio.fcn.training.resume import Unfinished, read_unfinished
from fcn_studio.fcn.weights.catalogue import NetworkInfo, resolve
from fcn_studio.formats.images.images import MAX_PIXELS
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.project.runs import state_of
from fcn_studio.formats.project.training_lock import require_idle
from fcn_studio.formats.voc.lists import ImageNames, read_image_list
from fcn_studio.i18n import as_reasons, tr, tr_n, tr_noop
from fcn_studio.jobs import runs
from fcn_studio.jobs.commands.graceful_interrupt import graceful_interrupt
from fcn_studio.jobs.console import open_project, print_figures, progress_bar, quiet, tell_left_out
from fcn_studio.jobs.fine_tune_run import FineTuneRequest, FineTuneRun, Judged, fine_tune_run
from fcn_studio.jobs.networks import class_map_of, class_map_with, default_network, needed, network_of, start_of
from fcn_studio.jobs.outputs import check_checkpoint, check_log
from fcn_studio.jobs.protocol import FineTuneJob
from fcn_studio.jobs.run import JobRunner
from fcn_studio.jobs.snapshot import Snapshot

_VERDICTS = {
    Verdict.ADOPTED: tr_noop("{run}: adopted ({reasons})"),
    Verdict.NOT_COMPARED: tr_noop("{run}: adopted, not compared ({reasons})"),
    Verdict.CANDIDATE: tr_noop("{run}: kept as a candidate ({reasons})"),
}

Json = dict[str, Any]


def train(
    folder: Path,
    config: TrainConfig,
    *,
    network: str = "",
    device: str = "auto",
    out: Path | None = None,
    log: Path | None = None,
    resume: bool = False,
    val_list: Path | None = None,
    class_map: Sequence[str] = (),
    grey_as_indices: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> Json:
    """Train on the trusted pixels of a folder.

    Without ``out`` this is a run of the project, adopted by the rule. Ctrl+C ends the training early and keeps the
    best network so far. With ``resume`` the last training that did not end by itself goes on: the one that wrote
    ``out``, else the last such run of the project. With ``val_list`` the images named in that file are validated on,
    and all others of the train split are trained on. ``class_map`` says what the classes of the network that it
    starts from mean in the project, as ``sky=Sky,road=Road``.

    Several processes, started by torchrun or srun, train one network into ``out``; the first one speaks for all.

    Raises:
        TrainingError: if there is nothing to train on, or to go on with.
        UsageError: if the budget or the output makes no sense.
    """
    _check(config, network, out, log)
    if class_map and (resume or config.level is Level.SCRATCH):
        raise UsageError(tr("--map is for a network that a training starts from; leave it out"))
    if config.level is Level.SCRATCH and config.recipe is not RecipeName.MODERN:
        print(
            tr(
                "The paper's recipes start from a trunk trained on ImageNet; from scratch the loss hardly falls. "
                "Choose --level full with --network, or the modern recipe."
            ),
            file=sys.stderr,
        )
    if not _speaks_for_all(out):
        with quiet():
            _train(
                folder, config, network, device, out, None, resume, val_list, class_map, grey_as_indices, max_pixels
            )
        return {}
    return _train(folder, config, network, device, out, log, resume, val_list, class_map, grey_as_indices, max_pixels)


def _speaks_for_all(out: Path | None) -> bool:
    """Return whether this is the only process that trains, or the first.

    Raises:
        UsageError: if several train together without a file.
    """
    from fcn_studio.fcn.distributed import share_of_environment

    share = share_of_environment()
    if share.size > 1 and out is None:
        raise UsageError(tr("several processes train together into a file; add --out FILE"))
    return share.rank == 0


def _train(
    folder: Path,
    config: TrainConfig,
    network: str,
    device: str,
    out: Path | None,
    log: Path | None,
    resume: bool,
    val_list: Path | None,
    class_map: Sequence[str],
    grey_as_indices: bool,
    max_pixels: int,
) -> Json:
    """`train`, in one process of those that train together."""
    with open_project(folder, grey_as_indices=grey_as_indices, max_pixels=max_pixels) as project:
        earlier = _unfinished(project, config, network, out) if resume else None
        request = _request(project, config, network, device, earlier, class_map)
        request = replace(request, out=out, val_ids=_held_out(project, val_list) if val_list is not None else None)
        if earlier is None:
            _tell_unfinished(project, out)
        with closing(fine_tune_run(request)) as run:
            outcome, judged, failed = _drive(run, log)
        result = _training_json(outcome, project.config.table) | {
            "failed": failed,
            "opening": project.opening.as_json(),
        }
        if judged is not None:
            verdict, reasons = judged.adoption.verdict.value, judged.adoption.reasons
            words = as_reasons(reason.translated() for reason in reasons)
            print(tr(_VERDICTS[judged.adoption.verdict], run=judged.run.name, reasons=words))
            result |= {"run": f"run {judged.run.folder.name}", "verdict": verdict}
            result["reasons"] = [str(reason) for reason in reasons]
        return result


def _request(
    project: ProjectFolder,
    config: TrainConfig,
    network: str,
    device: str,
    earlier: Unfinished | None,
    said: Sequence[str],
) -> FineTuneRequest:
    """Return the request, without the place of its network.

    The network in use is the baseline if it can help.
    """
    start = network_of(project, network) if network else start_of(project)
    base = None if config.level is Level.SCRATCH else needed(start)
    current = _compared_with(project, earlier)
    if base is not None and config.architecture is not None and earlier is None:
        _check_trunk(base, config.architecture)
    base_map = class_map_with(project, base, said) if base else {}
    same = base is not None and current is not None and base.sha256 == current.sha256
    current_map = base_map if same else class_map_of(project, current) if current else {}
    index_map = map_classes(current.table, project.config.table, current_map) if current else {}
    return FineTuneRequest(
        project,
        config,
        base=base,
        base_map=base_map,
        baseline=current if current and can_help(index_map, current.table) else None,
        baseline_map=current_map,
        device=device,
        earlier=earlier,
    )


def _check_trunk(base: NetworkInfo, name: str) -> None:
    """Raises: UsageError if the architecture of a name has another trunk than a network."""
    wanted, theirs = named(name), Architecture.from_json(base.architecture)
    if not wanted.has_trunk_of(theirs):
        raise UsageError(
            tr(
                "--architecture {name} does not have the trunk of '{network}', which the training starts from "
                "({title}); choose another with --network, or --level scratch",
                name=name,
                network=base.name,
                title=theirs.title,
            )
        )


def _drive(run: FineTuneRun, log: Path | None) -> tuple[TrainOutcome, Judged | None, list[str]]:
    """Run a fine-tune here and return its outcome and verdict.

    A sentence for each image that was left out is returned too.
    """
    failed: list[str] = []
    with progress_bar(tr("collect labels"), None) as bar:
        while not isinstance(step := next(run), Snapshot):
            assert isinstance(step, tuple)
            done, bar.total = step
            bar.update(done - bar.n)
    failed += tell_left_out(step)
    job = next(run)
    assert isinstance(job, FineTuneJob)
    print(
        tr(
            "{level}: {train} to train on, {val} to validate on",
            level=job.config.level.value,
            train=tr_n("{n} image", "{n} images", len(job.train)),
            val=len(job.val),
        )
    )
    outcome = _train_here(job, run, log)
    try:
        run.send(outcome)
    except StopIteration as end:
        judged: Judged | None = end.value
    return outcome, judged, failed


def _compared_with(project: ProjectFolder, earlier: Unfinished | None) -> NetworkInfo | None:
    """Return the baseline.

    It is the network in use, or if the run that goes on is in use, the one before it.
    """
    if earlier is None or not runs.in_use(project, runs.Run(earlier.path.parent)):
        return network_of(project)
    before = project.runs.chain()[1:]
    if not before:
        return default_network(project.config.table)
    return network_of(project, str(before[0].path(project.folder) or before[0].checkpoint))


def _held_out(project: ProjectFolder, val_list: Path) -> set[str]:
    """Return the validation images that a file names by id.

    There is one image in each line, as in the lists of a VOC tree.

    Raises:
        UsageError: if it cannot be read, or names what is no verified image of the project, or a test image.
    """
    try:
        listed = read_image_list(val_list, ImageNames(project.samples))
    except ProjectError as error:
        raise UsageError(
            tr("--val-list {val_list} cannot be read: {reason}", val_list=val_list, reason=error)
        ) from error
    for name in listed.unknown:
        raise UsageError(
            tr(
                "--val-list {val_list}: '{name}' is no image of {folder}; give ids, one a line",
                val_list=val_list,
                name=name,
                folder=project.folder,
            )
        )
    if not listed.images:
        raise UsageError(tr("--val-list {val_list} names no image", val_list=val_list))
    for image_id, sample in ((sample.image_id, sample) for sample in listed.images):
        if project.splits.of(sample) is Split.TEST:
            raise UsageError(
                tr(
                    "--val-list {val_list}: '{image_id}' is a test image, and cannot be validated on",
                    val_list=val_list,
                    image_id=image_id,
                )
            )
        if project.annotations.status(sample) is not Status.VERIFIED:
            raise UsageError(
                tr(
                    "--val-list {val_list}: '{image_id}' is not verified, and cannot be validated on",
                    val_list=val_list,
                    image_id=image_id,
                )
            )
    return {sample.image_id for sample in listed.images}


def _unfinished(project: ProjectFolder, config: TrainConfig, network: str, out: Path | None) -> Unfinished:
    """Return the training to go on with.

    Raises:
        TrainingError: if there is none.
        UsageError: if something else is asked of it.
    """
    waiting = runs.broken_off(project) or [runs.Run(folder) for folder in project.runs.unfinished()]
    if out is None and not waiting:
        raise TrainingError(tr("'{folder}' has no unfinished training to go on with.", folder=project.folder))
    checkpoint = out if out is not None else waiting[-1].checkpoint
    require_idle(checkpoint)
    found = read_unfinished(state_of(checkpoint))
    usual = TrainConfig()
    for setting in fields(TrainConfig):
        given, then = getattr(config, setting.name), getattr(found.config, setting.name)
        if given not in (getattr(usual, setting.name), then):
            raise UsageError(
                tr(
                    "the training was begun with {setting} {then}, and goes on with it; leave the option out",
                    setting=setting.name,
                    then=then,
                )
            )
    if network:
        raise UsageError(tr("--resume goes on from where the training was; leave --network out"))
    where = found.path.parent.name if out is None else out
    print(tr("going on with {where} at step {step}", where=where, step=found.step))
    return found


def _tell_unfinished(project: ProjectFolder, out: Path | None) -> None:
    """Tell that there is a training that could go on.

    Raises:
        UsageError, TrainingError: if it would be written over, or is still running.
    """
    if out is not None:
        require_idle(out)
        if state_of(out).exists():
            raise UsageError(
                tr(
                    "{state} holds an unfinished training of that network; add --resume to go on with it, or delete "
                    "the file to begin anew",
                    state=state_of(out),
                )
            )
    elif waiting := runs.broken_off(project):
        print(tr("{run} did not finish; --resume goes on with it", run=waiting[-1].name), file=sys.stderr)


def _check(config: TrainConfig, network: str, out: Path | None, log: Path | None) -> None:
    """Check that the options make sense together.

    Raises: UsageError if one makes no sense, says nothing at this level, or would write over something.
    """
    if config.minutes is not None and not 0 < config.minutes <= 60 * 24 * 30:
        raise UsageError(tr("--minutes {minutes:g} makes no sense; give a positive number", minutes=config.minutes))
    if config.steps is not None and config.steps < 1:
        raise UsageError(tr("--steps {steps} makes no sense; give a positive number", steps=config.steps))
    if config.batch_size is not None and not 1 <= config.batch_size <= 256:
        raise UsageError(tr("--batch-size {batch_size} is not between 1 and 256", batch_size=config.batch_size))
    if not 0 <= config.seed < 1 << 63:
        raise UsageError(tr("--seed {seed} makes no sense; give 0 or more, below 2**63", seed=config.seed))
    if config.width is not None and not 0.05 <= config.width <= 2:
        raise UsageError(tr("--width {width:g} is not between 0.05 and 2", width=config.width))
    if config.input_scale is not None and not 0.01 <= config.input_scale <= 2:
        raise UsageError(
            tr("--input-scale {input_scale:g} is not between 0.01 and 2", input_scale=config.input_scale)
        )
    if config.crop is not None and not all(32 <= side <= 4096 for side in config.crop):
        raise UsageError(
            tr("--crop {height}x{width} is not between 32 and 4096", height=config.crop[0], width=config.crop[1])
        )
    if not (0 <= config.lovasz <= 10 and 0 < config.rate <= 1e6):
        raise UsageError(tr("--lovasz is 0 to 10, and --rate a positive number"))
    if not 0 <= config.rotation <= 180 or config.early_stop < 0:
        raise UsageError(tr("--rotation is 0 to 180 degrees, and --early-stop 0 or more validations"))
    _check_unused(config, network)
    if out is not None:
        check_checkpoint(out)
        if network and resolve(network).resolve() == out.resolve():
            raise UsageError(
                tr("--out {out} is the network that the training starts from; choose another name", out=out)
            )
    if log is not None:
        check_log(log)


def _check_unused(config: TrainConfig, network: str) -> None:
    """Check that nothing is given that is of no use.

    Raises: UsageError if the level or the recipe has no use for something given.
    """
    usual, scratch = TrainConfig(), config.level is Level.SCRATCH
    slim, modern = config.architecture in (None, "slim"), config.recipe is RecipeName.MODERN
    quick = config.level is Level.QUICK
    unused = {
        "input_scale": tr_noop("only a training from scratch has a choice of {option}; leave it out")
        if not scratch
        else "",
        "width": tr_noop("only a slim network from scratch has {option}; leave it out")
        if not (scratch and slim)
        else "",
        "crop": tr_noop("the level quick and the paper's recipes have no use for {option}; leave it out")
        if quick or not modern
        else "",
        "vertical_flip": tr_noop("the level quick and the paper's recipes have no use for {option}; leave it out")
        if quick or not modern
        else "",
        "rotation": tr_noop("the level quick and the paper's recipes have no use for {option}; leave it out")
        if quick or not modern
        else "",
        "precision": tr_noop("the levels quick and better have no use for {option}; leave it out")
        if config.level in (Level.QUICK, Level.BETTER)
        else "",
    }
    for name, words in unused.items():
        if words and getattr(config, name) != getattr(usual, name):
            raise UsageError(tr(words, option=f"--{name.replace('_', '-')}"))
    if scratch and network:
        raise UsageError(tr("a training from scratch starts from no network; leave --network out"))


def _train_here(job: FineTuneJob, run: FineTuneRun, log: Path | None) -> TrainOutcome:
    """Run the job in this process, under a progress bar.

    Ctrl+C ends it early.
    """
    work = JobRunner().run(job)
    with progress_bar(job.config.level.value, 1000) as bar, graceful_interrupt() as interrupted:
        news = next(work)
        while True:
            if isinstance(news, TrainProgress):
                _show(news, bar)
                if isinstance(failed := run.send(news), ProjectError):
                    raise failed
                if log is not None:
                    runs.append(log, news)
            try:
                news = work.send(interrupted.is_set())
            except StopIteration as end:
                outcome: TrainOutcome = end.value
                return outcome


def _show(news: TrainProgress, bar: tqdm[Any]) -> None:
    bar.update(round(1000 * news.fraction) - bar.n)
    minutes = news.cpu_seconds / 60
    bar.set_postfix_str(
        tr("step {step} loss {loss:.3f} cpu {minutes:.1f} min", step=news.step, loss=news.loss, minutes=minutes)
    )
    if news.figures is not None:
        figures = news.figures
        tqdm.write(
            tr(
                "step {step:5}  {minutes:6.1f} min  {cpu_minutes:6.1f} CPU-min  loss {loss:.3f}  "
                "mean IoU {mean_iou:.4f}  pixel accuracy {accuracy:.4f}",
                step=news.step,
                minutes=news.elapsed / 60,
                cpu_minutes=minutes,
                loss=news.loss,
                mean_iou=figures.mean_iou,
                accuracy=figures.pixel_accuracy,
            )
        )


def _training_json(outcome: TrainOutcome, table: ClassTable) -> Json:
    print(
        tr_n(
            "{n} step, {minutes:.1f} CPU-minutes, checkpoint {checkpoint}",
            "{n} steps, {minutes:.1f} CPU-minutes, checkpoint {checkpoint}",
            outcome.steps,
            minutes=outcome.cpu_seconds / 60,
            checkpoint=outcome.checkpoint,
        )
    )
    for note in outcome.notes:
        print(note)
    if outcome.figures is not None:
        print_figures(outcome.figures, table)
    if (found := outcome.calibration) is not None:
        words = tr(
            "temperature {temperature:.3f}; expected calibration error {after:.4f}, before {before:.4f}",
            temperature=found.temperature,
            after=found.error_after,
            before=found.error_before,
        )
        print(f"  {words}")
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
        "calibration": asdict(outcome.calibration) if outcome.calibration else None,
    }
