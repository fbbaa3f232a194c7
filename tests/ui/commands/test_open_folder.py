from __future__ import annotations

import shutil

from tests.ui.conftest import Studio


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
