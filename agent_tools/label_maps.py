"""Label maps of one picture: a number a pixel, with a table that says what each number is.

Masks may share pixels, a map cannot: one rule decides who gets them. The higher score lies on top; of equal scores the
smaller mask; of equal areas the lower handle number. What has no score was not judged by a detector and counts as 0.
A segment that is left with no pixel stays in the table with an area of 0. Panoptic maps are also put in COCO's form
(Kirillov et al., "Panoptic Segmentation", 2019; https://cocodataset.org/#format-data).

This module does not know pictures, memory, tools or files.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from agent_tools.errors import ToolInputError, shorten
from agent_tools.masks import Mask, union

Ids = NDArray[np.int32]
"""(H, W) int32: the id of the segment that a pixel belongs to, 0 for none."""
LARGEST_ID = 256**3 - 1
"""The largest id that COCO's panoptic pictures can hold."""


class Labelled(Protocol):
    """What a label map is made of; `agent_tools.memory.ObjectVersion` is one."""

    @property
    def handle(self) -> str:
        """What the conversation calls it: letters and a number, as in ``m1``."""
        ...

    @property
    def label(self) -> str:
        """What it was found as."""
        ...

    @property
    def score(self) -> float | None:
        """How sure the detector is, in [0, 1], or None where none was asked."""
        ...

    @property
    def mask(self) -> Mask | None:
        """Its mask at the picture's size, or None while only the box is known."""
        ...


@dataclass(frozen=True, slots=True)
class Segment:
    """A row of the table.

    Attributes:
        id: the number in the map. An object's is the number in its handle, in every map it has a segment of its own in.
        label: what it is.
        category_id: 1 for the first of the categories.
        handles: the object it is, or all objects it is made of, in the order of their numbers.
        score: the highest among them, or None where none has one.
        area: pixels it has in the map; 0 where others cover it, or where there is no mask.
        mask_area: pixels of its masks before others covered them; a pixel that two of them share counts once.
        box: xyxy in pixels round what it has in the map, x1 and y1 exclusive; all zero where that is nothing.
        isthing: a thing that can be counted; False for stuff, such as sky, and in semantic maps.
    """

    id: int
    label: str
    category_id: int
    handles: tuple[str, ...]
    score: float | None
    area: int
    mask_area: int
    box: tuple[int, int, int, int]
    isthing: bool

    @property
    def hidden(self) -> bool:
        """Whether it has a mask and others cover all of it."""
        return self.area == 0 and self.mask_area > 0


@dataclass(frozen=True, slots=True)
class LabelMap:
    """A map and its table.

    Attributes:
        ids: (H, W) int32, 0 where no segment is.
        segments: in the order of their ids; every object given is in one of them.
        categories: the labels, the first of them `category_id` 1.
    """

    ids: Ids
    segments: tuple[Segment, ...]
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Group:
    """Objects that are to share a segment."""

    id: int
    isthing: bool
    objects: list[Labelled]


def instance_map(
    objects: Sequence[Labelled], height: int, width: int, categories: Sequence[str] | None = None
) -> LabelMap:
    """One segment an object.

    Args:
        objects: those of one picture.
        height: rows of the picture.
        width: columns of the picture.
        categories: the labels in the order of their category ids; None: as they first occur in `objects`.

    Raises:
        ToolInputError: a handle without a number, or one that occurs twice; a mask of another size; a label that is
            not among the categories.
    """
    return panoptic_map(objects, height, width, categories, stuff=())


def semantic_map(
    objects: Sequence[Labelled], height: int, width: int, categories: Sequence[str] | None = None
) -> LabelMap:
    """One segment a label, its id the category id; see `instance_map`. Where labels overlap, the object on top decides.

    Categories that no object has are not in the table.
    """
    names = categories_of(objects, categories)
    by_label: dict[str, list[Labelled]] = {}
    for thing in _in_order(objects):
        by_label.setdefault(thing.label, []).append(thing)
    groups = [_Group(names.index(label) + 1, False, things) for label, things in by_label.items()]
    return _label_map(groups, height, width, names)


def panoptic_map(
    objects: Sequence[Labelled],
    height: int,
    width: int,
    categories: Sequence[str] | None = None,
    stuff: Collection[str] = (),
) -> LabelMap:
    """One segment an object, and one a label of stuff, its id the lowest of its objects'; see `instance_map`.

    Args:
        objects: those of one picture.
        height: rows of the picture.
        width: columns of the picture.
        categories: as in `instance_map`.
        stuff: labels of what is not counted: sky, grass, water.
    """
    numbers = numbers_of(objects)
    groups: list[_Group] = []
    shared: dict[str, _Group] = {}
    for thing in _in_order(objects):
        if thing.label in shared:
            shared[thing.label].objects.append(thing)
            continue
        groups.append(_Group(numbers[thing.handle], thing.label not in stuff, [thing]))
        if thing.label in stuff:
            shared[thing.label] = groups[-1]
    return _label_map(groups, height, width, categories_of(objects, categories))


def edge_map(objects: Iterable[Labelled], height: int, width: int) -> NDArray[np.uint8]:
    """Where things end: 0 inside and outside of them, the score times 255 on the innermost pixels of their border.

    Without a word, on everything there is on a picture, this is what Segment Anything was tried as an edge detector
    with (Kirillov et al. 2023, section 7.2). Where borders meet, the surer one shows; what has no score was not judged
    by a detector and counts as sure. The edge of the picture is no border.

    Args:
        objects: those of one picture; what has no mask has no border.
        height: rows of the picture.
        width: columns of the picture.

    Returns:
        (height, width) uint8.

    Raises:
        ToolInputError: a mask of another size.
    """
    edges = np.zeros((height, width), np.uint8)
    for thing in objects:
        mask = _checked(thing, height, width)
        if mask is None or not mask.area:
            continue
        crop, left, top = mask.to_crop()
        ring = np.pad(crop, 1)
        # The mask goes on beyond the edge of the picture, so that it has no border there.
        ring[0] |= ring[1] if top == 0 else False
        ring[-1] |= ring[-2] if top + crop.shape[0] == height else False
        ring[:, 0] |= ring[:, 1] if left == 0 else False
        ring[:, -1] |= ring[:, -2] if left + crop.shape[1] == width else False
        deep = ring[:-2, 1:-1] & ring[2:, 1:-1] & ring[1:-1, :-2] & ring[1:-1, 2:]
        sure = round(255 * (1.0 if thing.score is None else thing.score))
        part = edges[top : top + crop.shape[0], left : left + crop.shape[1]]
        part[crop & ~deep] = np.maximum(part[crop & ~deep], sure)
    return edges


def coco_segments(label_map: LabelMap) -> list[dict[str, Any]]:
    """``segments_info`` of COCO's panoptic form, ``bbox`` as x, y, width, height.

    Segments without a pixel are left out: COCO's tools refuse a segment that is not in the picture.
    """
    return [
        {
            "id": segment.id,
            "category_id": segment.category_id,
            "area": segment.area,
            "bbox": [x0, y0, x1 - x0, y1 - y0],
            "iscrowd": 0,
        }
        for segment in label_map.segments
        if segment.area
        for x0, y0, x1, y1 in [segment.box]
    ]


def ids_to_rgb(ids: Ids) -> NDArray[np.uint8]:
    """Ids as COCO's panoptic pictures hold them: (H, W) int32 → (H, W, 3) uint8 RGB, id = R + 256 G + 256² B.

    Raises:
        ToolInputError: an id that three bytes cannot hold.
    """
    if ids.size and not (ids.min() >= 0 and ids.max() <= LARGEST_ID):
        raise ToolInputError(
            f"ids={ids.min()}..{ids.max()} do not fit three bytes: expected 0..{LARGEST_ID}. Number them afresh."
        )
    bytes_of_each = np.ascontiguousarray(ids, "<i4").view(np.uint8).reshape(*ids.shape, 4)
    return np.ascontiguousarray(bytes_of_each[..., :3])


def rgb_to_ids(pixels: NDArray[np.uint8]) -> Ids:
    """The ids in a COCO panoptic picture: (H, W, 3) uint8 RGB → (H, W) int32; undoes `ids_to_rgb`."""
    red, green, blue = (pixels[..., channel].astype(np.int32) for channel in range(3))
    return np.asarray(red | green << 8 | blue << 16, np.int32)


def categories_of(objects: Iterable[Labelled], categories: Sequence[str] | None = None) -> tuple[str, ...]:
    """The labels in the order of their category ids: `categories`, or as they first occur in `objects`.

    Raises:
        ToolInputError: a category twice, or a label that is not among the categories given.
    """
    labels = tuple(dict.fromkeys(thing.label for thing in objects))
    if categories is None:
        return labels
    known = set(categories)
    if len(known) < len(categories):
        raise ToolInputError(f"categories={shorten(list(categories))} repeat: expected each once. Remove the second.")
    if missing := [label for label in labels if label not in known]:
        raise ToolInputError(
            f"categories={shorten(list(categories))} lack {shorten(missing)}: expected every label. "
            "Add these, or leave their objects out."
        )
    return tuple(categories)


def numbers_of(objects: Sequence[Labelled]) -> dict[str, int]:
    """The number in each handle: ``m7`` → 7.

    Raises:
        ToolInputError: a handle that has no number above 0, or a number that occurs twice.
    """
    numbers: dict[str, int] = {}
    for thing in objects:
        found = re.fullmatch(r"[a-z]+([1-9][0-9]{0,7})", thing.handle)
        number = int(found[1]) if found else 0
        if not 1 <= number <= LARGEST_ID:
            raise ToolInputError(
                f"handle={shorten(thing.handle)!r} has no number to be its id: expected letters and 1..{LARGEST_ID}, "
                "as in m1. Pass objects of one conversation."
            )
        numbers[thing.handle] = number
    if len(set(numbers.values())) < len(objects):
        raise ToolInputError(
            f"handles={shorten([thing.handle for thing in objects])} repeat a number: expected each once. "
            "Pass one version of each object of one picture."
        )
    return numbers


def _in_order(objects: Sequence[Labelled]) -> list[Labelled]:
    numbers = numbers_of(objects)
    return sorted(objects, key=lambda thing: numbers[thing.handle])


def _label_map(groups: Sequence[_Group], height: int, width: int, categories: tuple[str, ...]) -> LabelMap:
    numbers = numbers_of([thing for group in groups for thing in group.objects])
    layers = [
        (thing.score or 0.0, -mask.area, -numbers[thing.handle], group.id, mask)
        for group in groups
        for thing in group.objects
        if (mask := _checked(thing, height, width)) is not None and mask.area
    ]
    ids = np.zeros((height, width), np.int32)
    for *_, number, mask in sorted(layers, key=lambda layer: layer[:3]):
        crop, left, top = mask.to_crop()
        np.copyto(ids[top : top + crop.shape[0], left : left + crop.shape[1]], number, where=crop)
    segments = sorted((_segment(ids, group, categories) for group in groups), key=lambda segment: segment.id)
    return LabelMap(ids, tuple(segments), categories)


def _checked(thing: Labelled, height: int, width: int) -> Mask | None:
    mask = thing.mask
    if mask is not None and (mask.height, mask.width) != (height, width):
        raise ToolInputError(
            f"handle={shorten(thing.handle)} mask size={[mask.height, mask.width]} differs from the picture's: "
            f"expected {[height, width]}. Pass objects of one picture."
        )
    return mask


def _segment(ids: Ids, group: _Group, categories: tuple[str, ...]) -> Segment:
    """The row of a group, from the finished map."""
    masks = [thing.mask for thing in group.objects if thing.mask is not None and thing.mask.area]
    whole = union(masks) if masks else None
    area, box = 0, (0, 0, 0, 0)
    if whole is not None:
        left, top, right, bottom = (int(side) for side in whole.box)
        visible = ids[top:bottom, left:right] == group.id
        area = int(np.count_nonzero(visible))
        if area:
            rows, columns = np.flatnonzero(visible.any(1)), np.flatnonzero(visible.any(0))
            box = (left + int(columns[0]), top + int(rows[0]), left + int(columns[-1]) + 1, top + int(rows[-1]) + 1)
    first = group.objects[0]
    return Segment(
        id=group.id,
        label=first.label,
        category_id=categories.index(first.label) + 1,
        handles=tuple(thing.handle for thing in group.objects),
        score=max((thing.score for thing in group.objects if thing.score is not None), default=None),
        area=area,
        mask_area=0 if whole is None else whole.area,
        box=box,
        isthing=group.isthing,
    )
