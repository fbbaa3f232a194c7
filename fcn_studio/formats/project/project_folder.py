"""A project on disk.

Only this module knows where things lie in its folder.

::

    FOLDER/  (JPEGImages/... or images directly, also in subfolders)
      SegmentationClass/<mask id>.png               masks
      ImageSets/Segmentation/{train,val,test}.txt   splits, if there are any; only read
      fcn-studio.toml                               settings and class table
      .fcn-studio/lock                              held by the one writer
      .fcn-studio/provenance/<mask id>.png          who labelled what, and the status
      .fcn-studio/originals/<mask id>.png           masks of others as they were before we first wrote them
      .fcn-studio/adopted_masks                     the masks found at first opening
      .fcn-studio/previous/                         earlier versions of masks and records, and of the project file
      .fcn-studio/class_change/                     the last merging or deleting of classes, to take it back
      .fcn-studio/runs/NNNN/, runs/current.json     fine-tunes and the network in use
      .fcn-studio/splits.json                       which images are for validation and test
      .fcn-studio/index                             statuses, rebuildable
      .fcn-studio/predictions/<mask id>.png         predictions, rebuildable and bounded
      .fcn-studio/prediction_index                  doubt and differences of each image, rebuildable
      .fcn-studio/cache/features/                   features of images for Live, rebuildable and bounded
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from fcn_studio.core.classes import NO_CLASSES, ClassTable
from fcn_studio.core.grey_levels import BY_FILE
from fcn_studio.core.labels import Provenance
from fcn_studio.core.prediction import Prediction, prelabelled
from fcn_studio.core.project import Access, ProjectConfig
from fcn_studio.core.sample import Sample, Status
from fcn_studio.errors import ProjectError, ProjectLocked, ProjectReadOnly, YearsFound
from fcn_studio.formats.atomic import refuse_outside
from fcn_studio.formats.finding import Finding
from fcn_studio.formats.images.grey_survey import surveyed_levels
from fcn_studio.formats.images.images import MAX_PIXELS
from fcn_studio.formats.images.scan import IMAGES, MASKS, scan_images, scan_masks
from fcn_studio.formats.opening.look import find_images, image_root_of, report_on
from fcn_studio.formats.project import migrations
from fcn_studio.formats.project.annotations import AnnotationStore
from fcn_studio.formats.project.first_opening import found_table, new_config
from fcn_studio.formats.project.leftovers import remove_leftovers
from fcn_studio.formats.project.lock import ProjectLock
from fcn_studio.formats.project.pending_records import finish_pending_records
from fcn_studio.formats.project.prediction_cache import PredictionCache
from fcn_studio.formats.project.project_file import (
    keep_copy,
    open_project_file,
    put_back,
    refuse_if_lost,
    write_project_file,
)
from fcn_studio.formats.project.runs import Runs
from fcn_studio.formats.project.splits import NAME as SPLITS
from fcn_studio.formats.project.splits import Splits
from fcn_studio.formats.project.status_index import stamp_of
from fcn_studio.formats.transaction import Staging, TransactionFolder
from fcn_studio.formats.voc.voc import voc_years
from fcn_studio.i18n import listed, tr

STATE = ".fcn-studio"
PROJECT_FILE = "fcn-studio.toml"


class ProjectFolder:
    """An open project.

    It is a context manager that closes the project. Opened to write, it holds the project's lock. Opened to read, it
    writes nothing (but see ``runs``). Nothing but the lock is written before the first save, and never an image.

    Attributes:
        folder: absolute path of the project.
        image_root: ``folder/JPEGImages`` if there is one, else ``folder``.
        samples: all images, sorted as people count.
        access: what may be written; a save may find that it has changed.
        first_opening: there is no project file yet, so masks that lie here count as the user's finished work.
        opening: the report on what was found.
        has_default_classes: whether nothing names its classes, and it has the default ones for now.
        grey_as_indices: how grey masks of 0 and 255 are read; None until somebody said so.
        annotations: loads and saves the annotations, and knows their statuses.
        max_pixels: larger images are not read.
        predictions: what networks predicted for its images.
        splits: which images are for training, and which for validation.
        runs: its fine-tunes and the network in use. They need no lock: a run's folder is its own, and the file that
            names the network in use is replaced whole.
        transactions: changes of many files at once.
    """

    def __init__(
        self,
        folder: Path,
        *,
        lock: ProjectLock | None,
        access: Access,
        table: ClassTable | None,
        default_table: ClassTable | None,
        grey_as_indices: bool | None,
    ) -> None:
        """Read a project. Callers use `open`."""
        self.folder = folder
        self.access = access
        self._lock = lock
        self._config_lock = threading.RLock()
        self.grey_as_indices = grey_as_indices
        self.max_pixels = MAX_PIXELS
        self._project_file = folder / PROJECT_FILE
        self._previous = folder / STATE / "previous"
        self.first_opening = not self._project_file.exists()
        self.image_root = image_root_of(folder)
        self.transactions = _transactions_of(folder)
        self.annotations = AnnotationStore(
            folder,
            first_opening=self.first_opening,
            rules=lambda: (self._config.table, self.grey_as_indices),
            require_writable=self._require_writable,
            prepare=self._prepare,
        )
        found = find_images(folder, self.annotations.mask_ids)
        self.samples: Sequence[Sample] = found.samples
        self._by_id = {sample.image_id: sample for sample in found.samples}
        self.splits = Splits(
            folder, found.samples, folder / STATE / SPLITS, lambda: self._config.val_percent, new=self.first_opening
        )
        self.runs = Runs(folder / STATE / "runs", folder)
        self.predictions = self._prediction_cache()
        masks = self.annotations.masks
        if self.first_opening:
            refuse_if_lost(self._project_file, self._previous)
            self._config, version = new_config(folder, found_table(folder, masks, default_table, table)), 0
        else:
            self._config, version = open_project_file(self._project_file, self._previous)
        self.has_default_classes = self.first_opening and self._config.table is default_table
        self._up_to_date = version == migrations.FORMAT
        self._decide_levels()
        self._copied = False
        self._file_stamp = stamp_of(self._project_file)
        meanings = self._config.table if self.first_opening else None
        self.opening = report_on(folder, found, masks, self.splits.lists, meanings)

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        writable: bool,
        allow_read_only: bool = False,
        break_lock: bool = False,
        table: ClassTable | None = None,
        default_table: ClassTable | None = None,
        grey_as_indices: bool | None = None,
    ) -> ProjectFolder:
        """Open a folder of images or a VOC tree, all or nothing.

        Args:
            folder: the project.
            writable: take the lock; without it nothing is ever written.
            allow_read_only: open a folder that cannot be written all the same; each save then tries to take the lock.
            break_lock: take the lock from a process that seems alive, or from another host.
            table: what the class indices of a folder without project file mean: the answer to `ClassTableNeeded`.
            default_table: the class table of a folder without masks and class names; `NO_CLASSES` if none is given.
            grey_as_indices: read grey masks of 0 and 255 as class indices, see `masks.read_mask`.

        Raises:
            YearsFound: the folder is a VOCdevkit; its ``years`` can be opened.
            ClassTableNeeded: there are masks, and nothing says what their class indices mean.
            ProjectLocked: another process writes this project.
            ProjectReadOnly: it was to be written, and the folder forbids it.
            ProjectFileBroken: its project file is broken or lost; if there is an earlier copy, the sentence names it.
            ProjectError: it is no folder, or cannot be read or written.
        """
        folder = Path(os.path.abspath(folder))
        _refuse_other_folders(folder)
        lock, access = None, Access.READ_ONLY
        try:
            if writable:
                lock, access = _take_lock(folder, break_lock=break_lock), Access.WRITABLE
        except ProjectReadOnly:
            if not allow_read_only:
                raise
            access = Access.FOLDER_READ_ONLY
        try:
            if lock is not None:
                remove_leftovers(folder, MASKS, STATE)
                finish_pending_records(folder)
            finished = _finish_transaction(folder, locked=lock is not None)
            tables = {"table": table, "default_table": default_table or NO_CLASSES}
            project = cls(folder, lock=lock, access=access, grey_as_indices=grey_as_indices, **tables)
            project.opening = replace(project.opening, findings=(*finished, *project.opening.findings))
            return project
        except BaseException:
            if lock is not None:
                lock.release()
            raise

    def __enter__(self) -> ProjectFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write the indexes and give the lock back. It may be called again.

        Raises:
            ProjectError: if the index of statuses cannot be written; the lock is given back all the same.
        """
        lock, self._lock = self._lock, None
        self.access = Access.READ_ONLY
        if lock is not None:
            try:
                lock.confirm()
                self.annotations.statuses.save_index()
                with suppress(ProjectError):  # what it lacks is read from the predictions
                    self.predictions.save_index()
            finally:
                lock.release()

    def _prediction_cache(self) -> PredictionCache:
        return PredictionCache(
            self.folder / STATE / "predictions",
            self.folder / STATE / "prediction_index",
            self.samples,
            self.annotations.image_digests,
            levels=lambda: self._config.grey_levels,
            prepare=self._prepare,
        )

    @property
    def features_folder(self) -> Path | None:
        """Folder of features of its images, None while none may be written.

        That is before the first save, where the project cannot be written, and where a link leads out of it.
        """
        folder = self.folder / STATE / "cache" / "features"
        if self.access is not Access.WRITABLE or not self._up_to_date:
            return None
        try:
            refuse_outside(self.folder, folder / "any")
        except ProjectError:
            return None
        return folder

    # Settings

    @property
    def config(self) -> ProjectConfig:
        """Class table, meaning of unlabelled, share of validation images, project id."""
        return self._config

    def save_config(self, config: ProjectConfig) -> None:
        """Change the settings and write the project file.

        Comments and unknown keys in it are kept.

        Raises:
            ProjectError: if it was opened to read only, or cannot be written; the settings are then as before.
        """
        with self._config_lock:
            self._hold_lock()
            if self.first_opening and not self._up_to_date:
                self.annotations.write_adopted()
                self.splits.store()
            write_project_file(self._project_file, config, self._previous)
            self._config, self._up_to_date = config, True
            self.has_default_classes = False
            self._file_stamp = stamp_of(self._project_file)

    def set_table(self, table: ClassTable) -> None:
        """Change the class table. Raises: ProjectError as `save_config`."""
        unlabelled = ProjectConfig.new(table).unlabelled if self.has_default_classes else self._config.unlabelled
        self.save_config(replace(self._config, table=table, unlabelled=unlabelled))

    def begin_replacing(self) -> Staging:
        """Begin to replace many files at once. Raises: ProjectError if the project cannot be written."""
        with self._config_lock:
            self._hold_lock()
            if not self._up_to_date:
                self.save_config(self._config)
        return self.transactions.begin()

    def replace_files(self, staging: Staging, note: Mapping[str, object], *, kept: bool) -> None:
        """Replace the files that were prepared, all or none.

        What this object knows of them is then out of date: it can only be closed.

        Args:
            staging: what `begin_replacing` has returned.
            note: what the change is for.
            kept: whether it can be taken back.

        Raises:
            ProjectError: if nothing has changed, or if the change is decided and cannot be finished now.
        """
        with self._config_lock:
            self._hold_lock()
            if stamp_of(self._project_file) != self._file_stamp:
                raise self._changed_by_another()
            staging.commit(note, kept=kept)
            self.access = Access.READ_ONLY
        self.transactions.finish()

    def _changed_by_another(self) -> ProjectError:
        return ProjectError(
            tr(
                "{project_file} has been changed by another program; open the folder again",
                project_file=self._project_file,
            )
        )

    def _decide_levels(self) -> None:
        """Decide the black and white of deep images if nobody has; the next save writes it."""
        if self._config.grey_levels == BY_FILE and (levels := surveyed_levels(self.samples)) != BY_FILE:
            self._config = replace(self._config, grey_levels=levels)
            self._up_to_date = False

    def _prepare(self) -> None:
        """Write the project file in today's format, if it is not.

        It is called before the first annotation. Raises: ProjectError as `save_config`.
        """
        with self._config_lock:
            self._hold_lock()
            if not self._up_to_date:
                self.save_config(self._config)
            elif not self._copied:  # it may have been edited by hand, and the next hand may break it
                keep_copy(self._project_file, self._previous)
            self._copied = True

    def _require_writable(self) -> None:
        """Raise if the project was opened to read. Raises: ProjectError."""
        if self.access is Access.READ_ONLY:
            raise ProjectError(tr("{folder} is open to read only; nothing was written", folder=self.folder))

    def _hold_lock(self) -> None:
        """Confirm the lock, or take it if it could not be taken.

        It is called before anything is written. The folder may have been read-only until now.

        Raises:
            ProjectError: if the project is open to read only, cannot be written, or is another's by now.
        """
        self._require_writable()
        lock = self._lock or _take_lock(self.folder)
        held_all_the_time = self._lock is not None and lock.confirm()
        if not held_all_the_time:
            self.annotations.distrust()
            if stamp_of(self._project_file) != self._file_stamp:
                lock.release()
                raise self._changed_by_another()
        self._lock, self.access = lock, Access.WRITABLE

    # Images

    def sample(self, image_id: str) -> Sample:
        """Return the image of an id. Raises: KeyError if there is none."""
        return self._by_id[image_id]

    @property
    def records(self) -> Mapping[str, Path]:
        """Mask id -> record file of all records, those without an image too."""
        return {mask_id: Path(path) for mask_id, path in scan_masks(self.folder / STATE / "provenance").items()}

    @property
    def masks_of_other_kinds(self) -> Mapping[str, Path]:
        """Mask id -> file of the pictures in the folder of masks that are no PNGs, and so are not read."""
        folder = self.folder / MASKS
        found = scan_images(folder).samples if folder.is_dir() else ()
        others = (sample for sample in found if sample.image_path.suffix.casefold() != ".png")
        return {sample.image_id.rpartition(".")[0]: sample.image_path for sample in others}

    def counts(self) -> Mapping[Status, int]:
        """Return the number of images by status, every status named."""
        counts, known = self.annotations.statuses.counts()
        if known < len(self.samples):
            deque(map(self.annotations.status, self.samples), 0)
            counts, _ = self.annotations.statuses.counts()
        return counts

    def accept_prediction(self, sample: Sample, prediction: Prediction, *, allow_prelabelled: bool) -> bool:
        """Write a prediction by the rule of batches, and return success.

        The prediction is in the project's class indices. The result is False if it may not be written or is void.
        Only New images are written, with ``allow_prelabelled`` Pre-labelled ones too, and never one with a pixel of a
        human or of unknown origin.

        Raises:
            ProjectError, MaskError: as `AnnotationStore.load` and `AnnotationStore.save`.
            ValueError: if the prediction is of another image.
        """
        if prediction.image_id != sample.image_id:
            raise ValueError(f"prediction of {prediction.image_id} for {sample.image_id}")
        allowed = {Status.NEW, Status.PRELABELLED} if allow_prelabelled else {Status.NEW}
        if self.annotations.status(sample) not in allowed:
            return False
        height, width = prediction.label_map.shape
        old = self.annotations.load(sample, (width, height))
        if old.status not in allowed or (old.labels.provenance > Provenance.NETWORK).any():
            return False
        labels = prelabelled(old.labels, prediction)
        if not labels.provenance.any():
            return False
        self.annotations.save(sample, labels, Status.PRELABELLED, prediction.checkpoint)
        return True


def folder_of_image(image: Path) -> Path:
    """Return the folder to open for an image.

    It is the project that the image lies in, the folder above `IMAGES`, or the image's own folder.

    Args:
        image: absolute path of the file.
    """
    for folder in image.parents:
        if (folder / PROJECT_FILE).is_file():
            return folder
        if folder.name == IMAGES:
            return folder.parent
    return image.parent


def _refuse_other_folders(folder: Path) -> None:
    """Check that a path can be a project.

    Raises:
        YearsFound, ProjectError: if it is a VOCdevkit, or no folder.
    """
    if not folder.is_dir():
        raise ProjectError(tr("{folder} is not a folder; name the folder that holds the images", folder=folder))
    if not (folder / PROJECT_FILE).exists() and (years := voc_years(folder)):
        names = listed(map(str, years))
        text = tr("{folder} holds VOC data sets, one a year; open one of them: {names}", folder=folder, names=names)
        raise YearsFound(text, years)


def _take_lock(folder: Path, *, break_lock: bool = False) -> ProjectLock:
    """Return the lock of a project.

    Raises: ProjectLocked, or ProjectReadOnly if the folder cannot be written.
    """
    if not os.access(folder, os.W_OK):
        raise ProjectReadOnly(
            tr("{folder} cannot be written: it is protected, or lies on a read-only disk", folder=folder)
        )
    refuse_outside(folder, folder / STATE / "lock", folder / MASKS / "any.png", kind=ProjectReadOnly)
    return ProjectLock(folder / STATE / "lock", break_lock=break_lock)


def _transactions_of(folder: Path) -> TransactionFolder:
    """Return the changes of many files of a project at once."""
    below = (f"{STATE}/provenance", f"{STATE}/originals")
    return TransactionFolder(folder, folder / STATE / "class_change", MASKS, PROJECT_FILE, *below)


def _finish_transaction(folder: Path, *, locked: bool) -> tuple[Finding, ...]:
    """Finish a change of many files that a crash has interrupted, and return what to tell of it.

    Raises:
        ProjectError: if it cannot be finished, since the folder cannot be written or another process writes it.
    """
    transactions = _transactions_of(folder)
    finished = transactions.interrupted
    if locked:
        transactions.finish()
    elif finished:
        try:
            with _take_lock(folder):
                transactions.finish()
        except (ProjectLocked, ProjectReadOnly) as error:
            raise ProjectError(
                tr("{folder}: a change of classes is not finished. {reason}", folder=folder, reason=error)
            ) from error
    if not finished:
        return ()
    return (Finding("change_finished", tr("A change of classes that was interrupted is finished now.")),)


def restore_project_file(folder: Path) -> None:
    """Replace a broken or lost project file by its newest valid copy.

    The broken one stays beside it, as ``fcn-studio.toml.broken-N``.

    Raises:
        ProjectLocked: if another process writes this project.
        ProjectError: if there is no such copy, or anything cannot be read or written.
    """
    with ProjectLock(folder / STATE / "lock"):
        put_back(folder / PROJECT_FILE, folder / STATE / "previous")
