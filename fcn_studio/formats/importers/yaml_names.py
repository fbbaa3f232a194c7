"""Names of classes in the ``data.yaml`` of Ultralytics.

Source: https://docs.ultralytics.com/datasets/segment/ and https://docs.ultralytics.com/datasets/semantic/.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from fcn_studio.errors import ProjectError
from fcn_studio.formats.strict_json import parse
from fcn_studio.formats.voc.text import text_lines

_MAX_BYTES = 1 << 20


def names_in_yaml(path: Path) -> dict[int, str]:
    """Return class number -> name of the entry ``names`` of a YAML file; none if it has none or cannot be read.

    The entry may be a list or map, in one line or in indented lines. Other YAML is not read.
    """
    try:
        lines = text_lines(path, _MAX_BYTES)
    except ProjectError:
        return {}
    for at, line in enumerate(lines):
        if (match := re.match(r"names\s*:\s*(.*)", line)) is None:
            continue
        rest = _without_comment(match[1])
        if rest[:1] in ("[", "{"):
            text = " ".join([rest, *(_without_comment(line) for line in lines[at + 1 :])])
            return _rows(_split_at_commas(text[1 : text.find("]" if rest[0] == "[" else "}")]))
        block = []
        for following in lines[at + 1 :]:
            row = _without_comment(following)
            if row and not following.startswith((" ", "\t", "-")):
                break
            if row:
                block.append(row.removeprefix("-").strip())
        return _rows(block)
    return {}


def _rows(rows: Sequence[str]) -> dict[int, str]:
    """Return number -> name of rows ``7: name`` or ``name``."""
    names = {}
    for at, row in enumerate(row for row in rows if row):
        keyed = re.match(r"[\"']?(\d+)[\"']?\s*:\s+(.*)", row)
        names[int(keyed[1]) if keyed else at] = _unquoted(keyed[2] if keyed else row)
    return names


def _split_at_commas(text: str) -> list[str]:
    """Return the parts between commas that are not quoted."""
    return [part.strip() for part in re.findall(r"""(?:'[^']*'|"[^"]*"|[^,'"])+""", text)]


def _without_comment(line: str) -> str:
    return re.sub(r"(^|\s)#.*", "", line).strip()


def _unquoted(text: str) -> str:
    text = text.strip()
    with suppress(ValueError):
        if isinstance(name := parse(text), str):
            return name
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
