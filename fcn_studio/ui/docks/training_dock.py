"""The Training dock.

It has the network in use, what it knows, fine-tuning it, and what came of that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QDockWidget,
    QDoubleSpinBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from fcn_studio.core.metrics import Figures
from fcn_studio.core.sample import Status
from fcn_studio.core.training import Adoption, Level, TrainConfig, TrainOutcome, TrainProgress, Verdict, advice
from fcn_studio.i18n import as_reasons, as_text, listed, tr, tr_n, tr_noop
from fcn_studio.settings import Settings
from fcn_studio.ui.actions.key_tips import tip_with_key
from fcn_studio.ui.runtime.user_messages import ActionDoor
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.fields import Choice, NumberFieldKeyboard, padded
from fcn_studio.ui.widgets.iou_table import IouTable
from fcn_studio.ui.widgets.named import named, with_role

if TYPE_CHECKING:
    from fcn_studio.fcn.weights.catalogue import NetworkInfo
    from fcn_studio.ui.network.network_parts import NetworkParts
    from fcn_studio.ui.session.session import Session
    from fcn_studio.ui.widgets.curves import Curves

LEVELS: Mapping[Level, tuple[str, str]] = {
    Level.QUICK: (tr_noop("Quick"), tr_noop("Only the last layers. It takes some seconds.")),
    Level.BETTER: (
        tr_noop("Better"),
        tr_noop("The last layers, and a small head beside them. It takes about half a minute."),
    ),
    Level.FULL: (tr_noop("Full"), tr_noop("All layers. It takes all the minutes, and finds the most.")),
    Level.SCRATCH: (
        tr_noop("From scratch"),
        tr_noop("A new network over the general one. It needs many labelled images."),
    ),
}
NO_NETWORK = tr_noop("Label a few images, then Fine-tune from scratch.")
NOTHING_YET = tr_noop(
    "It knows none of your classes, so there is nothing to pre-label with yet: say what its classes mean here or "
    "choose another network (Network menu), or label a few images, then Fine-tune."
)
TRUNK_ONLY = tr_noop("It knows no class and cannot label yet: label a few images, then Fine-tune.")
_MOST_NAMES = 6
"""Names of known classes that are listed."""

DRAW_MS = 250
"""How long the curves may be behind: reports come faster than they need to be drawn."""

DEVICES = {
    "auto": tr_noop("Choose automatically"),
    "cpu": tr_noop("CPU"),
    "cuda": tr_noop("CUDA"),
    "mps": tr_noop("Apple MPS"),
}

_VERDICTS = {
    Verdict.ADOPTED: tr_noop("The new network is in use: {reasons}."),
    Verdict.NOT_COMPARED: tr_noop("The new network is in use. It was not compared: {reasons}."),
    Verdict.CANDIDATE: tr_noop("The old network stays in use; the new one is kept as a candidate: {reasons}."),
}


def known_words(known: list[str], total: int) -> str:
    """Return what the network knows of the project, in a sentence."""
    if not known:
        return tr(NOTHING_YET)
    names, more = listed(known[:_MOST_NAMES]), len(known) - _MOST_NAMES
    if more <= 0:
        return tr("Knows {known} of {total} classes: {names}.", known=len(known), total=total, names=names)
    return tr(
        "Knows {known} of {total} classes: {names} and {more} more.",
        known=len(known),
        total=total,
        names=names,
        more=more,
    )


def verdict_words(adoption: Adoption, outcome: TrainOutcome) -> str:
    """Return what became of a fine-tune, in words."""
    reasons = as_reasons(reason.translated() for reason in adoption.reasons)
    sentences = [tr("Stopped early; the best network so far was kept.")] if outcome.stopped else []
    sentences.append(tr(_VERDICTS[adoption.verdict], reasons=reasons))
    if outcome.figures and not outcome.folds:
        sentences.append(tr_n("Scored on {n} image.", "Scored on {n} images.", len(outcome.val_ids)))
    return as_text(sentences)


class TrainingDock(QDockWidget):
    """Dock that fine-tunes from what is labelled.

    The curves are loaded when the dock is first seen.

    Signals:
        done(): the user finished typing here; the keyboard belongs to the canvas again.

    Attributes:
        in_front: whether the dock is seen, not hidden and not behind another tab.
    """

    done = Signal()

    def __init__(
        self,
        session: Session,
        network: NetworkParts,
        settings: Settings,
        door: ActionDoor,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(tr("Training"), parent)
        self.setObjectName("trainingDock")
        self._session, self._settings, self._door = session, settings, door
        self._current, self._network_device = network.current, network.device
        self._fine_tuning, self._job_list = network.fine_tuning, network.job_list
        self._curves: Curves | None = None
        self._judged_with: NetworkInfo | None = None
        self.in_front = False
        self._draw_soon = QTimer(self, singleShot=True, interval=DRAW_MS)
        self._draw_soon.timeout.connect(self._draw)
        self.visibilityChanged.connect(self._come_or_go)
        self._name = with_role(QLabel(), "strong")
        self._known, self._counts = (with_role(QLabel(wordWrap=True), "dim") for _ in range(2))
        self._verdict, self._advice = QLabel(wordWrap=True), QLabel(wordWrap=True)
        self._truth = with_role(QLabel(wordWrap=True), "strong")
        for words in (self._advice, self._truth):
            words.hide()
        self._verdict.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._verdict.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._interrupted = QLabel(wordWrap=True)
        self._make_choices()
        self.go_on_button = self._button(tr("Go on"), tr("Go on with the fine-tune that was interrupted"), self.go_on)
        self.fine_tune_button = self._button(
            tr("Fine-tune"), tr("Train on all pixels that you labelled"), self.start, "fine_tune"
        )
        with_role(self.fine_tune_button, "main")
        self.stop_button = self._button(
            tr("Stop"), tr("Stop and keep the best network so far"), network.fine_tuning.stop, "stop"
        )
        self.back_button = self._button(tr("Go back"), tr("Use the network before this one"), network.current.go_back)
        self._table = IouTable()
        self._lay_out()
        for changed in (network.current.changed, network.job_list.changed, network.device.changed):
            changed.connect(self.refresh)
        network.fine_tuning.training.connect(self._progressed)
        network.fine_tuning.finished.connect(self._finished)
        network.fine_tuning.truth_scored.connect(self._show_truth)
        session.project_changed.connect(self._project_changed)
        session.table_changed.connect(self.refresh)
        session.sample_changed.connect(lambda _id: self._show_counts())
        session.status_scan.found.connect(self._show_counts)
        self.refresh()

    # --- construction -----------------------------------------------------------------------------------------

    def _make_choices(self) -> None:
        self._device = named(Choice(), tr("Device"), tr("Where the network runs"))
        for value, words in DEVICES.items():
            self._device.addItem(tr(words), value)
        self._device.activated.connect(lambda _row: self._settings.set("device", self._device.currentData()))
        self._level = named(Choice(), tr("Level"), tr("How much of the network is trained"))
        for level, (words, tip) in LEVELS.items():
            self._level.addItem(tr(words), level.value)
            self._level.setItemData(self._level.count() - 1, tr(tip), Qt.ItemDataRole.ToolTipRole)
        self._level.activated.connect(lambda _row: self._settings.set("train_level", self._level.currentData()))
        self._minutes = padded(QDoubleSpinBox(minimum=0.1, maximum=600, decimals=1, suffix=tr(" min")))
        named(self._minutes, tr("Minutes"), tr("How long to train at most"))
        NumberFieldKeyboard(self._minutes).done.connect(self.done)
        self._minutes.editingFinished.connect(
            lambda: self._settings.set("train_minutes", round(self._minutes.value(), 1))
        )
        self._choose_as_set()

    def _choose_as_set(self) -> None:
        self._level.setCurrentIndex(self._level.findData(self._settings.train_level))
        self._minutes.setValue(self._settings.train_minutes)

    def _button(self, text: str, tip: str, act: Callable[[], object], action: str = "") -> QPushButton:
        button = named(QPushButton(text), text, tip)
        if action:
            tip_with_key(button, tip, action)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        behind_door = self._door(act)
        button.clicked.connect(lambda _checked=False: behind_door())
        return button

    def _lay_out(self) -> None:
        form = QFormLayout(horizontalSpacing=theme.GRID, verticalSpacing=theme.GRID // 2)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        level = QHBoxLayout()
        level.setSpacing(theme.GRID)
        level.addWidget(self._level, 1)
        level.addWidget(self._minutes)
        form.addRow(tr("Level"), level)
        form.addRow(tr("Device"), self._device)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.GRID)
        for button in (self.fine_tune_button, self.stop_button, self.back_button):
            buttons.addWidget(button)
        going_on = QHBoxLayout()
        going_on.setSpacing(theme.GRID)
        going_on.addWidget(self._interrupted, 1)
        going_on.addWidget(self.go_on_button)
        controls, self._results = _column(), _column()
        controls.addWidget(self._name)
        controls.addLayout(form)
        controls.addLayout(buttons)
        controls.addStretch(1)
        for words in (self._known, self._counts):
            self._results.addWidget(words)
        self._results.addLayout(going_on)
        for words in (self._verdict, self._advice, self._truth):
            self._results.addWidget(words)
        self._results.addStretch()
        content = QWidget()
        row = QHBoxLayout(content)
        row.setContentsMargins(theme.GRID, theme.GRID // 2, theme.GRID, theme.GRID)
        row.setSpacing(2 * theme.GRID)
        row.addLayout(controls)
        row.addLayout(self._results, 1)
        row.addWidget(self._table)
        area = QScrollArea(widgetResizable=True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(content)
        self.setWidget(area)
        self.setAllowedAreas(Qt.DockWidgetArea.BottomDockWidgetArea | Qt.DockWidgetArea.TopDockWidgetArea)

    def _come_or_go(self, front: bool) -> None:
        self.in_front = front
        if front and self._curves is None:
            # A dock behind another tab is in front for a moment while the window is laid out: that does not count.
            QTimer.singleShot(0, self, self._load_curves)
        elif front:
            self._draw_soon.start()

    def _load_curves(self) -> None:
        if self._curves is None and self.in_front:
            from fcn_studio.ui.widgets.curves import Curves  # costs 0.2 s, and only those who train should pay

            self._curves = Curves()
            self._results.insertWidget(self._results.count() - 1, self._curves, 1)
            self._draw()

    def retheme(self) -> None:
        """Take the colours of the theme."""
        if self._curves is not None:
            self._curves.retheme()
            self._draw()

    # --- what the user does -----------------------------------------------------------------------------------

    def propose(self, level: Level, minutes: float) -> None:
        """Choose level and time for the user in the open project.

        The user's settings stay as they are.
        """
        self._level.setCurrentIndex(self._level.findData(level.value))
        self._minutes.setValue(minutes)

    def start(self) -> None:
        """Fine-tune as chosen."""
        level = Level(self._level.currentData())
        self.begin(TrainConfig(level=level, minutes=self._minutes.value()))

    def go_on(self) -> None:
        """Go on with the fine-tune that was interrupted, as it was begun."""
        earlier = self._fine_tuning.interrupted
        if earlier is not None:
            self.begin(earlier.config, go_on=True)

    def _forget_verdict(self) -> None:
        self._judged_with = None
        for words in (self._verdict, self._advice):
            words.clear()
            words.hide()

    def begin(self, config: TrainConfig, *, go_on: bool = False) -> None:
        """Begin a training with the augmentation of the settings.

        A training that goes on keeps its own augmentation.
        """
        self._forget_verdict()
        self._fine_tuning.start(config if go_on else self._augmented(config), go_on=go_on)

    def _augmented(self, config: TrainConfig) -> TrainConfig:
        """Return a training with the augmentation of the settings, as far as its level uses it."""
        turns = config.level is not Level.QUICK
        return replace(
            config,
            flip=self._settings.train_mirror,
            vertical_flip=turns and self._settings.train_upside_down,
            rotation=self._settings.train_rotation if turns else 0.0,
        )

    # --- what changes elsewhere -------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show network, device and what may be pressed."""
        if self._judged_with is not None and self._judged_with != self._current.info:
            self._forget_verdict()  # it speaks of a network that is no longer in use
        current, there = self._current, self._session.project is not None
        jobs, busy = self._job_list.views, self._fine_tuning.busy
        self._name.setText(current.name or tr("No network"))
        known = known_words(current.known, len(self._session.table.active))
        if current.info is not None and current.info.trunk_only:
            known = tr(TRUNK_ONLY)
        self._known.setText(known if current.name else tr(NO_NETWORK))
        self._known.setVisible(there)
        self._device.setCurrentIndex(max(0, self._device.findData(self._network_device.name)))
        self._device.setToolTip(tr("Where the network runs; now: {device}", device=self._network_device.words))
        self.fine_tune_button.setEnabled(there and not busy and not self._session.read_only)
        self.stop_button.setEnabled(busy and not any(job.stopping for job in jobs))
        self.back_button.setEnabled(current.can_go_back and self._job_list.only_refreshes)
        self._show_interrupted(enabled=not busy)
        self._show_counts()

    def _show_interrupted(self, *, enabled: bool) -> None:
        earlier = self._fine_tuning.interrupted
        for widget in (self._interrupted, self.go_on_button):
            widget.setVisible(earlier is not None)
        self.go_on_button.setEnabled(enabled)
        if earlier is not None:
            level = LEVELS[earlier.config.level][0]
            self._interrupted.setText(
                tr(
                    "The last fine-tune ({level}) was interrupted at step {step:,}.",
                    level=tr(level),
                    step=earlier.step,
                )
            )

    def _show_counts(self) -> None:
        if self._session.project is None:
            self._counts.setText(tr("Open a folder to train on it."))
            return
        counts = self._session.status_scan.counts()
        verified, begun = counts.get(Status.VERIFIED, 0), counts.get(Status.IN_PROGRESS, 0)
        words = _material_words(verified, begun)
        seen, before = self._current.trained_on, self._current.learned_before
        if seen:
            learned = tr_n(
                "The network has learned from {n:,} image.", "The network has learned from {n:,} images.", seen
            )
            words = f"{words} {learned}"
        if seen and before:
            earlier = tr_n(
                "It began with a network that had learned from {n:,} image.",
                "It began with a network that had learned from {n:,} images.",
                before,
            )
            words = f"{words} {earlier}"
        self._counts.setText(words)

    def _project_changed(self) -> None:
        self._forget_verdict()
        self._truth.hide()
        self._table.clear_figures()
        self._choose_as_set()
        self.refresh()
        self._draw()

    def _show_truth(self, before: Figures | None, after: Figures) -> None:
        self._truth.setText(
            tr(
                "True mean IoU on the demo's {images} other images: {before} → {after:.3f}",
                images=after.images,
                before=f"{before.mean_iou:.3f}" if before is not None else tr("nothing"),
                after=after.mean_iou,
            )
        )
        self._truth.show()

    def _draw(self) -> None:
        if self._curves is not None:
            self._curves.show_history(self._fine_tuning.history, self._session.table)

    def _progressed(self, progress: TrainProgress) -> None:
        if progress.figures is not None:
            self._table.show_figures(self._session.table, progress.figures)
        if self.in_front and not self._draw_soon.isActive():  # isVisible() is true behind another tab as well
            self._draw_soon.start()

    def _show_advice(self, figures: Figures) -> None:
        """Say for which class more labels would help the network in use most."""
        names = {info.index: info.name for info in self._session.table.active}
        found = advice(figures, self._fine_tuning.images_of_class, names)
        if found is not None:
            self._advice.setText(tr("What would help most: {advice}.", advice=found.translated()))
            self._advice.show()

    def _finished(self, adoption: Adoption, outcome: TrainOutcome) -> None:
        self._judged_with = self._current.info
        self._verdict.setText(verdict_words(adoption, outcome))
        self._verdict.show()
        if outcome.figures is not None:
            self._table.show_figures(self._session.table, outcome.figures, outcome.baseline)
            self._show_advice((outcome.figures if adoption.adopted else outcome.baseline) or outcome.figures)
        self.refresh()
        self._draw()


def _material_words(verified: int, begun: int) -> str:
    """Say what there is to learn from."""
    if not begun:
        return tr_n("{n:,} verified image to learn from.", "{n:,} verified images to learn from.", verified)
    return tr_n(
        "{n:,} verified image and {begun} to learn from.",
        "{n:,} verified images and {begun} to learn from.",
        verified,
        begun=tr_n("{n:,} begun image", "{n:,} begun images", begun),
    )


def _column() -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(theme.GRID)
    return column
