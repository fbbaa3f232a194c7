from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QLabel

from fcn_studio.formats.images.images import write_png
from fcn_studio.ui.dialogs.data_sets.opening_dialog import OpeningDialog
from fcn_studio.ui.dialogs.questions import EndJobsDialog, TreeDialog
from fcn_studio.ui.network.job_list import Kind
from tests.jobs.helpers import job
from tests.ui.conftest import Studio, draw_project


def test_that_masks_were_found_is_told_once(welcome: Studio, tmp_path: Path) -> None:
    folder = tmp_path / "masks"
    (folder / "SegmentationClass").mkdir(parents=True)
    (folder / "class_names.txt").write_text("background\ncell\n")
    write_png(folder / "a.png", np.zeros((8, 8, 3), np.uint8))
    write_png(folder / "SegmentationClass" / "a.png", np.ones((8, 8), np.uint8))
    told = []
    welcome.window.messages.notice.connect(told.append)
    for times in range(3):
        welcome.window.open_folder(folder)
        assert welcome.session.project is not None
        assert welcome.session.project.first_opening, "it was only looked at"
        assert len([sentence for sentence in told if "found here" in sentence]) == 1, times
        welcome.session.close_project()


def test_a_part_of_a_tree_asks_for_the_tree_and_details_are_at_hand(
    welcome: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "SegmentationClass").mkdir()
    (tmp_path / "JPEGImages").mkdir()
    write_png(tmp_path / "JPEGImages" / "a.png", np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "SegmentationClass" / "b.tif").write_bytes(b"II*")
    part, opened = tmp_path / "JPEGImages", []
    for asked, whole in ((False, True), (True, True), (True, False), (False, True)):
        monkeypatch.setattr(TreeDialog, "asked", lambda dialog, answer=asked: answer)
        monkeypatch.setattr(TreeDialog, "folder", lambda dialog, part, w=whole: dialog._tree if w else part)
        welcome.window.open_folder(part)
        opened.append(welcome.session.project and welcome.session.project.folder)
        welcome.session.close_project()
    assert opened == [None, tmp_path, part, part], "a part that was opened before is opened without a question"
    welcome.window.open_folder(tmp_path)
    assert "is no PNG" not in welcome.window._strip.text, "it was told at the last opening"
    welcome.window.actions_["opening_report"].trigger()
    (dialog,) = welcome.window.findChildren(OpeningDialog)
    assert any("1 file in SegmentationClass is no PNG" in label.text() for label in dialog.findChildren(QLabel))
    dialog.close()


@pytest.mark.parametrize("agrees", [False, True])
def test_jobs_end_with_their_folder_only_if_the_user_agrees(
    studio: Studio, tmp_path: Path, agrees: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def answer(dialog: EndJobsDialog) -> bool:
        asked.append([label.text() for label in dialog.findChildren(QLabel)])
        return agrees

    monkeypatch.setattr(EndJobsDialog, "asked", answer)
    job_list, project = studio.network.job_list, studio.session.project
    job_list.submit(Kind.INSTALL, job("a"), "Download")
    studio.window.actions_["close_project"].trigger()
    assert not asked, "a download goes on"
    assert project is not None
    studio.window.open_folder(project.folder)
    project = studio.session.project
    job_list.submit(Kind.BATCH, job("b"), "Label all", words="3 of 300")
    notices = len(studio.window.messages.history)
    studio.window.open_folder(draw_project(tmp_path / "other") / "picture-001.png")
    assert len(asked) == 1
    assert agrees or len(studio.window.messages.history) == notices
    assert "Label all   3 of 300" in asked[0]
    assert (studio.session.project is project) is not agrees
    assert job_list.running(Kind.BATCH) is not agrees
    studio.window.actions_["close_project"].trigger()
    assert len(asked) == (1 if agrees else 2)
    assert (studio.session.project is None) is agrees


def test_the_open_folder_opened_by_another_path_stays_open_for_writing(studio: Studio) -> None:
    project, document = studio.session.project, studio.session.document
    assert project is not None
    link = project.folder.parent / "link"
    link.symlink_to(project.folder)
    for path in (project.folder, project.folder / ".." / project.folder.name, link):
        studio.window.open_folder(path)
    assert studio.session.document is document
    assert not studio.session.read_only


def test_the_open_folder_opened_again_offers_its_new_images(studio: Studio) -> None:
    window, session = studio.window, studio.session
    before = session.project
    assert before is not None
    session.go_to(2)
    window.open_folder(before.folder)
    assert session.project is before
    assert "no image in it is new" in window._strip.text
    shutil.copy(before.samples[0].image_path, before.folder / "a.png")
    before.samples[3].image_path.unlink()
    window.open_folder(before.folder)
    assert session.project is before, "undo steps and jobs are not lost without a word"
    assert window._strip.text.startswith("1 image of project is new. 1 image of project is gone. Opening")
    window._strip.button.click()
    assert session.project is not before
    assert [s.image_id for s in session.samples] == ["a.png", *(f"picture-00{n}.png" for n in range(3))]
    assert session.document is not None
    assert session.document.image_id == "picture-002.png"
