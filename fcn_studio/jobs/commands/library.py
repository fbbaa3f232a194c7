"""The networks on the command line.

They are listed, downloaded, imported, shown and removed. Each function prints what a person wants to know and returns
what ``--json`` writes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from fcn_studio.core.with_result import WithResult
from fcn_studio.errors import CheckpointError, ProjectError, UsageError
from fcn_studio.fcn.weights.catalogue import SUFFIX, NetworkInfo, read_info, remove_installed, resolve
from fcn_studio.fcn.weights.published import PUBLISHED, PublishedNetwork
from fcn_studio.formats.voc.class_files import read_class_file
from fcn_studio.i18n import tr, tr_n
from fcn_studio.i18n.columns import padded
from fcn_studio.jobs.console import open_project, progress_bar
from fcn_studio.jobs.networks import all_networks, available, network_of
from fcn_studio.jobs.protocol import Installing, InstallJob
from fcn_studio.jobs.run import JobRunner

Json = dict[str, Any]


def networks(folder: Path | None, *, available: bool = False) -> Json:
    """List all networks that are known.

    They are those that are bundled or installed, the runs of a project, and what can be downloaded.
    """
    project = open_project(folder) if folder is not None else None
    try:
        current = network_of(project)
    except CheckpointError as error:  # the list may show what else there is
        print(tr("the network in use is missing: {reason}", reason=error), file=sys.stderr)
        current = None
    rows = []
    for origin, network in all_networks(project):
        if isinstance(network, Path):
            print("  " + tr("{network}: damaged", network=network))
            continue
        in_use = current is not None and network.sha256 == current.sha256
        name = f"{network.path.parent.name}/{network.name}" if origin == "run" else network.name
        print(f"{'*' if in_use else ' '} {padded(name, 20)} {network.size / 1e6:7.1f} MB  {_known(network)}")
        rows.append({"name": name, "origin": origin, **_as_json(network), "in_use": in_use})
    if not rows:
        print(tr("no network is installed; train one with 'fcn-studio train FOLDER --level scratch'"))
    return {"networks": rows, **({"available": _list_available()} if available else {})}


def _known(network: NetworkInfo) -> str:
    """Return figure and classes in one line."""
    if network.trunk_only:
        return tr("a start for fine-tuning, without classes")
    miou = (network.validation or {}).get("mean_iou")
    figure = tr("mean IoU {value:.3f}", value=miou) if isinstance(miou, float) else tr("mean IoU    ? ")
    return f"{figure}  {', '.join(c.name for c in network.table)}"


def _list_available() -> list[Json]:
    """Print what can be downloaded, and return it for JSON."""
    print("\n" + tr("can be downloaded ('fcn-studio networks download NAME'):"))
    rows = available()
    for row in rows:
        classes = tr_n("{n} class", "{n} classes", len(row.classes))
        if not row.classes:
            classes = tr("a start for fine-tuning")
        print(f"  {padded(row.name, 26)} {row.size / 1e6:5.0f} MB  {row.title}: {classes}")
        print(f"{'':37} {'; '.join(words for words in (row.figures, row.where_it_runs) if words)}")
        terms = [row.licence] if row.trusted else [row.licence, tr("needs --allow-unverified")]
        print(f"{'':37} {'; '.join(terms)}")
    return [_published_as_json(row) for row in rows]


def download(name: str, keep_as: str, *, allow_unverified: bool) -> Json:
    """Download a published network into the library.

    Raises:
        UsageError: if none of that name is published.
        CheckpointError, DownloadError, ProjectError: as `fcn_studio.jobs.install.install`.
    """
    if name not in PUBLISHED:
        raise UsageError(
            tr("no network '{name}' is published; fcn-studio networks --available lists them", name=name)
        )
    return _install(InstallJob(name, keep_as, allow_unverified))


def import_file(file: Path, keep_as: str, classes: Path | None, architecture: str = "") -> Json:
    """Keep a file of weights as a network.

    Raises:
        UsageError: if there is no such file, or it is given names for the classes that it names itself.
        CheckpointError, ProjectError: as `fcn_studio.jobs.install.install`.
    """
    if not file.is_file():
        raise UsageError(tr("{file}: there is no such file", file=file))
    if classes is not None and file.suffix == SUFFIX:
        raise UsageError(tr("{file}: a checkpoint says itself what its classes are; leave --classes out", file=file))
    if architecture and file.suffix == SUFFIX:
        raise UsageError(
            tr("{file}: a checkpoint says itself what its architecture is; leave --architecture out", file=file)
        )
    names = _class_names(classes) if classes else ()
    return _install(InstallJob(str(file.absolute()), keep_as, classes=names, architecture=architecture))


def _class_names(file: Path) -> tuple[str, ...]:
    """Return the names in a file, by class index.

    Raises:
        UsageError: if it cannot be read, or leaves an index out.
    """
    try:
        table = read_class_file(file)
    except ProjectError as error:
        raise UsageError(tr("--classes {file} cannot be read: {reason}", file=file, reason=error)) from error
    if table is None or [c.index for c in table] != list(range(len(table))):
        raise UsageError(tr("--classes {file} does not name the classes 0, 1, 2 and so on", file=file))
    return tuple(c.name for c in table)


def _install(job: InstallJob) -> Json:
    steps = WithResult(JobRunner().run(job))
    with progress_bar(tr("install"), None) as bar:
        bar.unit, bar.unit_scale = "B", True
        for news in steps:
            if isinstance(news, Installing):
                bar.set_description(news.stage, refresh=False)
                bar.total = news.total_bytes or None
                bar.update(news.done_bytes - bar.n)
    network = read_info(Path(str(steps.result)))
    print(tr("'{name}' is installed: {path}", name=network.name, path=network.path))
    _print_details(network)
    return _as_json(network)


def show(name: str) -> Json:
    """Print all that is known of a network, installed or only published.

    Raises:
        CheckpointError: if there is none of that name.
    """
    try:
        network = read_info(resolve(name))
    except CheckpointError:
        if name not in PUBLISHED:
            raise
        row = PUBLISHED[name]
        _print_published(row)
        return _published_as_json(row)
    _print_details(network)
    return _as_json(network)


def remove(name: str) -> Json:
    """Delete a network from the library.

    Raises:
        CheckpointError: if it is not there, or one that comes with the program.
    """
    path = remove_installed(name)
    print(tr("'{name}' is removed: {path}", name=name, path=path))
    return {"name": name, "path": str(path)}


def _print_details(network: NetworkInfo) -> None:
    rows = (
        (tr("file"), network.path),
        (tr("sha256"), network.sha256),
        (
            tr("classes"),
            ", ".join(f"{c.index} {c.name}" for c in network.table) or tr("none: a start for fine-tuning"),
        ),
        (tr("architecture"), ", ".join(f"{key} {value}" for key, value in network.architecture.items())),
        (tr("preprocessing"), ", ".join(f"{key} {value}" for key, value in network.preprocessing.items())),
        (
            tr("figures"),
            ", ".join(
                f"{key} {value:.4f}" for key, value in (network.validation or {}).items() if isinstance(value, float)
            ),
        ),
        (tr("source"), network.source),
        (tr("its sha256"), network.source_sha256),
        (tr("licence"), network.licence),
        (tr("note"), network.note),
    )
    for title, words in rows:
        if words:
            print(f"  {padded(title, 14)} {words}")


def _print_published(row: PublishedNetwork) -> None:
    rows = (
        (tr("title"), row.title),
        (tr("not installed"), f"fcn-studio networks download {row.name}"),
        (tr("size"), f"{row.size / 1e6:.0f} MB"),
        (tr("classes"), ", ".join(f"{index} {name}" for index, name in enumerate(row.classes)) or row.where_it_runs),
        (tr("figures"), row.figures),
        (tr("runs"), "" if row.trunk_only else row.where_it_runs),
        (tr("source"), row.url),
        (tr("its hash"), row.digest or tr("none is published: needs --allow-unverified")),
        (tr("licence"), row.licence),
    )
    for title, words in rows:
        if words:
            print(f"  {padded(title, 14)} {words}")


def _as_json(network: NetworkInfo) -> Json:
    return {
        "path": str(network.path),
        "sha256": network.sha256,
        "classes": [c.name for c in network.table],
        "mean_iou": (network.validation or {}).get("mean_iou"),
        "size": network.size,
        "architecture": dict(network.architecture),
        "preprocessing": dict(network.preprocessing),
        "source": network.source,
        "source_sha256": network.source_sha256,
        "licence": network.licence,
        "note": network.note,
    }


def _published_as_json(row: PublishedNetwork) -> Json:
    return {
        "name": row.name,
        "title": row.title,
        "url": row.url,
        "digest": row.digest,
        "size": row.size,
        "classes": list(row.classes),
        "figures": row.figures,
        "runs": row.where_it_runs,
        "licence": row.licence,
        "trusted": row.trusted,
    }
