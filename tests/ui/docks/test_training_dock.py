from __future__ import annotations

import math
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from pytestqt.qtbot import QtBot

from fcn_studio.core.metrics import Figures
from fcn_studio.core.training import Adoption, Level, TrainConfig, TrainOutcome, TrainProgress, Verdict
from fcn_studio.fcn.model.family import FAMILY
from fcn_studio.fcn.weights.catalogue import read_info
from fcn_studio.i18n import message
from fcn_studio.jobs.protocol import InstallJob
from fcn_studio.ui.dialogs.scratch_dialog import ScratchDialog
from fcn_studio.ui.docks.training_dock import DRAW_MS, TrainingDock, known_words, verdict_words
from fcn_studio.ui.network.job_list import Kind
from tests.helpers import tiny_checkpoint
from tests.ui.conftest import Studio, draw_project


def figures(mean: float) -> Figures:
    return Figures(0.9, 0.8, mean, 0.8, {0: mean + 0.1, 1: mean - 0.1}, {0: 5000, 1: 2000}, (2,), 5)


def outcome(*, stopped: bool = False) -> TrainOutcome:
    return TrainOutcome("best", figures(0.6), figures(0.4), ["a"] * 5, 12, 100, 9.0, stopped)


@pytest.fixture
def dock(studio: Studio, qtbot: QtBot) -> TrainingDock:
    """The Training dock, in front."""
    studio.window.layout_.show_below(studio.window.training_dock)
    qtbot.waitUntil(lambda: studio.window.training_dock._curves is not None)
    return studio.window.training_dock


def test_plots_are_loaded_when_the_dock_is_first_seen(studio: Studio, qtbot: QtBot) -> None:
    training = studio.window.training_dock
    qtbot.wait(10)
    assert training._curves is None
    studio.window.layout_.show_below(training)
    qtbot.waitUntil(lambda: training._curves is not None)


def test_the_curves_module_loads_no_torch() -> None:
    code = "import sys, fcn_studio.ui.widgets.curves; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_verdict_goes_with_its_network(studio: Studio, dock: TrainingDock, tmp_path: Path) -> None:
    studio.network.current.info = read_info(tiny_checkpoint(tmp_path / "new.safetensors"))
    studio.network.fine_tuning.finished.emit(Adoption(Verdict.ADOPTED, (message("it is better"),)), outcome())
    studio.network.device.changed.emit()
    assert "is in use" in dock._verdict.text()
    studio.network.current.info = read_info(tiny_checkpoint(tmp_path / "old.safetensors", seed=1))
    studio.network.current.changed.emit()
    assert not dock._verdict.text()
    assert dock._verdict.isHidden()


def test_the_chart_of_another_project_has_no_axis_of_this_one(
    studio: Studio, dock: TrainingDock, qtbot: QtBot
) -> None:
    assert dock._curves is not None
    loss = dock._curves._loss
    studio.network.fine_tuning.history = [TrainProgress(n, 900, n / 900, 5.0, 1.0, 1.0) for n in range(0, 900, 100)]
    dock._draw()
    qtbot.waitUntil(lambda: loss.viewRange()[0][1] >= 800)
    studio.session.close_project()
    for plot in (loss, dock._curves._iou):
        (left, right), (_, top) = plot.viewRange()
        assert -0.5 < left <= right < 1.5
        assert top < 1.5
    studio.network.fine_tuning.history = [TrainProgress(n, 90, n / 90, 5.0, 1.0, 1.0) for n in range(0, 90, 10)]
    dock._draw()
    loss.getViewBox().updateAutoRange()  # as the next paint does; the dock is hidden without a project
    assert 80 <= loss.viewRange()[0][1] < 100


def test_fine_tune_as_chosen(studio: Studio, dock: TrainingDock, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[TrainConfig] = []
    monkeypatch.setattr(studio.network.fine_tuning, "start", lambda config, **_how: asked.append(config))
    dock._level.setCurrentIndex(dock._level.findData("full"))
    dock._minutes.setValue(2.5)
    dock.fine_tune_button.click()
    assert asked == [TrainConfig(level=Level.FULL, minutes=2.5)]
    studio.window.actions_["fine_tune"].trigger()
    assert len(asked) == 2


def test_a_fine_tune_that_broke_off_is_offered(
    studio: Studio, dock: TrainingDock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not dock.go_on_button.isVisible()
    earlier, asked = SimpleNamespace(config=TrainConfig(level=Level.SCRATCH, steps=9), step=1234), []
    monkeypatch.setattr(studio.network.fine_tuning, "interrupted", earlier)
    monkeypatch.setattr(studio.network.fine_tuning, "start", lambda config, *, go_on: asked.append((config, go_on)))
    dock.refresh()
    assert dock.go_on_button.isVisible()
    assert dock._interrupted.text() == "The last fine-tune (From scratch) was interrupted at step 1,234."
    dock.go_on_button.click()
    assert asked == [(earlier.config, True)]


def test_a_network_to_train_from_scratch_is_chosen_in_a_dialog(
    studio: Studio, dock: TrainingDock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[TrainConfig] = []
    monkeypatch.setattr(studio.network.fine_tuning, "start", lambda config, *, go_on: asked.append(config))

    def answer(dialog: ScratchDialog) -> bool:
        assert dialog.words.text().endswith("the best first choice.")
        row = next(row for row, member in enumerate(FAMILY) if member.name == "alexnet-16s")
        item = dialog.table.topLevelItem(row)
        assert item is not None
        assert [item.text(column) for column in range(4)] == ["FCN-16s, AlexNet", "alexnet-16s", "228 MB", "11 x"]
        dialog.table.setCurrentItem(item)
        dialog.learned.setChecked(True)
        dialog.minutes.setValue(2)
        return True

    monkeypatch.setattr(ScratchDialog, "asked", answer)
    studio.window.actions_["train_from_scratch"].trigger()
    assert asked == [TrainConfig(Level.SCRATCH, minutes=2, architecture="alexnet-16s-learned")]
    monkeypatch.setattr(ScratchDialog, "asked", lambda _: False)
    studio.window.actions_["train_from_scratch"].trigger()
    assert len(asked) == 1


def test_what_cannot_learn_its_upsampling_is_not_asked_to(qtbot: QtBot) -> None:
    dialog = ScratchDialog(3)
    qtbot.addWidget(dialog)
    dialog.learned.setChecked(True)
    dialog.table.setCurrentIndex(dialog.table.model().index([member.name for member in FAMILY].index("article"), 0))
    assert not dialog.learned.isEnabled()
    assert dialog.config() == TrainConfig(Level.SCRATCH, minutes=3, architecture="article")


@pytest.mark.parametrize(("level", "turned"), [("full", (False, True, 30.0)), ("quick", (False, False, 0.0))])
def test_a_training_is_augmented_as_set(
    studio: Studio, dock: TrainingDock, monkeypatch: pytest.MonkeyPatch, level: str, turned: tuple[bool, bool, float]
) -> None:
    asked: list[TrainConfig] = []
    monkeypatch.setattr(studio.network.fine_tuning, "start", lambda config, **_: asked.append(config))
    settings = studio.settings
    settings.train_mirror, settings.train_upside_down, settings.train_rotation = False, True, 30.0
    dock.propose(Level(level), 0.5)
    dock.start()
    assert [(config.flip, config.vertical_flip, config.rotation) for config in asked] == [turned]


def test_choices_are_remembered(studio: Studio, dock: TrainingDock) -> None:
    dock._level.setCurrentIndex(dock._level.findData("scratch"))
    dock._level.activated.emit(dock._level.currentIndex())
    dock._minutes.setValue(12)
    dock._minutes.editingFinished.emit()
    assert (studio.settings.train_level, studio.settings.train_minutes) == ("scratch", 12.0)


def test_a_run_is_drawn_and_judged(studio: Studio, dock: TrainingDock, qtbot: QtBot) -> None:
    history = studio.network.fine_tuning.history
    for step in range(1, 9):
        scored = figures(step / 10) if step % 2 else None
        history.append(TrainProgress(step, 8, step / 8, 1 / step, step, step, scored))
        studio.network.fine_tuning.training.emit(history[-1])
    history.append(TrainProgress(9, 8, 1.0, math.nan, 9, 9))
    studio.network.fine_tuning.training.emit(history[-1])
    assert dock._curves is not None
    qtbot.waitUntil(lambda: bool(dock._curves._loss.getPlotItem().listDataItems()))
    loss = dock._curves._loss.getPlotItem().listDataItems()[0].getData()
    assert list(loss[1]) == [1 / step for step in range(1, 9)]
    curves = dock._curves._iou.getPlotItem().listDataItems()
    assert [c.name() for c in curves] == ["background", "cell", None]
    assert list(curves[-1].getData()[1]) == [0.1, 0.3, 0.5, 0.7]
    adoption = Adoption(Verdict.ADOPTED, (message("mean IoU 0.400 to 0.600"),))
    studio.network.fine_tuning.finished.emit(adoption, outcome())
    rows = [[dock._table.topLevelItem(r).text(c) for c in range(3)] for r in range(dock._table.topLevelItemCount())]
    assert rows == [["Mean", "0.400", "0.600"], ["background", "0.500", "0.700"], ["cell", "0.300", "0.500"]]
    assert "The new network is in use" in dock._verdict.text()
    studio.network.fine_tuning.truth_scored.emit(None, figures(0.7))
    assert dock._truth.text().endswith("nothing → 0.700")
    studio.session.close_project()
    assert dock._table.isHidden()
    assert dock._verdict.text() == ""


def test_stop_ends_the_fine_tune_alone_and_keeps_its_best(studio: Studio, dock: TrainingDock) -> None:
    job_list = studio.network.job_list
    job_list.submit(Kind.INSTALL, InstallJob("x", "x"), "Download")
    assert dock.fine_tune_button.isEnabled()
    assert not dock.stop_button.isEnabled()
    job_list.submit(Kind.FINE_TUNE, InstallJob("x", "x"), "Fine-tune")
    assert not dock.fine_tune_button.isEnabled()
    (running,) = job_list.views_of(Kind.FINE_TUNE)
    dock.stop_button.click()
    assert studio.process.cancelled == [(running.job_id, True)]
    assert not dock.stop_button.isEnabled()
    studio.network.fine_tuning.stop()
    assert studio.process.cancelled == [(running.job_id, True)]


def test_what_the_demo_proposes_ends_with_it(studio: Studio, dock: TrainingDock, tmp_path: Path) -> None:
    studio.settings.train_minutes = 7.0
    dock.propose(Level.QUICK, 0.5)
    assert (dock._level.currentData(), dock._minutes.value()) == ("quick", 0.5)
    studio.window.open_folder(draw_project(tmp_path / "own"))
    assert (dock._level.currentData(), dock._minutes.value()) == (studio.settings.train_level, 7.0)
    assert studio.settings.train_level != "quick"


def test_many_reports_are_drawn_a_few_times_and_never_while_the_dock_is_hidden(
    studio: Studio, dock: TrainingDock, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    monkeypatch.setattr(dock._curves, "show_history", lambda history, _table: drawn.append(len(history)))

    def report(count: int) -> None:
        for _ in range(count):
            step = len(studio.network.fine_tuning.history) + 1
            studio.network.fine_tuning.history.append(TrainProgress(step, 9999, 0.5, 1 / step, step, step))
            studio.network.fine_tuning.training.emit(studio.network.fine_tuning.history[-1])

    qtbot.waitUntil(lambda: not dock._draw_soon.isActive())
    drawn.clear()
    report(100)
    assert not drawn
    qtbot.waitUntil(lambda: drawn == [100])
    studio.window.actions_["training"].trigger()
    assert not dock.in_front
    report(100)
    qtbot.wait(DRAW_MS + 50)
    assert drawn == [100]
    studio.window.actions_["training"].trigger()
    qtbot.waitUntil(lambda: drawn == [100, 200])


def test_a_long_run_is_thinned() -> None:
    from fcn_studio.ui.widgets.curves import MOST_POINTS, thinned

    points = list(range(5001))
    some = thinned(points)
    assert (len(some), some[-1]) == (385, 5000)
    assert {after - before for before, after in pairwise(some)} == {13}
    assert thinned(points[:MOST_POINTS]) == points[:MOST_POINTS]
    assert thinned([]) == []


def test_verdicts_in_words() -> None:
    worse = Adoption(Verdict.CANDIDATE, (message("mean IoU fell from 0.600 to 0.500"), message("car fell")))
    words = verdict_words(worse, outcome(stopped=True))
    assert words.startswith("Stopped early")
    assert "old network stays in use" in words
    assert "mean IoU fell from 0.600 to 0.500; car fell" in words
    assert "not compared" in verdict_words(
        Adoption(Verdict.NOT_COMPARED, (message("only 1 validation images"),)), outcome()
    )


def test_what_the_network_knows_in_words() -> None:
    assert "nothing to pre-label with yet" in known_words([], 5)
    assert "label a few images, then Fine-tune" in known_words([], 5)
    assert known_words(list("abcdefgh"), 9) == "Knows 8 of 9 classes: a, b, c, d, e, f and 2 more."


def test_counts_tell_what_there_is_to_learn_from(studio: Studio, dock: TrainingDock, qtbot: QtBot) -> None:
    assert dock._counts.text().startswith("0 verified images to learn from.")
    studio.session.verify()
    qtbot.waitUntil(lambda: dock._counts.text().startswith("1 verified image to learn from."))
