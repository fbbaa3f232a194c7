"""What the window has said, so that it can say it again in another language.

Most texts of the window are set when its parts are made. Without this memory, each part would have to set each of its
texts a second time when the language changes (docs/adr/0040).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from numbers import Number
from threading import Lock
from typing import Generic, TypeVar

MOST_FILLED = 5000
"""Sentences with values that are kept; the oldest are forgotten. Those without values are all kept."""

MAX_TEXT = 4000
"""Longer texts, as reports with tracebacks, stay in the language that they were made in."""

APART = "\u2060"
"""A sign without width (WORD JOINER) that tells apart texts which look the same."""

_MOST_PIECES = 16

_JOINT = re.compile(r"(\n+| {2,}|<[^>]+>| ?\(|\)|(?<=[.。!?！？…])\u2060* ?| · | — | → |; |: |, |[：；，、])")
"""What code puts between two sentences that it shows together."""


class Said(str):
    """Text that comes from a sentence, which a text of the user with the same letters does not."""

    __slots__ = ()


_S = TypeVar("_S")


class Memory(Generic[_S]):
    """Texts that were shown, and the sentences that they came from.

    Args:
        say: says a sentence in the language that is spoken now.
        same: whether two sentences differ in their values at most.
    """

    def __init__(self, say: Callable[[_S], str], same: Callable[[_S, _S], bool]) -> None:
        self._say, self._same = say, same
        self._whole: dict[str, _S] = {}
        self._filled: dict[str, _S] = {}
        self._lock = Lock()

    def note(self, text: str, sentence: _S, *, filled: bool) -> str:
        """Remember which sentence a text comes from, and return the text to show.

        Languages have the same words for different English ones: "类别" is "Class" and "Classes". The second one
        ends in `APART`, which nobody sees.

        Args:
            text: the sentence in the language that is spoken now.
            sentence: where it comes from.
            filled: whether the sentence has values.
        """
        while (other := self._sentence(text)) is not None and not self._same(other, sentence):
            text += APART
        if not filled:
            self._whole[text] = sentence
            return Said(text)
        with self._lock:
            self._filled.pop(text, None)
            self._filled[text] = sentence
            if len(self._filled) > MOST_FILLED:
                del self._filled[next(iter(self._filled))]
        return Said(text)

    def again(self, text: str) -> str:
        """Return a text in the language that is spoken now.

        A text that was joined from several sentences is said piece by piece. What never was a sentence stays.
        """
        if (sentence := self._sentence(text)) is not None:
            return self._say(sentence)
        if len(text) > MAX_TEXT:
            return text
        bare = text.strip()
        if bare != text and bare:
            before, after = text.split(bare, 1)
            return f"{before}{self.again(bare)}{after}"
        pieces = _JOINT.split(text)
        said, first = [], 0
        while first < len(pieces):
            for end in range(min(len(pieces), first + _MOST_PIECES), first, -1):
                sentence = self._sentence("".join(pieces[first:end]))
                if sentence is not None:
                    said.append(self._say(sentence))
                    break
            else:
                end = first + 1
                said.append(pieces[first])
            first = end
        return "".join(said)

    def again_in(self, value: object) -> object:
        """Return a value of a sentence in the language that is spoken now.

        A name of the user stays, even if the program says the same word somewhere: "背景" may be a class.
        """
        if not isinstance(value, str) or not (isinstance(value, Said) or value not in self._whole):
            return value
        return self.again(value)

    def _sentence(self, text: str) -> _S | None:
        return self._filled.get(text) or self._whole.get(text)


def kept(values: Mapping[str, object]) -> dict[str, object]:
    """Return values of a sentence in a form that keeps no object alive."""
    return {key: value if isinstance(value, (str, Number)) else Said(value) for key, value in values.items()}
