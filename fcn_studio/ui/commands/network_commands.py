"""What the user does about networks.

It is to choose, download, import and remove them, and to say what their classes mean.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from fcn_studio.core.class_map import ClassMap, map_classes
from fcn_studio.errors import FcnStudioError, NetworkCannotHelp, ProjectError
from fcn_studio.i18n import tr
from fcn_studio.ui.runtime.user_messages import ActionDoor, Messages

if TYPE_CHECKING:  # start-up: what only those need who look at networks is imported where it is used
    from fcn_studio.fcn.weights.catalogue import NetworkInfo
    from fcn_studio.fcn.weights.published import PublishedNetwork
    from fcn_studio.jobs.network_list import ListedNetwork
    from fcn_studio.ui.dialogs.networks_dialog import NetworksDialog
    from fcn_studio.ui.network.network_parts import NetworkParts
    from fcn_studio.ui.network.network_rows import NetworkRows
    from fcn_studio.ui.session.session import Session


class NetworkCommands(QObject):
    """The commands on networks, and the dialog of networks.

    Attributes:
        dialog: the dialog of networks while it is open.
    """

    def __init__(self, session: Session, network: NetworkParts, messages: Messages, window: QWidget) -> None:
        super().__init__(window)
        self._session, self._network, self._messages, self._window = session, network, messages, window
        self._current, self._library = network.current, network.library
        self._door = ActionDoor(messages, self.offer)
        self.dialog: NetworksDialog | None = None
        self._library.installed.connect(self._installed)
        self._library.undecided.connect(self._ask_architecture)
        session.project_changed.connect(self._look_again)

    @cached_property
    def rows(self) -> NetworkRows:
        """What is known of the networks to choose from."""
        from fcn_studio.ui.network.network_rows import NetworkRows

        return NetworkRows(self._session, self._network.current, self._library, self._network.device)

    # --- dialogs ----------------------------------------------------------------------------------------------

    def show_networks(self) -> None:
        """Show the dialog of networks, or bring it to the front."""
        if self.dialog is None:
            self.dialog = self._make_dialog()
        self.dialog.show()
        self.dialog.raise_()
        self.dialog.activateWindow()

    def _make_dialog(self) -> NetworksDialog:
        from fcn_studio.ui.dialogs.networks_dialog import NetworksDialog

        dialog, door = NetworksDialog(self.rows, self._network, self._messages, self._window), self._door
        dialog.use_asked.connect(lambda row: door.run(partial(self.use, row)))
        dialog.download_asked.connect(lambda row: door.run(partial(self.download, row)))
        dialog.remove_asked.connect(lambda row: door.run(partial(self.remove, row)))
        dialog.classes_asked.connect(door(self.show_classes))
        dialog.import_asked.connect(door(self.ask_for_file))
        dialog.compare_asked.connect(lambda row: door.run(partial(self.compare, row)))
        dialog.label_asked.connect(lambda row: door.run(partial(self.label, row)))
        dialog.back_asked.connect(door(self._current.go_back))
        dialog.forward_asked.connect(door(self._current.go_forward))
        dialog.finished.connect(self._forget_dialog)
        return dialog

    def _look_again(self) -> None:
        """List the networks again for a dialog that is open.

        The library forgets all networks with its project, and the dialog would stay empty.
        """
        if self.dialog is not None:
            self._library.refresh()

    def _forget_dialog(self) -> None:
        if self.dialog is not None:
            self.dialog.deleteLater()
        self.dialog = None

    def show_classes(self) -> None:
        """Let the user map the classes of the network in use.

        The user says what they mean in the project.
        """
        network, project = self._current.info, self._session.project
        if network is None:
            self._messages.say(tr("There is no network yet: label a few images, then Fine-tune from scratch."))
        elif project is not None and network.trunk_only:
            self._messages.say(
                tr("{network} knows no class yet: label a few images, then Fine-tune.", network=self._current.name)
            )
        elif project is not None:
            class_map = self._ask_classes(network, self._current.class_map, tr("OK"))
            if class_map is not None and self._session.project is project:
                current = project.runs.current()
                as_before = current is not None and current.sha256 == network.sha256
                checkpoint = current.checkpoint if current is not None and as_before else _reference(network)
                self._current.use(network, checkpoint, class_map)

    def _ask_classes(self, network: NetworkInfo, class_map: ClassMap, accept: str) -> ClassMap | None:
        """Ask what a network's classes mean and add new classes.

        The result is None if the user cancels.
        """
        from fcn_studio.core.colours.screen_colours import chosen_colour
        from fcn_studio.ui.dialogs.class_map_dialog import ClassMapDialog
        from fcn_studio.ui.network.current_network import name_of

        session, project = self._session, self._session.project
        dialog = ClassMapDialog(
            name_of(network),
            network.table,
            session.table,
            class_map,
            accept=accept,
            can_add=not session.read_only,
            parent=self._front,
        )
        if not dialog.asked() or session.project is not project:
            return None
        added = [(info.name, chosen_colour(info)) for info in dialog.new_classes()]
        session.classes.add_all(added)
        return dialog.class_map(session.table)

    @property
    def _front(self) -> QWidget:
        """Parent of a question.

        It is the dialog of networks while that is open, else the window.
        """
        return self.dialog or self._window

    # --- another network --------------------------------------------------------------------------------------

    def use_behind_door(self, row: ListedNetwork) -> None:
        """Put a network in use, and show errors to the user."""
        self._door.run(partial(self.use, row))

    def use(self, row: ListedNetwork) -> None:
        """Put a network in use.

        The user is asked what its classes mean if they are not all the project's by name.

        Raises:
            ProjectError: if there is no project, or it cannot be written.
        """
        network = row.info
        if network is None or self._session.project is None:
            raise ProjectError(tr("No project is open: open a folder of images first."))
        if self.rows.is_current(row):
            return
        class_map = self.rows.class_map(row)
        strange = len(map_classes(network.table, self._session.table)) < len(network.table.active)
        if strange and not class_map:
            answer = self._ask_classes(network, {}, tr("Use"))
            if answer is None:
                return
            class_map = answer
        self._current.use(network, row.reference, class_map)

    def offer(self, error: FcnStudioError) -> bool:
        """Offer the ways out if the network in use knows no class.

        Returns whether the error says that.
        """
        if not isinstance(error, NetworkCannotHelp):
            return False
        ways = [(tr("Networks…"), self.show_networks)]
        if self._current.info is not None and not self._current.info.trunk_only:
            ways.insert(0, (tr("Classes…"), self.show_classes))
        (label, act), *more = ways
        self._messages.offer(str(error), label, act, *more)
        return True

    # --- the library ------------------------------------------------------------------------------------------

    def download(self, row: PublishedNetwork) -> None:
        """Download a network.

        Where nothing proves the file, the user is asked first.
        """
        from fcn_studio.ui.dialogs.questions import UnprovenDialog

        if row.trusted or UnprovenDialog(row.title, row.url, self._front).asked():
            self._library.download(row, unverified=not row.trusted)

    def ask_for_file(self) -> None:
        """Let the user choose a file to import."""
        from PySide6.QtWidgets import QFileDialog

        networks, everything = tr("Networks"), tr("All files")
        kinds = f"{networks} (*.safetensors *.caffemodel *.pth);;{everything} (*)"
        chosen, _ = QFileDialog.getOpenFileName(self._front, tr("Import a network"), "", kinds)
        if chosen:
            self._library.bring_in(Path(chosen))

    def _ask_architecture(self, file: Path, names: tuple[str, ...]) -> None:
        """Let the user say which of several architectures the weights in a file have."""
        labels = {"vgg16-8s": tr("In stages"), "vgg16-8s-atonce": tr("All at once")}
        buttons = [(labels.get(name, name), partial(self._library.bring_in, file, name)) for name in names]
        (label, act), *more = buttons
        sentence = tr(
            "{file} is an FCN-8s that was trained in stages or all at once. The file does not tell which.",
            file=file.name,
        )
        self._messages.offer(sentence, label, act, *more, lasting=True)

    def remove(self, row: ListedNetwork) -> None:
        """Delete an installed network, if the user is sure.

        Raises:
            CheckpointError: if it cannot be deleted.
        """
        from fcn_studio.ui.dialogs.questions import RemoveNetworkDialog

        if RemoveNetworkDialog(row.title, in_use=self.rows.is_current(row), parent=self._front).asked():
            self._library.remove(row.title)

    def compare(self, row: ListedNetwork) -> None:
        """Show the dialog that compares a network with the one in use, or with another."""
        from fcn_studio.ui.dialogs.compare_dialog import CompareDialog
        from fcn_studio.ui.network.network_comparison import Compared

        rows, comparison, door = self.rows.comparable(), self._network.comparison, self._door
        pairs = [Compared(r.title, r.info, self.rows.class_map(r)) for r in rows if r.info is not None]
        second = next((number for number, other in enumerate(rows) if other.key == row.key), 0)
        used = (number for number, other in enumerate(rows) if number != second and self.rows.is_current(other))
        names = [compared.name for compared in pairs]
        dialog = CompareDialog(self._session.table, names, next(used, 0), second, self._front)
        dialog.score_asked.connect(lambda a, b: door.run(partial(comparison.start, pairs[a], pairs[b])))
        dialog.wipe_asked.connect(lambda a, b: door.run(partial(comparison.predict, pairs[a], pairs[b])))
        comparison.said.connect(dialog.say)
        comparison.scored.connect(dialog.show_figures)
        self._session.project_changed.connect(dialog.close)
        dialog.finished.connect(comparison.cancel)
        dialog.finished.connect(dialog.deleteLater)
        dialog.show()

    def label(self, row: ListedNetwork) -> None:
        """Let the user name a run, write a note on it, and pin it.

        Raises:
            ProjectError: if it cannot be written.
        """
        from fcn_studio.formats.project.run_label import write_run_label
        from fcn_studio.ui.dialogs.run_label_dialog import RunLabelDialog

        project = self._session.project
        if project is None or row.path is None or not self.rows.can_label:
            return
        folder = row.path.parent
        dialog = RunLabelDialog(row.label, tr("run {number}", number=folder.name), self._front)
        if dialog.asked() and self._session.project is project:
            write_run_label(project.folder, folder, dialog.label())
            self._current.load()
            self._library.refresh()

    def _installed(self, name: str) -> None:
        """Tell that a network was installed, and offer to use it."""
        sentence = tr("{name} is installed.", name=name)
        if self.rows.has_project:
            self._messages.offer(sentence, tr("Use it"), partial(self._use_installed, name), lasting=True)
        else:
            self._messages.say(sentence)

    def _use_installed(self, name: str) -> None:
        from fcn_studio.fcn.weights.catalogue import read_info, resolve
        from fcn_studio.jobs.network_list import ListedNetwork, Origin

        path = resolve(name)
        with suppress(StopIteration):
            self.use(next(row for row in self._library.networks if row.path == path))
            return
        self.use(ListedNetwork(Origin.INSTALLED, name, path, read_info(path)))


def _reference(network: NetworkInfo) -> str | Path:
    """Return the reference to a network that a project writes down.

    It is its name if the program knows it by one, else its file.
    """
    from fcn_studio.fcn.weights.catalogue import bundled, installed

    return network.name if (installed() | bundled()).get(network.name) == network.path else network.path
