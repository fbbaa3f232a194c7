"""Running of a fine-tune from its first label to its verdict.

The window and the command line use the same generator.
"""

from __future__ import annotations

from collections.abc import Collection, Generator
from dataclasses import dataclass, field, replace
from pathlib import Path

from fcn_studio.core.class_map import ClassMap
from fcn_studio.core.sample import by_hash, folds_of
from fcn_studio.core.training import MIN_VAL_IMAGES, Adoption, Level, TrainConfig, TrainOutcome, TrainProgress
from fcn_studio.errors import ProjectError, TrainingError
from fcn_studio.fcn.model.architecture import Architecture, named
from fcn_studio.fcn.training.resume import Unfinished
from fcn_studio.fcn.weights.catalogue import NetworkInfo, read_info
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.i18n import tr, tr_n
from fcn_studio.jobs import runs
from fcn_studio.jobs.networks import needed
from fcn_studio.jobs.protocol import FineTuneJob
from fcn_studio.jobs.snapshot import Snapshot, collect

FOLDS = 4
"""Most folds that two networks are compared on: each network learns from three quarters of the images."""

MOST_IN_FOLDS = 24
"""Images that are scored in folds; an explicit list of few validation images may leave thousands."""


@dataclass(frozen=True)
class FineTuneRequest:
    """What a fine-tune is asked to do.

    Attributes:
        project: whose labels are trained on.
        config: level, budget and recipe.
        base: the network to start from; not needed from scratch.
        base_map: what the classes of the base mean in the project.
        baseline: the network that the new one is compared with; None if there is none that can help.
        baseline_map: what the classes of the baseline mean in the project.
        device: auto, cpu, cuda or mps.
        earlier: the training to go on with; None begins one.
        out: the file to train into, which is then no run of the project and is not judged.
        val_ids: the images to validate on, all others are trained on; None leaves it to the splits.
    """

    project: ProjectFolder
    config: TrainConfig
    base: NetworkInfo | None = None
    base_map: ClassMap = field(default_factory=dict)
    baseline: NetworkInfo | None = None
    baseline_map: ClassMap = field(default_factory=dict)
    device: str = "auto"
    earlier: Unfinished | None = None
    out: Path | None = None
    val_ids: Collection[str] | None = None


@dataclass(frozen=True)
class Judged:
    """A run that has come to its end."""

    run: runs.Run
    adoption: Adoption


Step = tuple[int, int] | Snapshot | FineTuneJob | ProjectError | None
"""What the generator yields: (done, total) of the labels, the labels, the job, then an answer to each news."""

FineTuneRun = Generator[Step, TrainProgress | TrainOutcome | None, Judged | None]


def fine_tune_run(request: FineTuneRequest) -> FineTuneRun:
    """Read the labels, begin a run, log it and judge its network.

    Yields:
        (done, total) while the labels are read, which may go on in a thread; then the `Snapshot`; then the
        `FineTuneJob`. The caller runs the job and sends each `TrainProgress`, which is answered with None, or with
        the error if it could not be logged; at last it sends the `TrainOutcome`.

    Returns:
        The run and its verdict; None where the network goes into a file.

    Closed before its end, it deletes a run that it has begun and of which nothing has come.

    Raises:
        TrainingError: if there is nothing to train on.
        CheckpointError: if there is no network to start from, or the run left none.
        ProjectError: if the run's folder cannot be written.
    """
    snapshot = yield from collect(request.project)
    if request.val_ids is not None:
        snapshot = _with_validation_on(snapshot, request.val_ids)
    yield snapshot
    job = _job(request, snapshot)
    run = _run(request)
    try:
        if run is not None:
            request.project.splits.store()
        outcome = yield from _logged(replace(job, out=str(run.checkpoint)) if run is not None else job, run)
    except BaseException:
        if run is not None and request.earlier is None:
            runs.discard(run)
        raise
    if run is None:
        return None
    if runs.in_use(request.project, run):
        request.project.runs.go_back()  # its file has changed: it is in use again if the verdict says so
    return Judged(run, runs.finish(request.project, run, outcome))


def _with_validation_on(snapshot: Snapshot, val_ids: Collection[str]) -> Snapshot:
    """Return the snapshot with these images for validation.

    The others of the train split are for training.
    """
    val = tuple(image for image in (*snapshot.train, *snapshot.val) if image.image_id in val_ids)
    return replace(snapshot, train=tuple(i for i in snapshot.train if i.image_id not in val_ids), val=val)


def _job(request: FineTuneRequest, snapshot: Snapshot) -> FineTuneJob:
    """Return the job, without the file of a run's network."""
    if not snapshot.train:
        raise TrainingError(_nothing_to_train_on(len(snapshot.val)))
    scratch = request.config.level is Level.SCRATCH
    base = "" if scratch or request.earlier is not None else str(needed(request.base).path.absolute())
    baseline = request.baseline if request.out is None else None
    job = FineTuneJob(
        config=request.config,
        table=request.project.config.table,
        train=snapshot.train,
        val=snapshot.val,
        base=base,
        baseline=str(baseline.path) if baseline is not None else "",
        out=str(request.out or ""),
        device=request.device,
        base_map=request.base_map,
        baseline_map=request.baseline_map,
    )
    if request.earlier is not None:
        job = runs.same_again(job, request.earlier)
    if request.out is None and request.val_ids is None and _is_fit(job):
        job = replace(job, folds=_folds(snapshot))
    return job if request.out is None else replace(job, baseline="")


def _is_fit(job: FineTuneJob) -> bool:
    """Return whether a job fits the score layers and nothing else.

    Fits are so cheap that they can be repeated on folds.
    """
    if job.config.level is not Level.QUICK or not job.base:
        return False
    if job.config.architecture is not None:
        return named(job.config.architecture).is_linear_in_taps
    return Architecture.from_json(read_info(Path(job.base)).architecture).is_linear_in_taps


def _folds(snapshot: Snapshot) -> tuple[tuple[str, ...], ...]:
    """Return the folds that networks are compared on where few images are for validation.

    Each leaves an image to learn from.
    """
    verified = {i.image_id: snapshot.classes[i.image_id] for i in snapshot.train if i.image_id in snapshot.classes}
    if len(snapshot.val) >= MIN_VAL_IMAGES or not verified or len(snapshot.train) < 2:
        return ()
    most = by_hash(verified)[:MOST_IN_FOLDS]
    return folds_of({image_id: verified[image_id] for image_id in most}, FOLDS)


def _nothing_to_train_on(held_back: int) -> str:
    if not held_back:
        return tr("No training image has human pixels yet: label or verify a few more images.")
    return tr_n(
        "No training image has human pixels yet ({n} is held back for validation): "
        "label or verify a few more images.",
        "No training image has human pixels yet ({n} are held back for validation): "
        "label or verify a few more images.",
        held_back,
    )


def _run(request: FineTuneRequest) -> runs.Run | None:
    if request.out is not None:
        return None
    if request.earlier is not None:
        return runs.Run(request.earlier.path.parent)
    return runs.begin(request.project, request.config)


def _logged(
    job: FineTuneJob, run: runs.Run | None
) -> Generator[Step, TrainProgress | TrainOutcome | None, TrainOutcome]:
    """Yield the job, log its progress, and return the outcome.

    Progress is sent to the generator until the outcome comes.
    """
    news = yield job
    while not isinstance(news, TrainOutcome):
        failed = None
        if run is not None and news is not None:
            try:
                run.log(news)
            except ProjectError as error:  # a full disk must not cost the training
                failed = error
        news = yield failed
    return news
