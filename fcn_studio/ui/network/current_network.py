"""The network that the open project uses.

It has what the network's classes mean there, and the way back.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from fcn_studio.core.class_map import ClassMap, can_help, map_classes
from fcn_studio.errors import CheckpointError, ProjectError
from fcn_studio.fcn.weights.catalogue import NetworkInfo
from fcn_studio.formats.project.run_label import read_run_label
from fcn_studio.i18n import tr, tr_n
from fcn_studio.jobs.networks import class_map_of, learned_before, network_of

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.formats.project.project_folder import ProjectFolder
    from fcn_studio.formats.project.runs import UsedNetwork
    from fcn_studio.ui.session.open_project import OpenProject


def name_of(network: NetworkInfo | None) -> str:
    """Return what people call a network, "" for none.

    It is the network's name; of a run the name that its user gave it, or its number.
    """
    if network is None:
        return ""
    folder = network.path.parent
    if not folder.name.isdigit():
        return network.name
    with suppress(ProjectError):  # told where the networks are listed
        if name := read_run_label(folder).name:
            return name
    return tr("run {number}", number=folder.name)


class CurrentNetwork(QObject):
    """Follows the open project's ``current.json``.

    Signals:
        changed(): another network is in use, or what its classes mean has changed.
        meaning_changed(): it is the same network, but predictions that it made so far mean something else.
        went_back(): a network that was in use before is in use again.
        notice(str), problem(str): a sentence for the user.

    Attributes:
        info: the network; None if there is none.
        class_map: what the user said that its classes mean in the project; the others go by name.
        learned_before: number of images that the network which its fine-tunes began with had learned from.
        can_go_back: whether there is an earlier network to return to; asked for at every edit, so no file is read.
        name: what people call the network, "" if there is none; of a run, its user's name or else its number.
    """

    changed = Signal()
    meaning_changed = Signal()
    went_back = Signal()
    notice = Signal(str)
    problem = Signal(str)

    def __init__(self, session: OpenProject, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.info: NetworkInfo | None = None
        self.class_map: ClassMap = {}
        self.can_go_back = False
        self.name = ""
        self._left: list[UsedNetwork] = []  # networks that were gone back from, the last one at the end
        self._back_at: tuple[ProjectFolder | None, str] = (None, "")  # the project and sha256 since then
        self.learned_before = 0
        self._said: dict[str, ClassMap] = {}  # sha256 of every network that was in use -> its class map
        session.table_changed.connect(self.changed)

    # --- what it is -------------------------------------------------------------------------------------------

    @property
    def can_go_forward(self) -> bool:
        """Whether the last change was a way back, which can be undone."""
        return bool(self._left) and self._back_at == (self._session.project, self.info.sha256 if self.info else "")

    @property
    def summary(self) -> str:
        """The network in a few words, for the corner of the window."""
        if self.info is None:
            return tr("Network: none")
        if self._session.project is not None and not self.can_prelabel:
            return tr("Network: {name} · knows none of your classes yet", name=self.name)
        if not self.trained_on:
            return tr("Network: {name}", name=self.name)
        if self.learned_before:
            return tr_n(
                "Network: {name} · learned from {n:,} image here, {before:,} before",
                "Network: {name} · learned from {n:,} images here, {before:,} before",
                self.trained_on,
                name=self.name,
                before=self.learned_before,
            )
        return tr_n(
            "Network: {name} · learned from {n:,} image",
            "Network: {name} · learned from {n:,} images",
            self.trained_on,
            name=self.name,
        )

    @property
    def index_map(self) -> Mapping[int, int]:
        """Mapping of network class index -> project class index.

        It has the classes that mean something in the project.
        """
        return self.index_map_of(self.info) if self.info is not None else {}

    def index_map_of(self, network: NetworkInfo) -> Mapping[int, int]:
        """Return `index_map` of a network that is or was in use.

        The network's job may end after another has replaced it.
        """
        return map_classes(network.table, self._session.table, self._said.get(network.sha256))

    @property
    def known(self) -> list[str]:
        """Names of the project's classes that the network knows."""
        return [self._session.table.name_of(index) for index in sorted(set(self.index_map.values()))]

    @property
    def can_prelabel(self) -> bool:
        """Whether the network knows a class of the project.

        The background does not count.
        """
        return self.info is not None and can_help(self.index_map, self.info.table)

    @property
    def trained_on(self) -> int:
        """Number of images of its training, 0 without a network."""
        return self.info.trained_on if self.info is not None else 0

    # --- another one ------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Find the network of the open project.

        A problem is reported if it cannot be loaded.
        """
        network = None
        try:
            network = network_of(self._session.project)
        except (CheckpointError, ProjectError) as error:
            self.problem.emit(tr("The network in use cannot be loaded: {reason}", reason=error))
            with suppress(CheckpointError):  # that one is damaged too
                network = network_of(None)
        self._set(network, self.remembered(network) if network is not None else {})

    def remembered(self, network: NetworkInfo) -> ClassMap:
        """Return what the user last said that a network's classes mean.

        It is for the open project.
        """
        project = self._session.project
        if project is not None:
            with suppress(ProjectError):  # told when the project was opened
                return class_map_of(project, network)
        return {}

    def use(self, network: NetworkInfo, checkpoint: str | Path, class_map: ClassMap) -> None:
        """Put a network in use for the open project.

        Where the project is read-only, it is in use in this window alone.

        Args:
            network: the network.
            checkpoint: the name that it has for this program, else its file.
            class_map: what its classes mean in the project; the others go by name.

        Raises:
            ProjectError: if the project cannot be written.
        """
        project, read_only = self._session.project, self._session.read_only
        if project is not None and not read_only:
            project.runs.set_current(checkpoint, network.sha256, compared=False, class_map=class_map)
        self._set(network, class_map)
        self.notice.emit(
            tr(
                "Network in use: {name}. In this window only, because the project is read-only here.",
                name=self.name,
            )
            if read_only
            else tr("Network in use: {name}.", name=self.name)
        )

    def go_back(self) -> None:
        """Return to the network that was in use before.

        Raises:
            ProjectError: if there is none, or the project cannot be written.
        """
        project = self._session.project
        used = project.runs.current() if project is not None else None
        if project is None or used is None:
            raise ProjectError(tr("There is no earlier network to go back to."))
        left = self._left if self.can_go_forward else []
        project.runs.go_back()
        self._left = [*left, used]
        self._arrive(tr("Back to the earlier network: {name}."))

    def go_forward(self) -> None:
        """Return to the network that was in use before the last `go_back`.

        Raises:
            ProjectError: if there is none, or the project cannot be written.
        """
        project = self._session.project
        if project is None or not self.can_go_forward:
            raise ProjectError(tr("There is no later network to go forward to."))
        used = self._left[-1]
        project.runs.set_current(used.checkpoint, used.sha256, compared=used.compared, class_map=used.class_map)
        self._left.pop()
        self._arrive(tr("Forward to the later network: {name}."))

    def _arrive(self, sentence: str) -> None:
        """Load the network that is in use now, and tell its name in a sentence."""
        self._back_at = (None, "")
        self.load()
        self._back_at = (self._session.project, self.info.sha256 if self.info is not None else "")
        self.changed.emit()
        self.notice.emit(sentence.format(name=self.name or tr("none")))
        self.went_back.emit()

    def _set(self, network: NetworkInfo | None, class_map: ClassMap) -> None:
        same = self.info is not None and network is not None and self.info.sha256 == network.sha256
        remapped = same and class_map != self.class_map
        self.info, self.class_map = network, class_map
        self.name = name_of(network)
        self.learned_before = self._learned_before()
        if network is not None:
            self._said[network.sha256] = class_map
        self.can_go_back = self._has_earlier()
        if remapped:
            self.meaning_changed.emit()
        self.changed.emit()

    def _learned_before(self) -> int:
        with suppress(ProjectError):  # told when the project was opened
            return learned_before(self.info, self._session.project) if self.info is not None else 0
        return 0

    def _has_earlier(self) -> bool:
        project = self._session.project
        if project is None or self._session.read_only:
            return False
        try:
            return project.runs.current() is not None
        except ProjectError:  # told when the project was opened
            return False
