"""The description of the package, which PyPI shows: the README, readable without its repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_ONLY_HERE = re.compile(r"<!-- not on PyPI -->.*?<!-- /not on PyPI -->\n*", re.DOTALL)
"""What needs a checkout."""

_RELATIVE = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|#)([^)\s]+)\)")
"""Picture or link to a file of the repository."""


def description(readme: str, source: str | None) -> str:
    """Return the README with absolute links.

    Args:
        readme: text in Markdown.
        source: ``Source`` of ``project.urls``; without it links become the names of files, and pictures are left out.
    """

    def absolute(link: re.Match[str]) -> str:
        picture, text, path = link.groups()
        if source:
            return f"{picture}[{text}]({source}/{'raw' if picture else 'blob'}/main/{path})"
        return "" if picture else f"{text} (`{path}`)"

    text = _RELATIVE.sub(absolute, _ONLY_HERE.sub("", readme))
    return re.sub(r"\n{3,}", "\n\n", text)


class Description(MetadataHookInterface):
    """Sets the description when a wheel or an sdist is built."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the field ``readme``."""
        readme = Path(self.root, "README.md").read_text(encoding="utf-8")
        text = description(readme, metadata.get("urls", {}).get("Source"))
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
