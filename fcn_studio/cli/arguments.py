"""Arguments of the commands."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fcn_studio import __version__
from fcn_studio.cli.argument_parser import Parser, RawHelp
from fcn_studio.core.training import Level, RecipeName
from fcn_studio.i18n import as_text, ended, tr, tr_noop
from fcn_studio.settings import Setting, Value

EPILOG = tr_noop(
    """examples:
  fcn-studio photos/                                   open a folder of images in the window
  fcn-studio demo                                      open a small drawn project and try the loop
  fcn-studio segment photos/ --out predictions/        label every image, leave photos/ untouched
  fcn-studio train photos/ --level quick --minutes 2   fine-tune on what a human labelled
  fcn-studio evaluate photos/ --network street         score a network on the validation images
  fcn-studio export photos/ --format voc --out voc/    write a VOC data set of the verified images
  fcn-studio check photos/                             find what is wrong with images, masks and lists
  fcn-studio import masks/ --into photos/              bring in masks of another program
"""
)

_SHARED = tr_noop(
    "Several processes, started by torchrun or srun, share the images; the first one writes the result."
)


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of all commands.

    Args:
        only: name of a command; no other gets its arguments, which saves time and imports when the window starts.
    """
    top = Parser(
        "fcn-studio",
        description=tr("Label images for semantic segmentation; the network learns while you label."),
        epilog=tr(EPILOG),
        formatter_class=RawHelp,
    )
    top.add_argument(
        "--version", action="version", version=f"fcn-studio {__version__}", help=tr("show the version and exit")
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    for name, (words, add_arguments) in COMMANDS.items():
        command = commands.add_parser(name, help=tr(words))
        if only in (None, name):
            add_arguments(command)
    return top


def _add_window(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", nargs="?", type=Path, help=tr("folder of images or VOC tree, or an image in it"))
    command.add_argument(
        "--break-lock", action="store_true", help=tr("take over a project that another computer left locked")
    )
    _add_max_pixels(command)


def _add_desktop(command: argparse.ArgumentParser) -> None:
    command.add_argument("what", choices=["install", "remove"], help=tr("whether to add or to remove it"))
    _add_json(command)


def _add_demo(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "folder", nargs="?", type=Path, help=tr("folder of the project (default: a new temporary folder)")
    )
    command.add_argument(
        "--offscreen", action="store_true", help=tr("run without a window even if there is a display")
    )
    command.add_argument("--screenshot", type=Path, help=tr("file that gets a picture of the window"))


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


def _add_folder(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", type=Path, help=tr("folder of images or VOC tree"))
    command.add_argument("--grey-as-indices", action="store_true", help=tr("read grey masks as class indices"))
    _add_max_pixels(command)
    _add_json(command)


def _add_device(command: argparse.ArgumentParser) -> None:
    command.add_argument("--device", metavar="D", default="auto", help=tr("auto, cpu, cuda, cuda:1 or mps"))


def _add_project(command: argparse.ArgumentParser, *, network_required: bool = False) -> None:
    _add_folder(command)
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
    _add_device(command)


def _add_segment(command: argparse.ArgumentParser) -> None:
    command.epilog = tr(_SHARED)
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
    command.epilog = tr(_SHARED)
    _add_project(command, network_required=True)
    command.add_argument(
        "--split",
        choices=["train", "val", "test", "all"],
        default="val",
        help=tr("images of this split (default: val); all stands for train and val"),
    )
    command.add_argument("--boundary", action="store_true", help=tr("score boundaries too (F-measure at 2 pixels)"))


def _add_suspects(command: argparse.ArgumentParser) -> None:
    command.epilog = tr(_SHARED)
    _add_folder(command)
    _add_device(command)


def _add_classes(command: argparse.ArgumentParser) -> None:
    _add_folder(command)
    for flag, words, explained in (
        ("--merge", "A=B", tr("give all pixels of class A the class B, in all masks; may be repeated")),
        ("--delete", "A=B", tr("delete class A; its pixels become B: void, unlabelled or a class; may be repeated")),
        ("--retire", "A", tr("no longer offer class A; its pixels stay; may be repeated")),
        ("--use-again", "A", tr("offer a retired class again; may be repeated")),
    ):
        command.add_argument(flag, metavar=words, action="append", default=[], help=explained)
    command.add_argument("--take-back", action="store_true", help=tr("take the last merging or deleting back"))


def _add_check(command: argparse.ArgumentParser) -> None:
    from fcn_studio.formats.checks.options import FIXABLE, OPTIONS

    _add_folder(command)
    command.add_argument(
        "--fix",
        metavar="CHECKS",
        default="",
        help=tr(
            "fix what these checks find, as {names}; earlier versions of the masks are kept", names=",".join(FIXABLE)
        ),
    )
    command.add_argument(
        "--break-lock", action="store_true", help=tr("take over a project that another computer left locked")
    )
    for option in OPTIONS:
        words = tr(
            "{title} (default: {default:g} {unit})",
            title=tr(option.title),
            default=option.default,
            unit=tr(option.unit),
        )
        name = f"--{option.key.replace('_', '-')}"
        command.add_argument(name, help=words.replace("%", "%%"), **_argument(option))


def _add_networks(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", nargs="?", type=Path, help=tr("project whose runs are listed too"))
    command.add_argument("--available", action="store_true", help=tr("list also networks that can be downloaded"))
    _add_json(command)


def _add_networks_download(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", metavar="NAME", help=tr("name as 'networks --available' lists it"))
    command.add_argument(
        "--allow-unverified", action="store_true", help=tr("download even if no published hash proves what arrives")
    )
    _add_keep_as(command)
    _add_json(command)


def _add_networks_import(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE", type=Path, help=tr("the file"))
    command.add_argument(
        "--classes", metavar="FILE", type=Path, help=tr("file with the name of a class in each line, index 0 first")
    )
    command.add_argument(
        "--architecture",
        metavar="NAME",
        default="",
        help=tr("what a .pth is, where the file does not tell: vgg16-8s or vgg16-8s-atonce"),
    )
    _add_keep_as(command)
    _add_json(command)


def _add_keep_as(command: argparse.ArgumentParser) -> None:
    command.add_argument("--as", dest="keep_as", metavar="NAME", default="", help=tr("keep it under this name"))


def _add_networks_show(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", metavar="NAME", help=tr("name of a network, installed or not, or a checkpoint file"))
    _add_json(command)


def _add_networks_remove(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", metavar="NAME", help=tr("name of the network"))
    _add_json(command)


def _add_export(command: argparse.ArgumentParser) -> None:
    from fcn_studio.formats.exporters import EXPORTERS

    _add_folder(command)
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
        "--split",
        choices=["train", "val", "test", "all"],
        default="all",
        help=tr("images of this split (default: all)"),
    )
    _add_export_options(command)


def _add_import(command: argparse.ArgumentParser) -> None:
    from fcn_studio.formats.importers import DATA_SETS, IMPORTERS

    command.add_argument("source", type=Path, help=tr("file or folder of the annotations, or a film"))
    command.add_argument("--into", metavar="FOLDER", type=Path, required=True, help=tr("folder of the images"))
    command.add_argument(
        "--format",
        choices=[row.name for row in IMPORTERS],
        help=tr("form of the annotations (default: what they look like)"),
    )
    command.add_argument(
        "--map",
        dest="meanings",
        metavar="MAP",
        action="append",
        default=[],
        help=tr(
            'what values mean, as "red=weed,#000000=background,255=void": values or names of the source, then a '
            "class, void or unlabelled (default: by names, colours and class indices); may be repeated"
        ),
    )
    command.add_argument(
        "--values", choices=DATA_SETS, help=tr("known data set whose numbers or colours the masks have")
    )
    command.add_argument(
        "--conflict",
        choices=["keep", "take"],
        default="keep",
        help=tr("labels that images with human pixels get: keep theirs (default), or take those of the source"),
    )
    command.add_argument(
        "--copy-images", action="store_true", help=tr("copy images of the source that the folder lacks into it")
    )
    command.add_argument(
        "--add-classes", action="store_true", help=tr("add classes of the source that the project lacks")
    )
    command.add_argument(
        "--break-lock", action="store_true", help=tr("take over a project that another computer left locked")
    )
    _add_frames(command)
    _add_max_pixels(command)
    _add_json(command)


def _add_frames(command: argparse.ArgumentParser) -> None:
    """Add the options for frames of a film."""
    frames = command.add_argument_group(tr("frames of a film, or pages of a TIFF, as images"))
    frames.add_argument(
        "--every",
        metavar="N",
        help=tr("time between frames, as 1s, or their number, as 30f (default: 1s); a TIFF has pages, as 1f"),
    )
    frames.add_argument("--png", action="store_true", help=tr("write PNG in place of JPEG"))
    frames.add_argument("--quality", metavar="Q", type=int, default=95, help=tr("quality of JPEGs (default: 95)"))


def _add_export_options(command: argparse.ArgumentParser) -> None:
    """Add the options that export formats share, and those of each format, each only once."""
    from fcn_studio.formats.exporters import EXPORTERS
    from fcn_studio.formats.exporters.options import IMAGE_OPTIONS

    added: set[str] = set()
    groups = [(tr("options of formats with images and masks"), IMAGE_OPTIONS)]
    groups += [(tr("options of the format '{format}'", format=row.name), row.options) for row in EXPORTERS]
    for title, options in groups:
        new = [option for option in options if option.key not in added]
        group = command.add_argument_group(title) if new else command
        for option in new:
            added.add(option.key)
            words = as_text((ended(tr(option.title)), tr(option.help))).replace("%", "%%")
            group.add_argument(f"--{option.key.replace('_', '-')}", help=words, **_argument(option))


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


COMMANDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "open": (tr_noop("open a folder in the window (the default command)"), _add_window),
    "demo": (tr_noop("open a small drawn project; without a display, run through it"), _add_demo),
    "segment": (tr_noop("label images with a network"), _add_segment),
    "train": (tr_noop("fine-tune or train a network on what was labelled by hand"), _add_train),
    "evaluate": (tr_noop("score a network on verified images"), _add_evaluate),
    "suspects": (tr_noop("list labels of verified images that may be wrong"), _add_suspects),
    "check": (tr_noop("find what is wrong with images, masks and lists"), _add_check),
    "export": (tr_noop("write a data set for training with other programs"), _add_export),
    "import": (tr_noop("bring in masks and annotations of other programs"), _add_import),
    "classes": (tr_noop("list the classes; merge, delete or retire some"), _add_classes),
    "networks": (tr_noop("list the networks"), _add_networks),
    "networks download": (tr_noop("download a published network"), _add_networks_download),
    "networks import": (tr_noop("import a .caffemodel, .pth or checkpoint file as a network"), _add_networks_import),
    "networks show": (tr_noop("show what is known of a network"), _add_networks_show),
    "networks remove": (tr_noop("delete a network that was downloaded or imported"), _add_networks_remove),
    "desktop": (
        tr_noop("add the program to the desktop's menu, or remove it (Linux, for this user)"),
        _add_desktop,
    ),
    "doctor": (tr_noop("show versions, device and Qt platform, and what is missing"), _add_json),
}
"""Name of each command, what it does, and the function that adds its arguments."""
