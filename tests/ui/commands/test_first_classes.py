from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from fcn_studio.core.classes import ClassTable
from fcn_studio.errors import ProjectError
from fcn_studio.formats.class_sources import classes_of
from fcn_studio.formats.images.images import write_png
from fcn_studio.ui.dialogs.first_classes_dialog import FirstClassesDialog
from tests.ui.conftest import Studio, draw_project

OFFER = "This folder has no classes yet."


def names(studio: Studio) -> list[str]:
    return [info.name for info in studio.session.table.active]


def question(studio: Studio) -> FirstClassesDialog:
    """The question that is on screen."""
    (dialog,) = (found for found in studio.window.findChildren(FirstClassesDialog) if found.isVisible())
    return dialog


def asked(studio: Studio) -> bool:
    """Whether the question is on screen."""
    return any(found.isVisible() for found in studio.window.findChildren(FirstClassesDialog))


@pytest.fixture
def bare(welcome: Studio, tmp_path: Path, qtbot: QtBot) -> Studio:
    """A window with a folder that names no classes, and the question for them."""
    (tmp_path / "bare").mkdir()
    for name in ("a.png", "b.png"):
        write_png(tmp_path / "bare" / name, np.zeros((8, 8, 3), np.uint8))
    welcome.window.open_folder(tmp_path / "bare")
    assert welcome.session.document is not None
    assert not asked(welcome), "the question does not prolong the turn in which the folder opens"
    qtbot.waitUntil(lambda: asked(welcome))
    return welcome


def test_own_classes_are_asked_for_and_the_network_follows(bare: Studio) -> None:
    assert names(bare) == ["background"], "nothing is inherited from a network"
    dialog = question(bare)
    assert dialog.own.isChecked()
    assert not dialog.main_button.isEnabled()
    dialog.names.setPlainText("soil\nweed\nsoil")
    assert not dialog.main_button.isEnabled(), "a name is there twice"
    bare.session.step(+1)
    dialog.names.setPlainText("soil\nweed\n\ncrop\n")
    dialog.accept()
    assert names(bare) == ["soil", "weed", "crop"]
    assert bare.session.index == 1
    assert (bare.network.current.name, bare.network.live.on) == ("general", True)
    project = bare.session.project
    assert project is not None
    assert project.config.unlabelled == "void"
    bare.session.close_project()
    bare.window.open_folder(project.folder)
    assert names(bare) == ["soil", "weed", "crop"]
    assert bare.window._strip.text != OFFER
    with pytest.raises(ProjectError, match="has classes"):
        bare.window._commands.first_classes.ask()


def test_classes_of_a_network_bring_the_network(bare: Studio) -> None:
    dialog = question(bare)
    dialog._networks[0][0].setChecked(True)
    assert dialog.network() == "street"
    dialog.accept()
    assert (names(bare)[0], bare.network.current.name, bare.network.live.on) == ("Sky", "street", False)


def test_without_an_answer_the_question_is_offered_until_something_is_labelled(bare: Studio) -> None:
    question(bare).reject()
    assert bare.window._strip.text == OFFER
    assert bare.session.document is not None, "the images can be looked at"
    bare.window._strip.button.click()
    question(bare).reject()
    bare.session.toolbox.set_class(0)
    bare.window.actions_["verify"].trigger()
    assert bare.window._strip.text != OFFER
    bare.window.actions_["first_classes"].trigger()
    question(bare).names.setPlainText("weed")
    question(bare).accept()
    assert names(bare) == ["background", "weed"], "indices that are in use keep their meaning"


def test_a_folder_that_cannot_be_written_is_asked_about_too(
    welcome: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    (tmp_path / "protected").mkdir()
    write_png(tmp_path / "protected" / "a.png", np.zeros((8, 8, 3), np.uint8))
    monkeypatch.setattr("os.access", lambda *_: False)
    welcome.window.open_folder(tmp_path / "protected")
    qtbot.waitUntil(lambda: asked(welcome))
    question(welcome).names.setPlainText("soil\nweed")
    question(welcome).accept()
    assert names(welcome) == ["soil", "weed"]
    assert [path.name for path in (tmp_path / "protected").iterdir()] == ["a.png"]


def test_the_question_ends_with_its_folder(bare: Studio, tmp_path: Path) -> None:
    bare.window.open_folder(draw_project(tmp_path / "other"))
    assert not asked(bare)
    assert bare.window._strip.text != OFFER


def test_classes_of_projects_and_files_keep_indices_and_colours(tmp_path: Path, qtbot: QtBot) -> None:
    (tmp_path / "names.txt").write_text("sky\n\nroad\n")
    dialog = FirstClassesDialog([], [])
    qtbot.addWidget(dialog)
    dialog.read(tmp_path / "names.txt")
    assert [(info.index, info.name) for info in dialog.table().active] == [(0, "sky"), (2, "road")]
    dialog.read(tmp_path / "missing.txt")
    assert "lists no classes" in dialog._told.text()
    dialog.names.setPlainText("tree")
    assert [(info.index, info.name) for info in dialog.table().active] == [(0, "tree")]
    dialog.read(draw_project(tmp_path / "project"))
    assert dialog.table() == ClassTable.from_names(["background", "cell", "debris"])


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (["sky", "road"], {0: "sky", 1: "road"}),
        ({"id2label": {"0": "sky", "7": "road"}}, {0: "sky", 7: "road"}),
        ({"labels": {"background": 0, "liver": 1}}, {0: "background", 1: "liver"}),
        ({"categories": [{"id": 3, "name": "sky"}, {"id": 9, "name": "road"}]}, {3: "sky", 9: "road"}),
        ([{"id": 51234, "name": "sky", "color": "#0a0b0c"}, {"id": 51235, "name": "road"}], {0: "sky", 1: "road"}),
        ({"version": 1}, None),
        ([{"title": "sky"}], None),
        ([], None),
        ({"x": "sky"}, None),
    ],
)
def test_json_files_list_classes(tmp_path: Path, value: object, found: dict[int, str] | None) -> None:
    path = tmp_path / "classes.json"
    path.write_text(json.dumps(value))
    if found is None:
        with pytest.raises(ProjectError, match="lists no classes"):
            classes_of(path)
        return
    table = classes_of(path)
    assert {info.index: info.name for info in table} == found
    if "color" in path.read_text():
        assert table.classes[0].colour == (10, 11, 12)
