from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from PySide6.QtWidgets import QCheckBox, QDialogButtonBox, QLineEdit
from pytestqt.qtbot import QtBot

from fcn_studio.core.classes import ClassTable, voc_table
from fcn_studio.core.sample import Split, Status
from fcn_studio.formats.exporters import BY_NAME
from fcn_studio.formats.exporters.base import ExportFormat
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.jobs.export import ExportForecast, forecast
from fcn_studio.settings import Settings
from fcn_studio.ui.actions.table import ACTIONS
from fcn_studio.ui.dialogs.class_counts import ClassCounts
from fcn_studio.ui.dialogs.data_sets.export_dialog import ExportChoice, ExportDialog
from fcn_studio.ui.dialogs.help_dialogs import ReportDialog, ShortcutsDialog
from fcn_studio.ui.dialogs.questions import (
    BatchDialog,
    ClassTableDialog,
    ConfirmationDialog,
    LossDialog,
    TakeOverDialog,
    YearDialog,
)
from fcn_studio.ui.dialogs.settings_dialog import SettingsDialog
from tests.formats.helpers import make_project


def test_export_counts_what_is_chosen(qtbot: QtBot, tmp_path: Path) -> None:
    images = [(Status.VERIFIED, Split.TRAIN)] * 3 + [(Status.VERIFIED, Split.VAL)] + [(Status.NEW, Split.TRAIN)] * 5
    dialog = ExportDialog(images, tmp_path)
    qtbot.addWidget(dialog)
    assert dialog.choice().statuses == {Status.VERIFIED}
    assert dialog._count.text() == "4 images will be exported."
    dialog._splits[Split.TRAIN].setChecked(False)
    assert dialog._count.text() == "1 image will be exported."
    dialog._statuses[Status.VERIFIED].setChecked(False)
    assert not dialog.accept_button.isEnabled()
    dialog._statuses[Status.NEW].setChecked(True)
    dialog._splits[Split.TRAIN].setChecked(True)
    assert dialog.rows() == [4, 5, 6, 7, 8]
    dialog._out.clear()
    assert not dialog.accept_button.isEnabled()


def test_export_asks_for_the_format_and_its_options(qtbot: QtBot, tmp_path: Path) -> None:
    plain = ExportFormat("plain", "Plain masks", "Writes masks.")
    dialog = ExportDialog([(Status.VERIFIED, Split.TRAIN)], tmp_path, exporters=(BY_NAME["voc"], plain))
    qtbot.addWidget(dialog)
    dialog.show()
    assert dialog._format.isVisible()
    assert dialog.choice().exporter is BY_NAME["voc"]
    assert dialog.choice().options == {option.key: option.default for option in BY_NAME["voc"].options}
    (box,) = (box for box in dialog.findChildren(QCheckBox) if "labelmap" in box.text())
    box.setChecked(True)
    assert dialog.choice().options["void_row"] is True
    dialog._format.setCurrentIndex(1)
    assert dialog.windowTitle() == "Export as Plain masks"
    assert (dialog.choice().exporter, dialog.choice().options) == (plain, {})
    only = ExportDialog([(Status.VERIFIED, Split.TRAIN)], tmp_path, exporters=(plain,))
    qtbot.addWidget(only)
    only.show()
    assert only._format.isHidden()


def test_export_proposes_a_folder_that_is_free_in_the_chosen_format(qtbot: QtBot, tmp_path: Path) -> None:
    for name in ("export", "export-2"):
        (tmp_path / name / "masks").mkdir(parents=True)
    rows = (BY_NAME["masks"], BY_NAME["nnunet"])
    dialog = ExportDialog([(Status.VERIFIED, Split.TRAIN)], tmp_path, exporters=rows)
    qtbot.addWidget(dialog)
    assert dialog.choice().out == tmp_path / "export-3"
    dialog._format.setCurrentIndex(1)
    assert dialog.choice().out == tmp_path / "export"
    dialog._out.setText(str(tmp_path / "mine"))
    dialog._format.setCurrentIndex(0)
    assert dialog.choice().out == tmp_path / "mine"


def test_export_shows_what_it_will_do(qtbot: QtBot, tmp_path: Path) -> None:
    folder = make_project(
        tmp_path / "project", ["a.jpg", "b.png"], {"a": 1, "b": 2}, ClassTable.from_names(["x", "y", "z"])
    )
    with ProjectFolder.open(folder, writable=False) as project:

        def look_ahead(choice: ExportChoice, rows: Sequence[int]) -> ExportForecast:
            samples = [project.samples[row] for row in rows]
            return forecast(project, choice.out, samples, choice.exporter, choice.options)

        images = [(Status.VERIFIED, Split.TRAIN), (Status.VERIFIED, Split.TEST)]
        counts = ClassCounts([project.annotations.mask_path(s) for s in project.samples], project.config.table)
        rows = (BY_NAME["masks"], BY_NAME["nnunet"])
        dialog = ExportDialog(images, tmp_path, exporters=rows, look_ahead=look_ahead, class_counts=counts)
        qtbot.addWidget(dialog)
        qtbot.waitUntil(lambda: "counting" not in dialog._preview.text())
        assert dialog._preview.text().splitlines() == [
            "Training: 1    Test: 1",
            "Images with each class: y 1, z 1",
            "Pixels that nobody labelled become void, which trainings ignore.",
            f"The folder {tmp_path / 'export' / 'masks'} will be made.",
            "It takes about 1 MB of disk space.",
        ]
        assert dialog.accept_button is not None
        assert dialog.accept_button.isEnabled()
        (box,) = (box for box in dialog.findChildren(QCheckBox) if "background" in box.text())
        box.setChecked(True)
        assert "no class named background" in dialog._preview.text()
        assert not dialog.accept_button.isEnabled()
        dialog._format.setCurrentIndex(1)
        assert "nnU-Net needs a background" in dialog._preview.text()
        (field,) = (field for field in dialog.findChildren(QLineEdit) if field.accessibleName() == "Background")
        field.setText("y ")
        assert dialog.accept_button.isEnabled()
        assert dialog.choice().options["background"] == "y"
        dialog._out.setText(str(folder / "JPEGImages"))
        assert "among the project's images" in dialog._preview.text()
        (tmp_path / "taken" / "nnUNet_raw").mkdir(parents=True)
        (tmp_path / "taken" / "nnUNet_raw" / "old").touch()
        dialog._out.setText(str(tmp_path / "taken"))
        assert "there already and not empty" in dialog._preview.text()
        dialog.reject()


def test_class_names_are_voc_generic_or_pasted(qtbot: QtBot) -> None:
    dialog = ClassTableDialog("120 masks, no names")
    qtbot.addWidget(dialog)
    assert dialog.table() == voc_table()
    dialog._generic.setChecked(True)
    dialog._count.setValue(3)
    assert dialog.names() == ["class 0", "class 1", "class 2"]
    dialog._names.setPlainText("road\ncar \n")
    assert dialog._pasted.isChecked()
    assert dialog.names() == ["road", "car"]
    dialog._names.setPlainText("road\nRoad")
    assert "occurs twice" in dialog._wrong.text()
    assert not dialog.accept_button.isEnabled()
    dialog._names.setPlainText("")
    assert not dialog.accept_button.isEnabled()


def test_the_newest_year_is_offered_first(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = YearDialog([tmp_path / "VOC2007", tmp_path / "VOC2012"])
    qtbot.addWidget(dialog)
    assert dialog.year() == tmp_path / "VOC2012"


def test_a_batch_says_what_it_takes(qtbot: QtBot) -> None:
    dialog = BatchDialog(0, 3, "street")
    qtbot.addWidget(dialog)
    dialog._again.setChecked(False)
    assert not dialog.accept_button.isEnabled()
    dialog._again.setChecked(True)
    assert dialog._words.text() == "The network labels 3 images."
    assert dialog.include_prelabelled
    assert dialog.accept_button.isEnabled()


@pytest.mark.parametrize(
    ("new", "prelabelled", "again", "labelled"),
    [(0, 3, False, 3), (2, 3, False, 2), (2, 3, True, 5), (0, 0, True, 0)],
)
def test_a_batch_proposes_what_the_network_may_label(
    qtbot: QtBot, new: int, prelabelled: int, again: bool, labelled: int
) -> None:
    dialog = BatchDialog(new, prelabelled, "run 0002", again=again)
    qtbot.addWidget(dialog)
    assert dialog._words.text() == f"The network labels {labelled} image{'' if labelled == 1 else 's'}."
    assert dialog.accept_button.isEnabled() is (labelled > 0)


@pytest.mark.parametrize("kind", [LossDialog, TakeOverDialog])
def test_losing_work_is_never_the_default(qtbot: QtBot, kind: type[ConfirmationDialog]) -> None:
    dialog = kind()  # type: ignore[call-arg]
    qtbot.addWidget(dialog)
    assert dialog.buttons.button(QDialogButtonBox.StandardButton.Cancel).isDefault()
    assert not dialog.accept_button.isDefault()


def test_settings_are_made_from_the_table_and_taken_over(qtbot: QtBot, tmp_path: Path) -> None:
    settings = Settings(tmp_path / "settings.toml")
    dialog = SettingsDialog(settings)
    qtbot.addWidget(dialog)
    dialog.apply()
    assert not settings.path.exists(), "nothing changed, nothing written"
    settings.theme = "dark"
    again = SettingsDialog(settings)
    qtbot.addWidget(again)
    assert again._readers["theme"]() == "dark"
    assert "brush_size" not in again._readers


def test_help_lists_every_key_and_a_report_can_be_copied(qtbot: QtBot) -> None:
    dialog = ShortcutsDialog()
    qtbot.addWidget(dialog)
    report = ReportDialog("Report", "Copy this:", "line 1\nline 2")
    qtbot.addWidget(report)
    assert report.text.toPlainText() == "line 1\nline 2"
    assert report.text.isReadOnly()
    assert any(spec.shortcuts for spec in ACTIONS)
