"""Reading of JSON files that may come from anybody.

Whatever is wrong with a file is a ValueError, and none of it costs much.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

_MAX_NODES = 200_000
"""Lists and objects. An empty one takes two bytes of a file and 90 of memory; what we write has few."""


def parse(words: bytes | str, max_nodes: int = _MAX_NODES) -> Any:
    """Return the value of a JSON text with at most ``max_nodes`` lists and objects.

    Raises:
        TypeError: if it is no text.
        ValueError: if it is none, nests too deep, has too many lists and objects, a number of thousands of digits,
            or one that is none (``NaN``, ``Infinity``).
    """
    if not isinstance(words, bytes | str):
        raise TypeError("no text")
    data = words if isinstance(words, bytes) else words.encode("utf-8", "surrogatepass")
    nodes = data.count(b"[") + data.count(b"{")
    if nodes > max_nodes:
        raise ValueError(f"{nodes} lists and objects are more than is read")
    try:
        return json.loads(words, parse_constant=_no_number)
    except RecursionError as error:
        raise ValueError("it nests too deep") from error


def whole(value: object) -> int:
    """Return a whole number that a JSON text holds as such.

    Raises: TypeError if it is anything else.
    """
    if type(value) is not int:
        raise TypeError(f"{value!r:.50} is no whole number")
    return value


def text(value: object) -> str:
    """Return a text. Raises: TypeError if it is anything else."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.50} is no text")
    return value


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")
