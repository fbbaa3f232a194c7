from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QObject, QPersistentModelIndex, QPoint, Qt, Signal
from pytestqt.qtbot import QtBot

from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.geometry import Rect
from fcn_studio.core.region import StencilRegion
from fcn_studio.core.sample import Sample, Split, Status
from fcn_studio.formats.project.prediction_index import PredictionSummary
from fcn_studio.ui.canvas.layers import Layer
from fcn_studio.ui.docks import file_model
from fcn_studio.ui.docks.class_model import ClassModel, Column, share_words
from fcn_studio.ui.docks.file_model import Column as FileColumn
from fcn_studio.ui.docks.file_model import FileModel, parse_filter
from fcn_studio.ui.docks.files_dock import FilesDock
from fcn_studio.ui.runtime.user_messages import ActionDoor, Messages
from tests.ui.conftest import Studio, draw_project

ROLE = Qt.ItemDataRole


def texts(model: ClassModel, column: Column) -> list[Any]:
    return [model.index(row, column).data() for row in range(model.rowCount())]


# --- classes --------------------------------------------------------------------------------------------------


def test_rows_are_the_classes_with_void_at_the_end(studio: Studio) -> None:
    model = studio.window.classes_dock._model
    assert texts(model, Column.NAME) == ["background", "cell", "debris", "void"]
    assert texts(model, Column.KEY) == ["1", "2", "3", ""]
    assert not model.flags(model.index(3, Column.NAME)) & Qt.ItemFlag.ItemIsEditable


def test_sixty_classes_show_their_keys(qtbot: QtBot, studio: Studio) -> None:
    model = ClassModel(studio.toolbox)
    model.set_table(ClassTable.from_names([f"class {i}" for i in range(60)]))
    assert model.rowCount() == 61
    assert texts(model, Column.KEY)[9:21] == ["0", *(f"^{i}" for i in "1234567890"), ""]


@pytest.mark.parametrize(("share", "words"), [(0, ""), (0.0001, "<1%"), (0.124, "12%"), (1, "100%")])
def test_shares_in_words(share: float, words: str) -> None:
    assert share_words(share) == words


def test_clicks_choose_hide_and_lock(studio: Studio, qtbot: QtBot) -> None:
    dock, toolbox = studio.window.classes_dock, studio.toolbox

    def click(row: int, column: Column) -> None:
        where = dock._view.visualRect(dock._model.index(row, column)).center()
        qtbot.mouseClick(dock._view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(where))

    click(2, Column.NAME)
    assert toolbox.class_index == 2
    click(2, Column.EYE)
    click(2, Column.LOCK)
    assert (toolbox.hidden, toolbox.locked) == ({2}, {2})
    assert studio.window.options_bar._protected.text() == "Protected: debris"
    assert studio.window.options_bar._class_name.text() == "debris (hidden)"
    click(0, Column.EYE)
    click(1, Column.LOCK)
    assert (toolbox.hidden, toolbox.locked) == ({0, 2}, {1, 2})
    assert toolbox.class_index == 2, "what is hidden or locked does not become what is painted with"
    qtbot.waitUntil(lambda: dock._view.currentIndex() == dock._model.index(2, Column.NAME))
    click(3, Column.NAME)
    assert toolbox.class_index == VOID


def test_add_rename_and_a_name_that_is_taken(studio: Studio, qtbot: QtBot) -> None:
    dock, session = studio.window.classes_dock, studio.session
    dock._new_name.setText("spore")
    qtbot.keyClick(dock._new_name, Qt.Key.Key_Return)
    assert session.table.find("spore").index == 3
    assert (studio.toolbox.class_index, dock._new_name.text()) == (3, "")
    dock._model.setData(dock._model.index(3, Column.NAME), "Spore")
    assert session.table.name_of(3) == "Spore"
    dock._model.setData(dock._model.index(3, Column.NAME), "CELL")
    assert session.table.name_of(3) == "Spore"
    assert "occurs twice" in studio.window._strip.text
    dock._recolour(3, dock.palette().highlight().color())
    assert session.table.get(3).colour == dock.palette().highlight().color().getRgb()[:3]


def test_shares_follow_painting(studio: Studio, qtbot: QtBot) -> None:
    document, model = studio.session.document, studio.window.classes_dock._model
    assert texts(model, Column.SHARE) == ["", "", "", ""]
    studio.session.verify()
    qtbot.waitUntil(lambda: texts(model, Column.SHARE) == ["100%", "", "", ""])
    assert document is studio.session.document


def test_the_filter_keeps_the_active_class(studio: Studio) -> None:
    dock = studio.window.classes_dock
    studio.toolbox.set_class(2)
    dock._filter.setText("cel")
    assert texts(dock._model, Column.NAME) == ["cell"]
    assert studio.toolbox.class_index == 2
    dock._take_hit()
    assert studio.toolbox.class_index == 1
    assert dock._model.rowCount() == 4


def test_a_class_is_found_by_keys(studio: Studio, qtbot: QtBot) -> None:
    window, dock, toolbox = studio.window, studio.window.classes_dock, studio.toolbox
    studio.session.classes.add_all([("macrocell", None), ("celery", None)])
    window.actions_["find_class"].trigger()
    assert window.focusWidget() is dock._filter
    qtbot.keyClicks(dock._filter, "Cel")
    assert texts(dock._model, Column.NAME) == ["cell", "celery", "macrocell"], "beginnings come first"
    before = toolbox.class_index
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Up):
        qtbot.keyClick(dock._filter, key)
    assert (dock._view.currentIndex().row(), toolbox.class_index) == (1, before)
    qtbot.keyClick(dock._filter, Qt.Key.Key_Return)
    assert (toolbox.class_index, dock._filter.text()) == (4, "")
    assert window.focusWidget() is window.canvas
    dock._filter.setFocus()
    qtbot.keyClicks(dock._filter, "deb")
    qtbot.keyClick(dock._filter, Qt.Key.Key_Escape)
    assert (toolbox.class_index, dock._filter.text()) == (4, "")
    window.actions_["previous_class"].trigger()
    assert toolbox.class_index == before
    window.actions_["previous_class"].trigger()
    assert toolbox.class_index == 4


def test_classes_of_the_image_or_recent_ones_come_first(studio: Studio, qtbot: QtBot) -> None:
    dock, model, toolbox = studio.window.classes_dock, studio.window.classes_dock._model, studio.toolbox
    orders = {action.text(): action for action in dock._order_button.menu().actions()}
    toolbox.set_class(2)
    orders["&Recently used first"].trigger()
    assert texts(model, Column.NAME) == ["debris", "cell", "background", "void"]
    dock._view.setCurrentIndex(model.index(1, Column.NAME))
    assert texts(model, Column.NAME)[0] == "debris", "rows stay while the list is used"
    studio.session.step(+1)
    assert texts(model, Column.NAME)[:2] == ["cell", "debris"]
    assert dock._view.currentIndex().row() == 0
    orders["In this &image first"].trigger()
    document = studio.session.document
    assert document is not None
    with document.edit("paint") as edit:
        edit.write(StencilRegion(Rect(0, 0, 8, 8), np.ones((8, 8), np.uint8)), 2)
    qtbot.waitUntil(lambda: texts(model, Column.NAME) == ["debris", "background", "cell", "void"])
    assert studio.settings.class_order == "image"
    assert texts(model, Column.KEY)[0] == "3", "keys stay with the table"


# --- layers ---------------------------------------------------------------------------------------------------


def test_layers_follow_the_canvas_and_set_it(studio: Studio, qtbot: QtBot) -> None:
    dock, canvas = studio.window.layers_dock, studio.window.canvas
    dock._sliders[Layer.LABELS].setValue(25)
    assert canvas.layers.styles[Layer.LABELS].opacity == 0.25
    dock._eyes[Layer.LABELS].click()
    assert not canvas.layers.styles[Layer.LABELS].visible
    canvas.layers.set_style(Layer.PREDICTION, visible=True, opacity=0.8)
    assert dock._eyes[Layer.PREDICTION].isChecked()
    assert dock._percents[Layer.PREDICTION].text() == "80 %"


# --- files ----------------------------------------------------------------------------------------------------


class KnownUpTo(QObject):
    """A status scan that has come so far."""

    found = Signal()

    def __init__(self, session: ManyFiles, rows: int) -> None:
        super().__init__()
        self.session, self.rows = session, rows

    def known(self, row: int) -> Status | None:
        self.session.asked += 1
        if row >= self.rows:
            return None
        return Status.VERIFIED if row % 1000 == 0 else Status.NEW


class ManyFiles(QObject):
    """A session of many images that counts how often a status was asked for."""

    project_changed = Signal()
    table_changed = Signal()
    document_changed = Signal()
    sample_changed = Signal(str)

    def __init__(self, count: int) -> None:
        super().__init__()
        self.samples = [Sample(f"dir/img{i:06}.jpg", f"img{i:06}.jpg", f"img{i:06}") for i in range(count)]
        splits = SimpleNamespace(decided=lambda _: None, any_held_out=False)
        self.project, self.index, self.asked, self.opened = SimpleNamespace(splits=splits), -1, 0, []
        self.failures: dict[str, str] = {}
        self.status_scan = KnownUpTo(self, count)

    def counts(self) -> dict[Status, int]:
        return {}

    def go_to(self, row: int) -> None:
        self.opened.append(row)
        self.index = row
        self.document_changed.emit()

    def open_from(self, row: int, by: int, wanted: Callable[[int], bool]) -> None:
        assert [r for r in range(row, len(self.samples), by) if wanted(r)] == [row]
        self.go_to(row)


def test_a_hundred_thousand_images_open_fast(qtbot: QtBot) -> None:
    session = ManyFiles(100_000)
    dock = FilesDock(session, ActionDoor(Messages()))  # type: ignore[arg-type]
    qtbot.addWidget(dock)
    dock.resize(300, 600)
    dock.show()
    qtbot.waitExposed(dock)
    dock.grab()
    assert dock.model.rowCount() == 100_000
    assert session.asked < 1000, "only rows in view are asked for their status"


def test_the_filter_by_status_fills_in_turns(qtbot: QtBot) -> None:
    session = ManyFiles(5000)
    model = FileModel(session)  # type: ignore[arg-type]
    model.reload()
    with qtbot.waitSignal(model.filled):
        model.set_filter("status:verified")
        assert model.scanning
        assert model.rowCount() == 0
    assert [model.sample_row(i) for i in range(model.rowCount())] == [0, 1000, 2000, 3000, 4000]
    assert (model.row_of(3000), model.row_of(3001)) == (3, -1)
    model.set_filter("img00499 dir")
    assert model.rowCount() == 10


def test_the_filter_follows_the_census(qtbot: QtBot) -> None:
    session = ManyFiles(5000)
    session.status_scan.rows = 2500
    model = FileModel(session)  # type: ignore[arg-type]
    model.reload()
    model.set_filter("status:verified")
    qtbot.waitUntil(lambda: model.rowCount() == 3)
    qtbot.wait(120)
    assert model.scanning
    assert session.asked < 3000, "a row whose status is not known yet is not asked for in circles"
    session.status_scan.rows = 5000
    qtbot.waitUntil(lambda: not model.scanning)
    assert [model.sample_row(i) for i in range(model.rowCount())] == [0, 1000, 2000, 3000, 4000]


def test_a_status_that_is_not_known_yet_is_left_out(qtbot: QtBot) -> None:
    session = ManyFiles(3)
    session.status_scan.rows = 1
    model = FileModel(session)  # type: ignore[arg-type]
    model.reload()
    assert [model.index(row, 1).data() for row in range(3)] == ["Verified", "", ""]
    assert model.index(1, 0).data(ROLE.DecorationRole) is None
    assert model.index(1, 0).data(ROLE.ToolTipRole) == "dir/img000001.jpg: status not known yet"


def shown_now(model: FileModel) -> list[int]:
    return [model.sample_row(place) for place in range(model.rowCount())]


def test_images_are_sorted_by_doubt_and_unknown_ones_come_last(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_model, "SORT_AGAIN_MS", 0)
    monkeypatch.setattr(file_model, "SORT_AGAIN_MOST_MS", 0)
    session = ManyFiles(10_000)
    doubts = {sample.image_id: row * 7919 % 9001 / 9001 for row, sample in enumerate(session.samples[:9000])}

    def summary(sample: Sample) -> PredictionSummary | None:
        doubt = doubts.get(sample.image_id)
        return None if doubt is None else PredictionSummary("c0", doubt, None, (0, 0))

    model = FileModel(session, summary)  # type: ignore[arg-type]
    model.reload()
    followed = QPersistentModelIndex(model.index(9500, 0))
    model.sort(FileColumn.DOUBT, Qt.SortOrder.DescendingOrder)
    shown = [model.sample_row(place) for place in range(10_000)]
    assert sorted(shown) == list(range(10_000))
    values = [doubts[session.samples[row].image_id] for row in shown[:9000]]
    assert values == sorted(values, reverse=True)
    assert shown[9000:] == list(range(9000, 10_000))
    assert model.row_of(shown[123]) == 123
    assert followed.row() == model.row_of(9500)
    assert model.index(0, FileColumn.DOUBT).data() == "100%"
    assert model.index(9999, FileColumn.DOUBT).data() == ""
    doubts[session.samples[9500].image_id] = 0.05
    with qtbot.waitSignal(model.layoutChanged):
        model.changed()
    assert followed.row() == model.row_of(9500) < 9001
    assert (model.ahead(shown[5], +1), model.ahead(shown[2], -1)) == (shown_now(model)[6:], [shown[1], shown[0]])
    doubts[session.samples[shown[0]].image_id] = 0.0  # done: the place in the list is not lost
    model.changed()
    qtbot.wait(50)
    assert model.sample_row(0) == shown[0]
    model.set_filter("img00001")
    assert [model.sample_row(place) for place in range(10)] == sorted(
        range(10, 20), key=lambda row: -doubts[session.samples[row].image_id]
    )
    model.sort(FileColumn.IMAGE, Qt.SortOrder.DescendingOrder)
    assert [model.sample_row(place) for place in range(10)] == list(range(19, 9, -1))


def test_filter_terms() -> None:
    assert parse_filter("Street status:verified") == (["street"], {Status.VERIFIED}, frozenset())
    assert parse_filter("split:te split:val split:x") == (["split:x"], frozenset(), {Split.TEST, Split.VAL})
    assert parse_filter("status:pre-lab status:in_progress")[1] == {Status.PRELABELLED, Status.IN_PROGRESS}
    assert parse_filter("status: split:") == ([], frozenset(), frozenset())
    assert parse_filter("status:nonsense")[:2] == (["status:nonsense"], frozenset())


def test_choosing_a_row_opens_it_once(qtbot: QtBot) -> None:
    session = ManyFiles(10)
    dock = FilesDock(session, ActionDoor(Messages()))  # type: ignore[arg-type]
    qtbot.addWidget(dock)
    dock.view.selectRow(4)
    session.go_to(7)
    assert session.opened == [4, 7]
    assert dock.view.currentIndex().row() == 7


def test_a_click_opens_and_leaves_the_keyboard_to_the_canvas(studio: Studio, qtbot: QtBot) -> None:
    window, dock = studio.window, studio.window.files_dock
    window.activateWindow()
    window.canvas.setFocus()
    where = dock.view.visualRect(dock.model.index(2, 0)).center()
    qtbot.mouseClick(dock.view.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert studio.session.index == 2
    assert window.focusWidget() is window.canvas


def test_statuses_are_shown_and_follow(studio: Studio) -> None:
    model = studio.window.files_dock.model
    assert model.index(0, 1).data() == "New"
    studio.session.toggle_skip()
    assert model.index(0, 1).data() == "Skipped"
    assert model.index(0, 0).data(ROLE.AccessibleTextRole) == "picture-000.png: Skipped"


def test_an_image_that_cannot_be_opened_stays_in_the_list_with_its_reason(studio: Studio) -> None:
    session, model = studio.session, studio.window.files_dock.model
    broken = session.samples[2].image_path
    whole = broken.read_bytes()
    broken.write_bytes(whole[:60])
    plain = model.index(2, 0).data(ROLE.DecorationRole).cacheKey()
    session.go_to(1)
    session.step(+1)
    assert session.index == 3
    reason = model.index(2, 0).data(ROLE.ToolTipRole)
    assert str(broken) in reason
    assert "cut off" in reason
    assert model.index(2, 0).data(ROLE.AccessibleTextRole) == "picture-002.png: New, cannot be opened"
    assert model.index(2, 0).data(ROLE.DecorationRole).cacheKey() != plain
    assert model.index(3, 0).data(ROLE.ToolTipRole) == "picture-003.png: New"
    broken.write_bytes(whole)
    session.step(-1)
    assert session.index == 2
    assert model.index(2, 0).data(ROLE.ToolTipRole) == "picture-002.png: New"


def test_another_project_fills_the_docks_anew(studio: Studio, tmp_path: Path) -> None:
    studio.window.open_folder(draw_project(tmp_path / "other", images=2, names=("road",)))
    assert studio.window.files_dock.model.rowCount() == 2
    assert texts(studio.window.classes_dock._model, Column.NAME) == ["road", "void"]
