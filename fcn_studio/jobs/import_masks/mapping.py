"""What the values of a source mean in a project."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np

from fcn_studio.core.classes import VOID, ClassTable, Colour, is_background, voc_colour
from fcn_studio.core.labels import Labels, Provenance
from fcn_studio.errors import ImageError, MaskError, ProjectError, UsageError
from fcn_studio.formats.images.images import image_size
from fcn_studio.formats.importers.base import UNLABELLED, VOID_VALUE, MaskSource, SourceClass, SourceMap
from fcn_studio.formats.importers.known_values import KNOWN_DATA_SETS, KnownDataSet
from fcn_studio.formats.importers.mask_pixels import code_of_text
from fcn_studio.i18n import listed, tr, tr_n
from fcn_studio.jobs.import_masks.matching import Match


class Special(Enum):
    """What a value can mean besides a class."""

    VOID = "void"
    UNLABELLED = "unlabelled"

    @property
    def words(self) -> str:
        """The meaning for people, translated."""
        return tr("void") if self is Special.VOID else tr("unlabelled")


Target = str | Special
"""What a value means: the name of a class, which may be new, or `Special`."""

_NO_CLASS = {UNLABELLED: Special.UNLABELLED, VOID_VALUE: Special.VOID}
_IGNORED = frozenset(
    {"void", "ignore", "ignored", "unlabeled", "unlabelled", "__ignore__"}
    | {"ego vehicle", "rectification border", "out of roi"}
)
"""Casefolded names that mean void in data sets of others."""


@dataclass(frozen=True, slots=True)
class ValueFound:
    """A value that occurs in a source.

    Attributes:
        value: as `SourceClass.value`; "unlabelled" or "void" for pixels without a class.
        name: of the class, "" if the source does not tell.
        colour: of the class in the source; None if it has none.
        code: its number in a `SourceMap`.
        pixels: that have it.
        images: that have it.
        share: of all pixels, 0..1.
        example: the image that has most of it.
    """

    value: str
    name: str
    colour: Colour | None
    code: int
    pixels: int
    images: int
    share: float
    example: Match


@dataclass(frozen=True)
class Survey:
    """The values of a source.

    Attributes:
        values: those that occur, the most frequent first.
        failed: name of an annotation -> why it cannot be read.
        named: the classes that the source names, those that do not occur too.
    """

    values: tuple[ValueFound, ...]
    failed: Mapping[str, str] = field(default_factory=dict)
    named: tuple[SourceClass, ...] = ()


def survey(source: MaskSource, matches: Sequence[Match], max_pixels: int) -> Generator[tuple[int, int], None, Survey]:
    """Count the values of a source. Yields (done, total) after each annotation."""
    counted: dict[int, _Count] = {}
    failed: dict[str, str] = {}
    for done, match in enumerate(matches, 1):
        try:
            source_map = read(source, match, max_pixels)
        except (ImageError, MaskError, ProjectError) as error:
            failed[match.item.name] = str(error)
        else:
            for code, pixels in _pixels_by_code(source_map).items():
                counted.setdefault(code, _Count(match)).add(match, pixels)
        yield done, len(matches)
    total = max(1, sum(count.pixels for count in counted.values()))
    classes = source.classes
    rows = [_value_found(classes, code, count, total) for code, count in counted.items()]
    return Survey(tuple(sorted(rows, key=lambda row: -row.pixels)), failed, source.named_classes())


@dataclass
class _Count:
    """Pixels and images of a value, and the image that has most of it."""

    example: Match
    pixels: int = 0
    images: int = 0
    most: int = 0

    def add(self, match: Match, pixels: int) -> None:
        self.pixels += pixels
        self.images += 1
        if pixels > self.most:
            self.example, self.most = match, pixels


def _pixels_by_code(source_map: SourceMap) -> dict[int, int]:
    counts = np.bincount(source_map.ravel() - VOID_VALUE)
    return {int(place) + VOID_VALUE: int(counts[place]) for place in np.flatnonzero(counts)}


def _value_found(classes: Sequence[SourceClass], code: int, count: _Count, total: int) -> ValueFound:
    special = _NO_CLASS.get(code)
    found = SourceClass("", None, special.value) if special is not None else classes[code]
    return ValueFound(
        found.value, found.name, found.colour, code, count.pixels, count.images, count.pixels / total, count.example
    )


def read(source: MaskSource, match: Match, max_pixels: int) -> SourceMap:
    """Return an annotation of the size of its image.

    Raises:
        ImageError, MaskError, ProjectError: if image or annotation cannot be read.
    """
    return source.read(match.item, image_size(match.image_path, max_pixels=max_pixels))


def with_names(values: Sequence[ValueFound], known: KnownDataSet) -> tuple[ValueFound, ...]:
    """Return values with the names that they have in a data set."""
    return tuple(replace(row, name=known.values.get(code_of_text(row.value), row.name)) for row in values)


def fitting_data_sets(values: Sequence[ValueFound]) -> list[KnownDataSet]:
    """Return the data sets that have all of the values."""
    codes = {code_of_text(row.value) for row in values if row.code not in _NO_CLASS}
    return [known for known in KNOWN_DATA_SETS if codes and known.values.keys() >= codes]


# --- suggestions --------------------------------------------------------------------------------------------------


def suggestions(values: Sequence[ValueFound], table: ClassTable) -> dict[str, Target]:
    """Return what values probably mean, those of which nothing tells left out.

    Names of the source decide if all are known in the project. Else the colours and indices of the project's classes
    decide if all values are among them, and else the names again, as new classes. An unnamed 255 beside other numbers
    is void; grey masks of 0 and 255 only are not decided.
    """
    rows = [row for row in values if row.code not in _NO_CLASS]
    special: dict[str, Target] = {row.value: _NO_CLASS[row.code] for row in values if row.code in _NO_CLASS}
    special |= _void_number(rows)
    rows = [row for row in rows if row.value not in special]
    named = {row.value: _named(row.name, table) for row in rows if row.name}
    if len(named) == len(rows) and all(_is_known(target, table) for target in named.values()):
        return special | named
    by_table = _by_colours(rows, table) or _by_indices(rows, table) or {}
    return special | named | by_table


def _void_number(rows: Sequence[ValueFound]) -> dict[str, Target]:
    """Return that 255 is void, if the source does not name it and there are other numbers than 0."""
    numbers = {row.value for row in rows if row.value.isdecimal()}
    unnamed = any(row.value == str(VOID) and not row.name for row in rows)
    return {str(VOID): Special.VOID} if unnamed and numbers - {"0", str(VOID)} else {}


def _named(name: str, table: ClassTable) -> Target:
    if (found := table.find(name)) is not None:
        return found.name
    return Special.VOID if name.casefold() in _IGNORED else name


def _is_known(target: Target, table: ClassTable) -> bool:
    return isinstance(target, Special) or table.find(target) is not None


def _by_colours(rows: Sequence[ValueFound], table: ClassTable) -> dict[str, Target] | None:
    """Return what colours mean, if all are colours of the project's classes, void or of those in VOC's palette."""
    colours = {row.value: row.colour for row in rows if row.value.startswith("#")}
    if not colours or len(colours) < len(rows):
        return None
    for in_voc in (False, True):
        targets: dict[Colour | None, Target] = {voc_colour(VOID): Special.VOID}
        targets.update((voc_colour(i.index) if in_voc else i.colour, i.name) for i in table.active)
        if set(colours.values()) <= targets.keys():
            return {value: targets[colour] for value, colour in colours.items()}
    return None


def _by_indices(rows: Sequence[ValueFound], table: ClassTable) -> dict[str, Target] | None:
    """Return what numbers mean, if all are class indices of the project or 255.

    Colours of three equal parts count as numbers if there are no others.
    """
    numbers = {row.value: _number(row) for row in rows}
    present = set(numbers.values())
    if None in present or (VOID in present and present <= {0, VOID}):
        return None
    targets: dict[int | None, Target] = {info.index: info.name for info in table.active}
    targets[VOID] = Special.VOID
    return {value: targets[number] for value, number in numbers.items()} if present <= targets.keys() else None


def _number(row: ValueFound) -> int | None:
    if row.value.isdecimal():
        return int(row.value)
    equal = row.colour is not None and row.value.startswith("#") and len(set(row.colour)) == 1
    return row.colour[0] if equal and row.colour is not None else None


# --- mapping ------------------------------------------------------------------------------------------------------


Meanings = Mapping[str, Target]
"""Value of a source -> what it means."""


@dataclass(frozen=True)
class ResolvedMap:
    """What the numbers of a `SourceMap` become in a project.

    Attributes:
        table: the class table of the project with the new classes.
        added: names of the new classes.
        labels: number -> label of its pixels.
        provenance: number -> provenance of its pixels.
    """

    table: ClassTable
    added: tuple[str, ...]
    labels: Mapping[int, int]
    provenance: Mapping[int, int]

    def apply(self, source_map: SourceMap) -> Labels:
        """Return the labels of an annotation.

        Raises:
            MaskError: if it has a value that was not there when the values were counted.
        """
        codes = np.flatnonzero(np.bincount(source_map.ravel() - VOID_VALUE)) + VOID_VALUE
        if any(code not in self.labels for code in codes.tolist()):
            raise MaskError(tr("it has values that were not there before; import again"))
        size = int(codes.max()) - VOID_VALUE + 1
        labels, provenance = np.full(size, VOID, np.uint8), np.zeros(size, np.uint8)
        for code in codes.tolist():
            labels[code - VOID_VALUE], provenance[code - VOID_VALUE] = self.labels[code], self.provenance[code]
        places = source_map - VOID_VALUE
        return Labels(labels[places], provenance[places])


def resolve(
    values: Sequence[ValueFound], meanings: Meanings, table: ClassTable, named: Sequence[SourceClass] = ()
) -> ResolvedMap:
    """Return what values become, with new classes for names that the table lacks.

    New classes of an empty table keep the numbers that they have in the source, if all have one. Others get the next
    indices in the order of the source, background first. An empty table also gets the classes that the source names
    and that do not occur.

    Raises:
        ProjectError: if a value has no meaning, with the option that gives it one, or a class cannot be added.
    """
    if undecided := [row for row in values if row.value not in meanings]:
        raise ProjectError(_undecided_sentence(undecided))
    new = [target for row in values if isinstance(target := meanings[row.value], str) and table.find(target) is None]
    unused = [] if len(table) else _without_pixels(values, named)
    order = {found.name: place for place, found in enumerate(named)}
    names = dict.fromkeys([*new, *(found.name for found in unused)])
    added = tuple(sorted(names, key=lambda name: (not is_background(name), order.get(name, len(order)))))
    larger = _with_numbers(values, meanings, table, unused) or table
    for name in added:
        if larger.find(name) is None:
            larger = larger.added(name, _colour_for(name, values, meanings))
    labels: dict[int, int] = {}
    provenance: dict[int, int] = {}
    for row in values:
        target = meanings[row.value]
        info = larger.find(target) if isinstance(target, str) else None
        labels[row.code] = VOID if info is None else info.index
        provenance[row.code] = Provenance.NOBODY if target is Special.UNLABELLED else Provenance.HUMAN
    return ResolvedMap(larger, added, labels, provenance)


def _without_pixels(values: Sequence[ValueFound], named: Sequence[SourceClass]) -> list[SourceClass]:
    """Return the named classes of a source that do not occur and do not mean void."""
    met = {row.value for row in values}
    return [found for found in named if found.value not in met and found.name.casefold() not in _IGNORED]


def _with_numbers(
    values: Sequence[ValueFound], meanings: Meanings, table: ClassTable, unused: Sequence[SourceClass]
) -> ClassTable | None:
    """Return a table whose indices are the numbers of a source; None if it cannot be made."""
    pairs = {row.value: name for row in values if isinstance(name := meanings[row.value], str)}
    pairs.update((found.value, found.name) for found in unused)
    usable = all(value.isdecimal() and int(value) < VOID for value in pairs)
    if len(table) or not usable or len(set(pairs.values())) < len(pairs):
        return None
    return ClassTable.from_indices((int(value), name) for value, name in pairs.items())


def _colour_for(name: str, values: Sequence[ValueFound], meanings: Meanings) -> Colour | None:
    """Return the colour that a new class has in the source, None for black and for none."""
    colours = (row.colour for row in values if meanings[row.value] == name)
    return next((colour for colour in colours if colour is not None and any(colour)), None)


def _undecided_sentence(rows: Sequence[ValueFound]) -> str:
    name = tr("NAME")
    listed = "\n".join(f"  {describe(row)}" for row in rows)
    example = ",".join(f"{row.value}={row.name or name}" for row in rows[:3])
    return tr_n(
        'Nothing tells what {n} value means:\n{listed}\nSay it with --map "{example}"; instead of a class, void and '
        "unlabelled can stand there. A class that the project lacks is added.",
        'Nothing tells what {n} values mean:\n{listed}\nSay it with --map "{example}"; instead of a class, void and '
        "unlabelled can stand there. A class that the project lacks is added.",
        len(rows),
        listed=listed,
        example=example,
    )


def share_words(share: float) -> str:
    """Return a share in percent; only nothing is 0."""
    return "< 0.01%" if 0 < share < 0.0001 else f"{share:.2%}"


def describe(row: ValueFound) -> str:
    """Return a value with its name, share and number of images."""
    share = tr_n(
        "{share} of the pixels, in {n} image",
        "{share} of the pixels, in {n:,} images",
        row.images,
        share=share_words(row.share),
    )
    value = tr("{name} ({who})", name=row.value, who=row.name) if row.name and row.name != row.value else row.value
    return tr("{title}: {reason}", title=value, reason=share)


def read_meanings(texts: Iterable[str], values: Sequence[ValueFound], table: ClassTable) -> dict[str, Target]:
    """Return what texts like ``red=weed,#000000=background,255=void`` say.

    Left of ``=`` stands a value or the name of a class of the source, right of it a class of the project, by name or
    index, the name of a new class, void or unlabelled. A text with one ``=`` is one pair, so that names may have
    commas.

    Raises:
        UsageError: if a text has another form, or the source has no such value.
    """
    result: dict[str, Target] = {}
    for text in texts:
        for pair in [text] if text.count("=") == 1 else text.split(","):
            left, equals, right = (part.strip() for part in pair.partition("="))
            if not equals or not right:
                raise UsageError(
                    tr(
                        "'{pair}' in --map is no pair; write --map \"red=weed,255=void\", first the value of the "
                        "source, then its meaning",
                        pair=pair,
                    )
                )
            rows = [row.value for row in values if left.casefold() in (row.value.casefold(), row.name.casefold())]
            if not rows:
                known = listed(row.value for row in values)
                raise UsageError(
                    tr("--map: the source has no value '{value}'; it has {known}", value=left, known=known)
                )
            result.update(dict.fromkeys(rows, target_of(right, table)))
    return result


def target_of(text: str, table: ClassTable) -> Target:
    """Return what a text of ``--map`` means.

    Raises:
        UsageError: if it is a number that is no class index.
    """
    if (found := table.find(text)) is not None:
        return found.name
    if text.casefold() in {special.value for special in Special}:
        return Special(text.casefold())
    if not text.isdecimal():
        return text
    info = table.get(int(text)) if len(text) < 4 else None
    if info is None:
        raise UsageError(tr("--map: the project has no class with the index {index}; give a name", index=text))
    return info.name
