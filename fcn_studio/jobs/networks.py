"""Which network a project uses, and which there are to choose from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fcn_studio.errors import CheckpointError
from fcn_studio.fcn.catalogue import DEFAULT, NetworkInfo, bundled, installed, read_info, resolve
from fcn_studio.fcn.published import PUBLISHED, PublishedNetwork

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.formats.project_folder import ProjectFolder


def network_of(project: ProjectFolder | None, asked: str = "") -> NetworkInfo | None:
    """The network asked for by name or path, else the project's current one, else the bundled default.

    None if nothing was asked for and none is installed.

    Raises:
        CheckpointError: if the one asked for, or the project's current one, is missing or damaged.
    """
    if asked:
        return read_info(resolve(asked))
    current = project.runs.current() if project is not None else None
    if current is not None:
        assert project is not None
        return read_info(current.path(project.folder) or resolve(current.checkpoint))
    return default_network()


def default_network() -> NetworkInfo | None:
    """The bundled network that a new project begins with, or None if this installation has none."""
    path = bundled().get(DEFAULT)
    return read_info(path) if path is not None else None


def needed(network: NetworkInfo | None) -> NetworkInfo:
    """The network, or a sentence that there is none.

    Raises:
        CheckpointError: if it is None.
    """
    if network is None:
        raise CheckpointError("There is no network yet: name one with --network, or train one from scratch.")
    return network


def all_networks(project: ProjectFolder | None) -> list[tuple[str, NetworkInfo | Path]]:
    """(where from, network) of all there are; a path in place of the network where the file is damaged."""
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


def available() -> list[PublishedNetwork]:
    """The published networks that are not installed yet, in the order of their table."""
    there = installed()
    return [row for row in PUBLISHED.values() if row.name not in there]
