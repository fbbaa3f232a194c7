"""What the user does about networks: the part of the menu that changes, the dialogs, the way out of "knows none"."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from fcn_studio.core.class_map import ClassMap, map_classes
from fcn_studio.core.classes import ClassTable
from fcn_studio.errors import FcnStudioError, NetworkCannotHelp, ProjectError
from fcn_studio.ui.runtime.user_messages import ActionDoor, Messages

if TYPE_CHECKING:  # start-up: what only those need who look at networks is imported where it is used
    from fcn_studio.fcn.weights.catalogue import NetworkInfo
    from fcn_studio.fcn.weights.published import PublishedNetwork
    from fcn_studio.jobs.network_list import ListedNetwork
    from fcn_studio.ui.dialogs.networks_dialog import NetworksDialog
    from fcn_studio.ui.network.learning import Learning
    from fcn_studio.ui.session.session import Session

AT_HAND = 6
"""Networks that the menu offers; the dialog has them all."""


class NetworkDesk(QObject):
    """Between the networks there are and the project that uses one.

    Attributes:
        learning, messages: of the window.
        door: behind which its buttons act.
        dialog: the dialog of networks while it is open.
    """

    def __init__(self, session: Session, learning: Learning, messages: Messages, window: QWidget) -> None:
        super().__init__(window)
        self._session, self._window = session, window
        self.learning, self.messages = learning, messages
        self.door = ActionDoor(messages, self.offer)
        self.dialog: NetworksDialog | None = None
        self._menu: QMenu | None = None
        self._entries: list[QAction] = []
        self._offered: list[ListedNetwork] = []
        learning.library.installed.connect(self._installed)
        session.project_changed.connect(self._look_again)

    # --- what dialogs and menu ask ----------------------------------------------------------------------------

    @property
    def table(self) -> ClassTable:
        """The project's classes; empty without a project."""
        return self._session.table

    @property
    def has_project(self) -> bool:
        """Whether there is a project that could use a network."""
        return self._session.project is not None

    @property
    def words(self) -> str:
        """The network in use in a few words, for the corner of the window."""
        learning = self.learning
        more = f" · learned from {learning.learned_from:,} images" if learning.learned_from else ""
        if self.has_project and learning.network is not None and not learning.can_prelabel:
            more = " · knows none of your classes yet"
        return f"Network: {learning.network_name or 'none'}{more}"

    def is_in_use(self, row: ListedNetwork | PublishedNetwork) -> bool:
        """Whether it is the network in use."""
        used = self.learning.network
        return used is not None and getattr(row, "path", None) == used.path

    def remembered(self, row: ListedNetwork) -> ClassMap:
        """What the user once said that its classes mean in this project."""
        return self.learning.in_use.remembered(row.info) if row.info is not None else {}

    def mark_of(self, row: ListedNetwork | PublishedNetwork) -> str:
        """What is worth knowing of a network at a glance."""
        from fcn_studio.jobs.network_list import ListedNetwork

        if not isinstance(row, ListedNetwork):
            return f"{row.size / 1e6:,.0f} MB"
        if self.is_in_use(row):
            return "in use"
        if row.info is None:
            return "damaged"
        return "candidate" if row.is_candidate else ""

    def warning_of(self, row: PublishedNetwork) -> str:
        """What to know before a download."""
        from fcn_studio.jobs.install import offline

        if offline():
            return "Nothing is downloaded here (the setting Never download); a file that you have can be imported."
        words = []
        if not row.trusted:
            words.append("Nothing proves that what comes is what was published: it has no safe address.")
        if row.browser:
            words.append(
                "The host may want a person to press a button first: if the download fails, fetch the file with a "
                "browser and import it."
            )
        return " ".join(words)

    # --- the menu ---------------------------------------------------------------------------------------------

    def fill(self, menu: QMenu, before: QAction) -> None:
        """Keep the networks at hand in a menu, above one of its entries, anew each time that it opens."""
        self._menu, self._before = menu, before
        menu.aboutToShow.connect(self._about_to_show)
        self.learning.library.changed.connect(self._show_entries)

    def _about_to_show(self) -> None:
        self._show_entries()
        self.learning.library.refresh()

    def _show_entries(self) -> None:
        """Offer what is at hand; entries stay where they are if it is the same, since the menu may be open."""
        if self._menu is None:
            return
        if self._offered != (rows := self._at_hand()):
            for action in self._entries:
                self._menu.removeAction(action)
                action.deleteLater()
            self._offered, self._entries = rows, [self._entry(row) for row in rows]
            separator = QAction(self._menu)
            separator.setSeparator(True)
            self._entries += [separator] if rows else []
            self._menu.insertActions(self._before, self._entries)
        for row, action in zip(self._offered, self._entries, strict=False):
            action.setChecked(self.is_in_use(row))
            action.setEnabled(self.has_project)

    def _entry(self, row: ListedNetwork) -> QAction:
        title = f"{row.title} (candidate)" if row.is_candidate else row.title
        action = QAction(title.replace("&", "&&"), self._menu)
        action.setCheckable(True)
        action.setStatusTip(f"Use {row.title} in this project")
        act = self.door(partial(self.use, row))
        action.triggered.connect(lambda _checked=False: act())
        return action

    def _at_hand(self) -> list[ListedNetwork]:
        """The one in use, and the first of the others that can be used."""
        usable = [row for row in self.learning.library.networks if row.info is not None]
        used = [row for row in usable if self.is_in_use(row)]
        others = [row for row in usable if row not in used][: AT_HAND - len(used)]
        return [row for row in usable if row in used or row in others]

    # --- dialogs ----------------------------------------------------------------------------------------------

    def show_networks(self) -> None:
        """Show the dialog of networks, or bring it to the front."""
        from fcn_studio.ui.dialogs.networks_dialog import NetworksDialog

        if self.dialog is None:
            self.dialog = NetworksDialog(self, self._window)
            self.dialog.finished.connect(self._forget_dialog)
        self.dialog.show()
        self.dialog.raise_()
        self.dialog.activateWindow()

    def _look_again(self) -> None:
        """With its project the shelf has forgotten all networks, and a dialog that is open would stay empty."""
        if self.dialog is not None:
            self.learning.library.refresh()

    def _forget_dialog(self) -> None:
        if self.dialog is not None:
            self.dialog.deleteLater()
        self.dialog = None

    def show_classes(self) -> None:
        """Let the user say what the classes of the network in use mean in the project."""
        network, project = self.learning.network, self._session.project
        if network is None:
            self.messages.say("There is no network yet: label a few images, then Fine-tune from scratch.")
        elif project is not None and network.trunk_only:
            self.messages.say(f"{self.learning.network_name} knows no class yet: label a few images, then Fine-tune.")
        elif project is not None:
            class_map = self._ask_classes(network, self.learning.in_use.class_map, "OK", self.dialog)
            if class_map is not None and self._session.project is project:
                current = project.runs.current()
                as_before = current is not None and current.sha256 == network.sha256
                checkpoint = current.checkpoint if current is not None and as_before else _reference(network)
                self.learning.in_use.use(network, checkpoint, class_map)

    def _ask_classes(
        self, network: NetworkInfo, class_map: ClassMap, accept: str, over: QWidget | None
    ) -> ClassMap | None:
        """What the user says that a network's classes mean, new ones made; None if they think better of it."""
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
            parent=over or self._window,
        )
        if not dialog.asked() or session.project is not project:
            return None
        session.classes.add_all([(info.name, info.colour) for info in dialog.new_classes()])
        return dialog.class_map(session.table)

    # --- another network --------------------------------------------------------------------------------------

    def use(self, row: ListedNetwork, over: QWidget | None = None) -> None:
        """Put a network in use; what its classes mean is asked if they are not all the project's by name.

        Raises:
            ProjectError: if there is no project, or it cannot be written.
        """
        network = row.info
        if network is None or self._session.project is None:
            raise ProjectError("No project is open: open a folder of images first.")
        if self.is_in_use(row):
            self._show_entries()  # the click has taken its tick
            return
        class_map = self.remembered(row)
        strange = len(map_classes(network.table, self.table)) < len(network.table.active)
        if strange and not class_map:
            answer = self._ask_classes(network, {}, "Use", over)
            if answer is None:
                self._show_entries()
                return
            class_map = answer
        self.learning.in_use.use(network, row.reference, class_map)

    def offer(self, error: FcnStudioError) -> bool:
        """Tell that the network in use knows no class, with the ways out; whether it was that."""
        if not isinstance(error, NetworkCannotHelp):
            return False
        ways = [("Networks…", self.show_networks)]
        if self.learning.network is not None and not self.learning.network.trunk_only:
            ways.insert(0, ("Classes…", self.show_classes))
        (label, act), *more = ways
        self.messages.offer(str(error), label, act, *more)
        return True

    # --- coming and going -------------------------------------------------------------------------------------

    def download(self, row: PublishedNetwork, over: QWidget | None = None) -> None:
        """Download a network; where nothing proves what comes, the user is asked first."""
        from fcn_studio.ui.dialogs.questions import UnprovenDialog

        if row.trusted or UnprovenDialog(row.title, row.url, over or self._window).asked():
            self.learning.library.download(row, unverified=not row.trusted)

    def ask_for_file(self) -> None:
        """Let the user choose a file to import."""
        from PySide6.QtWidgets import QFileDialog

        kinds = "Networks (*.safetensors *.caffemodel *.pth);;All files (*)"
        chosen, _ = QFileDialog.getOpenFileName(self.dialog or self._window, "Import a network", "", kinds)
        if chosen:
            self.learning.library.bring_in(Path(chosen))

    def remove(self, row: ListedNetwork, over: QWidget | None = None) -> None:
        """Delete an installed network, if the user is sure.

        Raises:
            CheckpointError: if it cannot be deleted.
        """
        from fcn_studio.ui.dialogs.questions import RemoveNetworkDialog

        if RemoveNetworkDialog(row.title, in_use=self.is_in_use(row), parent=over or self._window).asked():
            self.learning.library.remove(row.title)

    def _installed(self, name: str) -> None:
        """Tell that a network has come, and offer to use it."""
        if not self.has_project:
            self.messages.say(f"{name} is installed.")
            return
        self.messages.offer(f"{name} is installed.", "Use it", partial(self._use_installed, name), lasting=True)

    def _use_installed(self, name: str) -> None:
        from fcn_studio.fcn.weights.catalogue import read_info, resolve
        from fcn_studio.jobs.network_list import ListedNetwork, Origin

        path = resolve(name)
        with suppress(StopIteration):
            self.use(next(row for row in self.learning.library.networks if row.path == path))
            return
        self.use(ListedNetwork(Origin.INSTALLED, name, path, read_info(path)))


def _reference(network: NetworkInfo) -> str | Path:
    """What a project writes down of a network: its name if this program knows it by one, else its file."""
    from fcn_studio.fcn.weights.catalogue import bundled, installed

    return network.name if (installed() | bundled()).get(network.name) == network.path else network.path
