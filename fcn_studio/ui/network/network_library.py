"""The networks to choose from.

They are listed in a thread, downloaded and imported by jobs, and removed.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from fcn_studio.errors import CheckpointError
from fcn_studio.i18n import Message, tr
from fcn_studio.ui.network.job_list import JobList, JobView, Kind
from fcn_studio.ui.runtime.worker import Worker

if TYPE_CHECKING:  # start-up: what only those need who look at networks is imported where it is used
    from fcn_studio.fcn.weights.published import PublishedNetwork
    from fcn_studio.formats.project.project_folder import ProjectFolder
    from fcn_studio.formats.timings import Timings
    from fcn_studio.jobs.network_list import ListedNetwork
    from fcn_studio.jobs.protocol import Failed, JobResult, Predicted
    from fcn_studio.ui.session.open_project import OpenProject

    _Found = tuple[ProjectFolder | None, Sequence[ListedNetwork], Sequence[PublishedNetwork]]


class NetworkLibrary(QObject):
    """All networks to choose from.

    Signals:
        changed(): the list was looked through again.
        installed(str): a network of this name has been downloaded or imported.
        undecided(Path, tuple): a file was not imported, since it may have each of these architectures.
        notice(str), problem(str): a sentence for the user.

    Attributes:
        networks: those on this computer, as they were when they were last looked through.
        published: those that could be downloaded.
    """

    changed = Signal()
    installed = Signal(str)
    undecided = Signal(object, object)
    notice = Signal(str)
    problem = Signal(str)

    def __init__(self, session: OpenProject, job_list: JobList, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._job_list = session, job_list
        self._worker = Worker("networks", self)
        self._timings: Timings | None = None
        self.networks: Sequence[ListedNetwork] = ()
        self.published: Sequence[PublishedNetwork] = ()
        self._worker.finished.connect(self._on_looked)
        session.project_changed.connect(self._clear)

    # --- looking ----------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """List the networks again in the background.

        `changed` is emitted when that is done.
        """
        self._worker.start(_looking(self._session.project, self._known_timings))

    def _on_looked(self, found: _Found) -> None:
        project, networks, published = found
        if project is self._session.project:  # else another folder was opened meanwhile
            self.networks, self.published = networks, published
            self.changed.emit()

    def _clear(self) -> None:
        """Forget the networks, for runs of a closed folder cannot be chosen."""
        if self.networks or self.published:
            self.networks, self.published = (), ()
            self.changed.emit()

    # --- how long they take -----------------------------------------------------------------------------------

    @property
    def _known_timings(self) -> Timings:
        from fcn_studio.formats.timings import Timings

        self._timings = self._timings or Timings()
        return self._timings

    def note_time(self, news: Predicted, device: Message | None) -> None:
        """Remember how long a network took for an image.

        It is remembered only if it is known where the network ran.
        """
        from fcn_studio.formats.timings import Timing

        height, width = news.prediction.label_map.shape
        if device is not None and news.seconds > 0:
            self._known_timings.note(news.prediction.checkpoint, Timing(news.seconds, width, height, str(device)))

    # --- coming and going -------------------------------------------------------------------------------------

    @property
    def coming(self) -> list[JobView]:
        """The downloads and imports that run or wait, oldest first."""
        return self._job_list.views_of(Kind.INSTALL)

    def is_coming(self, network: PublishedNetwork) -> bool:
        """Return whether a published network is being downloaded, or waits for that."""
        return any(view.title == _download_title(network.name) for view in self.coming)

    def download(self, network: PublishedNetwork, *, unverified: bool = False) -> None:
        """Download a published network.

        ``unverified`` allows one that nothing proves.
        """
        self._install(network.name, network.name, _download_title(network.name), unverified=unverified)

    def bring_in(self, file: Path, architecture: str = "") -> None:
        """Import a network from a file.

        It gets its published name, or a free name like the file's. ``architecture`` is for a file that does not tell
        its own.
        """
        name = free_name(file.stem)
        title = tr("Import {file}", file=file.name)
        self._install(str(file), "" if name == file.stem else name, title, architecture=architecture)

    def _install(
        self, source: str, name: str, title: str, *, unverified: bool = False, architecture: str = ""
    ) -> None:
        from fcn_studio.jobs.protocol import InstallJob

        if any(view.title == title for view in self.coming):
            raise CheckpointError(tr("{title} is running already.", title=title))

        def on_done(result: JobResult) -> None:
            self.refresh()
            self.installed.emit(Path(str(result)).stem)

        def on_failed(failure: Failed) -> bool:
            if failure.architectures:
                self.undecided.emit(Path(source), failure.architectures)
            return bool(failure.architectures)

        job = InstallJob(source, name, allow_unverified=unverified, architecture=architecture)
        self._job_list.submit(Kind.INSTALL, job, title, words=tr("waiting"), on_done=on_done, on_failed=on_failed)

    def stop(self) -> None:
        """End the oldest download or import."""
        if self.coming:
            self._job_list.stop(self.coming[0].job_id)

    def remove(self, name: str) -> None:
        """Delete an installed network.

        Raises:
            CheckpointError: if it cannot be deleted.
        """
        from fcn_studio.fcn.weights.catalogue import remove_installed

        try:
            path = remove_installed(name)
        finally:
            self.refresh()
        self.notice.emit(tr("Removed {name}.", name=path.stem))

    def shut_down(self) -> None:
        """End the thread, and save the timings."""
        self._worker.close()
        if self._timings is not None:
            self._timings.save()


def _looking(project: ProjectFolder | None, timings: Timings) -> Generator[None, None, _Found]:
    """Read headers, hash changed files, and return the networks."""
    from fcn_studio.jobs.network_list import list_networks
    from fcn_studio.jobs.networks import available

    yield  # a worker runs generators
    return project, list_networks(project, timings), tuple(available())


def _download_title(name: str) -> str:
    return tr("Download {name}", name=name)


def free_name(stem: str) -> str:
    """Return a free name like that of a file.

    It has only letters that a network's name may have, and is not taken.
    """
    import re

    from fcn_studio.fcn.weights.catalogue import bundled, installed

    taken = {name.casefold() for name in (*bundled(), *installed())}
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:56] or "network"
    names = (plain, *(f"{plain}-{number}" for number in range(2, 1000)))
    return next((name for name in names if name.casefold() not in taken), plain)
