"""Command line that opens the window or runs its jobs without it.

Exit codes: 0 done, 1 a bug, 2 a sentence on standard error says what to do, 3 ``check`` found faults,
130 interrupted.
"""

from __future__ import annotations

import argparse
import gc
import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import fields
from pathlib import Path
from typing import Any

from fcn_studio.cli.arguments import parser
from fcn_studio.core.training import Level, RecipeName, TrainConfig
from fcn_studio.errors import FcnStudioError, UsageError
from fcn_studio.i18n import begin, tr
from fcn_studio.settings import chosen_language

Json = Mapping[str, object]
"""What a command writes with ``--json``."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    begin(chosen_language())
    words = list(sys.argv[1:] if arguments is None else arguments)
    known = _WINDOWS.keys() | _REPORTS.keys()
    if " ".join(words[:2]) in known:
        words[:2] = [" ".join(words[:2])]
    if not words or (words[0] not in known and words[0] not in ("-h", "--help", "--version")):
        words.insert(0, "open")
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A log file gets each line at once, and a path that cannot be encoded costs no result.
        sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    options = parser(words[0]).parse_args(words)
    try:
        if options.command in _WINDOWS:
            return _WINDOWS[options.command](options)
        from fcn_studio.jobs.outputs import check_json, write_json

        check_json(options.json)
        with _words_apart(options.json):
            result = _REPORTS[options.command](options)
        if result:  # empty in all but the first of several processes that train together
            write_json(result, options.json)
        if not result.get("healthy", True):
            return 2
        return 0 if result.get("clean", True) else 3
    except FcnStudioError as error:
        print(tr("{title}: {reason}", title="fcn-studio", reason=error), file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of the output has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        print("fcn-studio:", tr("interrupted"), file=sys.stderr)
        return 130


@contextmanager
def _words_apart(path: Path | None) -> Iterator[None]:
    """Print sentences to standard error while standard output is for JSON only."""
    with redirect_stdout(sys.stderr) if str(path) == "-" else nullcontext():
        yield


def _open(options: argparse.Namespace) -> int:
    from fcn_studio.ui.runtime.unix_signals import QuitSignals

    gc.disable()  # start-up: what is imported stays, and is not worth looking through; `run_window` takes over
    try:
        with QuitSignals() as signals:
            # Start-up: shiboken reads the source of every module that is imported after PySide6.
            import cv2  # noqa: F401

            import fcn_studio.core.document
            import fcn_studio.fcn.weights.catalogue
            import fcn_studio.settings
            import fcn_studio.tools.base  # noqa: F401
            from fcn_studio.ui.app import run_window

            limit = _max_pixels(options) if options.max_pixels is not None else None
            return run_window(options.folder, signals, break_lock=options.break_lock, max_pixels=limit)
    finally:
        gc.enable()  # where it came to no window


def _demo(options: argparse.Namespace) -> int:
    from fcn_studio.ui.demo import run_demo

    return run_demo(options.folder, offscreen=options.offscreen, screenshot=options.screenshot)


def _max_pixels(options: argparse.Namespace) -> int:
    """Return the given limit, else that of the settings.

    Raises:
        UsageError: if the value is not valid.
    """
    from fcn_studio.settings import Settings

    try:
        if options.max_pixels is not None:
            return int(Settings.max_pixels.accepted(options.max_pixels))
    except ValueError as error:
        raise UsageError(
            tr("--max-pixels {pixels} makes no sense; give 1 million to 2,000 million", pixels=options.max_pixels)
        ) from error
    settings = Settings()
    if settings.notice:
        print(settings.notice, file=sys.stderr)
    return settings.max_pixels


def _of_project(options: argparse.Namespace) -> dict[str, Any]:
    """Return what `_add_project` has read, but for the folder."""
    names = ("network", "device", "class_map", "grey_as_indices")
    return {name: getattr(options, name) for name in names} | {"max_pixels": _max_pixels(options)}


def _segment(options: argparse.Namespace) -> Json:
    from fcn_studio.jobs import headless

    return headless.segment(
        options.folder,
        include_prelabelled=options.all,
        out=options.out,
        overwrite=options.overwrite,
        break_lock=options.break_lock,
        **_of_project(options),
    )


def _train(options: argparse.Namespace) -> Json:
    from fcn_studio.jobs import headless

    given = {f.name: getattr(options, f.name) for f in fields(TrainConfig) if hasattr(options, f.name)}
    del given["class_map"]  # names, which only the project and its network can turn into indices
    config = TrainConfig(**{**given, "level": Level(options.level), "recipe": RecipeName(options.recipe)})
    return headless.train(
        options.folder,
        config,
        out=options.out,
        log=options.log,
        resume=options.resume,
        val_list=options.val_list,
        **_of_project(options),
    )


def _evaluate(options: argparse.Namespace) -> Json:
    from fcn_studio.jobs import headless

    return headless.evaluate(
        options.folder,
        split=options.split,
        boundary=options.boundary,
        **_of_project(options),
    )


def _suspects(options: argparse.Namespace) -> Json:
    from fcn_studio.jobs import headless

    return headless.suspects(
        options.folder,
        device=options.device,
        grey_as_indices=options.grey_as_indices,
        max_pixels=_max_pixels(options),
    )


def _check(options: argparse.Namespace) -> Json:
    from fcn_studio.formats.checks.options import default_limits
    from fcn_studio.jobs.checks.command import run_check

    given = {key: getattr(options, key) for key in default_limits()}
    return run_check(
        options.folder,
        limits={key: value for key, value in given.items() if value is not None},
        fix=[name.strip() for name in options.fix.split(",") if name.strip()],
        grey_as_indices=options.grey_as_indices,
        break_lock=options.break_lock,
        max_pixels=_max_pixels(options),
    )


def _export(options: argparse.Namespace) -> Json:
    from fcn_studio.formats.exporters import EXPORTERS
    from fcn_studio.jobs import headless

    keys = {option.key for row in EXPORTERS for option in row.options}
    return headless.export(
        options.folder,
        options.out,
        statuses=options.status or ["verified"],
        split=options.split,
        exporter=options.format,
        options={key: value for key in keys if (value := getattr(options, key)) is not None},
        grey_as_indices=options.grey_as_indices,
        max_pixels=_max_pixels(options),
    )


def _import(options: argparse.Namespace) -> Json:
    from fcn_studio.formats.images.frames import is_film
    from fcn_studio.jobs.import_masks.command import run_import
    from fcn_studio.jobs.import_masks.frames import run_import_frames

    if options.every or is_film(options.source):
        return run_import_frames(
            options.source,
            options.into,
            every=options.every,
            png=options.png,
            quality=options.quality,
            max_pixels=_max_pixels(options),
        )
    return run_import(
        options.source,
        options.into,
        form=options.format,
        meanings=options.meanings,
        data_set=options.values,
        conflict=options.conflict,
        copy_images=options.copy_images,
        add_classes=options.add_classes,
        break_lock=options.break_lock,
        max_pixels=_max_pixels(options),
    )


def _classes(options: argparse.Namespace) -> Json:
    from fcn_studio.jobs.commands.classes import classes

    return classes(
        options.folder,
        merge=options.merge,
        delete=options.delete,
        retire=options.retire,
        use_again=options.use_again,
        back=options.take_back,
        grey_as_indices=options.grey_as_indices,
        max_pixels=_max_pixels(options),
    )


def _networks(options: argparse.Namespace) -> Json:
    from fcn_studio.jobs.commands import library

    commands: dict[str, Callable[[], Json]] = {
        "networks": lambda: library.networks(options.folder, available=options.available),
        "networks download": lambda: library.download(
            options.name, options.keep_as, allow_unverified=options.allow_unverified
        ),
        "networks import": lambda: library.import_file(
            options.file, options.keep_as, options.classes, options.architecture
        ),
        "networks show": lambda: library.show(options.name),
        "networks remove": lambda: library.remove(options.name),
    }
    return commands[options.command]()


def _desktop(options: argparse.Namespace) -> Json:
    from fcn_studio.jobs.commands import desktop

    return {"install": desktop.install, "remove": desktop.remove}[options.what]()


def _doctor(options: argparse.Namespace) -> Json:
    from fcn_studio.ui.doctor import examine

    report = examine()
    for line in report.lines():
        print(line)
    return report.as_json()


_WINDOWS: dict[str, Callable[[argparse.Namespace], int]] = {"open": _open, "demo": _demo}
"""Commands that end with an exit code."""

_REPORTS: dict[str, Callable[[argparse.Namespace], Json]] = {
    "segment": _segment,
    "train": _train,
    "evaluate": _evaluate,
    "suspects": _suspects,
    "check": _check,
    "export": _export,
    "import": _import,
    "classes": _classes,
    "networks": _networks,
    "networks download": _networks,
    "networks import": _networks,
    "networks show": _networks,
    "networks remove": _networks,
    "desktop": _desktop,
    "doctor": _doctor,
}
"""Commands that end with a result for ``--json``."""
