"""What the README says of keys and commands is what the program has."""

from __future__ import annotations

import re
from pathlib import Path

from fcn_studio import cli
from fcn_studio.formats.checks.registry import CHECKS
from fcn_studio.formats.exporters import EXPORTERS
from fcn_studio.formats.importers import IMPORTERS
from fcn_studio.formats.voc.found_classes import CLASS_FILES
from fcn_studio.ui.actions.table import shortcut_table

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_shortcuts_are_those_of_the_action_table() -> None:
    assert shortcut_table().strip() in README, "paste fcn_studio.ui.actions.table.shortcut_table() into README.md"


def test_every_command_is_named() -> None:
    (commands,) = (action for action in cli.parser()._actions if action.dest == "command")
    assert commands.choices is not None
    for name in set(commands.choices) - {"open"}:
        assert f"fcn-studio {name}" in README


def test_every_command_it_shows_exists() -> None:
    shown = re.findall(r"^(?:uv tool |pipx )?(?:\$ )?fcn-studio ([a-z]+(?: [a-z]+)?)\b", README, re.MULTILINE)
    shown += re.findall(r"`fcn-studio ([a-z]+(?: [a-z]+)?)\b", README)
    assert len(shown) > 15
    (commands,) = (action for action in cli.parser()._actions if action.dest == "command")
    assert commands.choices is not None
    unknown = [words for words in shown if words.split()[0] not in commands.choices and words != "photos"]
    assert unknown == []


def test_the_formats_are_those_of_the_registries() -> None:
    for row in EXPORTERS:
        assert f"| `{row.name}` | {row.title} | {row.description} |" in README
        for option in row.options:
            assert f"`--{option.key.replace('_', '-')}`" in README
    for check in CHECKS:
        assert f"| `{check.name}` | {check.title} |" in README
    for source in IMPORTERS:
        assert f"| `{source.name}` | {source.title} | {source.description} |" in README
    for file in CLASS_FILES:
        assert f"| `{file.pattern}` | {file.title} | {file.description} |" in README


def test_ci_calls_exactly_the_test_command() -> None:
    command = "python3 .ci/bootstrap.py test"
    assert command in README
    last = (ROOT / ".ci" / "run").read_text(encoding="utf-8").strip().splitlines()[-1]
    assert last == f"exec {command}"
