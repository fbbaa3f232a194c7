"""What is made of a folder that has no project file yet."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from fcn_studio.core.classes import NO_CLASSES, ClassTable
from fcn_studio.core.project import ProjectConfig
from fcn_studio.errors import ClassTableNeeded
from fcn_studio.formats.voc.found_classes import found_classes
from fcn_studio.i18n import tr


def found_table(
    folder: Path, masks: Mapping[str, Path], default: ClassTable | None, chosen: ClassTable | None
) -> ClassTable:
    """Return the class table of a folder with these masks.

    A ``chosen`` one, which may be empty, comes before what the folder tells.

    Raises:
        ClassTableNeeded: if nothing tells it.
    """
    found = found_classes(folder, masks) if chosen is None else chosen
    if found is not None:
        return found
    if not masks:
        return default or NO_CLASSES
    raise ClassTableNeeded(
        tr(
            "{folder} has masks, and no class_names.txt says what their class indices mean; write one there, a name "
            "a line, index 0 on the first, or say what they mean with "
            'fcn-studio import "{folder}" --into "{folder}" --map ...',
            folder=folder,
        )
    )


def new_config(folder: Path, table: ClassTable) -> ProjectConfig:
    """Return the settings of a project that has no file yet.

    Its id is made from host and path until it is written: strokes kept for a folder that is only looked at, or
    that crashed before its first save, are found again.
    """
    path = os.fsencode(os.path.realpath(folder)).decode("utf-8", "backslashreplace")  # any bytes may be a name
    name = f"{socket.gethostname()}:{path}"
    return replace(ProjectConfig.new(table), project_id=str(uuid.uuid5(uuid.NAMESPACE_URL, name)))
