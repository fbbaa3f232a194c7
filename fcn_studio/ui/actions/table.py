"""The table of actions.

Menus, tool bars, shortcuts, help and the README's list of keys are made from it. It has no Qt, so that documents can
be made from it without a display. `fcn_studio.ui.actions.qt_actions` makes the Qt objects,
`fcn_studio.ui.commands.commands` says what each action does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from fcn_studio.core.classes import ClassTable
from fcn_studio.i18n import plain, tr, tr_noop
from fcn_studio.tools import TOOLS
from fcn_studio.tools.paste import Paste


class Needs(StrEnum):
    """Conditions for an action to be enabled."""

    NOTHING = "nothing"
    PROJECT = "project"
    WRITABLE_PROJECT = "writable project"
    DOCUMENT = "document"
    WRITABLE = "writable document"


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """Row of the action table.

    Attributes:
        name: name in the program.
        text: text in the menu, with ``&`` before the mnemonic and "…" where a dialog follows.
        menu: title of its menu, or "" for none.
        shortcuts: default keys in Qt's portable spelling, the one shown first; `ui.actions.keys` has those in force.
        icon: file name in ``resources/icons`` without suffix, or "".
        tip: one sentence for tool tip and status; the tool tip adds the key.
        checkable: whether it has a tick.
        group: actions of one group exclude each other.
        separator: whether a line is above it in its menu.
        needs: condition for it to be enabled.
        hold: whether it acts while the key is held.
        repeats: whether it is repeated while the key is held; for small, visible effects.
        on_canvas: whether its keys work only while the canvas has the keyboard.
    """

    name: str
    text: str
    menu: str = ""
    shortcuts: tuple[str, ...] = ()
    icon: str = ""
    tip: str = ""
    checkable: bool = False
    group: str = ""
    separator: bool = False
    needs: Needs = Needs.NOTHING
    hold: bool = False
    repeats: bool = False
    on_canvas: bool = False

    @property
    def plain_text(self) -> str:
        """Translated text without mnemonic and dots."""
        return plain(tr(self.text))

    @property
    def sentence(self) -> str:
        """Translated sentence on what the action does."""
        return tr(self.tip) if self.tip else self.plain_text


MENUS = (
    tr_noop("&File"),
    tr_noop("&Edit"),
    tr_noop("&View"),
    tr_noop("&Image"),
    tr_noop("&Label"),
    tr_noop("&Network"),
    tr_noop("&Help"),
)
"""Titles of the menus, left to right."""

_FILE, _EDIT, _VIEW, _IMAGE, _LABEL, _NETWORK, _HELP = MENUS
_P, _WP, _D, _W = Needs.PROJECT, Needs.WRITABLE_PROJECT, Needs.DOCUMENT, Needs.WRITABLE

ACTIONS: tuple[ActionSpec, ...] = (
    ActionSpec("open_folder", tr_noop("&Open folder…"), _FILE, ("Ctrl+O", "Ctrl+U"), "folder",
               tr_noop("Open a folder of images")),
    ActionSpec("demo", tr_noop("Open the &demo"), _FILE, (), "",
               tr_noop("Make a small project of drawn micrographs and open it")),
    ActionSpec("save", tr_noop("&Save now"), _FILE, ("Ctrl+S",), "save",
               tr_noop("Save now. The program also saves by itself."), needs=_W, separator=True),
    ActionSpec("export", tr_noop("&Export…"), _FILE, ("Ctrl+E",), "export",
               tr_noop("Export images and masks as a data set"), needs=_P),
    ActionSpec("import_masks", tr_noop("&Import masks…"), _FILE, (), "",
               tr_noop("Bring in masks and annotations of other programs"), needs=_WP),
    ActionSpec("import_frames", tr_noop("Import &frames…"), _FILE, (), "",
               tr_noop("Write frames of a film, or pages of a TIFF, as images into a folder")),
    ActionSpec("splits", tr_noop("S&plits…"), _FILE, (), "",
               tr_noop("Divide the images into training, validation and test"), needs=_WP),
    ActionSpec("take_over", tr_noop("&Write here anyway…"), _FILE, (), "",
               tr_noop("Take over a folder whose lock was left by a program on another computer"), needs=_P),
    ActionSpec("recovery", tr_noop("What came &back…"), _FILE, (), "",
               tr_noop("Show the strokes that came back when the folder was opened"), needs=_P),
    ActionSpec("opening_report", tr_noop("W&hat was found…"), _FILE, (), "",
               tr_noop("Show what was found when the folder was opened"), needs=_P),
    ActionSpec("settings", tr_noop("Se&ttings…"), _FILE, ("Ctrl+,",), "",
               tr_noop("Change the settings"), separator=True),
    ActionSpec("close_project", tr_noop("&Close project"), _FILE, ("Ctrl+W",), "",
               tr_noop("Close the folder"), needs=_P),
    ActionSpec("quit", tr_noop("&Quit"), _FILE, ("Ctrl+Q",), "", tr_noop("Save and quit")),

    ActionSpec("undo", tr_noop("&Undo"), _EDIT, ("Ctrl+Z",), "undo",
               tr_noop("Undo the last step"), needs=_W, repeats=True),
    ActionSpec("redo", tr_noop("&Redo"), _EDIT, ("Ctrl+Shift+Z", "Ctrl+Y"), "redo",
               tr_noop("Redo the step that was undone"), needs=_W, repeats=True),
    ActionSpec("swap_background", tr_noop("Swap with &background"), _EDIT, ("X",), "swap",
               tr_noop("Paint with the background or void, and back"), separator=True, needs=_P),
    ActionSpec("previous_class", tr_noop("&Previous class"), _EDIT, ("`", "Shift+X"), "",
               tr_noop("Paint with the class before this one, and back"), needs=_P),
    ActionSpec("brush_smaller", tr_noop("Brush s&maller"), _EDIT, ("[",), "",
               tr_noop("Make the brush 20 % smaller"), needs=_P, repeats=True),
    ActionSpec("brush_larger", tr_noop("Brush &larger"), _EDIT, ("]",), "",
               tr_noop("Make the brush 20 % larger"), needs=_P, repeats=True),
    ActionSpec("copy_labels", tr_noop("&Copy labels"), _EDIT, ("Ctrl+C",), "",
               tr_noop("Copy the labels inside the selection, or all labels of the image"), separator=True,
               needs=_D),
    ActionSpec("paste", tr_noop("&Paste labels"), _EDIT, ("Ctrl+V",), "",
               tr_noop("Show the copied labels above this image, to move and keep them"), needs=_W),
    ActionSpec("select_nothing", tr_noop("Select &nothing"), _EDIT, ("Ctrl+D",), "",
               tr_noop("Clear the selection, so that tools change the whole image again"), needs=_D),
    ActionSpec("take_back_classes", tr_noop("&Take back class change"), _EDIT, (), "",
               tr_noop("Bring the masks and classes back as they were before the last merging or deleting"),
               separator=True, needs=_WP),

    ActionSpec("peek", tr_noop("&Hide labels while held"), _VIEW, ("V",), "eye-off",
               tr_noop("Hold to show the image without labels"), needs=_D, hold=True),
    ActionSpec("label_style", tr_noop("&Outline, hatch, fill"), _VIEW, ("T",), "outline",
               tr_noop("Show the labels as outlines, hatched, or filled"), needs=_D),
    ActionSpec("uncertainty", tr_noop("&Uncertainty"), _VIEW, ("U",), "uncertainty",
               tr_noop("Show where the network is uncertain"), checkable=True, needs=_D),
    ActionSpec("disagreement", tr_noop("&Differences"), _VIEW, ("Shift+U",), "",
               tr_noop("Outline where the prediction and your labels differ"), checkable=True, needs=_D),
    ActionSpec("compare", tr_noop("&Wipe"), _VIEW, ("C",), "",
               tr_noop("Show the prediction left of a line, the labels right of it"), checkable=True, needs=_D),
    ActionSpec("navigator", tr_noop("&Navigator"), _VIEW, ("N",), "",
               tr_noop("Show the whole image in a corner. Click it to go there."), checkable=True, needs=_D),
    ActionSpec("class_names", tr_noop("Class na&mes"), _VIEW, ("Shift+N",), "",
               tr_noop("Show the names of the classes over the image, and at the resting pointer"), checkable=True,
               needs=_D),
    ActionSpec("thumbnails", tr_noop("Thum&bnails"), _VIEW, (), "",
               tr_noop("Show small pictures in the list of files"), checkable=True),
    ActionSpec("walk_next", tr_noop("Ne&xt doubtful region"), _VIEW, ("Tab",), "",
               tr_noop("Go to the next region where the network doubts, or contradicts your labels"),
               separator=True, needs=_D, on_canvas=True),
    ActionSpec("walk_previous", tr_noop("&Previous doubtful region"), _VIEW, ("Shift+Tab",), "",
               tr_noop("Go to the doubtful region before"), needs=_D, on_canvas=True),
    ActionSpec("check", tr_noop("Chec&k the data set"), _VIEW, ("Ctrl+Shift+K",), "",
               tr_noop("Find what is wrong with images, masks, labels and splits"), needs=_P),
    ActionSpec("fit", tr_noop("&Fit in window"), _VIEW, ("F",), "fit",
               tr_noop("Show the whole image"), separator=True, needs=_D),
    ActionSpec("one_to_one", tr_noop("&100 %"), _VIEW, ("Shift+F",), "one-to-one",
               tr_noop("Show one image pixel on one screen pixel"), needs=_D),
    ActionSpec("zoom_in", tr_noop("Zoom &in"), _VIEW, ("Ctrl++", "Ctrl+="), "zoom-in",
               tr_noop("Zoom in"), needs=_D, repeats=True),
    ActionSpec("zoom_out", tr_noop("Zoom ou&t"), _VIEW, ("Ctrl+-",), "zoom-out",
               tr_noop("Zoom out"), needs=_D, repeats=True),
    ActionSpec("next_part", tr_noop("Next part of the window"), _VIEW, ("F6",), "",
               tr_noop("Move the keyboard from the canvas to the next part of the window"), separator=True),
    ActionSpec("canvas_only", tr_noop("&Canvas only"), _VIEW, ("F11",), "",
               tr_noop("Hide everything but the image"), checkable=True),
    ActionSpec("toggle_docks", tr_noop("&Docks"), _VIEW, ("F12",), "",
               tr_noop("Show or hide the docks"), checkable=True),
    ActionSpec("reset_layout", tr_noop("&Reset layout"), _VIEW, (), "",
               tr_noop("Move tool bars and docks back to their first places")),

    ActionSpec("next", tr_noop("&Next"), _IMAGE, ("D", "PgDown"), "next",
               tr_noop("Open the next image"), needs=_P, repeats=True),
    ActionSpec("previous", tr_noop("&Previous"), _IMAGE, ("A", "PgUp"), "previous",
               tr_noop("Open the previous image"), needs=_P, repeats=True),
    ActionSpec("next_unverified", tr_noop("Next not &verified"), _IMAGE, ("Ctrl+Shift+D",), "",
               tr_noop("Open the next image that is neither verified nor skipped"), needs=_P, repeats=True),
    ActionSpec("previous_unverified", tr_noop("Previous n&ot verified"), _IMAGE, ("Ctrl+Shift+A",), "",
               tr_noop("Open the previous image that is neither verified nor skipped"), needs=_P, repeats=True),
    ActionSpec("verify", tr_noop("Verif&y and go on"), _IMAGE, ("Ctrl+Return", "Ctrl+Enter"), "verify",
               tr_noop("Mark this image as verified and open the next"), separator=True, needs=_W),
    ActionSpec("skip", tr_noop("&Skip this image"), _IMAGE, ("Ctrl+K",), "skip",
               tr_noop("Leave this image out of training and batches, or take it back in"), needs=_W),
    ActionSpec("verify_selected", tr_noop("Verify the sele&cted images…"), _IMAGE, (), "",
               tr_noop("Verify all images that are selected in the list of files"), separator=True, needs=_WP),
    ActionSpec("skip_selected", tr_noop("S&kip the selected images"), _IMAGE, (), "",
               tr_noop("Leave the selected images out of training and batches, or take them back in"), needs=_WP),
    ActionSpec("show_in_folder", tr_noop("Show in &folder"), _IMAGE, (), "",
               tr_noop("Show the folder of the image in the file manager"), separator=True, needs=_P),
    ActionSpec("copy_path", tr_noop("Copy pat&h"), _IMAGE, (), "",
               tr_noop("Copy the paths of the selected images"), needs=_P),
    ActionSpec("restore", tr_noop("&Restore an earlier version…"), _IMAGE, (), "",
               tr_noop("Restore the labels from when this image was opened before"), separator=True, needs=_W),

    *(ActionSpec(tool.name, tool.title, _LABEL, (tool.key,), tool.name, tool.help, True, "tools", needs=_P)
      for tool in TOOLS),
    ActionSpec("only_unlabelled", tr_noop("Paint only &unlabelled pixels"), _LABEL, ("Shift+O",), "",
               tr_noop("Leave every labelled pixel as it is"), True, separator=True, needs=_P),
    ActionSpec("only_over", tr_noop("Paint only &over the active class"), _LABEL, ("O",), "",
               tr_noop("Leave the pixels of all other classes as they are"), True, needs=_P),
    ActionSpec("only_predicted", tr_noop("Paint only where the active class is pre&dicted"), _LABEL,
               ("Ctrl+Shift+O",), "",
               tr_noop("Leave the pixels for which the network predicts another class as they are"), True, needs=_P),
    ActionSpec("fill_unlabelled", tr_noop("Fill all u&nlabelled"), _LABEL, ("Shift+G",), "",
               tr_noop("Give all unlabelled pixels the active class"), separator=True, needs=_W),
    ActionSpec("fill_gaps", tr_noop("Fill &gaps from the nearest label"), _LABEL, ("Ctrl+Shift+G",), "",
               tr_noop("Give each unlabelled pixel the class of the nearest labelled one"), needs=_W),
    ActionSpec("clean", tr_noop("C&lean…"), _LABEL, ("Ctrl+Shift+L",), "",
               tr_noop("Smooth, grow or shrink a class, remove small regions, fill holes"), needs=_W),
    ActionSpec("copy_previous", tr_noop("Copy from the pre&vious image"), _LABEL, ("Ctrl+Shift+V",), "",
               tr_noop("Copy the labels of the previous image to the unlabelled pixels of this one"), needs=_W),
    ActionSpec("first_classes", tr_noop("C&hoose the classes…"), _LABEL, (), "",
               tr_noop("Say what you want to label in a folder that has no classes yet"), needs=_P),
    ActionSpec("find_class", tr_noop("F&ind class"), _LABEL, ("Ctrl+F",), "",
               tr_noop("Type a part of the name of a class, and choose it with arrows and Enter"), needs=_P),
    ActionSpec("add_class", tr_noop("&Add class…"), _LABEL, ("Ctrl+N",), "plus",
               tr_noop("Add a class to the table"), needs=_WP),
    ActionSpec("merge_class", tr_noop("&Merge class into…"), _LABEL, (), "",
               tr_noop("Give all pixels of the active class another class, in all images"), needs=_WP),
    ActionSpec("delete_class", tr_noop("&Delete class…"), _LABEL, (), "",
               tr_noop("Delete the active class from all images"), needs=_WP),
    ActionSpec("retire_class", tr_noop("&Retire class"), _LABEL, (), "",
               tr_noop("No longer offer the active class. Its pixels stay."), needs=_WP),

    ActionSpec("live", tr_noop("&Live"), _NETWORK, ("Ctrl+L",), "live",
               tr_noop("Learn from each stroke, and show at once what the network makes of it"), True, needs=_W),
    ActionSpec("auto_segment", tr_noop("Auto-&segment this image"), _NETWORK, ("Ctrl+I", "F5"), "wand",
               tr_noop("Let the network label what no human has labelled; accept all of it while Live is on"),
               needs=_W),
    ActionSpec("accept_class", tr_noop("&Accept the class everywhere"), _NETWORK, ("Shift+Return", "Shift+Enter"), "",
               tr_noop("Accept the active class wherever the prediction has it"), needs=_W),
    ActionSpec("segment_folder", tr_noop("Segment the &folder…"), _NETWORK, ("Ctrl+B",), "batch",
               tr_noop("Let the network label all images that nobody has touched"), needs=_WP),
    ActionSpec("segment_selected", tr_noop("S&egment the selected images"), _NETWORK, (), "",
               tr_noop("Predict the selected images, and label those that nobody has touched"), needs=_WP),
    ActionSpec("fine_tune", tr_noop("Fine-&tune"), _NETWORK, ("Ctrl+T",), "train",
               tr_noop("Train the network on all pixels that you labelled"), separator=True, needs=_WP),
    ActionSpec("training", tr_noop("T&raining"), _NETWORK, ("Ctrl+Shift+T",), "",
               tr_noop("Show or hide the page on training, below the image"), needs=_P),
    ActionSpec("train_from_scratch", tr_noop("&Train from scratch…"), _NETWORK, (), "",
               tr_noop("Choose a new network and train it on all pixels that you labelled"), needs=_WP),
    ActionSpec("label_errors", tr_noop("Fin&d label errors"), _NETWORK, (), "",
               tr_noop("List labels of verified images that may be wrong, the likeliest first"),
               needs=_P),
    ActionSpec("stop", tr_noop("&Stop"), _NETWORK, ("Ctrl+.",), "stop",
               tr_noop("Stop what the network is doing"), needs=_P),
    ActionSpec("go_back", tr_noop("Go &back to the previous network"), _NETWORK, (), "",
               tr_noop("Use the network before this one"), needs=_P),
    ActionSpec("go_forward", tr_noop("Go for&ward to the later network"), _NETWORK, (), "",
               tr_noop("Use the network again that you went back from"), needs=_P),
    ActionSpec("networks", tr_noop("&Networks…"), _NETWORK, ("Ctrl+Shift+N",), "",
               tr_noop("Show all networks; use, download or import one"), separator=True),
    ActionSpec("network_classes", tr_noop("Network's &classes…"), _NETWORK, (), "",
               tr_noop("Say which class of the project each class of the network means"), needs=_P),

    ActionSpec("palette", tr_noop("Command &palette…"), _HELP, ("Ctrl+Shift+P",), "",
               tr_noop("Find a command, class, image or folder by its name")),
    ActionSpec("possible_now", tr_noop("Keys that work &now"), _HELP, ("?",), "",
               tr_noop("Show what keys and mouse can do at this moment")),
    ActionSpec("shortcuts", tr_noop("&Keys and mouse"), _HELP, ("F1",), "", tr_noop("List all shortcuts")),
    ActionSpec("change_keys", tr_noop("Keyboard &shortcuts…"), _HELP, ("Ctrl+F1",), "",
               tr_noop("Change the keys of all actions")),
    ActionSpec("effort", tr_noop("Labelling &effort…"), _HELP, (), "",
               tr_noop("Show how long labelling took, by image, class, tool and training"), separator=True, needs=_P),
    ActionSpec("report", tr_noop("&Report…"), _HELP, (), "",
               tr_noop("Show versions, device and messages, to copy into a report")),
    ActionSpec("about", tr_noop("&About FCN Studio"), _HELP, (), "",
               tr_noop("Show version and licence"), separator=True),
)  # fmt: skip
"""All actions, in menu order."""

WALK: tuple[tuple[str, str], ...] = (
    (tr_noop("Enter"), tr_noop("Take the prediction for the outlined region")),
    (tr_noop("R"), tr_noop("Take the second guess of the network")),
    (tr_noop("Key of a class"), tr_noop("Label the outlined region with this class")),
    (tr_noop("Backspace"), tr_noop("Leave the region as it is, and go on")),
    (tr_noop("Esc"), tr_noop("End the walk")),
)
"""Keys during the walk through doubtful regions, while the canvas has the keyboard, with their effect."""

TOOL_NAMES = tuple(tool.name for tool in TOOLS)

CLASS_KEYS = (*"1234567890", *(f"Ctrl+{digit}" for digit in "1234567890"))
"""Shortcuts of classes: the digits, then Ctrl with the digits."""

CHORD = "Z"
"""First of the two keys of a chord: a letter for the left hand that no action has."""

CHORDS = tuple(f"{CHORD}, {letter}" for letter in "ABCDEFGHIJKLMNOPQSTUVWXYZ")
"""Two keys after each other that can be given to classes. R has a meaning of its own at a doubtful region."""

CANVAS_MOUSE: tuple[tuple[str, str], ...] = (
    (tr_noop("Ctrl+wheel"), tr_noop("Zoom at the cursor")),
    (tr_noop("Wheel, Shift+wheel"), tr_noop("Scroll; with a brush, Shift+wheel changes its size")),
    (tr_noop("Space or middle button, drag"), tr_noop("Pan")),
    (tr_noop("Drag the grip of the wipe"), tr_noop("Move the line between prediction and labels")),
    (tr_noop("Alt+click"), tr_noop("Pick the class under the cursor")),
    (tr_noop("Alt+right button, drag"), tr_noop("Change the brush size")),
    (tr_noop("Eraser end of a pen"), tr_noop("Erase, whatever the tool")),
)
"""Gestures of the mouse on the canvas with any tool, with their effect."""

MOUSE = (
    *CANVAS_MOUSE,
    *dict.fromkeys(gesture for tool in TOOLS for gesture in tool.tool.gestures),
    *Paste.gestures,
)
"""Gestures of the mouse and keys of tools on the canvas, with their effect."""

BY_NAME: Mapping[str, ActionSpec] = {spec.name: spec for spec in ACTIONS}


def class_keys(table: ClassTable) -> dict[str, int]:
    """Return the class index of each shortcut.

    Classes without a key of their own get the free ones of `CLASS_KEYS` in order.
    """
    own = {info.key: info.index for info in table.active if info.key in (*CLASS_KEYS, *CHORDS)}
    free = (key for key in CLASS_KEYS if key not in own)
    others = (info.index for info in table.active if info.index not in own.values())
    return own | dict(zip(free, others, strict=False))


def conflicts(specs: Iterable[ActionSpec] = ACTIONS) -> dict[str, list[str]]:
    """Return shortcuts that several actions or classes share, with their names."""
    owners: dict[str, list[str]] = {key.casefold(): [f"class {key}"] for key in (*CLASS_KEYS, CHORD)}
    for spec in specs:
        for key in spec.shortcuts:
            owners.setdefault(key.casefold(), []).append(spec.name)
    return {key: names for key, names in owners.items() if len(names) > 1}


def default_keys(name: str) -> tuple[str, ...]:
    """Return the keys of an action that nobody has changed."""
    return BY_NAME[name].shortcuts


def shortcut_rows(keys_of: Callable[[str], tuple[str, ...]]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return (heading, [(keys, effect)]) for the help, the mouse last.

    Args:
        keys_of: returns the keys of an action by its name.
    """
    groups = []
    for menu in MENUS:
        rows = [(", ".join(keys_of(s.name)), s.sentence) for s in ACTIONS if s.menu == menu and keys_of(s.name)]
        if menu == _LABEL:
            rows.append(("1 … 9, 0", tr("Paint with class 1 … 10")))
            rows.append(("Ctrl+1 … Ctrl+0", tr("Paint with the next ten classes")))
            rows.append((f"{CHORDS[0]} … {CHORDS[-1]}", tr("Paint with the class that you gave these two keys")))
        groups.append((plain(tr(menu)), rows))
    groups.append((tr("At a doubtful region"), [(tr(key), tr(what)) for key, what in WALK]))
    groups.append((tr("Mouse"), [(tr(gesture), tr(what)) for gesture, what in MOUSE]))
    return [group for group in groups if group[1]]


def shortcut_table() -> str:
    """Return all default shortcuts as a Markdown table for the README."""
    keys_title, meaning_title = tr("Keys"), tr("What they do")
    lines = [f"| {keys_title} | {meaning_title} |", "|---|---|"]
    for heading, rows in shortcut_rows(default_keys):
        lines.append(f"| **{heading}** | |")
        lines += [f"| {keys.replace('|', chr(92) + '|')} | {what} |" for keys, what in rows]
    return "\n".join(lines) + "\n"
