"""The one table of actions: menus, tool bars, shortcuts, help and the README's key list all come from it.

Qt-free, so that documents can be made from it without a display. `fcn_studio.ui.actions.qt_actions` makes the Qt
objects, `fcn_studio.ui.commands.commands` says what each action does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from fcn_studio.core.classes import ClassTable


class Needs(StrEnum):
    """What must be there for an action to be offered."""

    NOTHING = "nothing"
    PROJECT = "project"
    WRITABLE_PROJECT = "writable project"
    DOCUMENT = "document"
    WRITABLE = "writable document"


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One row of the action table.

    Attributes:
        name: how the program calls it.
        text: how the menu calls it, with ``&`` before the mnemonic and "..." as one character where it asks on.
        menu: title of its menu, or "" for none.
        shortcuts: key sequences in Qt's portable spelling, the one shown first.
        icon: file name in ``resources/icons`` without suffix, or "".
        tip: one sentence for tool tip and status; the key is added to it.
        checkable: has a tick.
        group: actions of one group exclude each other.
        separator: a line above it in its menu.
        needs: what must be there for it.
        hold: acts while the key is held.
        repeats: acts again and again while the key is held; what it does is small, and seen each time.
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

    @property
    def plain_text(self) -> str:
        """The text without mnemonic and dots."""
        return self.text.replace("&", "").rstrip("…")

    @property
    def tool_tip(self) -> str:
        """The sentence and the key, for a tool tip."""
        key = f" ({self.shortcuts[0]})" if self.shortcuts else ""
        return f"{self.tip or self.plain_text}{key}"


MENUS = ("&File", "&Edit", "&View", "&Image", "&Label", "&Network", "&Help")
"""The titles of the menus, left to right."""

_FILE, _EDIT, _VIEW, _IMAGE, _LABEL, _NETWORK, _HELP = MENUS
_P, _WP, _D, _W = Needs.PROJECT, Needs.WRITABLE_PROJECT, Needs.DOCUMENT, Needs.WRITABLE

ACTIONS: tuple[ActionSpec, ...] = (
    ActionSpec("open_folder", "&Open folder…", _FILE, ("Ctrl+O", "Ctrl+U"), "folder", "Open a folder of images"),
    ActionSpec("demo", "Open the &demo", _FILE, (), "", "Make a small project of drawn micrographs and open it"),
    ActionSpec("save", "&Save now", _FILE, ("Ctrl+S",), "save", "Save now; it also happens by itself", needs=_W,
               separator=True),
    ActionSpec("export", "&Export…", _FILE, ("Ctrl+E",), "export", "Export images and masks as a VOC data set",
               needs=_P),
    ActionSpec("take_over", "&Write here anyway…", _FILE, (), "",
               "Take over a folder that is locked by a program on another machine which is gone", needs=_P),
    ActionSpec("recovery", "What came &back…", _FILE, (), "",
               "Show the strokes that were brought back when the folder was opened", needs=_P),
    ActionSpec("settings", "Se&ttings…", _FILE, ("Ctrl+,",), "", "Change the settings", separator=True),
    ActionSpec("close_project", "&Close project", _FILE, ("Ctrl+W",), "", "Close the folder", needs=_P),
    ActionSpec("quit", "&Quit", _FILE, ("Ctrl+Q",), "", "Save and quit"),

    ActionSpec("undo", "&Undo", _EDIT, ("Ctrl+Z",), "undo", "Take back the last step", needs=_W, repeats=True),
    ActionSpec("redo", "&Redo", _EDIT, ("Ctrl+Shift+Z", "Ctrl+Y"), "redo", "Do it again", needs=_W, repeats=True),
    ActionSpec("swap_background", "Swap with &background", _EDIT, ("X",), "swap",
               "Paint with the background or void, and back", separator=True, needs=_P),
    ActionSpec("brush_smaller", "Brush s&maller", _EDIT, ("[",), "", "Make the brush 20 % smaller", needs=_P,
               repeats=True),
    ActionSpec("brush_larger", "Brush &larger", _EDIT, ("]",), "", "Make the brush 20 % larger", needs=_P,
               repeats=True),

    ActionSpec("peek", "&Hide labels while held", _VIEW, ("V",), "eye-off", "Hold to see the image without labels",
               needs=_D, hold=True),
    ActionSpec("label_style", "&Outline, hatch, fill", _VIEW, ("T",), "outline",
               "Show the labels as outlines, hatched, or filled", needs=_D),
    ActionSpec("uncertainty", "&Uncertainty", _VIEW, ("U",), "uncertainty", "Show where the network is in doubt",
               checkable=True, needs=_D),
    ActionSpec("disagreement", "&Differences", _VIEW, ("Shift+U",), "",
               "Outline where the prediction and your labels differ", checkable=True, needs=_D),
    ActionSpec("compare", "&Wipe", _VIEW, ("C",), "",
               "Left of a line that you can drag the prediction, right of it the labels", checkable=True, needs=_D),
    ActionSpec("navigator", "&Navigator", _VIEW, ("N",), "",
               "Show the whole image in a corner, to go where you click", checkable=True, needs=_D),
    ActionSpec("fit", "&Fit in window", _VIEW, ("F",), "fit", "Show the whole image", separator=True, needs=_D),
    ActionSpec("one_to_one", "&100 %", _VIEW, ("Shift+F",), "one-to-one", "One image pixel on one screen pixel",
               needs=_D),
    ActionSpec("zoom_in", "Zoom &in", _VIEW, ("Ctrl++", "Ctrl+="), "zoom-in", "Zoom in", needs=_D, repeats=True),
    ActionSpec("zoom_out", "Zoom ou&t", _VIEW, ("Ctrl+-",), "zoom-out", "Zoom out", needs=_D, repeats=True),
    ActionSpec("canvas_only", "&Canvas only", _VIEW, ("F11",), "", "Hide everything but the image", checkable=True,
               separator=True),
    ActionSpec("toggle_docks", "&Docks", _VIEW, ("F12",), "", "Show or hide the docks", checkable=True),
    ActionSpec("reset_layout", "&Reset layout", _VIEW, (), "", "Put tool bars and docks where they were at first"),

    ActionSpec("next", "&Next", _IMAGE, ("D", "PgDown"), "next", "Open the next image", needs=_P, repeats=True),
    ActionSpec("previous", "&Previous", _IMAGE, ("A", "PgUp"), "previous", "Open the previous image", needs=_P,
               repeats=True),
    ActionSpec("next_unverified", "Next not &verified", _IMAGE, ("Ctrl+Shift+D",), "",
               "Open the next image that is neither verified nor skipped", needs=_P, repeats=True),
    ActionSpec("previous_unverified", "Previous n&ot verified", _IMAGE, ("Ctrl+Shift+A",), "",
               "Open the previous image that is neither verified nor skipped", needs=_P, repeats=True),
    ActionSpec("verify", "Verif&y and go on", _IMAGE, ("Ctrl+Return", "Ctrl+Enter"), "verify",
               "All of this image is right: mark it verified and open the next", separator=True, needs=_W),
    ActionSpec("skip", "&Skip this image", _IMAGE, ("Ctrl+K",), "skip",
               "Leave this image out of training and batches, or take it back in", needs=_W),
    ActionSpec("restore", "&Restore an earlier version…", _IMAGE, (), "",
               "Bring back what this image was when it was opened before", separator=True, needs=_W),

    ActionSpec("brush", "&Brush", _LABEL, ("B",), "brush", "Paint with the active class", True, "tools", needs=_P),
    ActionSpec("eraser", "&Eraser", _LABEL, ("E",), "eraser", "Make pixels unlabelled", True, "tools", needs=_P),
    ActionSpec("polygon", "&Polygon", _LABEL, ("P",), "polygon", "Click corners; Enter closes", True, "tools",
               needs=_P),
    ActionSpec("fill", "&Fill", _LABEL, ("G",), "fill", "Fill a region of one class", True, "tools", needs=_P),
    ActionSpec("picker", "Pick &class", _LABEL, ("I",), "picker", "Take the class under the cursor", True, "tools",
               needs=_P),
    ActionSpec("only_unlabelled", "Paint only &unlabelled pixels", _LABEL, (), "",
               "Leave every labelled pixel as it is", True, separator=True, needs=_P),
    ActionSpec("add_class", "&Add class…", _LABEL, ("Ctrl+N",), "plus", "Add a class to the table", needs=_WP),

    ActionSpec("auto_segment", "Auto-&segment this image", _NETWORK, ("Ctrl+I", "F5"), "wand",
               "Let the network label what no human has labelled", needs=_W),
    ActionSpec("segment_folder", "Segment the &folder…", _NETWORK, ("Ctrl+B",), "batch",
               "Let the network label all images that nobody has touched", needs=_WP),
    ActionSpec("fine_tune", "Fine-&tune", _NETWORK, ("Ctrl+T",), "train",
               "Train the network on all pixels that you labelled", separator=True, needs=_WP),
    ActionSpec("stop", "&Stop", _NETWORK, ("Ctrl+.",), "stop", "Stop what the network is doing", needs=_P),
    ActionSpec("go_back", "Go &back to the previous network", _NETWORK, (), "", "Use the network before this one",
               needs=_P),
    ActionSpec("networks", "&Networks…", _NETWORK, ("Ctrl+Shift+N",), "",
               "See all networks: what each knows and how good it is; use, download or import one", separator=True),
    ActionSpec("network_classes", "Network's &classes…", _NETWORK, (), "",
               "Say which class of the project each class of the network means", needs=_P),

    ActionSpec("shortcuts", "&Keys and mouse", _HELP, ("F1",), "", "List all shortcuts"),
    ActionSpec("report", "&Report…", _HELP, (), "", "Versions, device and messages, to copy into a report"),
    ActionSpec("about", "&About FCN Studio", _HELP, (), "", "Version and licence", separator=True),
)  # fmt: skip
"""Every action with a name, in menu order."""

TOOL_NAMES = tuple(spec.name for spec in ACTIONS if spec.group == "tools")

CLASS_KEYS = (*"1234567890", *(f"Ctrl+{digit}" for digit in "1234567890"))
"""The shortcuts of classes: a digit, then Ctrl and a digit."""

MOUSE: tuple[tuple[str, str], ...] = (
    ("Ctrl+wheel", "Zoom at the cursor"),
    ("Wheel, Shift+wheel", "Scroll; with a brush, Shift+wheel changes its size"),
    ("Space or middle button, drag", "Pan"),
    ("Right button, drag", "Brush: erase; polygon: remove the last corner"),
    ("Drag the grip of the wipe", "Move the line between prediction and labels"),
    ("Alt+click", "Pick the class under the cursor"),
    ("Alt+right button, drag", "Change the brush size"),
    ("Shift+click", "Brush: straight line from the last point"),
    ("Eraser end of a pen", "Erase, whatever the tool"),
    ("Enter or double-click, Backspace, Esc", "Polygon: close, remove the last corner, cancel"),
)
"""What the mouse and the tools' own keys do on the canvas."""

BY_NAME: Mapping[str, ActionSpec] = {spec.name: spec for spec in ACTIONS}


def class_keys(table: ClassTable) -> dict[str, int]:
    """Shortcut -> class index: each class's own digit; those without get the free ones of `CLASS_KEYS` in order."""
    own = {info.key: info.index for info in table.active if info.key}
    free = (key for key in CLASS_KEYS if key not in own)
    return own | dict(zip(free, (info.index for info in table.active if not info.key), strict=False))


def conflicts(specs: Iterable[ActionSpec] = ACTIONS) -> dict[str, list[str]]:
    """Shortcut -> names of the actions that share it, class keys included; empty when all is well."""
    owners: dict[str, list[str]] = {key.casefold(): [f"class {key}"] for key in CLASS_KEYS}
    for spec in specs:
        for key in spec.shortcuts:
            owners.setdefault(key.casefold(), []).append(spec.name)
    return {key: names for key, names in owners.items() if len(names) > 1}


def shortcut_rows() -> list[tuple[str, list[tuple[str, str]]]]:
    """(heading, [(keys, what they do)]) for help and README, in menu order, the mouse last."""
    groups = []
    for menu in MENUS:
        rows = [(", ".join(s.shortcuts), s.tip or s.plain_text) for s in ACTIONS if s.menu == menu and s.shortcuts]
        if menu == _LABEL:
            rows.append(("1 … 9, 0", "Paint with class 1 … 10"))
            rows.append(("Ctrl+1 … Ctrl+0", "Paint with the next ten classes"))
        groups.append((menu.replace("&", ""), rows))
    groups.append(("Mouse", list(MOUSE)))
    return [group for group in groups if group[1]]


def shortcut_table() -> str:
    """All shortcuts as one Markdown table, as the README has it."""
    lines = ["| Keys | What they do |", "|---|---|"]
    for heading, rows in shortcut_rows():
        lines.append(f"| **{heading}** | |")
        lines += [f"| {keys.replace('|', chr(92) + '|')} | {what} |" for keys, what in rows]
    return "\n".join(lines) + "\n"
