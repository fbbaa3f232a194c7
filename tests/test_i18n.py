"""The translation of sentences: plurals, placeholders, languages, and the rules for its callers."""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir

import fcn_studio
from fcn_studio import errors, i18n
from fcn_studio.core.training import REASONS
from fcn_studio.i18n import PSEUDO, memory, message, message_n, tr, tr_n, tr_noop
from fcn_studio.i18n.columns import columns, padded, wrapped
from fcn_studio.i18n.memory import APART
from tests.helpers import run_python

SOURCES = sorted(Path(fcn_studio.__file__).parent.rglob("*.py"))
KEYWORDS = {"tr": None, "tr_noop": None, "message": None, "tr_n": (1, 2), "message_n": (1, 2)}
"""What `pybabel extract` is told in docs/CONTRIBUTING.md."""


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(i18n.ENVIRONMENT, "en")
    i18n.use("en")
    yield
    i18n.use("en")


def test_english_is_what_the_code_says() -> None:
    assert tr("Open") == "Open"
    assert tr("{a} of {b:,}", a="x", b=1000) == "x of 1,000"
    assert tr("{a}", a="{b}") == "{b}"
    assert tr_noop("Fit") == "Fit"


def test_a_number_chooses_the_form() -> None:
    assert tr_n("{n} verified image", "{n} verified images", 1) == "1 verified image"
    assert tr_n("{n:,} verified images of {name}", "{n:,} images of {name}", 2000, name="A") == "2,000 images of A"


def test_the_pseudo_language_keeps_placeholders_and_shows_what_went_through() -> None:
    i18n.use(PSEUDO)
    assert i18n.language() == PSEUDO
    assert tr("Save {path!s:>4} now", path="a") == "⟦Šàvé    a ñöw~~~~~~⟧".replace("Š", "S")
    assert tr_n("{n} step", "{n} steps", 3) == "⟦3 šţéþš~~~⟧".replace("þ", "p")
    assert tr("a brace { alone").startswith("⟦")


def test_a_message_is_english_in_files_and_translated_for_a_person() -> None:
    i18n.use(PSEUDO)
    fell, one, two = message("{a:.2f} left", a=1), message_n("{n} image", "{n} images", 1), message_n("a", "{n} b", 2)
    assert [str(each) for each in (fell, one, two)] == ["1.00 left", "1 image", "2 b"]
    assert fell.translated() == tr("{a:.2f} left", a=1)
    assert one.translated() == tr_n("{n} image", "{n} images", 1) != "1 image"
    assert two.translated() == tr_n("a", "{n} b", 2)


def test_lists_reasons_and_sentences_have_the_punctuation_of_the_language() -> None:
    several = [("sky", "road", "tree"), ("one", "two"), ("One.", "Two.")]
    join = i18n.listed, i18n.as_reasons, i18n.as_text
    assert [each(words) for each, words in zip(join, several, strict=True)] == [
        "sky, road, tree", "one; two", "One. Two."
    ]  # fmt: skip
    i18n.use("zh_CN")
    assert [each(words) for each, words in zip(join, several, strict=True)] == [
        "sky、road、tree", "one；two", "One.Two."
    ]  # fmt: skip
    assert (i18n.listed([]), i18n.listed(["sky"]), i18n.ended("天空")) == ("", "sky", "天空。")


def test_english_of_a_file_is_recognised_and_translated() -> None:
    reasons = [each.filled(old=0.5, new=1 / 3, name="IoU to x", n=1234, folds=5, steps=10, wanted=2000, error=0.1)
               for each in REASONS]  # fmt: skip
    i18n.use("zh_CN")
    assert [i18n.recognised(str(reason), REASONS) for reason in reasons] == [each.translated() for each in reasons]
    assert i18n.recognised("mean IoU is fine", REASONS) == "mean IoU is fine"
    spoiled = "compared on some images that were held back"
    assert i18n.recognised(spoiled, REASONS) == spoiled


def test_a_language_without_a_catalogue_is_english() -> None:
    i18n.use("tlh")
    assert tr("Open") == "Open"


def test_a_catalogue_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class German(gettext.NullTranslations):
        def gettext(self, message: str) -> str:
            return {"{n} left": "noch {n}"}.get(message, message)

    asked = []
    monkeypatch.setattr(i18n, "resource", lambda *parts: tmp_path.joinpath(*parts))
    monkeypatch.setattr(gettext, "translation", lambda *given: asked.append(given) or German())
    i18n.use("de")
    assert asked == [("fcn_studio", tmp_path / "locale", ["de"])]
    assert tr("{n} left", n=3) == "noch 3"


def test_a_started_process_speaks_the_language_too() -> None:
    i18n.use(PSEUDO)
    assert run_python("from fcn_studio.i18n import tr; print(ascii(tr('Open')))").stdout.strip() == ascii(tr("Open"))


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("tr", "tr_n", "tr_noop", "message", "message_n"):
            yield ast.unparse(node.func), node


def placeholders(text: str) -> list[str]:
    """The placeholders of a sentence, such as ``{n:,}``."""
    return re.findall(r"\{[^{}]*\}", text)


def fields_of(text: str) -> set[str]:
    """The names in the placeholders of a sentence."""
    return {part.strip("{}").split("!")[0].split(":")[0] for part in placeholders(text)}


@pytest.fixture(scope="module")
def trees() -> dict[Path, ast.AST]:
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}


def test_what_is_translated_can_be_extracted(trees: dict[Path, ast.AST]) -> None:
    """A sentence is a literal, or a text of a table that `tr_noop` has marked: never joined, never an f-string."""
    literals: set[str] = set()
    for path, tree in trees.items():
        for name, call in calls(tree):
            words, fields = f"{path}:{call.lineno} {ast.unparse(call)}", {key.arg for key in call.keywords}
            for text in call.args[: 2 if name.endswith("_n") else 1]:
                assert not isinstance(text, (ast.JoinedStr, ast.BinOp)), words
                if isinstance(text, ast.Constant):
                    literals.add(str(text.value))
                    if name.endswith("_n") or fields:
                        assert fields_of(str(text.value)) - {"n"} == fields - {"n"}, words
    extracted: set[str] = set()
    for _, _, text, _, _ in extract_from_dir(str(SOURCES[0].parent), keywords=KEYWORDS):
        extracted |= {text} if isinstance(text, str) else set(text)
    assert extracted == literals - {""}
    assert len(extracted) > 1000


def test_errors_for_people_are_translated(trees: dict[Path, ast.AST]) -> None:
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in kinds and node.args:
                texts = [part.value for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant)]
                if isinstance(node.args[0], (ast.Constant, ast.JoinedStr)):
                    assert not any(re.search("[A-Za-z]{2}", str(text)) for text in texts[:-1] or texts), (
                        f"{path}:{node.lineno} {ast.unparse(node)}"
                    )


def test_wide_characters_take_two_columns_of_a_table() -> None:
    assert columns("图像 a") == 6
    assert [padded("图像", 6), padded("图像", 6, right=True), padded("image", 4)] == ["图像  ", "  图像", "image"]


def test_lines_break_between_wide_characters_and_words_but_not_before_punctuation() -> None:
    assert wrapped("use the  GPU", 8) == ["use the", "GPU"]
    assert wrapped("使用 GPU。默认：自动", 8) == ["使用", "GPU。默", "认：自动"]
    text = "写出供其他程序训练的数据集，含图像、掩码和列表（默认：VOC）；a/path/without/any/space"
    for width in range(6, 30):
        lines = wrapped(text, width)
        assert "".join(lines) == text.replace(" ", "")
        assert all(columns(line) <= width or not re.search("[一-鿿]{3}", line) for line in lines), (width, lines)
        assert not any(line.startswith(tuple("，、；：）")) for line in lines)


def test_what_was_said_is_said_again_in_another_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(i18n, "_memory", None)
    assert i18n.again("Open") == "Open"
    i18n.remember()
    i18n.use("zh_CN")
    dock, column, menu = tr("Classes"), tr("Class"), i18n.plain(tr("&Open folder…"))
    assert (dock, column, menu) == ("类别", "类别" + APART, "打开文件夹")
    undo = tr("&Undo {step}", step=tr("Brush stroke"))
    several = f"<b>{dock}</b>\n{column}: {tr_n('{n} image', '{n:,} images', 1000)} (Ctrl+O) · /home/类别"
    i18n.use("en")
    assert [i18n.again(text) for text in (dock, column, menu, undo)] == [
        "Classes", "Class", "Open folder", "&Undo Brush stroke"
    ]  # fmt: skip
    assert i18n.again(several) == "<b>Classes</b>\nClass: 1,000 images (Ctrl+O) · /home/类别"
    assert i18n.again("类别.png") == "类别.png"


def test_a_name_of_the_user_stays_though_the_program_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(i18n, "_memory", None)
    i18n.remember()
    i18n.use("zh_CN")
    title, colour = tr("Background"), tr("Colour of {name}", name="背景")
    names, told = i18n.listed(["背景", "道路"]), tr("Show layer: {layer}", layer=title)
    refused = tr("Live: {reason}", reason=errors.ProjectError(title))
    i18n.use("en")
    assert [i18n.again(text) for text in (title, colour, names, told, refused)] == [
        "Background", "Colour of 背景", "背景, 道路", "Show layer: Background", "Live: Background"
    ]  # fmt: skip


def test_sentences_with_values_are_forgotten_one_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST_FILLED", 2)
    kept = memory.Memory(lambda said: f"again {said}", lambda one, other: True)
    for number in range(3):
        kept.note(f"{number} s", str(number), filled=True)
    assert [kept.again(f"{number} s") for number in range(3)] == ["0 s", "again 1", "again 2"]
