"""The check of a data set."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fcn_studio.core.checks.fault import Fault
from fcn_studio.core.checks.near_duplicates import PictureSignature, near_duplicates, show_the_same, signature_of
from fcn_studio.core.labels import LabelMap, values_in
from fcn_studio.core.sample import Sample, Status
from fcn_studio.errors import ImageError, MaskError, ProjectError
from fcn_studio.formats.checks.base import CheckedFolder, CheckedImage, FolderCheck, ImageCheck, Limits
from fcn_studio.formats.checks.mask_picture import read_mask_picture
from fcn_studio.formats.checks.options import default_limits
from fcn_studio.formats.checks.registry import BY_NAME, CHECKS
from fcn_studio.formats.images.images import image_size, opened, orientation_of, read_image
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.i18n import tr

_STYLE_SHARE, _STYLE_MASKS = 0.5, 20
"""A fault of the label maps in more than this share of so many masks is how they were made, and one fault."""

_PER_IMAGE = frozenset({"islands", "pinholes", "slivers", "palette"})


@dataclass(frozen=True)
class CheckReport:
    """What a check has found.

    Attributes:
        faults: in the order of `CHECKS`.
        images: number of images.
        masks: number of masks that were read.
    """

    faults: tuple[Fault, ...]
    images: int
    masks: int

    @property
    def notes_only(self) -> bool:
        """Whether nothing was found that must be wrong."""
        return all(BY_NAME[fault.check].note for fault in self.faults)

    def by_check(self) -> Mapping[str, Sequence[Fault]]:
        """Return the faults of each check that has some."""
        found: dict[str, list[Fault]] = {}
        for fault in self.faults:
            found.setdefault(fault.check, []).append(fault)
        return found


def check_project(
    project: ProjectFolder, limits: Limits | None = None
) -> Generator[tuple[int, int], None, CheckReport]:
    """Check all images of a project, one after the other; yields (done, total) after each.

    Raises:
        ProjectError: if there is no image, or the file of the splits is broken.
    """
    if not project.samples:
        raise ProjectError(tr("'{folder}' holds no image that can be read", folder=project.image_root))
    limits = default_limits() | dict(limits or {})
    files = {**project.masks_of_other_kinds, **project.annotations.masks}
    faults: list[Fault] = []
    signatures: dict[str, PictureSignature] = {}
    classes: set[int] = set()
    masks = 0
    for done, sample in enumerate(project.samples, start=1):
        image = read_checked(project, sample, files.get(sample.mask_id))
        faults += _faults_of(image, limits)
        if image.picture is not None:
            signatures[sample.image_id] = signature_of(image.picture)
        if image.labels is not None:
            classes.update(values_in(image.labels.label_map).tolist())
            masks += 1
        yield done, len(project.samples)
    folder = _checked_folder(project, signatures, frozenset(classes), masks)
    for check in CHECKS:
        if isinstance(check, FolderCheck):
            faults += (fault.found_by(check.name) for fault in check.find(folder, limits))
    return CheckReport(_in_order(faults, masks), len(project.samples), masks)


def read_checked(project: ProjectFolder, sample: Sample, mask_file: Path | None) -> CheckedImage:
    """Read an image with its mask for the checks."""
    mask = None if mask_file is None else read_mask_picture(mask_file, project.max_pixels)
    status = project.annotations.status(sample)
    image = CheckedImage(sample, project.config.table, status, None, mask=mask)
    try:
        picture = read_image(sample.image_path, max_pixels=project.max_pixels, levels=project.config.grey_levels)
    except ImageError as error:
        return replace(image, image_error=str(error))
    image = replace(image, picture=picture, orientation=_orientation(project, sample))
    if mask is None or mask.format not in ("PNG", ""):
        return image
    try:
        found = project.annotations.load(sample, (picture.shape[1], picture.shape[0]), peek=True)
    except MaskError as error:
        return replace(image, mask_error=str(error))
    return replace(image, labels=found.labels, changed=found.other_image)


def _orientation(project: ProjectFolder, sample: Sample) -> int:
    """Return the EXIF orientation of an image file, 1 where it cannot be told."""
    try:
        with opened(sample.image_path, project.max_pixels) as file:
            return orientation_of(file)
    except ImageError:
        return 1


def _faults_of(image: CheckedImage, limits: Limits) -> Iterator[Fault]:
    """Yield what is wrong with an image, until a check says that the others cannot judge it."""
    for check in CHECKS:
        if isinstance(check, ImageCheck):
            found = [fault.found_by(check.name, image.sample.image_id) for fault in check.find(image, limits)]
            yield from found
            if found and check.last:
                return


def _checked_folder(
    project: ProjectFolder, signatures: Mapping[str, PictureSignature], classes: frozenset[int], masks: int
) -> CheckedFolder:
    ids, pictures = list(signatures), list(signatures.values())
    known = {sample.mask_id for sample in project.samples}

    def orphans(files: Mapping[str, Path]) -> list[Path]:
        return [path for mask_id, path in sorted(files.items()) if mask_id not in known]

    return CheckedFolder(
        project.config.table,
        {sample.image_id: project.splits.of(sample) for sample in project.samples},
        [(ids[i], ids[j], show_the_same(pictures[i], pictures[j])) for i, j in near_duplicates(pictures)],
        classes,
        masks,
        lambda image_id: _label_map(project, project.sample(image_id)),
        orphans(project.annotations.masks),
        orphans(project.records),
        {name: found.unknown for name, found in project.splits.lists.items()},
    )


def _label_map(project: ProjectFolder, sample: Sample) -> LabelMap | None:
    """Return the label map of an image that a person works on or has finished, None for others."""
    if project.annotations.status(sample) not in (Status.IN_PROGRESS, Status.VERIFIED):
        return None
    try:
        size = image_size(sample.image_path, max_pixels=project.max_pixels)
        return project.annotations.load(sample, size, peek=True).labels.label_map
    except (ImageError, MaskError):
        return None


def _in_order(faults: Iterable[Fault], masks: int) -> tuple[Fault, ...]:
    """Return the faults in the order of `CHECKS`; what most masks have is one fault for all of them."""
    faults = list(faults)
    images = {name: {f.images[0] for f in faults if f.check == name} for name in _PER_IMAGE}
    common = {name for name, ids in images.items() if masks >= _STYLE_MASKS and len(ids) > _STYLE_SHARE * masks}
    kept = [fault for fault in faults if fault.check not in common]
    for name in sorted(common):
        of_check = [fault for fault in faults if fault.check == name]
        ids = tuple(dict.fromkeys(fault.images[0] for fault in of_check))
        sentence = tr(
            "{count:,} of {masks:,} masks have this. It may be how they were made.", count=len(ids), masks=masks
        )
        kept.append(Fault(sentence, None, ids, all(fault.fixable for fault in of_check), name))
    order = list(BY_NAME)
    return tuple(sorted(kept, key=lambda fault: order.index(fault.check)))
