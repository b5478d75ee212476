"""What goes into an export and what is said about it afterwards.

This module does not know any format, and it writes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from agent_tools.errors import ToolInputError, shorten
from agent_tools.label_maps import Labelled, numbers_of
from agent_tools.masks import Mask
from agent_tools.pictures import Picture

Kind = Literal[
    "coco",
    "coco-panoptic",
    "yolo-detect",
    "yolo-segment",
    "label-studio",
    "csv",
    "masks",
    "label-maps",
    "edges",
    "cut-outs",
]
Outline = Literal["mask", "polygon", "box"]
Box = tuple[float, float, float, float]


class Exportable(Labelled, Protocol):
    """What can be exported; `agent_tools.memory.ObjectVersion` is one."""

    @property
    def box(self) -> Box:
        """x0, y0, x1, y1 in pixels of the picture, x1 and y1 exclusive."""
        ...

    @property
    def model(self) -> str:
        """What made it."""
        ...

    @property
    def turn(self) -> int:
        """Number of the turn that made it."""
        ...

    @property
    def review(self) -> bool:
        """Whether a person should look at it."""
        ...


ObjectsByPicture = Mapping[Picture, Sequence[Exportable]] | Iterable[tuple[Picture, Sequence[Exportable]]]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An object, or a part of what is known of it, that the format could not take.

    Attributes:
        picture: the name its picture has in the export, without its ending.
        handle: what the conversation calls it.
        reason: why, as a sentence without its full stop.
    """

    picture: str
    handle: str
    reason: str


@dataclass(frozen=True, slots=True)
class Approximation:
    """An object whose mask is written as a polygon that is not quite the mask.

    Attributes:
        picture: the name its picture has in the export, without its ending.
        handle: what the conversation calls it.
        iou: of the polygon, filled, with the mask; in [0, 1).
    """

    picture: str
    handle: str
    iou: float


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What an export wrote.

    Attributes:
        folder: where it is.
        files: every file written, sorted.
        left_out: what the format could not take; empty where all objects are in the files.
        approximated: masks that the format changed a little.
    """

    folder: Path
    files: tuple[Path, ...]
    left_out: tuple[LeftOut, ...]
    approximated: tuple[Approximation, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A picture of the export with its objects.

    Attributes:
        id: 1 for the first.
        name: its name in the export, without an ending; safe in a file system, and no other's.
        picture: the picture.
        objects: those on it.
    """

    id: int
    name: str
    picture: Picture
    objects: tuple[Exportable, ...]


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller of an export chose; see `agent_tools.exporting.export`."""

    images: Literal["png", "jpeg"] | None
    outline: Outline
    stuff: tuple[str, ...]
    margin: int
    image_prefix: str


@dataclass(slots=True)
class Job:
    """An export in progress.

    Attributes:
        folder: an empty folder to write into.
        sheets: the pictures with their objects.
        categories: every label, in the order of their ids.
        options: what the caller chose.
        left_out: grows while a format writes.
        approximated: grows while a format writes.
    """

    folder: Path
    sheets: tuple[Sheet, ...]
    categories: tuple[str, ...]
    options: Options
    left_out: list[LeftOut] = field(default_factory=list)
    approximated: list[Approximation] = field(default_factory=list)

    def leave_out(self, sheet: Sheet, thing: Exportable, reason: str) -> None:
        """Say what the format cannot take."""
        self.left_out.append(LeftOut(sheet.name, thing.handle, reason))

    def approximate(self, sheet: Sheet, thing: Exportable, iou: float) -> None:
        """Say that a mask is not written exactly, where it is not."""
        if iou < 1:
            self.approximated.append(Approximation(sheet.name, thing.handle, iou))


def sheets_of(objects_by_picture: ObjectsByPicture) -> tuple[Sheet, ...]:
    """The pictures with names of their own in the export, and their objects checked.

    Raises:
        ToolInputError: a mask that is not of its picture's size; handles of one picture that repeat a number or have
            none.
    """
    pairs = objects_by_picture.items() if isinstance(objects_by_picture, Mapping) else objects_by_picture
    taken: set[str] = set()
    sheets: list[Sheet] = []
    for picture, objects in pairs:
        numbers_of(objects)
        for thing in objects:
            _check_size(picture, thing)
        stem = safe_name(Path(picture.name).stem)
        name, count = stem, 1
        while name.casefold() in taken:
            count += 1
            name = f"{stem}-{count}"
        taken.add(name.casefold())
        sheets.append(Sheet(len(sheets) + 1, name, picture, tuple(objects)))
    return tuple(sheets)


def mask_of(thing: Exportable) -> Mask | None:
    """Its mask, or None where it has none or no pixel is inside."""
    return thing.mask if thing.mask is not None and thing.mask.area else None


def box_of(thing: Exportable, picture: Picture) -> Box | None:
    """The tight box of its mask, else its box within the picture; xyxy in pixels. None where no area is left."""
    if mask := mask_of(thing):
        return mask.box
    x0, y0, x1, y1 = map(float, thing.box)
    x0, y0 = max(0.0, x0), max(0.0, y0)
    x1, y1 = min(float(picture.width), x1), min(float(picture.height), y1)
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def safe_name(name: str) -> str:
    """A name that every file system takes, as near to `name` as can be; at most 60 characters."""
    plain = re.sub(r'[/\\:*?"<>|]|[^ -~\w]', "_", name)[:60].strip(" .-")
    # Windows keeps these for devices, with any ending.
    reserved = re.fullmatch(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", plain, re.IGNORECASE)
    return f"picture {plain}".strip() if reserved or not plain else plain


def _check_size(picture: Picture, thing: Exportable) -> None:
    mask = thing.mask
    if mask is not None and (mask.height, mask.width) != (picture.height, picture.width):
        raise ToolInputError(
            f"handle={shorten(thing.handle)} mask size={[mask.height, mask.width]} is not that of {picture.name}: "
            f"expected {[picture.height, picture.width]}. Export objects with the picture they were found on."
        )
