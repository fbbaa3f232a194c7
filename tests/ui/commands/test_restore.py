from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from fcn_studio.core.labels import Labels, Provenance
from fcn_studio.core.sample import Status
from fcn_studio.errors import ProjectError
from fcn_studio.formats.project.loaded import EarlierLabels, LoadedLabels
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.ui.dialogs.restore_dialog import RestoreDialog
from fcn_studio.ui.widgets.class_colours import on_screen
from tests.helpers import contents, half_painted, paint
from tests.ui.conftest import Studio, draw_project

NAME = "picture-001.png"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project whose second image has been verified, then changed in another sitting, then once more."""
    folder = draw_project(tmp_path / "project", images=3)
    for index, status in ((1, Status.VERIFIED), (2, Status.IN_PROGRESS), (0, Status.IN_PROGRESS)):
        with ProjectFolder.open(folder, writable=True) as project:
            sample = project.sample(NAME)
            project.annotations.load(sample, (64, 48))
            project.annotations.save(sample, half_painted(sample, index), status, "c0" * 32)
    return folder


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> list[RestoreDialog]:
    """The dialogs asked, each answered with its oldest version."""
    asked: list[RestoreDialog] = []

    def answer(dialog: RestoreDialog) -> bool:
        asked.append(dialog)
        dialog.list.setCurrentItem(dialog.list.topLevelItem(dialog.list.topLevelItemCount() - 1))
        return True

    monkeypatch.setattr(RestoreDialog, "asked", answer)
    return asked


def damage(folder: Path) -> bytes:
    mask = folder / "SegmentationClass" / NAME
    mask.write_bytes(mask.read_bytes()[:-50])
    return mask.read_bytes()


def test_the_open_image_gets_an_earlier_version_in_one_undoable_step(
    welcome: Studio, folder: Path, chosen: list[RestoreDialog]
) -> None:
    welcome.window.open_folder(folder)
    welcome.session.go_to(1)
    document = welcome.session.document
    assert document is not None
    paint(document, 2)
    painted = document.labels_snapshot()
    before = contents(folder)
    welcome.window.actions_["restore"].trigger()
    assert len(chosen) == 1
    assert (document.label_map[:24] == 1).all()
    assert (document.provenance[:24] == Provenance.HUMAN).all()
    assert not document.provenance[24:].any()
    assert (document.status, document.prelabelled_by) == (Status.VERIFIED, "c0" * 32)
    assert contents(folder) == before, "it is an edit, no matter of files"
    assert document.history.undo_title == "Restore an earlier version"
    welcome.session.undo()
    np.testing.assert_array_equal(document.label_map, painted.label_map)
    np.testing.assert_array_equal(document.provenance, painted.provenance)
    assert document.status is Status.IN_PROGRESS
    welcome.session.redo()
    welcome.session.autosave.drain()
    with ProjectFolder.open(folder, writable=False) as project:
        assert project.annotations.status(project.sample(NAME)) is Status.VERIFIED


def test_cancelling_changes_nothing(welcome: Studio, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RestoreDialog, "asked", lambda _dialog: False)
    welcome.window.open_folder(folder)
    welcome.session.go_to(1)
    assert welcome.session.document is not None
    welcome.window.actions_["restore"].trigger()
    assert welcome.session.document.revision == 0


def test_an_image_without_earlier_versions_says_so(studio: Studio) -> None:
    studio.window.actions_["restore"].trigger()
    assert "no earlier version" in studio.window._strip.text


def test_a_damaged_mask_blocks_and_offers_its_earlier_versions(
    welcome: Studio, folder: Path, chosen: list[RestoreDialog]
) -> None:
    damaged = damage(folder)
    welcome.window.open_folder(folder)
    strip = welcome.window._strip
    welcome.session.step(+1)
    assert welcome.session.index == 2, "it is passed by"
    assert "the mask is damaged" in strip.text
    assert strip.button.isVisible()
    assert strip.button.text() == "Restore an earlier version…"
    assert (folder / "SegmentationClass" / NAME).read_bytes() == damaged
    strip.button.click()
    assert len(chosen) == 1
    assert welcome.session.index == 1
    document = welcome.session.document
    assert document is not None
    assert (document.label_map[:24] == 1).all()
    assert document.status is welcome.session.status_scan.status(1) is Status.VERIFIED
    originals = (folder / ".fcn-studio" / "originals").rglob("*.png")
    assert damaged in [path.read_bytes() for path in originals]


def test_the_list_of_files_offers_too(welcome: Studio, folder: Path, chosen: list[RestoreDialog]) -> None:
    damage(folder)
    welcome.window.open_folder(folder)
    welcome.window.files_dock.view.selectRow(1)
    assert welcome.session.index == 0
    assert welcome.window._strip.button.isVisible()
    welcome.window._strip.button.click()
    assert welcome.session.index == 1


def test_nothing_is_offered_where_there_is_nothing_or_nothing_may_be_written(
    make_studio: Callable[[], Studio], folder: Path
) -> None:
    damage(folder)
    (folder / "SegmentationClass" / "picture-000.png").write_bytes(b"junk")
    writer, reader = make_studio(), make_studio()
    for studio in (writer, reader):
        studio.window.open_folder(folder)
    assert reader.session.read_only
    writer.window._commands.restore.tell(error_of(writer, 0))
    assert not writer.window._strip.button.isVisible()
    for studio, offered in ((writer, True), (reader, False)):
        studio.window._commands.restore.tell(error_of(studio, 1))
        assert "damaged" in studio.window._strip.text
        assert studio.window._strip.button.isVisible() is offered


def error_of(studio: Studio, row: int) -> Exception:
    with pytest.raises(Exception, match=r"\.png") as caught:
        studio.session.go_to(row)
    return caught.value


def test_an_offer_of_a_folder_that_was_closed_writes_nothing(
    welcome: Studio, folder: Path, chosen: list[RestoreDialog]
) -> None:
    acts: list[Callable[[], None]] = []
    welcome.window.messages.offered.connect(lambda _text, ways, _lasting: acts.append(ways[0][1]))
    damage(folder)
    welcome.window.open_folder(folder)
    welcome.session.step(+1)
    assert welcome.window._strip.button.isVisible()
    welcome.session.close_project()
    assert not welcome.window._strip.button.isVisible()
    before = contents(folder)
    with pytest.raises(ProjectError, match="no longer open"):
        acts[0]()
    assert (contents(folder), chosen) == (before, [])


def test_a_broken_project_file_offers_its_earlier_copy(welcome: Studio, folder: Path) -> None:
    file = folder / "fcn-studio.toml"
    sound = file.read_bytes()
    file.write_text("format = 1\nid = ")
    welcome.window.open_folder(folder)
    strip = welcome.window._strip
    assert welcome.session.project is None
    assert "broken at line 2" in strip.text
    assert strip.button.text() == "Restore the earlier copy"
    strip.button.click()
    assert welcome.session.project is not None
    assert file.read_bytes() == sound
    assert (folder / "fcn-studio.toml.broken-1").read_text() == "format = 1\nid = "


def test_a_project_file_without_a_copy_is_a_problem(welcome: Studio, tmp_path: Path) -> None:
    folder = draw_project(tmp_path / "other", images=1)
    for path in folder.rglob("fcn-studio.toml*"):
        path.write_text("[")
    welcome.window.open_folder(folder)
    assert not welcome.window._strip.button.isVisible()
    assert "broken" in welcome.window._strip.text
    with pytest.raises(ProjectError):
        welcome.window._commands.restore._restore_project(folder)


def test_the_dialog_says_when_how_far_and_how_much(qtbot: QtBot, folder: Path) -> None:
    with ProjectFolder.open(folder, writable=False) as project:
        sample, table = project.sample(NAME), project.config.table
        versions = project.annotations.earlier(sample, (64, 48))
    dialog = RestoreDialog(NAME, "Undo takes it back.", versions, table)
    qtbot.addWidget(dialog)
    rows = [dialog.list.topLevelItem(row) for row in range(dialog.list.topLevelItemCount())]
    assert [(row.text(1), row.text(2)) for row in rows] == [("In progress", "50 %"), ("Verified", "50 %")]
    assert all(":" in row.text(0) for row in rows)
    for row, index in enumerate((2, 1)):
        dialog.list.setCurrentItem(rows[row])
        assert dialog.version() is versions[row]
        image = dialog.preview.pixmap().toImage()
        assert (image.width(), image.height()) == (320, 240)
        assert image.pixelColor(160, 60).getRgb()[:3] == on_screen(table).get(index).colour  # type: ignore[union-attr]
        assert image.pixelColor(160, 180) != image.pixelColor(160, 60)


@pytest.mark.parametrize(("labelled", "words"), [(0, "0 %"), (1, "1 %"), (24, "50 %"), (47, "98 %"), (48, "100 %")])
def test_the_share_is_whole_only_if_it_is(qtbot: QtBot, labelled: int, words: str) -> None:
    labels = Labels.unlabelled(48, 64)
    if labelled == 1:
        labels.provenance[0, 0] = Provenance.HUMAN
    else:
        labels.provenance[:labelled] = Provenance.HUMAN
    from fcn_studio.core.classes import voc_table

    dialog = RestoreDialog("a.png", "", [EarlierLabels(0.0, LoadedLabels(labels, Status.NEW))], voc_table())
    qtbot.addWidget(dialog)
    assert dialog.list.topLevelItem(0).text(2) == words
