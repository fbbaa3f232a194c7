"""A parser of arguments whose own words are translated, and whose help counts wide characters."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

from fcn_studio.i18n import message, recognised, tr, tr_noop
from fcn_studio.i18n.columns import wrapped

_HEADINGS = (tr_noop("positional arguments"), tr_noop("options"))
"""Headings of argparse."""

_REASONS = (
    message("argument {name}: expected one argument"),
    message("argument {name}: expected at least one argument"),
    message("argument {name}: invalid {kind} value: {value}"),
    message("argument {name}: invalid choice: {value} (choose from {choices})"),
    message("argument {name}: not allowed with argument {other}"),
    message("argument {name}: {reason}"),
    message("one of the arguments {names} is required"),
    message("the following arguments are required: {names}"),
    message("unrecognized arguments: {names}"),
)
"""What argparse says of wrong arguments, the special before the general."""


class Help(argparse.HelpFormatter):
    """Help in the user's language."""

    def __init__(self, prog: str, *given: Any, **options: Any) -> None:
        super().__init__(prog, *given, **options)
        self._colons: dict[str, str] = {}

    def add_usage(
        self, usage: str | None, actions: Iterable[argparse.Action], groups: Iterable[Any], prefix: str | None = None
    ) -> None:
        """Begin with how a command is called."""
        super().add_usage(usage, actions, groups, tr("usage: ") if prefix is None else prefix)

    def start_section(self, heading: str | None) -> None:
        """Begin a section."""
        heading = tr(heading) if heading in _HEADINGS else heading
        super().start_section(heading)
        self._colons[f"{heading}:"] = tr("{heading}:", heading=heading)

    def format_help(self) -> str:
        """Return the help, with the colon of the language behind headings."""
        lines = super().format_help().split("\n")
        return "\n".join(self._colons.get(line, line) for line in lines)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return wrapped(text, width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(f"{indent}{line}" for line in wrapped(text, width - len(indent)))


class RawHelp(Help, argparse.RawDescriptionHelpFormatter):
    """Help whose description keeps its lines."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return argparse.RawDescriptionHelpFormatter._fill_text(self, text, width, indent)


class Parser(argparse.ArgumentParser):
    """Parser that speaks the user's language."""

    def __init__(self, prog: str | None = None, *, formatter_class: type[Help] = Help, **given: Any) -> None:
        super().__init__(prog, formatter_class=formatter_class, add_help=False, **given)
        self.add_argument("-h", "--help", action="help", help=tr("show this help message and exit"))

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the arguments and exit with 2."""
        self.print_usage(sys.stderr)
        self.exit(2, tr("{program}: error: {reason}", program=self.prog, reason=recognised(message, _REASONS)) + "\n")
