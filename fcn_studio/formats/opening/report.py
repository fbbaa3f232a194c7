"""The report on a folder that was opened."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fcn_studio.formats.finding import Finding
from fcn_studio.i18n import listed, tr, tr_n


@dataclass(frozen=True)
class OpeningReport:
    """What was found in a folder.

    Attributes:
        images: number of images.
        masks: number of images with a mask.
        lists: name of each ImageSets list -> number of images that it names.
        findings: what the user should know.
    """

    images: int
    masks: int
    lists: Mapping[str, int]
    findings: tuple[Finding, ...]

    @property
    def summary(self) -> str:
        """The finding in a sentence, or one sentence on all; "" if there is none."""
        if len(self.findings) < 2:
            return "".join(found.sentence for found in self.findings)
        parts = [tr_n("{n} image", "{n:,} images", self.images), tr_n("{n} mask", "{n:,} masks", self.masks)]
        if self.lists:
            parts.append(tr_n("{n} list", "{n:,} lists", len(self.lists)))
        notes = tr_n("{n} note", "{n:,} notes", len(self.findings))
        return tr("Found {found}, with {notes}.", found=listed(parts), notes=notes)

    def for_console(self, folder: Path) -> tuple[str, ...]:
        """Return the sentences, and the command that imports what can be imported into a folder."""
        sources = dict.fromkeys(found.source for found in self.findings if found.source)
        commands = (
            tr("To import: fcn-studio import '{source}' --into '{folder}'", source=source, folder=folder)
            for source in sources
        )
        return (*(found.sentence for found in self.findings), *commands)

    def as_json(self) -> dict[str, Any]:
        """Return the report for ``--json``."""
        return {
            "images": self.images,
            "masks": self.masks,
            "lists": dict(self.lists),
            "findings": [
                {"kind": found.kind, "count": found.count, "first": list(found.first), "message": found.sentence}
                | ({"import": found.source} if found.source else {})
                for found in self.findings
            ],
        }

    @property
    def keys(self) -> tuple[str, ...]:
        """A short text for each finding, which is the same in all languages."""
        rows = (json.dumps((found.kind, found.count, found.first, found.source)) for found in self.findings)
        return tuple(hashlib.sha256(row.encode()).hexdigest()[:16] for row in rows)
