"""The checks of a data set: `CHECKS`.

A check is one row here and a function, of one image (`ImageCheck`) or of all together (`FolderCheck`). It then stands
in ``fcn-studio check``, in the Check dock and in the README's list.
"""

from __future__ import annotations

from fcn_studio.formats.checks import files, folder, label_maps
from fcn_studio.formats.checks.base import Check, FolderCheck, ImageCheck
from fcn_studio.i18n import tr_noop

CHECKS: tuple[Check, ...] = (
    ImageCheck("image_unreadable", tr_noop("Unreadable images"), find=files.unreadable_image, last=True),
    ImageCheck(
        "orientation", tr_noop("Masks that ignore the EXIF orientation"),
        find=files.orientation, last=True,
    ),
    ImageCheck("size", tr_noop("Masks of another size"), find=files.size_differs, last=True),
    ImageCheck("blended", tr_noop("Blended masks"), find=files.blended, last=True),
    ImageCheck("misread_palette", tr_noop("Misread palettes"), find=files.misread_palette, last=True),
    ImageCheck("encoding", tr_noop("Masks without class indices"), find=files.encoding, last=True),
    ImageCheck(
        "unknown_index", tr_noop("Unknown class indices"),
        find=files.unknown_index, last=True,
    ),
    ImageCheck("mask_unreadable", tr_noop("Unreadable masks"), find=files.unreadable_mask, last=True),
    ImageCheck("palette", tr_noop("Palettes other than VOC's"), find=files.foreign_palette),
    ImageCheck("changed_image", tr_noop("Images changed since labelling"), find=files.changed_image),
    ImageCheck("retired_class", tr_noop("Pixels of retired classes"), find=label_maps.retired),
    ImageCheck("one_value", tr_noop("Verified, but all of one class or void"), find=label_maps.one_value),
    ImageCheck(
        "islands", tr_noop("Islands"), find=label_maps.islands, regions=label_maps.island_regions
    ),
    ImageCheck(
        "pinholes", tr_noop("Pinholes"), find=label_maps.pinholes, regions=label_maps.pinhole_regions
    ),
    ImageCheck("slivers", tr_noop("Slivers"), find=label_maps.thin_slivers),
    FolderCheck("leakage", tr_noop("Same image in train and val or test"), find=folder.leakage),
    FolderCheck(
        "duplicates", tr_noop("Same image, different labels"), find=folder.duplicates
    ),
    FolderCheck("orphan_masks", tr_noop("Masks of no image"), find=folder.orphan_masks),
    FolderCheck("orphan_records", tr_noop("Records of no image"), find=folder.orphan_records),
    FolderCheck("unknown_names", tr_noop("Names in lists that are no image"), find=folder.unknown_names),
    FolderCheck("unused_classes", tr_noop("Classes that no image has"), find=folder.unused_classes, note=True),
)  # fmt: skip
"""Every check, in the order in which they are made and shown."""

BY_NAME = {check.name: check for check in CHECKS}
