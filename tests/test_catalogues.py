"""The catalogues have a translation of every sentence of the code, with its placeholders, and are compiled."""

from __future__ import annotations

import gettext
import io
import runpy
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog

from tests.test_i18n import placeholders

ROOT = Path(__file__).parents[1]
TOOL = runpy.run_path(str(ROOT / ".ci" / "catalogues.py"))
"""The functions of the developer's command."""

PLACES: list[Path] = TOOL["po_files"]()


@pytest.fixture(scope="module", params=PLACES, ids=lambda place: place.parts[-3])
def place(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


@pytest.fixture(scope="module")
def catalog(place: Path) -> Catalog:
    catalog: Catalog = TOOL["read"](place)
    return catalog


def entries(mo: bytes) -> dict[Any, str]:
    """What a compiled catalogue says, but for its header."""
    said: dict[Any, str] = vars(gettext.GNUTranslations(io.BytesIO(mo)))["_catalog"]
    return {key: text for key, text in said.items() if key != ""}


def test_there_is_chinese() -> None:
    assert "zh_CN" in {place.parts[-3] for place in PLACES}


def test_each_catalogue_is_compiled(place: Path, catalog: Catalog) -> None:
    assert entries(place.with_suffix(".mo").read_bytes()) == entries(TOOL["compiled"](catalog)), (
        "run: python .ci/catalogues.py"
    )


def test_the_tables_of_a_readme_are_those_of_the_program(place: Path) -> None:
    code = place.parts[-3]
    readme: Path = TOOL["readme_of"](code)
    text = readme.read_text(encoding="utf-8")
    assert TOOL["with_tables"](text, code) == text, "run: python .ci/catalogues.py"


def test_each_translation_has_the_placeholders_of_its_sentence(catalog: Catalog) -> None:
    assert len(catalog) > 1500
    for message in catalog:
        if message.id:
            texts = message.id if message.pluralizable else (message.id,)
            expected = [Counter(placeholders(text)) for text in texts]
            for text in message.string if message.pluralizable else (message.string,):
                assert not text or Counter(placeholders(text)) in expected, message.id


def test_each_sentence_is_translated_and_none_is_left_over(place: Path, catalog: Catalog) -> None:
    """Else run ``python .ci/catalogues.py`` and translate what it lists."""
    written = {message.id for message in catalog if message.id}
    TOOL["update"](catalog, TOOL["sentences"]())
    assert [message.id for message in TOOL["untranslated"](catalog)] == []
    assert {message.id for message in catalog if message.id} == written
