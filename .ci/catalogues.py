#!/usr/bin/env python3
"""Brings the catalogues of all languages up to date with the sentences of the code, and compiles them.

``catalogues.py`` updates ``resources/locale/*/LC_MESSAGES/fcn_studio.po`` and writes the ``.mo`` beside each, and the
tables of the program in the README of each language. ``catalogues.py --add de`` begins a language. It needs the
package with its extra ``dev``, and ends with 1 while a sentence has no translation.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import io
import sys
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "resources" / "locale"
KEYWORDS = {"tr": None, "tr_noop": None, "message": None, "tr_n": (1, 2), "message_n": (1, 2)}
"""Functions that mark a sentence, and which of their arguments it is."""

KEPT = ("msg", '"Language:', '"Plural', '"Content', '"MIME')
"""Lines of gettext's header that say more than who wrote the file, when, and with what."""

HEADER = "# Sentences of FCN Studio. `python .ci/catalogues.py` brings this file up to date (docs/CONTRIBUTING.md)."


def main() -> int:
    """Update and compile; the exit code says whether a sentence waits for its translation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--add", metavar="CODE", help="begin a language, such as de or pt_BR")
    options = parser.parse_args()
    if options.add:
        place = LOCALE / options.add / "LC_MESSAGES" / "fcn_studio.po"
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            write(place, Catalog(locale=options.add))
    found, waiting = sentences(), 0
    for place in po_files():
        catalog = read(place)
        update(catalog, found)
        write(place, catalog)
        place.with_suffix(".mo").write_bytes(compiled(catalog))
        readme = readme_of(place.parts[-3])
        if readme.exists():
            readme.write_text(with_tables(readme.read_text("utf-8"), place.parts[-3]), "utf-8")
        missing = untranslated(catalog)
        waiting += len(missing)
        print(f"{place.relative_to(ROOT)}: {len(missing)} of {len(catalog)} sentences wait for their translation")
        for message in missing:
            print(f"  {message.id!r}")
    return 1 if waiting else 0


def po_files() -> list[Path]:
    """Return the catalogues."""
    return sorted(LOCALE.glob("*/LC_MESSAGES/*.po"))


def sentences() -> Catalog:
    """Return all sentences of the code."""
    catalog = Catalog()
    with contextlib.redirect_stderr(io.StringIO()):  # it warns of f-strings among the values, which are no sentences
        for name, _line, text, comments, _context in extract_from_dir(ROOT / "fcn_studio", keywords=KEYWORDS):
            # Lines change with every commit; the file is enough to find a sentence.
            catalog.add(text, locations=[(f"fcn_studio/{name}", 0)], auto_comments=comments)
    return catalog


def read(place: Path) -> Catalog:
    """Read a catalogue."""
    with place.open("rb") as file:
        return read_po(file, locale=place.parts[-3], domain="fcn_studio")


def update(catalog: Catalog, found: Catalog) -> None:
    """Take over the sentences of the code. A sentence that has changed loses its translation; none is guessed."""
    catalog.update(found, no_fuzzy_matching=True)
    catalog.obsolete.clear()


def write(place: Path, catalog: Catalog) -> None:
    """Write a catalogue without dates and lines, so that only changed sentences are changed lines."""
    file = io.BytesIO()
    write_po(file, catalog, width=118, include_lineno=False, sort_by_file=True, ignore_obsolete=True)
    head, _blank, entries = file.getvalue().decode().partition("\n\n")
    kept = [
        line for line in head.splitlines() if line.startswith(("msg", '"Language:', '"Plural', '"Content', '"MIME'))
    ]
    place.write_text("\n".join([HEADER, *kept]) + f"\n\n{entries.rstrip()}\n", encoding="utf-8")


def compiled(catalog: Catalog) -> bytes:
    """Return the ``.mo`` of a catalogue. A translation marked fuzzy is none."""
    file = io.BytesIO()
    catalog.creation_date = catalog.revision_date = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)  # no news
    write_mo(file, catalog)
    return file.getvalue()


def untranslated(catalog: Catalog) -> list[Message]:
    """Return the sentences without translation."""
    return [
        message
        for message in catalog
        if message.id and (message.fuzzy or not all(message.string if message.pluralizable else [message.string]))
    ]


def readme_of(code: str) -> Path:
    """Return the README in a language."""
    return ROOT / f"README.{code.replace('_', '-')}.md"


def with_tables(text: str, code: str) -> str:
    """Return the text of a README with the tables of the program, in a language, between their marks."""
    sys.path.insert(0, str(ROOT))
    from fcn_studio import i18n
    from fcn_studio.formats.checks.registry import CHECKS
    from fcn_studio.formats.exporters import EXPORTERS
    from fcn_studio.formats.importers import IMPORTERS
    from fcn_studio.formats.voc.found_classes import CLASS_FILES
    from fcn_studio.ui.actions.table import shortcut_table

    before = i18n.language()
    i18n.use(code)
    tr = i18n.tr
    tables = {
        "keys": shortcut_table().splitlines(),
        "checks": ["| | |", "|---|---|", *(f"| `{row.name}` | {tr(row.title)} |" for row in CHECKS)],
    }
    for name, heading, rows in (
        ("exporters", "`--format`", [(row.name, row.title, row.description) for row in EXPORTERS]),
        ("importers", "`--format`", [(row.name, row.title, row.description) for row in IMPORTERS]),
        ("class files", tr("File"), [(row.pattern, row.title, row.description) for row in CLASS_FILES]),
    ):
        cells = [f"| `{key}` | {tr(title)} | {tr(words)} |" for key, title, words in rows]
        tables[name] = [f"| {heading} | | |", "|---|---|---|", *cells]
    i18n.use(before)
    for name, lines in tables.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        first, rest = text.split(begin, 1)
        text = first + begin + "".join(f"{line}\n" for line in lines) + end + rest.split(end, 1)[1]
    return text


if __name__ == "__main__":
    sys.exit(main())
