"""Command line that opens the window or runs its jobs without it.

Exit codes: 0 done, 1 a bug, 2 a sentence on standard error says what to do, 130 interrupted.
"""

from __future__ import annotations

import argparse
import gc
import io
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import fields
from pathlib import Path
from typing import Any

from fcn_studio import __version__
from fcn_studio.core.training import Level, RecipeName, TrainConfig
from fcn_studio.errors import FcnStudioError, UsageError
from fcn_studio.formats.exporters import EXPORTERS
from fcn_studio.i18n import tr, tr_noop
from fcn_studio.settings import Setting, Value

Json = Mapping[str, object]
"""What a command writes with ``--json``."""

EPILOG = tr_noop(
    """examples:
  fcn-studio photos/                                   open a folder of images in the window
  fcn-studio demo                                      open a small drawn project and try the loop
  fcn-studio segment photos/ --out predictions/        label every image, leave photos/ untouched
  fcn-studio train photos/ --level quick --minutes 2   fine-tune on what a human labelled
  fcn-studio evaluate photos/ --network street         score a network on the validation images
  fcn-studio export photos/ --format voc --out voc/    write a VOC data set of the verified images
"""
)


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = argparse.ArgumentParser(
        "fcn-studio",
        description=tr("Label images for semantic segmentation; the network learns while you label."),
        epilog=tr(EPILOG),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"fcn-studio {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    _add_window(commands.add_parser("open", help=tr("open a folder in the window (the default command)")))
    demo = commands.add_parser("demo", help=tr("open a small drawn project; without a display, run through it"))
    demo.add_argument(
        "folder", nargs="?", type=Path, help=tr("folder of the project (default: a new temporary folder)")
    )
    demo.add_argument("--offscreen", action="store_true", help=tr("run without a window even if there is a display"))
    demo.add_argument("--screenshot", type=Path, help=tr("file that gets a picture of the window"))
    _add_segment(commands.add_parser("segment", help=tr("label images with a network")))
    _add_train(commands.add_parser("train", help=tr("fine-tune or train a network on what was labelled by hand")))
    _add_evaluate(commands.add_parser("evaluate", help=tr("score a network on verified images")))
    _add_export(commands.add_parser("export", help=tr("write a data set for training with other programs")))
    _add_networks(commands)
    doctor = commands.add_parser("doctor", help=tr("show versions, device and Qt platform, and what is missing"))
    _add_json(doctor)
    return top


def _add_window(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", nargs="?", type=Path, help=tr("folder of images or VOC tree, or an image in it"))
    command.add_argument(
        "--break-lock", action="store_true", help=tr("take over a project that another computer left locked")
    )
    _add_max_pixels(command)


def _add_max_pixels(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--max-pixels",
        metavar="N",
        type=int,
        help=tr("read images of up to N pixels, at most 2 gigapixels (default: 'Largest image' in the settings)"),
    )


def _add_json(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--json", metavar="FILE", type=Path, help=tr("write the result as JSON; '-' is standard output")
    )


def _add_project(command: argparse.ArgumentParser, *, network_required: bool = False) -> None:
    command.add_argument("folder", type=Path, help=tr("folder of images or VOC tree"))
    command.add_argument(
        "--network",
        metavar="N",
        default="",
        required=network_required,
        help=tr("name of a network, or a checkpoint file")
        if network_required
        else tr("name of a network, or a checkpoint file (default: the project's network, else the bundled one)"),
    )
    command.add_argument(
        "--map",
        dest="class_map",
        metavar="MAP",
        action="append",
        default=[],
        help=tr(
            'what the network\'s classes mean in the project, as "sky=Sky,road=Road" (default: as the project says, '
            "else by name); may be repeated"
        ),
    )
    command.add_argument("--device", metavar="D", default="auto", help=tr("auto, cpu, cuda, cuda:1 or mps"))
    command.add_argument("--grey-as-indices", action="store_true", help=tr("read grey masks as class indices"))
    _add_max_pixels(command)
    _add_json(command)


def _add_segment(command: argparse.ArgumentParser) -> None:
    _add_project(command)
    command.add_argument(
        "--all", action="store_true", help=tr("label pre-labelled images too, but no image that was edited by hand")
    )
    command.add_argument(
        "--out", metavar="DIR", type=Path, help=tr("write predictions there, and nothing into FOLDER")
    )
    command.add_argument("--overwrite", action="store_true", help=tr("replace predictions that are already in --out"))
    command.add_argument(
        "--break-lock", action="store_true", help=tr("take over a project that another computer left locked")
    )


def _add_train(command: argparse.ArgumentParser) -> None:
    _add_project(command)
    command.add_argument(
        "--level",
        choices=[level.value for level in Level],
        default=Level.FULL.value,
        help=tr("how much of the network is trained"),
    )
    budget = command.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=float, metavar="M", help=tr("time limit in minutes"))
    budget.add_argument("--steps", type=int, metavar="N", help=tr("number of optimiser steps"))
    command.add_argument(
        "--out", metavar="FILE", type=Path, help=tr("write the checkpoint there, and nothing into FOLDER")
    )
    command.add_argument("--resume", action="store_true", help=tr("continue the last training that did not finish"))
    command.add_argument(
        "--log",
        metavar="FILE",
        type=Path,
        help=tr("append each report to it, as JSON lines or, if it ends in .csv, as CSV"),
    )
    command.add_argument(
        "--batch-size", type=int, metavar="B", help=tr("crops per step (default: that of the recipe)")
    )
    command.add_argument(
        "--width",
        type=float,
        metavar="W",
        help=tr("width of a slim trunk that is trained from scratch"),
    )
    command.add_argument("--seed", type=int, default=0, help=tr("seed of the random numbers"))
    recipes = [recipe.value for recipe in RecipeName]
    command.add_argument(
        "--recipe", choices=recipes, default=recipes[0], help=tr("how to train: modern, or as in the FCN paper")
    )
    _add_recipe(command)


def _add_recipe(command: argparse.ArgumentParser) -> None:
    """Add what changes the network or the recipe of a training."""
    command.add_argument(
        "--architecture",
        metavar="A",
        help=tr(
            "network to train: efficientnet-lite0-8s, slim, alexnet-16s, vgg16-8s-learned ... (docs/NETWORKS.md)"
        ),
    )
    command.add_argument(
        "--input-scale", type=float, metavar="S", help=tr("factor on the size of the images, from scratch only")
    )
    command.add_argument("--crop", type=_size, metavar="HxW", help=tr("height and width of the crops, as 256x320"))
    command.add_argument(
        "--lovasz", type=float, default=0.0, metavar="W", help=tr("weight of the Lovász-softmax loss")
    )
    command.add_argument("--rate", type=float, default=1.0, metavar="F", help=tr("factor on the learning rates"))
    command.add_argument(
        "--precision", choices=["auto", "fp32", "bf16"], default="auto", help=tr("precision of the computation")
    )
    command.add_argument("--no-flip", dest="flip", action="store_false", help=tr("never mirror crops left to right"))
    command.add_argument("--vertical-flip", action="store_true", help=tr("mirror crops top to bottom too"))
    command.add_argument(
        "--rotation", type=float, default=0.0, metavar="A", help=tr("turn crops by up to this angle")
    )
    command.add_argument(
        "--early-stop", type=int, default=0, metavar="N", help=tr("end after N validations without gain")
    )
    command.add_argument(
        "--divide-weights", action="store_true", help=tr("divide the scores by the class weights of the loss")
    )
    command.add_argument(
        "--val-list", metavar="FILE", type=Path, help=tr("validate on the images that the file lists")
    )


def _size(words: str) -> tuple[int, int]:
    """Return (height, width) of a text like 256x320."""
    match = re.fullmatch(r"([1-9]\d{0,5})[xX×]([1-9]\d{0,5})", words)
    if match is None:
        raise argparse.ArgumentTypeError(
            tr("'{words}' is no size; write height x width in pixels, as 256x320", words=words)
        )
    return int(match[1]), int(match[2])


def _add_evaluate(command: argparse.ArgumentParser) -> None:
    _add_project(command, network_required=True)
    command.add_argument(
        "--split", choices=["train", "val", "all"], default="val", help=tr("images of this split (default: val)")
    )
    command.add_argument("--boundary", action="store_true", help=tr("score boundaries too (F-measure at 2 pixels)"))


def _add_networks(commands: Any) -> None:
    """Add the commands about networks, mostly of two words."""
    listing = commands.add_parser("networks", help=tr("list the networks"))
    listing.add_argument("folder", nargs="?", type=Path, help=tr("project whose runs are listed too"))
    listing.add_argument("--available", action="store_true", help=tr("list also networks that can be downloaded"))
    download = commands.add_parser("networks download", help=tr("download a published network"))
    download.add_argument("name", metavar="NAME", help=tr("name as 'networks --available' lists it"))
    download.add_argument(
        "--allow-unverified", action="store_true", help=tr("download even if no published hash proves what arrives")
    )
    imported = commands.add_parser(
        "networks import", help=tr("import a .caffemodel, .pth or checkpoint file as a network")
    )
    imported.add_argument("file", metavar="FILE", type=Path, help=tr("the file"))
    imported.add_argument(
        "--classes", metavar="FILE", type=Path, help=tr("file with the name of a class in each line, index 0 first")
    )
    imported.add_argument(
        "--architecture",
        metavar="NAME",
        default="",
        help=tr("what a .pth is, where the file does not tell: vgg16-8s or vgg16-8s-atonce"),
    )
    show = commands.add_parser("networks show", help=tr("show what is known of a network"))
    show.add_argument("name", metavar="NAME", help=tr("name of a network, installed or not, or a checkpoint file"))
    remove = commands.add_parser("networks remove", help=tr("delete a network that was downloaded or imported"))
    remove.add_argument("name", metavar="NAME", help=tr("name of the network"))
    for command in (download, imported):
        command.add_argument("--as", dest="keep_as", metavar="NAME", default="", help=tr("keep it under this name"))
    for command in (listing, download, imported, show, remove):
        _add_json(command)


def _add_export(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", type=Path, help=tr("folder of images or VOC tree"))
    formats = [row.name for row in EXPORTERS]
    command.add_argument("--format", choices=formats, default=formats[0], help=tr("form of the data set"))
    command.add_argument("--out", metavar="DIR", type=Path, required=True, help=tr("folder for the data set"))
    command.add_argument(
        "--status",
        action="append",
        metavar="S",
        help=tr("status of images to export (default: verified); may be repeated"),
    )
    command.add_argument(
        "--split", choices=["train", "val", "all"], default="all", help=tr("images of this split (default: all)")
    )
    command.add_argument("--grey-as-indices", action="store_true", help=tr("read grey masks as class indices"))
    _add_max_pixels(command)
    _add_json(command)
    _add_export_options(command)


def _add_export_options(command: argparse.ArgumentParser) -> None:
    """Add the options of each export format, shared ones only once."""
    added: set[str] = set()
    for row in EXPORTERS:
        group = command.add_argument_group(tr("options of the format '{format}'", format=row.name))
        for option in row.options:
            if option.key not in added:
                added.add(option.key)
                group.add_argument(f"--{option.key.replace('_', '-')}", help=tr(option.title), **_argument(option))


def _argument(option: Setting[Any]) -> dict[str, Any]:
    """Return how the parser reads an export option, by default None."""
    if option.kind is bool:
        return {"action": argparse.BooleanOptionalAction}
    if option.choices:
        return {"choices": list(option.choices)}

    def value(text: str) -> Value:
        try:
            return option.accepted(option.kind(text))
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return {"type": value, "metavar": "N" if option.kind in (int, float) else "TEXT"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    known = _WINDOWS.keys() | _REPORTS.keys()
    if " ".join(words[:2]) in known:
        words[:2] = [" ".join(words[:2])]
    if not words or (words[0] not in known and words[0] not in ("-h", "--help", "--version")):
        words.insert(0, "open")
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A log file gets each line at once, and a path that cannot be encoded costs no result.
        sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    options = parser().parse_args(words)
    try:
        if options.command in _WINDOWS:
            return _WINDOWS[options.command](options)
        from fcn_studio.jobs.outputs import check_json, write_json

        check_json(options.json)
        with _words_apart(options.json):
            result = _REPORTS[options.command](options)
        if result:  # empty in all but the first of several processes that train together
            write_json(result, options.json)
        return 0 if result.get("healthy", True) else 2
    except FcnStudioError as error:
        print(f"fcn-studio: {error}", file=sys.stderr)
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


def _export(options: argparse.Namespace) -> Json:
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


def _networks(options: argparse.Namespace) -> Json:
    from fcn_studio.jobs import library

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
    "export": _export,
    "networks": _networks,
    "networks download": _networks,
    "networks import": _networks,
    "networks show": _networks,
    "networks remove": _networks,
    "doctor": _doctor,
}
"""Commands that end with a result for ``--json``."""
