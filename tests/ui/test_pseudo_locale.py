"""The window in the pseudo-language: each sentence is translated, and no layout cuts one."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QAbstractItemModel, QAbstractListModel, QDeadlineTimer, QModelIndex, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialogButtonBox,
    QGroupBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QListView,
    QMenu,
    QMessageBox,
    QPlainTextEdit,
    QProgressBar,
    QStyle,
    QStyleOptionComboBox,
    QTabBar,
    QTableView,
    QTabWidget,
    QTreeView,
    QWidget,
)
from pytestqt.qtbot import QtBot

from fcn_studio import i18n
from fcn_studio.core.classes import VOC_NAMES, ClassTable
from fcn_studio.core.effort.gestures import Gesture
from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import Labels
from fcn_studio.core.review.hotspots import Hotspot, Reason
from fcn_studio.core.review.suspects import Suspects
from fcn_studio.core.sample import Split, Status
from fcn_studio.fcn.model.family import FAMILY
from fcn_studio.fcn.weights.catalogue import bundled
from fcn_studio.formats.checks.options import default_limits
from fcn_studio.formats.finding import Finding
from fcn_studio.formats.opening.report import OpeningReport
from fcn_studio.formats.project.loaded import EarlierLabels, LoadedLabels
from fcn_studio.formats.project.run_label import RunLabel
from fcn_studio.ui.actions.keys import Keys
from fcn_studio.ui.actions.possible import Moment, possible_now
from fcn_studio.ui.actions.table import CLASS_KEYS, TOOL_NAMES
from fcn_studio.ui.canvas.layers import Layer
from fcn_studio.ui.dialogs import questions
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.dialogs.class_change_dialog import ClassChangeDialog
from fcn_studio.ui.dialogs.class_key_dialog import ClassKeyDialog
from fcn_studio.ui.dialogs.class_map_dialog import ClassMapDialog
from fcn_studio.ui.dialogs.clean_dialog import CleanDialog, Place
from fcn_studio.ui.dialogs.compare_dialog import CompareDialog
from fcn_studio.ui.dialogs.confusion_dialog import ConfusionDialog
from fcn_studio.ui.dialogs.data_sets.export_dialog import ExportDialog
from fcn_studio.ui.dialogs.data_sets.frames_dialog import FramesDialog
from fcn_studio.ui.dialogs.data_sets.import_dialog import ImportDialog
from fcn_studio.ui.dialogs.data_sets.opening_dialog import OpeningDialog
from fcn_studio.ui.dialogs.data_sets.splits_dialog import SplitsDialog
from fcn_studio.ui.dialogs.effort_dialog import EffortDialog
from fcn_studio.ui.dialogs.first_classes_dialog import FirstClassesDialog
from fcn_studio.ui.dialogs.help_dialogs import ReportDialog, ShortcutsDialog
from fcn_studio.ui.dialogs.keys.keys_dialog import KeysDialog
from fcn_studio.ui.dialogs.keys.palette_dialog import PaletteDialog
from fcn_studio.ui.dialogs.keys.possible_dialog import PossibleDialog
from fcn_studio.ui.dialogs.networks_dialog import NetworksDialog
from fcn_studio.ui.dialogs.recovery_dialog import RecoveryDialog
from fcn_studio.ui.dialogs.restore_dialog import RestoreDialog
from fcn_studio.ui.dialogs.run_label_dialog import RunLabelDialog
from fcn_studio.ui.dialogs.scratch_dialog import ScratchDialog
from fcn_studio.ui.dialogs.settings_dialog import SettingsDialog, ThresholdsDialog
from fcn_studio.ui.dialogs.work_dialog import WorkDialog
from fcn_studio.ui.network.network_library import NetworkLibrary
from fcn_studio.ui.runtime.user_messages import ActionDoor
from tests.core.annotations import document_of
from tests.ui.conftest import Studio

PROJECT = "project"
CLASSES: tuple[str, ...] = ("background", "cell", "debris")
ROLES = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole)

TRANSLATED = re.compile(r"⟦[^⟦⟧]*⟧")
PATH = re.compile(r"(?:~|\.)?/[\w./ …-]+")
KEY = re.compile(
    r"\b(?:(?:Ctrl|Shift|Alt)\+)+(?:\w+|\S)|\b(?:Enter|Return|PgUp|PgDown|Esc|Tab|Space|Backspace|Del|F\d+)\b"
)
NAMES = re.compile(
    r"FCN Studio|PASCAL VOC|VOCdevkit\S*|VOC\d+|https?:\S+|picture-\d+(?:\.png)?"
    rf"|\b(?:{'|'.join((*CLASSES, *VOC_NAMES, 'road'))})\b|\b(?:CPU|CUDA|Apple MPS|MPS|IoU)\b|\d+ \w{{3}} \d{{4}}"
    rf"|\b(?:{'|'.join(bundled())})\b"
)
"""Names of the program, of files, classes and networks, addresses, devices. Dates come from QLocale."""

QT_BUTTONS = (QDialogButtonBox.StandardButton.Cancel, QDialogButtonBox.StandardButton.Close)
"""Qt translates them."""


@pytest.fixture(autouse=True)
def pseudo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(i18n.ENVIRONMENT, "en")
    i18n.use(i18n.PSEUDO)
    yield
    i18n.use("en")


def is_translated(text: str, names: tuple[str, ...] = ()) -> bool:
    """Whether the text has no word outside of translated parts, but names, paths and keys."""
    rest = text.replace("&&", "&")
    while TRANSLATED.search(rest):
        rest = TRANSLATED.sub(" ", rest)
    for name in names:
        rest = rest.replace(name, " ")
    for pattern in (NAMES, PATH, KEY):
        rest = pattern.sub(" ", rest)
    return re.search(r"[^\W\d_]{2,}", rest) is None


def test_what_counts_as_translated() -> None:
    assert is_translated(f"{i18n.tr('Open the next image')} (Ctrl+PgDown)")
    assert is_translated(i18n.tr("{outer}: 3", outer=i18n.tr("inner")))
    assert is_translated("100 %   picture-001.png")
    assert not is_translated("Open")
    assert not is_translated(f"{i18n.tr('Images')} so far")


def is_of_qt(widget: QWidget) -> bool:
    """Whether Qt made the widget and its texts by itself."""
    box = widget.parent()
    if isinstance(box, QDialogButtonBox) and isinstance(widget, QAbstractButton):
        return any(box.button(which) is widget for which in QT_BUTTONS)
    return isinstance(box, (QTabBar, QAbstractSpinBox)) or widget.objectName().startswith("qt_")


def texts_of(widget: QWidget) -> Iterator[str]:
    yield from (widget.windowTitle(), widget.toolTip(), widget.statusTip(), widget.accessibleName())
    yield widget.accessibleDescription()
    if isinstance(widget, (QLabel, QAbstractButton)):
        yield widget.text()
    elif isinstance(widget, (QGroupBox, QMenu)):
        yield widget.title()
    elif isinstance(widget, (QLineEdit, QPlainTextEdit)):
        yield widget.placeholderText()
    elif isinstance(widget, QComboBox):
        yield from (widget.itemText(row) for row in range(widget.count()))
    elif isinstance(widget, QAbstractSpinBox):
        yield widget.text()
        yield widget.specialValueText()
    elif isinstance(widget, (QTabWidget, QTabBar)):
        yield from (widget.tabText(row) for row in range(widget.count()))
        yield from (widget.tabToolTip(row) for row in range(widget.count()))
    elif isinstance(widget, QProgressBar) and widget.isTextVisible():
        yield widget.text()
    elif isinstance(widget, (QListView, QTableView, QTreeView)) and widget.model() is not None:
        yield from texts_in(widget.model())


def columns_of(model: QAbstractItemModel) -> int:
    """Number of columns, which list models do not tell."""
    return 1 if isinstance(model, QAbstractListModel) else model.columnCount()


def texts_in(model: QAbstractItemModel) -> Iterator[str]:
    for column in range(columns_of(model)):
        header = model.headerData(column, Qt.Orientation.Horizontal)
        if isinstance(header, str):
            yield header
        for row in range(min(50, model.rowCount())):
            index: QModelIndex = model.index(row, column)
            yield from (text for role in ROLES if isinstance(text := index.data(role), str))


def untranslated(root: QWidget, *names: str) -> list[str]:
    """Sentences of a window that bypass the translation, with the widget that shows them."""
    found = []
    for widget in (root, *root.findChildren(QWidget)):
        if not is_of_qt(widget):
            kind = type(widget).__name__
            found += [f"{kind}: {text}" for text in texts_of(widget) if not is_translated(text, names)]
    for action in root.findChildren(QAction):
        if type(action.parent()).__module__.startswith("pyqtgraph"):
            continue
        texts = action.text(), action.toolTip(), action.statusTip()
        found += [f"{action.objectName() or 'action'}: {text}" for text in texts if not is_translated(text, names)]
    return sorted(set(found))


def cut(root: QWidget) -> list[str]:
    """Labels and buttons that are too narrow for their words, unless their tool tip has them in full."""
    found = []
    for widget in root.findChildren(QWidget):
        if not isinstance(widget, (QLabel, QAbstractButton)) or not widget.isVisible() or is_of_qt(widget):
            continue
        words, needed = widget.text(), widget.minimumSizeHint()
        if isinstance(widget, QLabel) and widget.wordWrap():
            narrow = widget.height() < widget.heightForWidth(widget.width())
        else:
            narrow = widget.width() < needed.width() or widget.height() < needed.height()
        if words and narrow and words not in widget.toolTip():
            found.append(f"{type(widget).__name__} {widget.size().toTuple()} < {needed.toTuple()}: {words}")
    return found


def cut_in_lists(root: QWidget) -> list[str]:
    """Chosen words of combo boxes and titles of columns that are too narrow for them."""
    found = []
    for box in root.findChildren(QComboBox):
        option = QStyleOptionComboBox()
        box.initStyleOption(option)
        field = box.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, box
        )
        needed = box.fontMetrics().horizontalAdvance(box.currentText())
        if box.isVisible() and field.width() < needed and box.currentText() not in box.toolTip():
            found.append(f"QComboBox {field.width()} < {needed}: {box.currentText()}")
    for header in root.findChildren(QHeaderView):
        for section in range(header.count()):
            size, needed = header.sectionSize(section), header.sectionSizeHint(section)
            if header.isVisible() and not header.isSectionHidden(section) and size < needed:
                words = header.model().headerData(section, header.orientation())
                found.append(f"QHeaderView {size} < {needed}: {words}")
    return found


def listed(found: list[str]) -> str:
    return "\n".join(found)


def settle() -> None:
    for _ in range(5):
        QApplication.processEvents()


def test_the_window_speaks_the_language_and_cuts_no_word(studio: Studio) -> None:
    window = studio.window
    window.resize(1280, 720)
    window.layout_.show_below(window.training_dock)
    for dock in (window.classes_dock, window.layers_dock, window.files_dock):
        dock.raise_()
        settle()
        assert not (found := untranslated(window, PROJECT)), listed(found)
        assert not (found := cut(window)), listed(found)


def test_the_check_dock_speaks_the_language_and_cuts_no_word(studio: Studio, qtbot: QtBot) -> None:
    window = studio.window
    window.resize(1280, 720)
    window.actions_["check"].trigger()
    dock = window.check.dock
    assert dock is not None
    settle()
    assert not (found := untranslated(window, PROJECT)), listed(found)
    dock.start.click()
    qtbot.waitUntil(lambda: window.check._check is not None and window.check._check.report is not None)
    settle()
    assert not (found := untranslated(window, PROJECT)), listed(found)
    assert not (found := cut(window)), listed(found)


def test_each_tool_and_its_options_speak_the_language(studio: Studio) -> None:
    studio.window.resize(1280, 720)
    for name in TOOL_NAMES:
        studio.toolbox.use(name)
        settle()
        assert not (found := untranslated(studio.window.options_bar)), listed(found)
        assert not (found := cut(studio.window.options_bar)), listed(found)


def test_what_actions_say_is_in_the_language(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Dialog, "asked", lambda dialog: False)
    actions = studio.window.actions_
    for name in ("uncertainty", "disagreement", "compare", "navigator", "save", "verify", "undo", "redo", "skip",
                 "auto_segment", "segment_folder", "fine_tune", "stop", "go_back", "go_forward", "network_classes",
                 "restore", "next_unverified", "previous", "export"):  # fmt: skip
        actions[name].trigger()
        settle()
        assert not (found := untranslated(studio.window, PROJECT)), listed(found)
    assert [said.text for said in studio.window.messages.history if not is_translated(said.text, (PROJECT,))] == []
    studio.window.canvas.layers.set_style(Layer.UNCERTAINTY, visible=True)


def test_the_about_box_speaks_the_language(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(QMessageBox, "about", lambda _window, *texts: shown.extend(texts))
    studio.window.actions_["about"].trigger()
    assert len(shown) == 2
    assert all(is_translated(text) for text in shown)


def test_the_welcome_page_speaks_the_language(welcome: Studio) -> None:
    welcome.window.resize(1280, 720)
    settle()
    assert not (found := untranslated(welcome.window)), listed(found)
    assert not (found := cut(welcome.window)), listed(found)


def earlier() -> EarlierLabels:
    blank = np.zeros((48, 64), np.uint8)
    return EarlierLabels(0.0, LoadedLabels(Labels(blank, blank), Status.NEW))


def import_dialog(studio: Studio, folder: Path) -> ImportDialog:
    """The dialog of an import of a mask for each image and one more, of which one value is known."""
    project = studio.session.project
    assert project is not None
    for sample in (*project.samples, None):
        name = "picture-999" if sample is None else sample.image_path.stem
        Image.fromarray(np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) // 2000).save(folder / f"{name}.png")
    dialog = ImportDialog(project, lambda: None)
    dialog.set_source(folder)
    deadline = QDeadlineTimer(60_000)
    while not dialog.values.topLevelItemCount() and not deadline.hasExpired():
        QApplication.processEvents()
    assert dialog.values.topLevelItemCount()
    return dialog


def frames_dialog(folder: Path) -> FramesDialog:
    """The dialog for the frames of a film."""
    film = folder / "street.mp4"
    film.write_bytes(b"")
    dialog = FramesDialog(folder, 10**8)
    dialog.film.setText(str(film))
    return dialog


def splits_dialog(studio: Studio) -> SplitsDialog:
    """The dialog of a division, once its numbers are shown."""
    project = studio.session.project
    assert project is not None
    dialog = SplitsDialog(project)
    deadline = QDeadlineTimer(5000)
    while dialog.division is None and not deadline.hasExpired():
        QApplication.processEvents()
    assert dialog.division is not None
    return dialog


def opening_dialog(studio: Studio, folder: Path) -> OpeningDialog:
    """The dialog of a report with a list and something to import."""
    finding = Finding("masks_to_import", i18n.tr("Masks were found."), source=str(folder))
    return OpeningDialog(folder, OpeningReport(3, 2, {"train.txt": 2}, (finding,)))


def possible_dialog(studio: Studio) -> PossibleDialog:
    """The dialog of keys, as in a walk with Live on."""
    moment = Moment(lambda _name: True, "polygon", prediction=True, live=True, walking=True, class_keys=CLASS_KEYS)
    return PossibleDialog(possible_now(moment), studio.window)


DIALOGS: dict[str, Callable[[Studio, Path], Dialog]] = {
    "scratch": lambda studio, folder: ScratchDialog(3.0),
    "import": lambda studio, folder: import_dialog(studio, folder),
    "frames": lambda studio, folder: frames_dialog(folder),
    "splits": lambda studio, folder: splits_dialog(studio),
    "thresholds": lambda studio, folder: ThresholdsDialog(default_limits()),
    "opening": lambda studio, folder: opening_dialog(studio, folder),
    "export": lambda studio, folder: ExportDialog([(Status.VERIFIED, Split.TRAIN)], folder),
    "report": lambda studio, folder: ReportDialog(i18n.tr("Report"), i18n.tr("Copy this."), "traceback"),
    "class table": lambda studio, folder: questions.ClassTableDialog(i18n.tr("Masks were found.")),
    "year": lambda studio, folder: questions.YearDialog([folder / "VOC2007", folder / "VOC2012"]),
    "tree": lambda studio, folder: questions.TreeDialog("picture-000.png", folder / "project"),
    "grey mask": lambda studio, folder: questions.GreyMaskDialog(i18n.tr("A grey mask was found.")),
    "batch": lambda studio, folder: questions.BatchDialog(3, 2, "cell"),
    "verify": lambda studio, folder: questions.VerifyDialog(3, 2),
    "not accepted": lambda studio, folder: questions.NotAcceptedDialog(0.4, "cell"),
    "large image": lambda studio, folder: questions.LargeImageDialog("picture-000.png", 10**9, 10**10),
    "end jobs": lambda studio, folder: questions.EndJobsDialog(PROJECT, [i18n.tr("Label all")]),
    "quit": lambda studio, folder: questions.QuitDialog([i18n.tr("Label all")]),
    "take over": lambda studio, folder: questions.TakeOverDialog(),
    "loss": lambda studio, folder: questions.LossDialog(),
    "loss, kept": lambda studio, folder: questions.LossDialog(kept=True),
    "delete strokes": lambda studio, folder: questions.DeleteStrokesDialog("picture-000.png"),
    "compare": lambda studio, folder: CompareDialog(TABLE, ["cell", "debris"], 0, 1),
    "run label": lambda studio, folder: RunLabelDialog(RunLabel(pinned=True), i18n.tr("run {number}", number="0001")),
    "remove network": lambda studio, folder: questions.RemoveNetworkDialog("cell", in_use=True),
    "download": lambda studio, folder: questions.UnprovenDialog("cell", "http://example.org/cell"),
    "recovery": lambda studio, folder: RecoveryDialog(
        studio.session, lambda _left_over: None, ActionDoor(studio.window.messages)
    ),
    "effort": lambda studio, folder: EffortDialog([Gesture(9.0, "picture-000.png", "Fill", 1, 2, 75.0, 80)], TABLE),
    "restore": lambda studio, folder: RestoreDialog("picture-000.png", i18n.tr("Words."), [earlier()], TABLE),
    "first classes": lambda studio, folder: FirstClassesDialog([("cell", TABLE)]),
    "clean": lambda studio, folder: CleanDialog(
        document_of(Labels.unlabelled(4, 5)),
        np.zeros((4, 5, 3), np.uint8),
        [0, 1],
        (1, CLASSES[1]),
        Place(Rect(0, 0, 5, 4), (1, 1), CLASSES[1]),
        lambda _region: None,
    ),
    "confusion": lambda studio, folder: ConfusionDialog([judged()], TABLE),
    "class key": lambda studio, folder: ClassKeyDialog(TABLE, TABLE.classes[1]),
    "class map": lambda studio, folder: ClassMapDialog("cell", TABLE, TABLE, {}),
    "class change": lambda studio, folder: ClassChangeDialog(
        studio.session.project,  # type: ignore[arg-type]
        TABLE.classes[1],
        deleting=True,
    ),
    "keys": lambda studio, folder: KeysDialog(Keys()),
    "keys that work now": lambda studio, folder: possible_dialog(studio),
    "palette": lambda studio, folder: PaletteDialog(list(studio.window._keys._commands()), [], lambda _text: []),
    "work": lambda studio, folder: WorkDialog(i18n.tr("Merge class"), i18n.tr("Changing the masks…"), no_work()),
}


def no_work() -> Generator[tuple[int, int], None, None]:
    """Work that does nothing."""
    yield 1, 1


TABLE = ClassTable.from_names(CLASSES)


def judged() -> Suspects:
    """Return a label that may be wrong."""
    region = Hotspot(Reason.SUSPECT, Rect(0, 0, 2, 2), np.ones((2, 2), np.bool_), 1, 255, 2, 0.9, 4.0)
    return Suspects("picture-000.png", 0.1, (region,), {(2, 1): 4, (1, 1): 40})


FAMILY_NAMES = sorted((text for m in FAMILY for text in (m.name, m.architecture.title)), key=len, reverse=True)
"""Names of networks, which are not translated; the longest first."""
BY_ACTION = ("settings", "shortcuts", "report", "networks")


@pytest.fixture
def chinese(pseudo: None) -> None:
    """The window that is made after it speaks Chinese, of which no word may be cut either."""
    i18n.use("zh_CN")


def test_nothing_cuts_a_chinese_word(
    chinese: None, studio: Studio, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All in one window, which is quick; each test above has a window of its own."""
    window = studio.window
    window.resize(1280, 720)

    def nothing_is_cut() -> None:  # once messages that share the status bar have gone
        assert not cut(window) + cut_in_lists(window)

    found = []
    for tool in TOOL_NAMES:
        studio.toolbox.use(tool)
        settle()
        qtbot.waitUntil(nothing_is_cut)
    monkeypatch.setattr(Dialog, "asked", Dialog.show)
    made = []
    for name, make in DIALOGS.items():
        (folder := tmp_path / name).mkdir()
        made.append(make(studio, folder))
        made[-1].show()
    for name in BY_ACTION:
        window.actions_[name].trigger()
    settle()
    dialogs = [
        widget for widget in QApplication.topLevelWidgets() if isinstance(widget, Dialog) and widget.isVisible()
    ]
    for dialog in dialogs:
        qtbot.addWidget(dialog)
        found += [f"{type(dialog).__name__}: {words}" for words in cut(dialog) + cut_in_lists(dialog)]
    assert len(dialogs) == len(DIALOGS) + len(BY_ACTION)
    assert not found, listed(found)


@pytest.mark.parametrize("name", DIALOGS)
def test_each_dialog_speaks_the_language_and_cuts_no_word(
    shared_studio: Studio, name: str, tmp_path: Path, qtbot: QtBot
) -> None:
    dialog = DIALOGS[name](shared_studio, tmp_path)
    qtbot.addWidget(dialog)
    dialog.show()
    settle()
    assert not (found := untranslated(dialog, *FAMILY_NAMES)), listed(found)
    assert not (found := cut(dialog)), listed(found)


def written_by_publishers(library: NetworkLibrary) -> list[str]:
    """Names of networks and what their files and publishers say of them, the longest first."""
    texts = [text for row in library.published for text in (row.name, row.title, row.figures, row.licence)]
    for row in library.networks:
        texts += [row.title, row.architecture, "sha256", "MB"]
        if row.info is not None:
            texts += [row.info.name, row.info.source, row.info.licence, row.info.note, row.info.sha256]
    return sorted((text for text in texts if text), key=len, reverse=True)


@pytest.mark.parametrize("name", BY_ACTION)
def test_dialogs_of_actions_speak_the_language(
    studio: Studio, name: str, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    def asked(dialog: Dialog) -> bool:
        dialog.show()
        return False

    monkeypatch.setattr(Dialog, "asked", asked)
    before = set(QApplication.topLevelWidgets())
    studio.window.actions_[name].trigger()
    settle()
    dialogs = [widget for widget in QApplication.topLevelWidgets() if widget not in before and widget.isVisible()]
    assert dialogs
    library = studio.network.library
    qtbot.waitUntil(lambda: name != "networks" or bool(library.networks))
    settle()
    for dialog in dialogs:
        qtbot.addWidget(dialog)
        assert not (found := untranslated(dialog, *written_by_publishers(library))), listed(found)
        assert not (found := cut(dialog)), listed(found)


def subclasses(kind: type[Dialog]) -> Iterator[type[Dialog]]:
    for sub in kind.__subclasses__():
        yield sub
        yield from subclasses(sub)


def test_every_dialog_is_looked_at() -> None:
    made = {
        name
        for make in (*DIALOGS.values(), import_dialog, frames_dialog, splits_dialog, opening_dialog, possible_dialog)
        for name in make.__code__.co_names
    }
    made |= {SettingsDialog.__name__, ShortcutsDialog.__name__, NetworksDialog.__name__}  # by actions
    assert {kind.__name__ for kind in subclasses(Dialog)} - made == {"ConfirmationDialog"}
