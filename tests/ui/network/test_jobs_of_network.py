"""Auto-segment, batch and fine-tune, by jobs that run in this process."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.document import Document
from fcn_studio.core.labels import Provenance
from fcn_studio.core.sample import Status
from fcn_studio.core.training import Adoption, Level, RecipeName, TrainConfig, TrainOutcome, Verdict
from fcn_studio.errors import CheckpointError, FcnStudioError, NetworkCannotHelp, ProjectError, TrainingError
from fcn_studio.fcn.weights.catalogue import read_info
from fcn_studio.formats.images.images import image_size
from fcn_studio.formats.project.annotations import AnnotationStore
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.jobs.protocol import FineTuneJob
from fcn_studio.settings import Settings
from fcn_studio.tools.base import PointerEvent
from fcn_studio.ui.network.network_parts import NetworkParts
from fcn_studio.ui.session.session import Session
from fcn_studio.ui.session.toolbox import Toolbox
from tests.helpers import InlineProcess, paint, save_half, tiny_checkpoint, use_network
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.usefixtures("bundled")

QUICK = TrainConfig(Level.QUICK, steps=2, batch_size=2)
LONGER = TrainConfig(Level.QUICK, steps=8, batch_size=2, keep_every=0)


@dataclass
class Bench:
    """Session, process and the parts of the network, and what they said."""

    session: Session
    process: InlineProcess
    network: NetworkParts
    notices: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    finished: list[tuple[Adoption, TrainOutcome]] = field(default_factory=list)
    truth: list[tuple[object, object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for part in (self.session, *self.network.speakers):
            part.notice.connect(self.notices.append)
            part.problem.connect(self.problems.append)
        self.network.fine_tuning.finished.connect(lambda adoption, outcome: self.finished.append((adoption, outcome)))
        self.network.fine_tuning.truth_scored.connect(lambda before, after: self.truth.append((before, after)))

    @property
    def document(self) -> Document:
        assert self.session.document is not None
        return self.session.document

    def idle(self) -> bool:
        return not self.network.job_list.views and self.process.scheduler.idle


@pytest.fixture
def make_bench(qtbot: QtBot) -> Iterator[Callable[[], Bench]]:
    made: list[Bench] = []

    def make() -> Bench:
        session, process = Session(Settings(), Toolbox()), InlineProcess()
        made.append(Bench(session, process, NetworkParts.make(session, process)))
        return made[-1]

    yield make
    for bench in made:
        bench.session.close_project(discard=True)
        bench.network.shut_down()
        bench.session.shut_down()


@pytest.fixture
def bench(make_bench: Callable[[], Bench], micrograph_project: Path) -> Bench:
    made = make_bench()
    made.session.open_folder(micrograph_project)
    assert made.document.status is Status.NEW
    return made


def stroke_begins(bench: Bench) -> None:
    bench.session.toolbox.set_class(2)
    bench.session.toolbox.tool.press(PointerEvent(10, 10, "left"))
    assert bench.document.editing


# --- auto-segment -------------------------------------------------------------------------------------------------


def test_auto_segment_labels_what_no_human_did_in_one_undo_step(bench: Bench, qtbot: QtBot) -> None:
    paint(bench.document, 2, at=(40, 40), size=21)
    human = bench.document.provenance == Provenance.HUMAN
    bench.network.auto_segment.segment_image()
    qtbot.waitUntil(bench.idle, timeout=20_000)
    assert bench.document.history.undo_title == "Auto-segment"
    assert (bench.document.label_map[human] == 2).all()
    np.testing.assert_array_equal(bench.document.provenance == Provenance.HUMAN, human)
    assert (bench.document.provenance[~human] == Provenance.NETWORK).all()
    assert bench.document.prelabelled_by == bench.network.current.info.sha256  # type: ignore[union-attr]
    assert bench.session.prediction is not None
    bench.session.undo()
    assert not bench.document.provenance[~human].any()


def test_an_image_that_is_finished_is_refused_before_the_engine_is_asked(bench: Bench) -> None:
    bench.session.verify()
    with pytest.raises(FcnStudioError, match="Verified, so Auto-segment leaves it alone"):
        bench.network.auto_segment.segment_image()
    bench.session.go_to(5)
    bench.session.toggle_skip()
    with pytest.raises(FcnStudioError, match="Skipped"):
        bench.network.auto_segment.segment_image()
    assert not bench.process.submitted


def test_an_image_that_is_verified_meanwhile_is_left_alone(bench: Bench, qtbot: QtBot) -> None:
    bench.process.held = True
    bench.network.auto_segment.segment_image()
    bench.session.verify()
    before = bench.document.revision
    bench.process.held = False
    qtbot.waitUntil(bench.idle, timeout=20_000)
    assert bench.document.revision == before
    assert "Verified" in bench.problems[-1]


@pytest.mark.parametrize("ending", ["release", "cancel"])
def test_a_prediction_waits_for_the_end_of_a_stroke(bench: Bench, qtbot: QtBot, ending: str) -> None:
    bench.network.auto_segment.segment_image()
    stroke_begins(bench)
    qtbot.waitUntil(bench.idle, timeout=20_000)
    assert bench.document.editing
    assert bench.document.provenance.max() == Provenance.HUMAN
    assert not (bench.document.provenance == Provenance.NETWORK).any()
    tool = bench.session.toolbox.tool
    tool.release(PointerEvent(10, 10, "left")) if ending == "release" else tool.cancel()
    qtbot.waitUntil(lambda: bench.document.history.undo_title == "Auto-segment")
    assert bench.document.label_map[10, 10] == 2 or ending == "cancel"


def test_a_prediction_of_an_image_that_was_left_is_not_applied_to_another(bench: Bench, qtbot: QtBot) -> None:
    name = bench.document.image_id
    row = bench.session.index
    bench.network.auto_segment.segment_image()
    bench.session.go_to(row + 2)
    qtbot.waitUntil(bench.idle, timeout=20_000)
    assert not bench.document.provenance.any()
    assert bench.session.prediction is None
    bench.session.go_to(row)
    assert not bench.document.provenance.any()
    assert bench.session.prediction is not None
    assert bench.session.prediction.image_id == name


def test_an_image_that_cannot_be_read_any_more_is_a_problem(bench: Bench, qtbot: QtBot) -> None:
    bench.session.samples[bench.session.index].image_path.write_bytes(b"gone")
    bench.network.auto_segment.segment_image()
    qtbot.waitUntil(bench.idle, timeout=20_000)
    assert bench.document.image_id in bench.problems[-1]


def test_asking_twice_does_not_write_over_what_was_done_in_between(bench: Bench, qtbot: QtBot) -> None:
    bench.process.held = True
    row = bench.session.index
    bench.network.auto_segment.segment_image()
    bench.network.auto_segment.segment_image()
    assert len(bench.process.submitted) == 1
    assert "under way already" in bench.notices[-1]
    bench.session.go_to(row + 2)
    bench.network.auto_segment.segment_image()
    assert len(bench.process.submitted) == 2, "another image is another job"
    bench.session.go_to(row)
    bench.network.auto_segment.segment_image()
    assert len(bench.process.submitted) == 2
    bench.process.held = False
    qtbot.waitUntil(bench.idle, timeout=20_000)
    bench.session.undo()
    qtbot.wait(50)
    assert not bench.document.provenance.any()
    bench.network.auto_segment.segment_image()
    qtbot.waitUntil(bench.idle, timeout=20_000)
    assert bench.document.provenance.any()


# --- batch --------------------------------------------------------------------------------------------------------


def test_a_batch_writes_new_images_only(bench: Bench, qtbot: QtBot) -> None:
    project = bench.session.project
    assert project is not None
    touched = project.samples[6]
    save_half(project, touched, Provenance.HUMAN, Status.IN_PROGRESS)
    kept = [project.annotations.mask_path(s) for s in project.samples if project.annotations.mask_path(s).exists()]
    before = {path: path.read_bytes() for path in kept}
    bench.network.auto_segment.segment_folder()
    assert bench.network.job_list.views[0].words == "0 of 5"
    with pytest.raises(ProjectError, match="A batch is running"):
        bench.network.auto_segment.segment_folder()
    qtbot.waitUntil(bench.idle, timeout=20_000)
    bench.session.autosave.drain()
    assert bench.session.status_scan.counts()[Status.PRELABELLED] == 5
    assert {path: path.read_bytes() for path in kept} == before
    assert "5 images predicted" in bench.notices[-1]
    with pytest.raises(ProjectError, match="nothing to label"):
        bench.network.auto_segment.segment_folder()


def test_segmenting_selected_images_keeps_human_labels_and_says_where_they_differ(bench: Bench, qtbot: QtBot) -> None:
    project, stored = bench.session.project, bench.network.stored
    assert project is not None
    touched, new = (
        project.samples[6],
        next(s for s in project.samples[1:] if not project.annotations.mask_path(s).exists()),
    )
    save_half(project, touched, Provenance.HUMAN, Status.VERIFIED)
    before = project.annotations.mask_path(touched).read_bytes()
    bench.network.auto_segment.segment_selected([touched, new])
    qtbot.waitUntil(bench.idle, timeout=20_000)
    bench.session.autosave.drain()
    assert project.annotations.mask_path(touched).read_bytes() == before
    assert project.annotations.status(new) is Status.PRELABELLED
    qtbot.waitUntil(lambda: all(stored.summary(sample) is not None for sample in (touched, new)))
    compared, plain = stored.summary(touched), stored.summary(new)
    assert compared is not None
    assert plain is not None
    qtbot.waitUntil(lambda: getattr(stored.summary(touched), "differences", None) is not None)
    assert plain.differences is None
    assert 0 < plain.doubt < 1


def test_a_batch_leaves_the_open_image_alone_after_its_first_stroke(bench: Bench, qtbot: QtBot) -> None:
    """Even if the stroke is still being drawn when the prediction comes."""
    bench.network.auto_segment.segment_folder()
    stroke_begins(bench)
    qtbot.waitUntil(bench.idle, timeout=20_000)
    bench.session.toolbox.tool.release(PointerEvent(10, 10, "left"))
    qtbot.wait(300)
    assert bench.document.status is Status.IN_PROGRESS
    assert bench.document.history.undo_title == "Brush stroke"
    assert not (bench.document.provenance == Provenance.NETWORK).any()
    assert bench.session.prediction is not None


def test_a_batch_leaves_an_image_alone_whose_strokes_are_not_saved_yet(
    bench: Bench, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.process.held = True
    bench.network.auto_segment.segment_folder()
    row, image_id = bench.session.index, bench.document.image_id
    real = AnnotationStore.write

    def refuse(self: AnnotationStore, *arguments: object, **options: object) -> object:
        raise ProjectError("disk full")

    monkeypatch.setattr(AnnotationStore, "write", refuse)
    paint(bench.document, 2)
    bench.session.go_to(row + 3)
    bench.session.autosave.drain()
    monkeypatch.setattr(AnnotationStore, "write", real)
    bench.process.held = False
    qtbot.waitUntil(bench.idle, timeout=20_000)
    assert bench.session.autosave.finish() == []
    with ProjectFolder.open(bench.session.project.folder, writable=False) as disk:  # type: ignore[union-attr]
        assert disk.annotations.status(disk.sample(image_id)) is Status.IN_PROGRESS


def test_stopping_a_batch_applies_nothing_more(bench: Bench, qtbot: QtBot) -> None:
    bench.network.auto_segment.segment_folder()
    qtbot.waitUntil(lambda: bench.network.job_list.views[0].fraction is not None, timeout=20_000)
    bench.network.job_list.stop(bench.network.job_list.views[0].job_id)
    assert not bench.network.job_list.views
    bench.session.autosave.drain()
    done = bench.session.status_scan.counts()[Status.PRELABELLED]
    qtbot.wait(200)
    bench.session.autosave.drain()
    assert bench.session.status_scan.counts()[Status.PRELABELLED] == done < 6
    assert bench.process.cancelled == [(1, False)]


def test_closing_the_project_drops_its_jobs(bench: Bench, qtbot: QtBot, tmp_path: Path) -> None:
    bench.network.auto_segment.segment_folder()
    qtbot.waitUntil(lambda: bench.network.job_list.views[0].fraction is not None, timeout=20_000)
    assert bench.session.close_project()
    assert not bench.network.job_list.views
    qtbot.waitUntil(lambda: bench.process.scheduler.idle)
    with pytest.raises(ProjectError, match="No project is open"):
        bench.network.auto_segment.segment_folder()
    with pytest.raises(ProjectError, match="No image is open"):
        bench.network.auto_segment.segment_image()


# --- fine-tune ----------------------------------------------------------------------------------------------------


def test_a_fine_tune_is_adopted_scored_on_the_truth_and_can_be_taken_back(
    bench: Bench, qtbot: QtBot, tiny_network: Path
) -> None:
    assert bench.network.current.name == "tiny"
    assert bench.network.current.trained_on == 0
    assert not bench.network.current.can_go_back
    bench.network.fine_tuning.start(QUICK)
    assert bench.network.fine_tuning.busy
    assert bench.network.job_list.views[0].title == "Fine-tune"
    with pytest.raises(TrainingError, match="running already"):
        bench.network.fine_tuning.start(QUICK)
    qtbot.waitUntil(lambda: bool(bench.truth) and bench.idle(), timeout=60_000)
    assert not bench.problems
    ((adoption, outcome),) = bench.finished
    assert adoption.verdict is Verdict.ADOPTED
    assert (outcome.steps, outcome.folds) == (2, 2)
    assert bench.network.current.name == "run 0001"
    assert bench.network.current.trained_on == 2
    assert bench.network.fine_tuning.history[-1].step == 2
    ((before, after),) = bench.truth
    assert before is not None
    assert after.images == 6  # type: ignore[attr-defined]
    assert any("True mean IoU on 6 unlabelled pictures" in notice for notice in bench.notices)
    bench.network.current.go_back()
    assert bench.network.current.name == "tiny"
    with pytest.raises(ProjectError, match="no earlier network"):
        bench.network.current.go_back()


def test_an_adoption_and_the_way_back_refresh_pre_labels_that_nobody_touched(bench: Bench, qtbot: QtBot) -> None:
    project = bench.session.project
    assert project is not None
    new = [s for s in project.samples[1:] if project.annotations.status(s) is Status.NEW]
    stale, begun, verified = new[:2], new[2], new[3]
    for sample in stale:
        save_half(project, sample, Provenance.NETWORK, Status.PRELABELLED)
    save_half(project, begun, Provenance.HUMAN, Status.IN_PROGRESS)
    save_half(project, verified, Provenance.HUMAN, Status.VERIFIED)
    before = {sample: project.annotations.mask_path(sample).read_bytes() for sample in (*stale, begun, verified)}
    untouched = [s for s in project.samples if project.annotations.status(s) is Status.NEW]

    def made_by() -> set[str | None]:
        return {project.annotations.load(s, image_size(s.image_path)).prelabelled_by for s in stale}

    bench.network.fine_tuning.start(QUICK)
    qtbot.waitUntil(lambda: bool(bench.truth) and bench.idle(), timeout=60_000)
    bench.session.drain()
    assert not bench.problems
    assert made_by() == {bench.network.current.info.sha256}  # type: ignore[union-attr]
    assert "2 images that you have not edited were labelled again by run 0001." in bench.notices
    assert bench.network.auto_segment.batch_network == ""
    bench.network.current.go_back()
    assert bench.network.job_list.only_refreshes
    qtbot.waitUntil(bench.idle, timeout=60_000)
    bench.session.drain()
    assert made_by() == {bench.network.current.info.sha256}  # type: ignore[union-attr]
    assert all(project.annotations.mask_path(s).read_bytes() == before[s] for s in (begun, verified))
    assert all(project.annotations.status(s) is Status.NEW for s in untouched)


def test_a_refresh_gives_way_to_the_next_and_takes_new_images_after_a_batch(bench: Bench, qtbot: QtBot) -> None:
    bench.network.auto_segment.refresh()
    assert not bench.process.submitted, "nothing is pre-labelled, and nobody has asked for a batch"
    bench.network.auto_segment.segment_folder()
    qtbot.waitUntil(bench.idle, timeout=60_000)
    bench.session.drain()
    bench.process.held = True
    for _ in range(2):
        bench.network.auto_segment.refresh()
    assert len(bench.network.job_list.views) == 1
    bench.network.auto_segment.segment_folder(include_prelabelled=True)
    assert [view.title for view in bench.network.job_list.views] == ["Label all"]
    bench.process.held = False
    qtbot.waitUntil(bench.idle, timeout=60_000)
    assert not bench.problems


def test_what_ran_out_in_a_fine_tune_stands_beside_its_verdict(
    bench: Bench, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fcn_studio.fcn.training import optimisation

    honest, full = optimisation.weighted_loss, [True]

    def tight(*args: object) -> object:
        if full and full.pop():
            raise MemoryError
        return honest(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(optimisation, "weighted_loss", tight)
    bench.network.fine_tuning.start(replace(QUICK, level=Level.FULL))
    qtbot.waitUntil(lambda: bool(bench.truth) and bench.idle(), timeout=60_000)
    (verdict,) = [notice for notice in bench.notices if notice.startswith("Fine-tune: run 0001 adopted")]
    assert verdict.endswith("Out of memory: the batch is now computed one image at a time.")


@pytest.fixture
def broken_off(bench: Bench, qtbot: QtBot, micrograph_project: Path) -> Bench:
    """A fine-tune of eight steps that ended some steps after it began, as in a crash; the project is open again."""
    bench.network.fine_tuning.start(LONGER)
    qtbot.waitUntil(
        lambda: bool(bench.network.fine_tuning.history) and bench.network.fine_tuning.history[-1].step > 1,
        timeout=20_000,
    )
    assert bench.session.close_project()
    qtbot.waitUntil(lambda: bench.process.scheduler.idle)
    assert bench.network.fine_tuning.interrupted is None
    bench.session.open_folder(micrograph_project)
    return bench


def test_a_fine_tune_that_broke_off_goes_on(broken_off: Bench, qtbot: QtBot) -> None:
    bench, earlier = broken_off, broken_off.network.fine_tuning.interrupted
    assert earlier is not None
    assert 0 < earlier.step < 8
    bench.network.fine_tuning.start(QUICK, go_on=True)
    qtbot.waitUntil(lambda: bool(bench.finished), timeout=20_000)
    assert not bench.problems
    ((_, outcome),) = bench.finished
    assert (outcome.steps, bench.network.current.name) == (8, "run 0001")
    job = next(job for job in reversed(bench.process.submitted) if isinstance(job, FineTuneJob))
    assert (job.resume, job.config) == (True, LONGER)
    assert bench.network.fine_tuning.history[0].step >= earlier.step
    assert bench.network.fine_tuning.interrupted is None


def test_it_does_not_go_on_with_other_labels_but_stays_on_offer(broken_off: Bench, qtbot: QtBot) -> None:
    bench = broken_off
    bench.session.go_to(4)
    paint(bench.document)
    bench.network.fine_tuning.start(QUICK, go_on=True)
    qtbot.waitUntil(lambda: bool(bench.problems), timeout=20_000)
    assert "started with other images or labels" in bench.problems[0]
    assert not bench.finished
    assert bench.network.fine_tuning.interrupted is not None
    bench.network.fine_tuning.start(QUICK)
    qtbot.waitUntil(lambda: bool(bench.finished), timeout=20_000)
    assert bench.network.current.name == "run 0002"
    assert bench.network.fine_tuning.interrupted is None


def test_a_damaged_state_is_not_offered(broken_off: Bench, micrograph_project: Path) -> None:
    (state,) = micrograph_project.rglob("*.state")
    state.write_bytes(b"\0" * 64)
    assert broken_off.session.close_project()
    broken_off.session.open_folder(micrograph_project)
    assert broken_off.network.fine_tuning.interrupted is None
    assert not broken_off.problems


def test_a_fine_tune_without_human_pixels_says_so_and_makes_no_run(bench: Bench, qtbot: QtBot) -> None:
    project = bench.session.project
    assert project is not None
    for sample in project.samples:
        save_half(project, sample, Provenance.NETWORK, Status.PRELABELLED)
    bench.network.fine_tuning.start(QUICK)
    qtbot.waitUntil(lambda: bool(bench.problems), timeout=10_000)
    assert "No training image has human pixels" in bench.problems[0]
    assert not bench.network.fine_tuning.busy
    assert not project.runs.folder.exists()


def test_a_fine_tune_that_does_not_begin_leaves_no_run(bench: Bench, qtbot: QtBot) -> None:
    project = bench.session.project
    assert project is not None
    bench.network.fine_tuning.start(replace(QUICK, recipe=RecipeName.PAPER))
    qtbot.waitUntil(lambda: bool(bench.problems) and bench.idle(), timeout=10_000)
    assert "choose the level full" in bench.problems[0]
    assert list(project.runs.folder.iterdir()) == []


def test_masks_that_nobody_waits_for_any_more_do_not_hold_up_the_end(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    def for_ever(project: ProjectFolder) -> Iterator[tuple[int, int]]:
        while True:
            begun.set()
            time.sleep(0.02)
            yield 1, 2

    monkeypatch.setattr("fcn_studio.jobs.fine_tune_run.collect", for_ever)
    bench.network.fine_tuning.start(QUICK)
    assert begun.wait(PATIENCE_S)
    assert bench.session.close_project()
    bench.network.shut_down()  # comes to its end


def test_stopping_while_the_masks_are_read_ends_that(
    bench: Bench, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def for_ever(project: ProjectFolder) -> Iterator[tuple[int, int]]:
        while True:
            time.sleep(0.01)
            yield 1, 2

    monkeypatch.setattr("fcn_studio.jobs.fine_tune_run.collect", for_ever)
    for stop in (
        lambda: bench.network.job_list.stop(bench.network.job_list.views[0].job_id),
        bench.network.fine_tuning.stop,
    ):
        bench.network.fine_tuning.start(QUICK)
        (job,) = bench.network.job_list.views
        assert job.can_cancel
        stop()
        assert not bench.network.fine_tuning.busy
        assert not bench.network.job_list.views
        assert bench.notices[-1] == "Fine-tune was stopped before it began."
    bench.network.fine_tuning._worker._executor.submit(lambda: None).result(10)


def test_a_fine_tune_is_not_lost_to_the_masks_of_the_project_before(
    bench: Bench, qtbot: QtBot, micrograph_project: Path, tmp_path: Path
) -> None:
    other = shutil.copytree(micrograph_project, tmp_path / "other", ignore=shutil.ignore_patterns("lock"))
    collector = bench.network.fine_tuning._worker._executor
    bench.network.fine_tuning.start(QUICK)
    collector.submit(lambda: None).result()  # the masks are read, and the window has not heard of it yet
    bench.session.open_folder(other)
    bench.network.fine_tuning.start(QUICK)
    qtbot.waitUntil(lambda: bool(bench.finished), timeout=20_000)
    assert not bench.problems
    assert not (micrograph_project / ".fcn-studio" / "runs").exists()


def test_a_bug_while_the_masks_are_read_does_not_leave_the_window_waiting(
    bench: Bench, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(project: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("fcn_studio.jobs.fine_tune_run.collect", fail)
    monkeypatch.setattr("sys.excepthook", lambda *_: None)
    bench.network.fine_tuning.start(QUICK)
    qtbot.waitUntil(lambda: bool(bench.problems), timeout=10_000)
    assert not bench.network.fine_tuning.busy


def test_a_half_done_stroke_is_trained_on_and_two_stops_cancel(bench: Bench, qtbot: QtBot) -> None:
    bench.session.go_to(4)
    stroke_begins(bench)
    bench.network.fine_tuning.start(QUICK)
    assert not bench.document.editing
    bench.process.held = True
    qtbot.waitUntil(lambda: bool(bench.process.submitted), timeout=10_000)
    (job,) = bench.process.submitted
    assert isinstance(job, FineTuneJob)
    labels = {i.image_id: i.label_map() for i in job.train}[bench.document.image_id]
    assert labels[10, 10] == 2
    bench.network.job_list.stop_all()
    bench.network.job_list.stop_all()
    qtbot.waitUntil(bench.idle, timeout=10_000)
    assert not bench.finished


# --- networks -----------------------------------------------------------------------------------------------------


def test_a_network_that_knows_no_class_is_refused_with_the_way_out(bench: Bench, tmp_path: Path) -> None:
    road = tiny_checkpoint(tmp_path / "road.safetensors", ClassTable.from_names(["road", "sky"]))
    use_network(bench, str(road))
    assert bench.network.current.name == "road"
    assert not bench.network.current.can_prelabel
    for ask in (bench.network.auto_segment.segment_image, bench.network.auto_segment.segment_folder):
        with pytest.raises(NetworkCannotHelp, match="label a few images, then Fine-tune"):
            ask()
    bench.network.current.go_back()
    assert bench.network.current.known == ["background", "cell", "dividing cell", "debris"]


def test_what_was_said_of_its_classes_holds_for_labels_layers_batches_and_training(
    bench: Bench, qtbot: QtBot, tmp_path: Path
) -> None:
    road = tiny_checkpoint(tmp_path / "road.safetensors", ClassTable.from_names(["road", "sky"]))
    said = {"road": 1, "sky": 3}
    bench.network.current.use(read_info(road), road, said)
    assert bench.network.current.known == ["cell", "debris"]
    bench.network.auto_segment.segment_image()
    qtbot.waitUntil(bench.idle, timeout=20_000)
    assert set(np.unique(bench.document.label_map)) <= {1, 3}
    assert bench.session.prediction is not None
    assert set(np.unique(bench.session.prediction.label_map)) <= {1, 3}
    bench.network.auto_segment.segment_folder()
    qtbot.waitUntil(bench.idle, timeout=20_000)
    bench.session.autosave.drain()
    project = bench.session.project
    assert project is not None
    written = [s for s in project.samples if project.annotations.status(s) is Status.PRELABELLED]
    assert len(written) == 6
    for sample in written:
        label_map = project.annotations.load(sample, image_size(sample.image_path), peek=True).labels.label_map
        assert set(np.unique(label_map)) <= {1, 3}
    bench.process.submitted.clear()
    bench.network.fine_tuning.start(QUICK)
    qtbot.waitUntil(lambda: bench.idle() and bool(bench.finished), timeout=30_000)
    job = bench.process.submitted[0]
    assert isinstance(job, FineTuneJob)
    assert (job.base_map, job.baseline_map) == (said, said)
    # The new network has the project's own classes and needs no map; going back brings the map back, too.
    assert (bench.network.current.name, bench.network.current.class_map) == ("run 0001", {})
    assert bench.network.current.known == ["background", "cell", "dividing cell", "debris"]
    bench.network.current.go_back()
    assert bench.network.current.class_map == said


def test_what_is_said_of_its_classes_during_a_batch_holds_from_then_on(
    bench: Bench, qtbot: QtBot, tmp_path: Path
) -> None:
    road = tiny_checkpoint(tmp_path / "road.safetensors", ClassTable.from_names(["road", "sky"]))
    bench.network.current.use(read_info(road), road, {"road": 1, "sky": 1})
    bench.process.held = True
    bench.network.auto_segment.segment_folder()
    bench.network.current.use(read_info(road), road, {"road": 2, "sky": 3})
    use_network(bench, "street")  # and the batch goes on with the one it began with
    bench.process.held = False
    qtbot.waitUntil(bench.idle, timeout=20_000)
    bench.session.autosave.drain()
    project = bench.session.project
    assert project is not None
    found = [
        project.annotations.load(sample, image_size(sample.image_path), peek=True).labels.label_map
        for sample in project.samples
        if project.annotations.status(sample) is Status.PRELABELLED
    ]
    assert len(found) == 6
    assert set(np.unique(np.stack(found))) <= {2, 3}


def test_no_file_is_read_to_learn_whether_there_is_a_way_back(
    bench: Bench, tiny_network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_network(bench, str(tiny_network))
    monkeypatch.setattr(
        "fcn_studio.formats.project.runs.Runs.chain", lambda self: pytest.fail("current.json was read")
    )
    assert bench.network.current.can_go_back
    monkeypatch.undo()
    bench.network.current.go_back()
    assert not bench.network.current.can_go_back


def test_without_any_network_the_window_works_and_says_so(
    make_bench: Callable[[], Bench], bundled: dict[str, Path], micrograph_project: Path
) -> None:
    bundled.clear()
    bench = make_bench()
    bench.session.open_folder(micrograph_project)
    assert (bench.network.current.name, bench.network.current.can_prelabel) == ("", False)
    with pytest.raises(CheckpointError, match="There is no network yet"):
        bench.network.auto_segment.segment_image()


@pytest.mark.parametrize("damage", ["missing checkpoint", "broken current.json", "damaged bundle too"])
def test_a_network_that_cannot_be_loaded_leaves_the_window_usable(
    make_bench: Callable[[], Bench], bundled: dict[str, Path], micrograph_project: Path, tmp_path: Path, damage: str
) -> None:
    current = micrograph_project / ".fcn-studio" / "runs" / "current.json"
    current.parent.mkdir(parents=True)
    rows = {"checkpoint": ".fcn-studio/runs/0001/best.safetensors", "sha256": "00", "compared": True, "previous": []}
    current.write_text("{" if damage == "broken current.json" else json.dumps(rows))
    if damage == "damaged bundle too":
        bundled["street"] = tmp_path / "damaged.safetensors"
        bundled["street"].write_bytes(b"\xff" * 64)
    bench = make_bench()
    bench.session.open_folder(micrograph_project)
    assert bench.session.document is not None
    assert "The network in use cannot be loaded" in bench.problems[-1]
    assert bench.network.current.name == ("" if damage == "damaged bundle too" else "tiny")
    assert bench.network.current.can_go_back is (damage != "broken current.json")


def test_a_read_only_project_is_not_written(bench: Bench, make_bench: Callable[[], Bench]) -> None:
    second = make_bench()
    second.session.open_folder(bench.session.project.folder)  # type: ignore[union-attr]
    assert second.session.read_only
    for ask in (
        second.network.auto_segment.segment_image,
        second.network.auto_segment.segment_folder,
        lambda: second.network.fine_tuning.start(QUICK),
    ):
        with pytest.raises(ProjectError, match="read-only"):
            ask()
    use_network(second, "street")  # for this window only
    assert bench.session.project.runs.current() is None  # type: ignore[union-attr]


def test_the_device_is_chosen_and_told(bench: Bench, qtbot: QtBot) -> None:
    with qtbot.waitSignal(bench.network.device.changed):
        bench.session.settings.device = "cpu"
    assert bench.network.device.words == "CPU"
    bench.network.auto_segment.segment_image()
    qtbot.waitUntil(bench.idle, timeout=20_000)
    assert bench.network.device.words.startswith("CPU, ")
    assert bench.process.submitted[0].device == "cpu"
