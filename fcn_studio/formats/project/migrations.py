"""Migration of project files of older releases.

They are brought to today's format step by step, in memory, when they are read. ``format`` in ``fcn-studio.toml``
counts the forms of the whole project folder. A release that changes one raises `FORMAT`, adds a step here and a
frozen project of the release before in ``tests/data/projects``. The first write keeps the old file
(`formats.project.project_file`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tomlkit import TOMLDocument

FORMAT = 1
"""The format that this program writes."""

STEPS: Mapping[int, Callable[[TOMLDocument], None]] = {}
"""Format -> what brings a document of it to the next one; from 1 on, without a gap up to `FORMAT`."""


def migrate(document: TOMLDocument, version: int) -> None:
    """Migrate a document from format ``version`` to `FORMAT`.

    ``version`` is 1 to `FORMAT`. Comments are kept.
    """
    for step in range(version, FORMAT):
        STEPS[step](document)
        document["format"] = step + 1
