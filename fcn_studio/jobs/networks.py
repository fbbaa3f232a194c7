"""Which network a project uses, and which there are to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from fcn_studio.core.class_map import ClassMap, can_help, map_classes, read_class_map, suggestions
from fcn_studio.core.classes import ClassTable
from fcn_studio.errors import CheckpointError, NetworkCannotHelp
from fcn_studio.fcn.weights.catalogue import DEFAULT, GENERAL, NetworkInfo, bundled, installed, read_info, resolve
from fcn_studio.i18n import listed, tr

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.fcn.weights.published import PublishedNetwork
    from fcn_studio.formats.project.project_folder import ProjectFolder
    from fcn_studio.formats.project.runs import UsedNetwork


def network_of(project: ProjectFolder | None, asked: str = "") -> NetworkInfo | None:
    """Return the network asked for by name or path.

    Without one, it is the project's current network, else the bundled default. It is None if nothing was asked for
    and none is installed.

    Raises:
        CheckpointError: if the one asked for, or the project's current one, is missing or damaged.
    """
    if asked:
        return read_info(resolve(asked))
    current = project.runs.current() if project is not None else None
    if current is not None:
        assert project is not None
        return read_info(_place(current, project))
    return default_network(project.config.table if project is not None else None)


def start_of(project: ProjectFolder) -> NetworkInfo | None:
    """Return the network that a fine-tune of a project starts from.

    It is the last one in use that is no run of the project; else it is the bundled default. Fine-tunes do not go on
    from each other: chained ones forget. All trusted pixels are trained on each time instead.

    Raises:
        CheckpointError: if the bundled default is damaged.
        ProjectError: if ``current.json`` is broken.
    """
    for used in project.runs.chain():
        path = used.path(project.folder)
        if path is None or not project.runs.holds(path):
            with suppress(CheckpointError):  # it is no longer there, and the one before it may be
                return read_info(_place(used, project))
    return default_network(project.config.table)


def default_network(table: ClassTable | None = None) -> NetworkInfo | None:
    """Return the bundled network that a project with these classes begins with.

    It is the one that knows most of them, the background aside; where several know as many, or there are no classes
    yet, `DEFAULT`. Where none knows any, it is `GENERAL`, which a fine-tune starts from. None if this installation
    does not have it.

    Raises:
        CheckpointError: if it is damaged.
    """
    networks = {name: read_info(path) for name, path in bundled().items()}
    if table is None or not table.active:
        return networks.get(DEFAULT)
    shared = {name: _shared(info.table, table) for name, info in networks.items()}
    if not any(shared.values()):
        return networks.get(GENERAL) or networks.get(DEFAULT)
    return networks[max(networks, key=lambda name: (shared[name], name == DEFAULT))]


def _shared(source: ClassTable, target: ClassTable) -> int:
    """Return how many project classes a network knows by name.

    It is 0 if it knows only the background.
    """
    index_map = map_classes(source, target)
    return len(set(index_map.values()) - {target.background_index}) if can_help(index_map, source) else 0


def class_map_of(project: ProjectFolder, network: NetworkInfo) -> ClassMap:
    """Return the project's class map for a network.

    It is what the user last said that the network's classes mean, and empty if they go by name.

    Raises:
        ProjectError: if ``current.json`` is broken.
    """
    for used in project.runs.chain():
        if used.sha256 == network.sha256 or _is(used, network, project):
            return used.class_map
    return {}


def class_map_with(project: ProjectFolder, network: NetworkInfo, said: Sequence[str]) -> ClassMap:
    """Return the project's class map of a network and ``--map``.

    What ``--map`` says comes first.

    Raises:
        UsageError: if ``--map`` names what is no class.
        ProjectError: if ``current.json`` is broken.
    """
    return {**class_map_of(project, network), **read_class_map(said, network.table, project.config.table)}


def index_map_of(project: ProjectFolder, network: NetworkInfo, class_map: ClassMap) -> dict[int, int]:
    """Return network class index -> project class index, for a command.

    Raises:
        NetworkCannotHelp: if no class is known to both, or only the background is; says how ``--map`` would be used.
    """
    ours = project.config.table
    refuse_trunk(network)
    mapped = map_classes(network.table, ours, class_map)
    if can_help(mapped, network.table):
        return mapped
    alike = suggestions(network.table, ours) or {network.table.active[-1].index: ours.active[-1].index}
    raise NetworkCannotHelp(
        tr(
            "The network '{name}' knows none of the classes of '{folder}'. Say what its classes mean there, as "
            '--map "{example}", choose another with --network, or label a few images and train. '
            "Its classes: {theirs}. Yours: {ours}.",
            name=network.name,
            folder=project.folder,
            example=",".join(f"{network.table.name_of(a)}={ours.name_of(b)}" for a, b in alike.items()),
            theirs=_listed(network.table),
            ours=_listed(ours),
        )
    )


def refuse_trunk(network: NetworkInfo) -> None:
    """Raises: NetworkCannotHelp if a network knows no class at all."""
    if network.trunk_only:
        raise NetworkCannotHelp(
            tr(
                "The network '{name}' knows no class: it is a start for fine-tuning. To use it, label a few images "
                "and train.",
                name=network.name,
            )
        )


def _listed(table: ClassTable) -> str:
    return listed(info.name for info in table.active)


def learned_before(network: NetworkInfo, project: ProjectFolder | None) -> int:
    """Return the number of images of the network that the project's fine-tunes began with; 0 if it is unknown.

    The project's own runs do not count: each learns from the images of those before it as well.

    Raises:
        ProjectError: if ``current.json`` is broken.
    """
    if project is None or not network.parent:
        return 0
    used = {earlier.sha256: earlier.path(project.folder) for earlier in project.runs.chain()}
    first: NetworkInfo | None = network
    for _ in used:
        path = used.get(first.parent) if first is not None else None
        if path is None or not path.is_relative_to(project.runs.folder):
            break
        first = _readable(path)
    if first is None or not first.parent:
        return 0
    elsewhere = used.get(first.parent)
    places = [elsewhere] if elsewhere is not None else [*bundled().values(), *installed().values()]
    found = (info for path in places if (info := _readable(path)) is not None)
    return next((info.trained_on for info in found if info.sha256 == first.parent), 0)


def _readable(path: Path) -> NetworkInfo | None:
    try:
        return read_info(path)
    except CheckpointError:  # told where the networks are listed
        return None


def _is(used: UsedNetwork, network: NetworkInfo, project: ProjectFolder) -> bool:
    """Return whether a network has the name of a used one.

    Names are compared because a bundled network changes with the version.
    """
    try:
        return used.path(project.folder) is None and _place(used, project) == network.path
    except CheckpointError:  # it is no longer there
        return False


def _place(used: UsedNetwork, project: ProjectFolder) -> Path:
    """Return the file of a network that is or was in use.

    Raises:
        CheckpointError: if there is none of its name.
    """
    return used.path(project.folder) or resolve(used.checkpoint)


def needed(network: NetworkInfo | None) -> NetworkInfo:
    """Return the network, or refuse None.

    Raises:
        CheckpointError: if it is None.
    """
    if network is None:
        raise CheckpointError(tr("There is no network yet: name one with --network, or train one from scratch."))
    return network


def all_networks(project: ProjectFolder | None) -> list[tuple[str, NetworkInfo | Path]]:
    """Return (origin, network) of all networks.

    A path takes the place of a network whose file is damaged.
    """
    found: list[tuple[str, NetworkInfo | Path]] = []
    places = [("bundled", path) for path in bundled().values()]
    places += [("installed", path) for path in installed().values()]
    if project is not None:
        places += [("run", path) for path in project.runs.checkpoints()]
    for origin, path in places:
        try:
            found.append((origin, read_info(path)))
        except CheckpointError:
            found.append((origin, path))
    return found


def networks_with_classes() -> list[NetworkInfo]:
    """Return the bundled and installed networks that can label, by name; damaged ones are left out."""
    found = []
    for _name, path in sorted((bundled() | installed()).items()):
        with suppress(CheckpointError):
            found.append(read_info(path))
    return [info for info in found if info.table.active]


def available() -> list[PublishedNetwork]:
    """Return the published networks that are not installed yet.

    They are in the order of their table.
    """
    from fcn_studio.fcn.weights.published import PUBLISHED

    there = installed()
    return [row for row in PUBLISHED.values() if row.name not in there]
