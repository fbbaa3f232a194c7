"""What is known of each network to choose from, in words.

The dialog and the menu of networks show it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QDateTime, QLocale

from fcn_studio.core.class_map import ClassMap, map_classes
from fcn_studio.core.classes import ClassTable
from fcn_studio.core.metrics import Figures
from fcn_studio.core.training import REASONS, TrainProgress, Verdict
from fcn_studio.i18n import as_reasons, as_text, ended, listed, recognised, tr, tr_n, tr_noop
from fcn_studio.jobs.network_list import ListedNetwork, Origin
from fcn_studio.ui.network.current_network import CurrentNetwork
from fcn_studio.ui.network.network_device import NetworkDevice
from fcn_studio.ui.network.network_library import NetworkLibrary

if TYPE_CHECKING:  # start-up: what only those need who look at networks is imported where it is used
    from fcn_studio.fcn.weights.published import PublishedNetwork
    from fcn_studio.ui.session.session import Session

Fact = tuple[str, str]
"""What it is, and the words for it."""

RowKey = tuple[Origin, str]
"""By which a row is found again in another list."""

_VERDICTS = {
    Verdict.ADOPTED.value: tr_noop("Adopted: {reasons}."),
    Verdict.NOT_COMPARED.value: tr_noop("Adopted, not compared: {reasons}."),
    Verdict.CANDIDATE.value: tr_noop("Kept as a candidate: {reasons}."),
}


@dataclass(frozen=True)
class Description:
    """What a person reads of one network."""

    title: str
    sentence: str
    facts: list[Fact]


class NetworkRows:
    """The networks to choose from, as the open project sees them."""

    def __init__(
        self, session: Session, current: CurrentNetwork, library: NetworkLibrary, device: NetworkDevice
    ) -> None:
        self._session, self._current, self._library, self._device = session, current, library, device

    @property
    def has_project(self) -> bool:
        """Whether there is a project that could use a network."""
        return self._session.project is not None

    @property
    def can_label(self) -> bool:
        """Whether the open project's runs can be named."""
        return self.has_project and not self._session.read_only

    @property
    def table(self) -> ClassTable:
        """The classes of the open project."""
        return self._session.table

    def log(self, row: ListedNetwork) -> Sequence[TrainProgress]:
        """Return the reports of the training of a run."""
        from fcn_studio.jobs.runs import read_log

        return read_log(row.path.parent) if row.origin is Origin.RUN and row.path is not None else []

    def by_key(self) -> dict[RowKey, ListedNetwork | PublishedNetwork]:
        """Return the networks on this computer, then those to download."""
        here: dict[RowKey, ListedNetwork | PublishedNetwork] = {row.key: row for row in self._library.networks}
        return here | {(Origin.PUBLISHED, row.name): row for row in self._library.published}

    def at_hand(self, most: int) -> list[ListedNetwork]:
        """Return the network in use and the first usable others.

        They are in their order.
        """
        usable = [row for row in self._library.networks if row.info is not None]
        used = [row for row in usable if self.is_current(row)]
        others = [row for row in usable if row not in used][: most - len(used)]
        return [row for row in usable if row in used or row in others]

    def comparable(self) -> list[ListedNetwork]:
        """Return the networks that know a class of the open project; none without one."""
        table = self._session.table
        rows = [row for row in self._library.networks if row.info is not None] if self.has_project else []
        return [r for r in rows if r.info is not None and map_classes(r.info.table, table, self.class_map(r))]

    def is_current(self, row: ListedNetwork | PublishedNetwork) -> bool:
        """Return whether the open project uses this network."""
        used = self._current.info
        return used is not None and getattr(row, "path", None) == used.path

    def class_map(self, row: ListedNetwork) -> ClassMap:
        """Return the open project's class map for a network.

        It is what the user said that the network's classes mean.
        """
        if self.is_current(row):
            return self._current.class_map
        return self._current.remembered(row.info) if row.info is not None else {}

    def mark(self, row: ListedNetwork | PublishedNetwork) -> str:
        """Return what is worth knowing of a network at a glance."""
        if not isinstance(row, ListedNetwork):
            return _megabytes(row.size)
        if self.is_current(row):
            return tr("in use")
        if row.info is None:
            return tr("damaged")
        marks = [tr("pinned")] if row.label.pinned else []
        return " · ".join([*marks, tr("candidate")] if row.is_candidate else marks)

    def figures(self, row: ListedNetwork) -> tuple[Figures, Figures | None] | None:
        """Return the figures of a run and of the network before it, None without any."""
        result = row.result
        if result is None or result.mean_iou is None:
            return None
        before = None
        if result.baseline_mean_iou is not None:
            before = self._figures_of(result.baseline_mean_iou, result.baseline_iou)
        return self._figures_of(result.mean_iou, result.iou), before

    def _figures_of(self, mean_iou: float, by_name: Mapping[str, float]) -> Figures:
        """Return figures of the project's classes; those of other names are left out."""
        indices = {info.name: info.index for info in self._session.table}
        iou = {indices[name]: value for name, value in by_name.items() if name in indices}
        return Figures(math.nan, math.nan, mean_iou, math.nan, iou, {})

    def _began_with(self, row: ListedNetwork) -> str:
        """Return the name of the network that a fine-tune started from."""
        parent = row.info.parent if row.info is not None else ""
        if not parent:
            return ""
        known = (r.title for r in self._library.networks if r.info is not None and r.info.sha256 == parent)
        return next(known, tr("a network that is no longer here"))

    def describe(self, row: ListedNetwork | PublishedNetwork) -> Description:
        """Return what is known of a network."""
        table = self._session.table
        if not isinstance(row, ListedNetwork):
            return Description(row.title, _download_warning(row), _published_facts(row, table))
        facts = _listed_facts(row, table, self.class_map(row), self._device.short_words)
        facts.insert(0, (tr("Note"), row.label.note))
        facts.insert(-2, (tr("Began with"), self._began_with(row)))
        return Description(row.title, _sentence(row, is_current=self.is_current(row)), facts)


def _sentence(row: ListedNetwork, *, is_current: bool) -> str:
    """Return what to say first of a network on this computer."""
    if row.note:
        return row.note
    sentences = [tr("In use in this project.")] if is_current else []
    if row.info is not None and row.info.trunk_only:
        sentences.append(tr("It knows no class yet: it cannot label, it is a start for fine-tuning."))
    elif row.result is not None:
        reasons = as_reasons(recognised(reason, REASONS) for reason in row.result.reasons)
        verdict = _VERDICTS.get(row.result.verdict)
        sentences.append(
            tr(verdict, reasons=reasons) if verdict else ended(f"{row.result.verdict.capitalize()}: {reasons}")
        )
    elif row.origin is Origin.RUN:
        sentences.append(tr("The training that makes it has not ended, or was broken off."))
    return as_text(sentences)


def _download_warning(row: PublishedNetwork) -> str:
    """Return what to know before a download."""
    from fcn_studio.jobs.install import offline

    if offline():
        return tr("Nothing is downloaded here (the setting Never download); a file that you have can be imported.")
    sentences = []
    if not row.trusted:
        sentences.append(tr("Nothing proves that what comes is what was published: it has no safe address."))
    if row.browser:
        sentences.append(
            tr(
                "The website may want a person to press a button first: if the download fails, fetch the file with a "
                "browser and import it."
            )
        )
    return as_text(sentences)


def _listed_facts(row: ListedNetwork, table: ClassTable, class_map: ClassMap, device: str) -> list[Fact]:
    """Return what is known of a network on this computer.

    Args:
        row: the network.
        table: the project's classes; empty without one.
        class_map: what the user said that the network's classes mean in the project.
        device: where networks run, in words.
    """
    info = row.info
    if info is None:
        return [(tr("File"), str(row.path))]
    names = [c.name for c in info.table.active]
    known = sorted(set(map_classes(info.table, table, class_map).values()))
    return [
        (tr("Knows here"), _known([table.name_of(index) for index in known], table)),
        (tr("Its classes"), _counted(names)),
        (tr("Architecture"), row.architecture),
        (tr("Runs on"), tr("CPU or graphics card; here: {device}", device=device)),
        (tr("Last took"), _timing(row)),
        (tr("Size"), _megabytes(info.size)),
        (tr("Figures"), "\n".join(_figures(row))),
        (tr("Learned from"), tr_n("{n:,} image", "{n:,} images", info.trained_on) if info.trained_on else ""),
        (tr("Made"), _made(row) if row.origin is Origin.RUN else ""),
        (tr("Licence"), info.licence),
        (tr("Source"), info.source),
        (tr("Note"), info.note),
        (tr("File"), str(info.path)),
        ("sha256", info.sha256),
    ]


def _published_facts(network: PublishedNetwork, table: ClassTable) -> list[Fact]:
    """Return what is known of a network before it is downloaded."""
    theirs = ClassTable.from_names(network.classes)
    known = sorted(set(map_classes(theirs, table).values()))
    return [
        (tr("Knows here"), _known([table.name_of(index) for index in known], table) if network.classes else ""),
        (tr("Its classes"), _counted(list(network.classes))),
        (tr("Runs on"), network.where_it_runs),
        (tr("Size"), _megabytes(network.size)),
        (tr("Figures"), network.figures),
        (tr("Licence"), network.licence),
        (tr("Source"), network.url),
    ]


def _made(row: ListedNetwork) -> str:
    """Return when a run was made, with its number where it has a name."""
    when = _date(row.changed_at)
    if not row.label.name or row.path is None:
        return when
    return tr("{when}, as run {number}", when=when, number=row.path.parent.name)


def _known(names: list[str], table: ClassTable) -> str:
    total = len(table.active)
    if not total:
        return ""
    if not names:
        return tr_n(
            "none of this project's classes ({n}) by name", "none of this project's {n} classes by name", total
        )
    return tr_n(
        "{known} of this project's classes ({n}): {names}",
        "{known} of this project's {n} classes: {names}",
        total,
        known=len(names),
        names=listed(names),
    )


def _counted(names: list[str]) -> str:
    return tr("{number}: {names}", number=len(names), names=listed(names)) if names else tr("none")


def _timing(row: ListedNetwork) -> str:
    timing = row.timing
    if timing is None:
        return ""
    return tr(
        "{time} for {width} x {height}, {device}",
        time=_seconds(timing.seconds),
        width=timing.width,
        height=timing.height,
        device=timing.device,
    )


def _figures(row: ListedNetwork) -> Iterator[str]:
    """Yield the validation figures, a line each."""
    result, validation = row.result, row.info.validation if row.info is not None else None
    if result is not None and result.mean_iou is not None:
        if result.baseline_mean_iou is None:
            yield tr_n(
                "mean IoU {now:.3f} on {n} image of this project",
                "mean IoU {now:.3f} on {n} images of this project",
                result.validated_on,
                now=result.mean_iou,
            )
        else:
            yield tr_n(
                "mean IoU {now:.3f}, {before:.3f} before on {n} image of this project",
                "mean IoU {now:.3f}, {before:.3f} before on {n} images of this project",
                result.validated_on,
                now=result.mean_iou,
                before=result.baseline_mean_iou,
            )
        return
    mean_iou, accuracy = (validation or {}).get("mean_iou"), (validation or {}).get("pixel_accuracy")
    if isinstance(mean_iou, float):
        yield tr("mean IoU {value:.3f}", value=mean_iou)
    if isinstance(accuracy, float):
        yield tr("pixel accuracy {value:.3f}", value=accuracy)
    images = (validation or {}).get("images")
    if isinstance(images, int):
        yield tr_n("on {n:,} validation image", "on {n:,} validation images", images)


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size >= 10e6 else f"{size / 1e6:.1f} MB"


def _date(seconds: float) -> str:
    return QLocale().toString(QDateTime.fromSecsSinceEpoch(int(seconds)), "d MMM yyyy, HH:mm")
