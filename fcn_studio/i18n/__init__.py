"""Translation of every sentence that a person can read.

Such sentences are in the window, on the command line and in errors. gettext does the work, so that rooms without Qt
can translate too. English is written in the code; catalogues lie in
``resources/locale/<language>/LC_MESSAGES/fcn_studio.mo``. Logs, JSON and files on disk stay English, and names of
classes, files and networks are never translated (docs/adr/0022). `begin` chooses the language of a program. The
window calls `remember`, so that its language can change while it is open (docs/adr/0040).

    tr("{path} cannot be read.", path=path)
    tr_n("{n} image", "{n} images", count)
    TITLE = tr_noop("Appearance")  # in a table, which is made before the language is known; later: tr(TITLE)
"""

from __future__ import annotations

import gettext
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fcn_studio.i18n.memory import APART, Memory, kept
from fcn_studio.i18n.system_language import catalogue_for, system_languages
from fcn_studio.paths import resource

DOMAIN = "fcn_studio"
"""Name of the catalogues."""

PSEUDO = "en-XA"
"""The pseudo-language of the tests: English with every letter accented, a third longer, in brackets."""

ENVIRONMENT = "FCN_STUDIO_LANGUAGE"
"""Environment variable that names the language; `use` sets it, so that processes started later speak it too."""

ENGLISH = "en"

SYSTEM = "system"
"""The choice of the language that the system asks for."""

_PLACEHOLDER = re.compile(r"(\{[^{}]*\})")
_ACCENTED = str.maketrans("AEIOUYaceinouyst", "ÀÉÎÖÛÝàçéîñöûýšţ")


class _PseudoTranslations(gettext.NullTranslations):
    """English that can be told from sentences that bypass the translation."""

    def gettext(self, message: str) -> str:
        """Accent and lengthen a text, and put brackets around it.

        Letters outside of placeholders are accented, and the text becomes longer by a third.
        """
        parts = [part if part.startswith("{") else part.translate(_ACCENTED) for part in _PLACEHOLDER.split(message)]
        return f"⟦{''.join(parts)}{'~' * (len(message) // 3)}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """Choose English's form, then do the same."""
        return self.gettext(msgid1 if n == 1 else msgid2)


_spoken: tuple[str, gettext.NullTranslations] | None = None


def catalogues() -> list[str]:
    """Return the codes of the languages that sentences are translated into."""
    try:
        return sorted(file.parent.parent.name for file in resource("locale").glob(f"*/LC_MESSAGES/{DOMAIN}.mo"))
    except FileNotFoundError:
        return []


def chosen(choice: str) -> str:
    """Return the language of a choice: a code, or `SYSTEM`. One without a catalogue is English."""
    if choice == PSEUDO:
        return PSEUDO
    there = [ENGLISH, *catalogues()]
    wanted = system_languages() if choice == SYSTEM else [choice]
    return next((code for each in wanted if (code := catalogue_for(each, there))), ENGLISH)


def begin(choice: str = SYSTEM) -> None:
    """Set the language of a program that starts.

    The environment variable `ENVIRONMENT` counts more than the choice, which is that of the user's settings.
    """
    use(chosen(os.environ.get(ENVIRONMENT) or choice))


def use(language: str) -> None:
    """Set the language of this process and of those it starts.

    Args:
        language: a code such as ``zh_CN``, or `PSEUDO`; one without a catalogue is English.
    """
    global _spoken
    os.environ[ENVIRONMENT] = language
    _spoken = (language, _translations_of(language))


def language() -> str:
    """Return the code of the language that is spoken now."""
    return _now()[0]


def _now() -> tuple[str, gettext.NullTranslations]:
    """Return the language and its translations.

    The first call takes the language that the environment names.
    """
    global _spoken
    if _spoken is None:
        code = os.environ.get(ENVIRONMENT) or ENGLISH
        _spoken = (code, _translations_of(code))
    return _spoken


def _translations_of(language: str) -> gettext.NullTranslations:
    if language == ENGLISH:
        return gettext.NullTranslations()
    if language == PSEUDO:
        return _PseudoTranslations()
    try:
        return gettext.translation(DOMAIN, resource("locale"), [language])
    except OSError:  # no such catalogue
        return gettext.NullTranslations()


def tr(text: str, /, **values: object) -> str:
    """Translate a sentence and fill in its ``{placeholders}``.

    Args:
        text: the English sentence, a literal in the code, in the form of `str.format`; braces are doubled only
            where there are values.
        values: what stands in place of the placeholders.
    """
    translated = _now()[1].gettext(text) if text else ""  # gettext's "" is the header of the catalogue
    said = translated.format(**values) if values else translated
    return said if _memory is None else _memory.note(said, Message(text, text, kept(values)), filled=bool(values))


def tr_n(singular: str, plural: str, n: int, /, **values: object) -> str:
    """Translate a sentence whose form depends on the number ``{n}``."""
    said = _now()[1].ngettext(singular, plural, n).format(n=n, **values)
    if _memory is None:
        return said
    return _memory.note(said, Message(singular, plural, {"n": int(n), **kept(values)}), filled=True)


def tr_noop(text: str, /) -> str:
    """Mark a text for translation.

    Whoever shows it calls `tr` on it.
    """
    return text


_LIST, _REASONS, _TEXT = tr_noop("{list}, {item}"), tr_noop("{list}; {item}"), tr_noop("{list} {item}")


def listed(items: Iterable[str]) -> str:
    """Return items as a list: "sky, road", "天空、道路"."""
    return _joined(_LIST, items)


def as_reasons(reasons: Iterable[str]) -> str:
    """Return statements side by side: "one; another", "一；二"."""
    return _joined(_REASONS, reasons)


def as_text(sentences: Iterable[str]) -> str:
    """Return whole sentences one after the other, with the space that the language has between them."""
    return _joined(_TEXT, sentences)


def ended(statement: object) -> str:
    """Return a statement, such as that of an error, as a sentence with its full stop."""
    return tr("{reason}.", reason=statement)


def _joined(pattern: str, items: Iterable[str]) -> str:
    joined = ""
    for item in items:
        joined = tr(pattern, list=joined, item=item) if joined else item
    return joined


@dataclass(frozen=True)
class Message:
    """Sentence that is English in files and translated for a person.

    Attributes:
        text: the English sentence with its placeholders.
        plural: its form for numbers other than 1; the same as ``text`` if it depends on no number.
        values: the values of the placeholders.
    """

    text: str
    plural: str
    values: Mapping[str, object]

    def filled(self, **values: object) -> Message:
        """Return the same message with other values."""
        return Message(self.text, self.plural, values)

    def __str__(self) -> str:
        """Return the English sentence."""
        form = self.text if self.values.get("n", 1) == 1 else self.plural
        return form.format(**self.values)

    def translated(self) -> str:
        """Return the sentence in the language that is spoken now."""
        if self.text == self.plural:
            return tr(self.text, **self.values)
        values = dict(self.values)
        number = values.pop("n")
        assert isinstance(number, int)
        return tr_n(self.text, self.plural, number, **values)


def message(text: str, /, **values: object) -> Message:
    """Make a message of a sentence, a literal as in `tr`."""
    return Message(text, text, values)


def message_n(singular: str, plural: str, n: int, /, **values: object) -> Message:
    """Make a message whose form depends on a number, as in `tr_n`."""
    return Message(singular, plural, {"n": n, **values})


class _AsRead(str):
    """Value that was read from a text, where it has its form already."""

    def __format__(self, form: str) -> str:
        return str(self)


def recognised(text: str, forms: Iterable[Message]) -> str:
    """Return an English text in the language that is spoken now.

    Args:
        text: what an English file or library says; it stays as it is where no form fits.
        forms: the messages that it may be, the special before the general.
    """
    for form in forms:
        for english in (form.text, form.plural):
            pattern = re.sub(r"\\\{(\w+)[^}]*\\\}", r"(?P<\1>.+?)", re.escape(english))
            pattern = pattern.replace("(?P<n>.+?)", r"(?P<n>\d[\d,]*)")  # a count, whatever the file says
            if (found := re.fullmatch(pattern, text)) is not None:
                values: dict[str, object] = {name: _AsRead(value) for name, value in found.groupdict().items()}
                if form.text != form.plural:
                    values["n"] = int(found["n"].replace(",", ""))
                return form.filled(**values).translated()
    return text


def plain(text: str) -> str:
    """Return the translated text of a menu or button without mnemonic and dots: "Open folder", "打开文件夹"."""
    bare = re.sub(r"\(&.\)|&", "", text).rstrip(f"…{APART}")
    return bare if _memory is None or bare == text else _memory.note(bare, _Plain(text), filled=False)


@dataclass(frozen=True)
class _Plain:
    """What `plain` leaves of a text."""

    text: str


_memory: Memory[Message | _Plain] | None = None


def remember() -> None:
    """Remember from now on what is said, for `again`."""
    global _memory
    if _memory is None:
        _memory = Memory(_said_again, _same)


def again(text: str) -> str:
    """Return a text of the window in the language that is spoken now.

    Only what was said since `remember` can be said again; any other text stays as it is.
    """
    return text if _memory is None else _memory.again(text)


def _said_again(said: Message | _Plain) -> str:
    """Say a sentence and the sentences among its values."""
    if isinstance(said, _Plain):
        return plain(again(said.text))
    assert _memory is not None
    values = {key: _memory.again_in(value) for key, value in said.values.items()}
    return Message(said.text, said.plural, values).translated()


def _same(one: Message | _Plain, other: Message | _Plain) -> bool:
    """Whether two are the same sentence, perhaps with other values."""
    if isinstance(one, Message) and isinstance(other, Message):
        return (one.text, one.plural) == (other.text, other.plural)
    return one == other
