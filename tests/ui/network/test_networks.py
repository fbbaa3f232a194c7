"""Choosing a network: the dialog, the menu, what its classes mean, downloads and imports."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from fcn_studio import paths
from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.training import Verdict
from fcn_studio.errors import CheckpointError, NetworkCannotHelp, ProjectError
from fcn_studio.fcn.weights.catalogue import read_info
from fcn_studio.fcn.weights.checkpoint import load_checkpoint, save_checkpoint
from fcn_studio.fcn.weights.published import PUBLISHED
from fcn_studio.formats.project.run_result import NAME
from fcn_studio.i18n import message_n
from fcn_studio.jobs.network_list import ListedNetwork, Origin
from fcn_studio.jobs.protocol import (
    Done,
    EvaluateJob,
    Failed,
    Installing,
    InstallJob,
    Predicted,
    Progress,
    Ready,
    SegmentJob,
)
from fcn_studio.jobs.run import JobRunner
from fcn_studio.ui.commands.network_commands import NetworkCommands
from fcn_studio.ui.dialogs import questions
from fcn_studio.ui.dialogs.class_map_dialog import NEW, ClassMapDialog
from fcn_studio.ui.dialogs.compare_dialog import CompareDialog
from fcn_studio.ui.dialogs.networks_dialog import NetworksDialog
from fcn_studio.ui.dialogs.run_label_dialog import RunLabelDialog
from fcn_studio.ui.network.network_library import free_name
from tests.helpers import tiny_checkpoint, use_network
from tests.jobs.helpers import figures
from tests.ui.conftest import Studio, draw_project

NETWORK = ClassTable.from_names(["background", "Cells", "cell", "sky"])
Answer = Callable[[ClassMapDialog], bool]


@pytest.fixture(autouse=True)
def networks(tmp_path: Path, bundled: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """The bundled networks: of streets, the default, and of cells. The library is the test's own."""
    monkeypatch.setenv("FCN_STUDIO_NETWORKS_DIR", str(tmp_path / "library"))
    bundled["street"] = tiny_checkpoint(tmp_path / "street.safetensors", ClassTable.from_names(["road", "sky"]))
    bundled["cells"] = tiny_checkpoint(tmp_path / "cells.safetensors", NETWORK, trained_on=("a",))
    return bundled


@pytest.fixture
def commands(studio: Studio) -> NetworkCommands:
    studio.settings.live = "off"  # its jobs would be among those of the tests
    use_network(studio, "street")
    return studio.window._commands.networks


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answer], list[ClassMapDialog]]:
    """Makes the next dialogs of classes be answered by a function; those that were asked."""

    def by(act: Answer) -> list[ClassMapDialog]:
        asked: list[ClassMapDialog] = []
        monkeypatch.setattr(ClassMapDialog, "asked", lambda self: asked.append(self) or act(self))
        return asked

    return by


def a_run(studio: Studio, number: int, *, verdict: Verdict = Verdict.CANDIDATE) -> Path:
    """A run of the project that has ended; its checkpoint."""
    project = studio.session.project
    assert project is not None
    folder = project.runs.new_dir()
    assert folder.name == f"{number:04}"
    result = {
        "verdict": verdict.value, "reasons": ["mean IoU fell from 0.600 to 0.500"], "val_ids": ["a", "b", "c"],
        "trained_on": 9, "figures": {"mean_iou": 0.5, "iou": {"cell": 0.25}}, "baseline": {"mean_iou": 0.6},
    }  # fmt: skip
    (folder / NAME).write_text(json.dumps(result))
    return tiny_checkpoint(folder / "best.safetensors", studio.session.table, seed=number)


def opened(commands: NetworkCommands, qtbot: QtBot) -> NetworksDialog:
    with qtbot.waitSignal(commands._network.library.changed):
        commands.show_networks()
    assert commands.dialog is not None
    return commands.dialog


def choose(dialog: NetworksDialog, title: str) -> None:
    key = next(key for key, row in dialog._choices.items() if row.title == title)
    dialog._choose(key)


def said(studio: Studio) -> list[str]:
    return [entry.text for entry in studio.window.messages.history]


# --- the dialog ---------------------------------------------------------------------------------------------------


def test_a_run_shows_its_figures_and_can_be_named_and_pinned(
    studio: Studio, commands: NetworkCommands, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = a_run(studio, 1), a_run(studio, 2)
    shutil.copy(second, second.with_name("other.safetensors"))
    dialog = opened(commands, qtbot)
    choose(dialog, "street")
    assert dialog.figures.isHidden()
    assert not dialog.label_button.isVisible()
    choose(dialog, "run 0001")
    cells = [dialog.figures.topLevelItem(row).text(column) for row in (0, 1) for column in (0, 1, 2)]  # type: ignore[union-attr]
    assert cells == ["Mean", "0.600", "0.500", "cell", "", "0.250"]

    def answered(asked: RunLabelDialog) -> bool:
        assert asked.name.placeholderText() == "run 0001"
        asked.name.setText("  the   best ")
        asked.note.setPlainText("of cells")
        asked.pinned.setChecked(True)
        return True

    monkeypatch.setattr(RunLabelDialog, "asked", answered)
    with qtbot.waitSignal(commands._network.library.changed):
        dialog.label_button.click()
    rows = [row for row in dialog._choices.values() if isinstance(row, ListedNetwork) and row.origin is Origin.RUN]
    assert [row.title for row in rows] == ["the best", "run 0002"]
    assert dialog.chosen is rows[0]
    assert "of cells" in dialog.card.text()
    assert "as run 0001" in dialog.card.text()
    assert commands.rows.mark(rows[0]) == "pinned · candidate"
    commands.use(rows[0])
    assert studio.network.current.name == "the best"
    assert studio.network.current.info is not None
    assert studio.network.current.info.path == first


def test_two_networks_are_compared_class_by_class_and_as_a_wipe(
    studio: Studio, commands: NetworkCommands, qtbot: QtBot
) -> None:
    a_run(studio, 1)
    use_network(studio, "cells")
    dialog, comparison, process = opened(commands, qtbot), studio.network.comparison, studio.process
    choose(dialog, "street")
    assert not dialog.compare_button.isVisible(), "it knows no class here"
    choose(dialog, "run 0001")
    dialog.compare_button.click()
    (shown,) = dialog.findChildren(CompareDialog)
    assert (shown.first.currentText(), shown.second.currentText()) == ("cells", "run 0001")
    with qtbot.waitSignals([comparison.said, comparison.said]):
        shown.score_button.click()
    assert shown.words.text() == "There is no verified image to score on."
    studio.session.verify()
    with qtbot.waitSignals([comparison.said, comparison.said]):
        shown.score_button.click()
    assert "1 verified image, which networks trained here may have learned from" in shown.words.text()
    (first, one), (second, other) = [(n, j) for n, j in process.jobs.items() if isinstance(j, EvaluateJob)]
    assert one.snapshot == other.snapshot
    process.replied.emit(Done(first, figures(0.5, c1=0.5)))
    process.replied.emit(Done(second, figures(0.25, c1=0.5, c2=0.0)))
    cells = [[shown.table.topLevelItem(row).text(c) for c in range(4)] for row in range(3)]  # type: ignore[union-attr]
    assert cells == [["Mean", "0.500", "0.250", "-0.250"], ["cell", "0.500", "0.500", "+0.000"],
                     ["debris", "", "0.000", ""]]  # fmt: skip
    shown.wipe_button.click()
    document, layers = studio.session.document, studio.window.canvas.layers
    assert document is not None
    for number, job in [(n, j) for n, j in process.jobs.items() if isinstance(j, SegmentJob)]:
        plane = np.zeros(document.label_map.shape, np.uint8)
        news = Predicted(Prediction(document.image_id, plane, plane, job.checkpoint), 1, 1)
        process.replied.emit(Progress(number, news))
    assert layers.divider is not None
    assert layers.divider.words == ("cells", "run 0001")
    assert studio.session.prediction is None
    shown.second.setCurrentText("cells")
    assert not shown.score_button.isEnabled()
    assert not shown.table.topLevelItemCount()
    studio.session.close_project()
    assert not shown.isVisible()


def test_a_way_back_can_be_undone_until_another_network_is_in_use(studio: Studio, commands: NetworkCommands) -> None:
    current, project = studio.network.current, studio.session.project
    assert project is not None
    for number in (1, 2):
        project.runs.set_current(a_run(studio, number), f"{number:064}", compared=number == 2)
    current.load()
    chain = project.runs.chain()
    assert not current.can_go_forward
    current.go_back()
    current.go_back()
    assert (current.name, current.can_go_forward) == ("street", True)
    studio.window.actions_["go_forward"].trigger()
    assert current.name == "run 0001"
    current.go_forward()
    assert project.runs.chain() == chain
    with pytest.raises(ProjectError, match="no later network"):
        current.go_forward()
    current.go_back()
    use_network(studio, "cells")
    assert not current.can_go_forward
    assert not studio.window.actions_["go_forward"].isEnabled()


def test_the_dialog_shows_all_there_are_and_what_is_known_of_each(
    studio: Studio, commands: NetworkCommands, qtbot: QtBot
) -> None:
    a_run(studio, 1, verdict=Verdict.ADOPTED)
    a_run(studio, 2)
    dialog = opened(commands, qtbot)
    here = [row.title for row in dialog._choices.values() if isinstance(row, ListedNetwork)]
    assert here == ["street", "cells", "run 0002", "run 0001"]
    assert len(dialog._choices) == len(here) + len(PUBLISHED)
    assert dialog.chosen is not None
    assert dialog.chosen.title == "street"
    assert "none of this project's 3 classes by name" in dialog.card.text()
    assert not dialog.use_button.isEnabled()
    choose(dialog, "cells")
    shown = dialog.card.text()
    assert "2 of this project's 3 classes: background, cell" in shown
    assert "4: background, Cells, cell, sky" in shown
    assert "FCN-8s, slim VGG-16" in shown
    assert read_info(commands._network.library.networks[1].path).sha256 in shown  # type: ignore[arg-type]
    choose(dialog, "run 0002")
    assert "Kept as a candidate: mean IoU fell from 0.600 to 0.500" in dialog.card.text()
    assert "mean IoU 0.500, 0.600 before on 3 images" in dialog.card.text()
    choose(dialog, PUBLISHED["fcn8s-heavy"].title)
    assert "65.5 %" in dialog.card.text()
    assert (dialog.use_button.isVisible(), dialog.download_button.isVisible()) == (False, True)


def test_keys_pass_by_headings(studio: Studio, commands: NetworkCommands, qtbot: QtBot) -> None:
    a_run(studio, 1)
    dialog = opened(commands, qtbot)
    rows = [dialog.list.topLevelItem(row) for row in range(dialog.list.topLevelItemCount())]
    keys = [row.data(0, Qt.ItemDataRole.UserRole) for row in rows if row is not None]
    headings = [number for number, key in enumerate(keys) if key is None]
    assert len(headings) >= 3

    def walk(key: Qt.Key, times: int) -> list[str]:
        seen = []
        for _ in range(times):
            qtbot.keyClick(dialog.list, key)
            assert dialog.chosen is not None
            assert "Looking" not in dialog.card.text()
            seen.append(dialog.chosen.title)
        return seen

    walk(Qt.Key.Key_Up, len(keys))
    down = walk(Qt.Key.Key_Down, len(keys))
    assert len(set(down)) >= len(keys) - len(headings) - 1, "each network is reached"
    for key in (Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_PageUp):
        walk(key, 1)
    before = dialog.chosen
    at = dialog.list.visualItemRect(rows[headings[0]]).center()
    qtbot.mouseClick(dialog.list.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert dialog.chosen is before


def test_what_a_fine_tune_began_with_had_learned_from_is_told(
    studio: Studio, commands: NetworkCommands, networks: dict[str, Path]
) -> None:
    """A run knows the images of this project alone; those before are found along its parents."""
    project = studio.session.project
    assert project is not None
    parent = networks["street"] = tiny_checkpoint(
        networks["street"], ClassTable.from_names(["road", "sky"]), trained_on=tuple("abcdefg")
    )
    for number in (1, 2):
        path = a_run(studio, number)
        made = load_checkpoint(path)
        trained_on = tuple("xy"[:number])
        save_checkpoint(replace(made, parent=read_info(parent).sha256, trained_on=trained_on), path)
        project.runs.set_current(path, read_info(path).sha256, compared=False)
        studio.network.current.load()
        parent = path
    assert studio.network.current.summary == "Network: run 0002 · learned from 2 images here, 7 before"
    studio.network.current.go_back()
    assert studio.network.current.summary == "Network: run 0001 · learned from 1 image here, 7 before"
    assert "It began with a network that had learned from 7 images." in studio.window.training_dock._counts.text()
    studio.network.current.go_back()
    assert studio.network.current.learned_before == 0


def test_a_candidate_is_used_by_hand_and_taken_back(studio: Studio, commands: NetworkCommands, qtbot: QtBot) -> None:
    a_run(studio, 1)
    dialog = opened(commands, qtbot)
    choose(dialog, "run 0001")
    dialog.use_button.click()
    assert commands._network.current.name == "run 0001"
    project = studio.session.project
    assert project is not None
    current = project.runs.current()
    assert current is not None
    assert current.checkpoint == ".fcn-studio/runs/0001/best.safetensors"
    assert "In use in this project" in dialog.card.text()
    dialog.back_button.click()
    assert commands._network.current.name == "street"


def test_what_is_damaged_is_said_and_cannot_be_used(studio: Studio, commands: NetworkCommands, qtbot: QtBot) -> None:
    a_run(studio, 1).write_bytes(b"\xff" * 100)
    (a_run(studio, 2).parent / NAME).write_text("[]")
    dialog = opened(commands, qtbot)
    choose(dialog, "run 0001")
    assert "is damaged: no network can be read from it" in dialog.card.text()
    assert not dialog.use_button.isEnabled()
    choose(dialog, "run 0002")
    assert "result.json is broken" in dialog.card.text()
    assert dialog.use_button.isEnabled()


def test_a_file_that_is_used_from_another_place_is_in_the_list(
    studio: Studio, commands: NetworkCommands, qtbot: QtBot, tmp_path: Path
) -> None:
    file = tiny_checkpoint(tmp_path / "mine.safetensors", studio.session.table)
    use_network(studio, str(file))
    dialog = opened(commands, qtbot)
    assert dialog.chosen is not None
    assert (dialog.chosen.title, dialog.chosen.key[0]) == ("mine", Origin.ELSEWHERE)  # type: ignore[union-attr]
    use_network(studio, "street")
    file.unlink()
    with qtbot.waitSignal(commands._network.library.changed):
        commands._network.library.refresh()
    assert "mine" not in [row.title for row in commands._network.library.networks]


def test_the_words_in_the_corner_have_the_room_they_need(
    studio: Studio, commands: NetworkCommands, qtbot: QtBot
) -> None:
    words, bar = studio.window._network_words, studio.window.menuBar()
    assert "knows none" in words.text()
    assert words.width() >= words.sizeHint().width()
    assert words.geometry().right() <= bar.rect().right()


def test_the_time_that_a_network_took_is_remembered(studio: Studio, commands: NetworkCommands, qtbot: QtBot) -> None:
    info = commands._network.current.info
    assert info is not None
    studio.process.replied.emit(Ready(message_n("CPU, {n} thread", "CPU, {n} threads", 2)))
    pixels = np.zeros((48, 64), np.uint8)
    image_id = studio.session.samples[0].image_id
    news = Predicted(Prediction(image_id, pixels, pixels, info.sha256), 1, 1, seconds=0.25)
    commands._network.auto_segment._kept(news, info)
    dialog = opened(commands, qtbot)
    assert "250 ms for 64 x 48, CPU, 2 threads" in dialog.card.text()


def test_the_dialog_is_one_and_goes_with_its_connections(
    studio: Studio, commands: NetworkCommands, qtbot: QtBot
) -> None:
    first = opened(commands, qtbot)
    commands.show_networks()
    assert commands.dialog is first
    first.close()
    assert commands.dialog is None
    QApplication.sendPostedEvents(None, 52)  # DeferredDelete
    studio.network.current.changed.emit()
    commands._network.library.changed.emit()
    assert opened(commands, qtbot) is not first


def test_the_dialog_shows_the_networks_of_the_folder_that_is_opened_beside_it(
    studio: Studio, commands: NetworkCommands, qtbot: QtBot, tmp_path: Path
) -> None:
    dialog = opened(commands, qtbot)
    studio.window.open_folder(draw_project(tmp_path / "other"))
    qtbot.waitUntil(lambda: bool(dialog._choices))
    assert dialog.list.topLevelItemCount()
    studio.session.close_project()
    qtbot.waitUntil(lambda: bool(dialog._choices))


# --- the menu -----------------------------------------------------------------------------------------------------


def test_the_menu_has_the_networks_at_hand_and_ticks_the_one_in_use(
    studio: Studio, commands: NetworkCommands, qtbot: QtBot, answer: Callable[[Answer], list[ClassMapDialog]]
) -> None:
    for number in range(1, 9):
        a_run(studio, number)
    menu, window_menu = studio.window.actions_.menus["Network"], studio.window._network_menu
    with qtbot.waitSignal(commands._network.library.changed):
        menu.aboutToShow.emit()

    def entries() -> dict[str, bool]:
        return {a.text(): a.isChecked() for a in window_menu.entries if not a.isSeparator()}

    assert list(entries()) == ["street", "cells", *(f"run 000{n} (candidate)" for n in (8, 7, 6, 5))]
    assert [text for text, ticked in entries().items() if ticked] == ["street"]
    asked = answer(lambda dialog: True)
    next(a for a in window_menu.entries if a.text().startswith("run 0007")).trigger()
    assert not asked, "its classes are the project's"
    assert commands._network.current.name == "run 0007"
    with qtbot.waitSignal(commands._network.library.changed):
        menu.aboutToShow.emit()
    assert [text for text, ticked in entries().items() if ticked] == ["run 0007 (candidate)"]
    before = list(window_menu.entries)
    next(a for a in before if a.isChecked()).trigger()
    assert [text for text, ticked in entries().items() if ticked] == ["run 0007 (candidate)"], "a click takes no tick"
    with qtbot.waitSignal(commands._network.library.changed):
        menu.aboutToShow.emit()
    assert window_menu.entries == before, "nothing moves under the mouse"


def test_without_a_project_nothing_can_be_used(welcome: Studio, qtbot: QtBot) -> None:
    commands = welcome.window._commands.networks
    dialog = opened(commands, qtbot)
    choose(dialog, "cells")
    assert not dialog.use_button.isEnabled()
    with pytest.raises(ProjectError, match="No project is open"):
        commands.use(commands._network.library.networks[0])


# --- what classes mean --------------------------------------------------------------------------------------------


def the_dialog(qtbot: QtBot, target: ClassTable, chosen: dict[str, int] | None = None) -> ClassMapDialog:
    dialog = ClassMapDialog("cells", NETWORK, target, chosen or {})
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def test_names_that_are_the_same_are_chosen_and_those_that_look_alike_only_suggested(qtbot: QtBot) -> None:
    target = ClassTable.from_names(["Background", "cell", "skies", "debris"])
    dialog = the_dialog(qtbot, target)
    assert [row.index for row in dialog.rows] == [0, VOID, 1, VOID]
    assert dialog.class_map(target) == {"background": 0, "cell": 1}
    assert "2 of the project's 4 classes" in dialog._summary.text()
    assert "skies, debris" in dialog._summary.text()
    take = dialog.rows[3].take
    assert take is not None
    assert take.text() == "Suggested: skies"
    take.click()
    assert dialog.class_map(target) == {"background": 0, "cell": 1, "sky": 2}
    dialog.rows[3].choose(VOID)
    dialog.take_all.click()
    assert dialog.class_map(target) == {"background": 0, "cell": 1, "sky": 2, "Cells": 1}


def test_what_is_not_used_is_said_only_against_a_name(qtbot: QtBot) -> None:
    target = ClassTable.from_names(["background", "cell"])
    dialog = the_dialog(qtbot, target, {"cell": VOID, "sky": 0})
    assert [row.index for row in dialog.rows] == [0, VOID, VOID, 0]
    assert dialog.class_map(target) == {"background": 0, "cell": VOID, "sky": 0}


def test_a_new_class_is_offered_where_its_name_is_free(qtbot: QtBot) -> None:
    target = ClassTable.from_names(["background", "CELL"])
    dialog = the_dialog(qtbot, target)
    assert [row.choice.findData(NEW) >= 0 for row in dialog.rows] == [False, True, False, True]
    dialog.rows[3].choose(NEW)
    assert [info.name for info in dialog.new_classes()] == ["sky"]
    assert "1 class will be added" in dialog._summary.text()
    assert dialog.class_map(target.added("sky"))["sky"] == 2
    read_only = ClassMapDialog("cells", NETWORK, target, {}, can_add=False)
    qtbot.addWidget(read_only)
    assert all(row.choice.findData(NEW) < 0 for row in read_only.rows)


def test_long_names_of_classes_are_shown_whole(qtbot: QtBot) -> None:
    name = "a class with a name that is longer than the heading"
    dialog = ClassMapDialog("street", ClassTable.from_names([name]), ClassTable.from_names(["cell"]), {})
    qtbot.addWidget(dialog)
    dialog.show()
    assert dialog.table.columnWidth(0) > dialog.fontMetrics().horizontalAdvance(name)


def test_the_wheel_chooses_nothing(qtbot: QtBot) -> None:
    dialog = the_dialog(qtbot, ClassTable.from_names(["background", "cell"]))
    choice = dialog.rows[3].choice
    at = QPointF(choice.rect().center())
    none = Qt.KeyboardModifier.NoModifier
    wheel = QWheelEvent(
        at, QPointF(choice.mapToGlobal(at.toPoint())), QPoint(), QPoint(0, -120), Qt.MouseButton.NoButton, none,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(choice, wheel)
    assert dialog.rows[3].index == VOID


def test_using_a_network_of_other_classes_asks_what_they_mean(
    studio: Studio, commands: NetworkCommands, qtbot: QtBot, answer: Callable[[Answer], list[ClassMapDialog]]
) -> None:
    project = studio.session.project
    assert project is not None
    active = studio.toolbox.class_index

    def fill_in(dialog: ClassMapDialog) -> bool:
        dialog.rows[1].choose(2)
        dialog.rows[3].choose(NEW)
        return True

    dialog = opened(commands, qtbot)
    choose(dialog, "cells")
    asked = answer(lambda dialog: False)
    dialog.use_button.click()
    assert len(asked) == 1
    assert commands._network.current.name == "street", "the user thought better of it"
    answer(fill_in)
    dialog.use_button.click()
    assert [c.name for c in studio.session.table] == ["background", "cell", "debris", "sky"]
    assert studio.session.table.get(3).colour == NETWORK.get(3).colour  # type: ignore[union-attr]
    assert studio.toolbox.class_index == active
    stored = project.runs.current()
    assert stored is not None
    assert (stored.checkpoint, stored.class_map) == ("cells", {"background": 0, "Cells": 2, "cell": 1, "sky": 3})
    assert commands._network.current.known == ["background", "cell", "debris", "sky"]
    # It is remembered: going to another network and coming back does not ask again.
    use_network(studio, "street")
    asked = answer(fill_in)
    commands.use(next(row for row in commands._network.library.networks if row.title == "cells"))
    assert not asked
    assert commands._network.current.class_map == stored.class_map
    studio.session.project.set_table(  # type: ignore[union-attr]
        replace(studio.session.table, classes=tuple(replace(c, retired=c.index == 2) for c in studio.session.table))
    )
    assert commands._network.current.index_map == {0: 0, 2: 1, 3: 3}, "what meant the removed class means nothing now"


def test_saying_it_anew_forgets_what_was_predicted_and_is_no_step_back(
    studio: Studio, commands: NetworkCommands, answer: Callable[[Answer], list[ClassMapDialog]]
) -> None:
    project = studio.session.project
    assert project is not None
    pixels = np.zeros((48, 64), np.uint8)
    studio.session.set_prediction(Prediction("picture-000.png", pixels, pixels, "x"))

    def road_is_debris(dialog: ClassMapDialog) -> bool:
        dialog.rows[0].choose(2)
        return True

    answer(road_is_debris)
    studio.window.actions_["network_classes"].trigger()
    assert studio.session.prediction is None
    assert [(n.checkpoint, dict(n.class_map)) for n in project.runs.chain()] == [("street", {"road": 2})]
    assert commands._network.current.can_prelabel


def test_a_network_that_knows_nothing_here_has_two_ways_out(
    studio: Studio, commands: NetworkCommands, qtbot: QtBot, answer: Callable[[Answer], list[ClassMapDialog]]
) -> None:
    with pytest.raises(NetworkCannotHelp, match="nothing to pre-label with yet"):
        commands._network.auto_segment.segment_image()
    assert "knows none of your classes yet" in studio.window._network_words.text()
    asked = answer(lambda dialog: False)
    strip = studio.window._strip
    studio.window.actions_["auto_segment"].trigger()
    assert "label a few images, then Fine-tune" in strip.text
    assert [button.text() for button in strip.buttons if button.isVisible()] == ["Classes…", "Networks…"]
    strip.buttons[0].click()
    assert len(asked) == 1
    studio.window.actions_["auto_segment"].trigger()
    with qtbot.waitSignal(commands._network.library.changed):
        strip.buttons[1].click()
    assert commands.dialog is not None


def test_a_read_only_project_uses_a_network_in_this_window_only(
    make_studio: Callable[[], Studio], studio: Studio, commands: NetworkCommands, qtbot: QtBot
) -> None:
    project = studio.session.project
    assert project is not None
    before = (project.runs.folder / "current.json").read_bytes()
    second = make_studio()
    second.window.open_folder(project.folder)
    assert second.session.read_only
    a_run(studio, 1)
    dialog = opened(second.window._commands.networks, qtbot)
    choose(dialog, "run 0001")
    dialog.use_button.click()
    assert second.network.current.name == "run 0001"
    assert "In this window only" in said(second)[-1]
    assert (project.runs.folder / "current.json").read_bytes() == before
    assert not dialog.back_button.isEnabled()


def test_a_project_that_cannot_be_written_says_so_and_keeps_its_network(
    studio: Studio, commands: NetworkCommands, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_run(studio, 1)

    def full(path: Path, data: bytes) -> None:
        raise ProjectError(f"{path} cannot be written: no space left on device")

    monkeypatch.setattr("fcn_studio.formats.project.runs.write_atomically", full)
    dialog = opened(commands, qtbot)
    choose(dialog, "run 0001")
    dialog.use_button.click()
    assert commands._network.current.name == "street"
    assert "no space left" in said(studio)[-1]
    assert "no space left" in dialog._said.text()


# --- coming and going ---------------------------------------------------------------------------------------------


def test_a_download_is_a_job_with_a_bar_and_can_be_cancelled(
    studio: Studio, commands: NetworkCommands, qtbot: QtBot
) -> None:
    dialog = opened(commands, qtbot)
    row = PUBLISHED["fcn-resnet50"]
    choose(dialog, row.title)
    dialog.download_button.click()
    ((job_id, job),) = studio.process.jobs.items()
    assert job == InstallJob("fcn-resnet50", "fcn-resnet50")
    assert (dialog._bar.isVisible(), dialog.download_button.isEnabled()) == (True, False)
    studio.process.replied.emit(Progress(job_id, Installing(71 * 10**6, 142 * 10**6, "Downloading")))
    assert "downloading, 71 of 142 MB" in dialog._work.text()
    assert dialog._bar.value() == 500
    assert "71 of 142 MB" in studio.window.status_line._job_words.text()
    assert studio.session.close_project(), "closing a folder does not end a download"
    assert commands._network.library.coming
    dialog.cancel_button.click()
    assert studio.process.cancelled == [(job_id, False)]
    assert not dialog._bar.isVisible()


def test_a_download_that_fails_is_a_sentence(studio: Studio, commands: NetworkCommands, qtbot: QtBot) -> None:
    dialog = opened(commands, qtbot)
    choose(dialog, PUBLISHED["fcn-resnet50"].title)
    dialog.download_button.click()
    studio.process.replied.emit(Failed(1, "the host cannot be reached; try again later"))
    assert "Download fcn-resnet50: the host cannot be reached" in dialog._said.text()
    assert dialog.download_button.isEnabled()


def test_what_nothing_proves_is_asked_about_first(
    studio: Studio, commands: NetworkCommands, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = next(row for row in PUBLISHED.values() if not row.trusted)
    dialog = opened(commands, qtbot)
    choose(dialog, row.title)
    assert "Nothing proves" in dialog.card.text()
    monkeypatch.setattr(questions.UnprovenDialog, "asked", lambda self: False)
    dialog.download_button.click()
    assert not studio.process.jobs
    monkeypatch.setattr(questions.UnprovenDialog, "asked", lambda self: True)
    dialog.download_button.click()
    assert studio.process.jobs[1] == InstallJob(row.name, row.name, allow_unverified=True)


def test_a_file_is_imported_used_and_removed(
    studio: Studio, commands: NetworkCommands, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tiny_checkpoint(tmp_path / "my cells!.safetensors", studio.session.table)
    commands._network.library.bring_in(file)
    with pytest.raises(CheckpointError, match="running already"):
        commands._network.library.bring_in(file)
    job = studio.process.jobs[1]
    assert isinstance(job, InstallJob)
    work = JobRunner().run(job)
    while True:
        try:
            studio.process.replied.emit(Progress(1, next(work)))
        except StopIteration as end:
            result = end.value
            break
    with qtbot.waitSignal(commands._network.library.changed):
        studio.process.replied.emit(Done(1, result))
    assert "my-cells is installed" in studio.window._strip.text
    studio.window._strip.button.click()
    assert commands._network.current.name == "my-cells"
    current = studio.session.project.runs.current()  # type: ignore[union-attr]
    assert current is not None
    assert current.checkpoint == "my-cells"
    dialog = opened(commands, qtbot)
    assert dialog.chosen is not None
    assert (dialog.chosen.title, dialog.remove_button.isVisible()) == ("my-cells", True)
    monkeypatch.setattr(questions.RemoveNetworkDialog, "asked", lambda self: False)
    dialog.remove_button.click()
    assert Path(str(result)).exists()
    monkeypatch.setattr(questions.RemoveNetworkDialog, "asked", lambda self: True)
    with qtbot.waitSignal(commands._network.library.changed):
        dialog.remove_button.click()
    assert not Path(str(result)).exists()
    assert "my-cells" not in [row.title for row in commands._network.library.networks]


def test_where_nothing_may_be_downloaded_the_card_says_so(
    commands: NetworkCommands, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FCN_STUDIO_OFFLINE", "1")
    dialog = opened(commands, qtbot)
    choose(dialog, PUBLISHED["fcn-resnet50"].title)
    assert "Nothing is downloaded here" in dialog.card.text()


def test_a_published_file_keeps_the_name_that_it_is_published_by(studio: Studio, commands: NetworkCommands) -> None:
    for name in ("fcn8s-heavy-pascal.caffemodel", "my net.pth", "street.safetensors"):
        commands._network.library.bring_in(Path(name))
    names = [job.name for job in studio.process.jobs.values() if isinstance(job, InstallJob)]
    assert names == ["", "my-net", "street-2"]


def test_the_user_says_which_architecture_a_file_has(studio: Studio, commands: NetworkCommands, qtbot: QtBot) -> None:
    commands._network.library.bring_in(Path("my net.pth"))
    studio.process.replied.emit(Failed(1, "undecided", architectures=("vgg16-8s", "vgg16-8s-atonce")))
    assert "my net.pth is an FCN-8s" in studio.window._strip.text
    studio.window._strip.button.click()
    job = studio.process.jobs[2]
    assert isinstance(job, InstallJob)
    assert (job.name, job.architecture) == ("my-net", "vgg16-8s")


def test_an_imported_network_gets_a_name_that_is_free(networks: dict[str, Path]) -> None:
    assert free_name("Straßen Netz (1)") == "Stra-en-Netz-1"
    assert free_name("Street") == "Street-2"
    assert free_name("…") == "network"
    library = paths.networks_dir()
    library.mkdir()
    shutil.copy(networks["cells"], library / "network.safetensors")
    assert free_name("…") == "network-2"


def test_a_network_that_is_gone_when_it_is_to_be_removed_is_a_sentence(
    studio: Studio, commands: NetworkCommands
) -> None:
    with pytest.raises(CheckpointError, match="no network of that name"):
        commands._network.library.remove("gone")
    row = ListedNetwork(Origin.BUNDLED, "street", None, None)
    with pytest.raises(ProjectError):
        commands.use(row)
