"""What gestures say to a segmenter: a few points, a box, an outline, and areas that are left out.

A hand draws hundreds of points, a slow hand more of them; a segmenter was taught with a handful. So a stroke becomes a
few points at equal steps along its way, off its ends, where hands slip, and an area that does not belong to a thing
becomes a few points deep inside it. This module does not know objects, phrases or what is done with a prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent_tools.masks import Mask, union
from agent_tools.memory import Gesture
from agent_tools.references import Box, Region
from agent_tools.services.base import Prompt
from agent_tools.tools.choosing import place_of_gesture

STROKE_POINTS, STROKE_STEP = 5, 0.04
"""Most points taken along a stroke, and the least way between two of them, as a share of the picture's shorter side."""
AREA_POINTS = 4
"""Most points taken within an area that does not belong to a thing."""
_SAMPLES = 512
"""Places along a stroke among which its points are chosen."""
_BOXY = 0.98
"""Share of its box that an area fills from which it says no more than its box."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Hint:
    """What gestures say of one thing, in pixels of the upright picture.

    Attributes:
        points: (x, y) of each point, on the picture.
        labels: 1 on the thing and 0 beside it, as many as points.
        box: xyxy round all that was drawn round the thing, grown to hold the points on it; None where none was drawn.
        outline: what was drawn round it, where that says more than its box.
        left_out: areas that do not belong to it.
        regions: the places of the gestures that point at it.
    """

    points: tuple[Point, ...] = ()
    labels: tuple[int, ...] = ()
    box: Box | None = None
    outline: Mask | None = None
    left_out: tuple[Mask, ...] = ()
    regions: tuple[Region, ...] = ()

    def prompt(self, box: Box | None = None) -> Prompt:
        """The prompt, with another `box` than the drawn one, which then also stands for the outline.

        Raises:
            ServiceError: nothing points at a thing.
        """
        around = self.box if box is None else box
        return Prompt(
            points=np.array(self.points, np.float32) if self.points else None,
            labels=np.array(self.labels, np.int64) if self.points else None,
            box=None if around is None else np.array(around, np.float32),
            mask=self.outline if box is None else None,
        )

    def obeyed(self, mask: Mask) -> int:
        """How many points a mask agrees with."""
        return sum(mask.contains(x, y) == bool(label) for (x, y), label in zip(self.points, self.labels, strict=True))

    def without(self, mask: Mask) -> Mask:
        """A mask less what is left out."""
        return mask - union(self.left_out) if self.left_out else mask


def hint_of(gestures: Sequence[Gesture], width: int, height: int) -> Hint:
    """What gestures, all about one thing on a picture of `width` x `height` pixels, say of it together."""
    points: list[Point] = []
    labels: list[int] = []
    regions: list[Region] = []
    left_out: list[Mask] = []
    for gesture in gestures:
        region = place_of_gesture(gesture, width, height)
        if region.area is None:
            mine = stroke_points(gesture.coordinates, width, height)
        else:
            mine = [] if gesture.include else points_within(region.area, AREA_POINTS)
        points += mine
        labels += [int(gesture.include)] * len(mine)
        if gesture.include:
            regions.append(region)
        elif region.area is not None and region.area.area:
            left_out.append(region.area)
    drawn = [region for region in regions if region.area is not None]
    outlines = [region.area for region in drawn if region.area is not None and not _is_box(region)]
    on_it = [point for point, label in zip(points, labels, strict=True) if label]
    return Hint(
        points=tuple(points),
        labels=tuple(labels),
        box=_around([region.box for region in drawn], on_it, width, height) if drawn else None,
        # Beside a box that was drawn as well, an outline would deny the rest of that box.
        outline=union(outlines) if outlines and len(outlines) == len(drawn) else None,
        left_out=tuple(left_out),
        regions=tuple(regions),
    )


def stroke_points(coordinates: Sequence[Point], width: int, height: int) -> list[Point]:
    """Up to `STROKE_POINTS` points of a stroke, at equal steps along the part of it that lies on the picture.

    Args:
        coordinates: (x, y) of its corners, pixels; one of them is a click.
        width: columns of the picture.
        height: rows of the picture.
    """
    corners = np.array(coordinates, np.float64)
    steps = np.hypot(*np.diff(corners, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    places = np.linspace(0, along[-1], _SAMPLES if along[-1] else 1)
    way = np.stack([np.interp(places, along, corners[:, axis]) for axis in (0, 1)], axis=1)
    on = way[((way >= 0) & (way < (width, height))).all(axis=1)]
    if not len(on):
        on = np.clip(corners[:1], 0, (width - 1, height - 1))
    length = along[-1] * len(on) / len(way)
    count = min(STROKE_POINTS, 1 + int(length / (STROKE_STEP * min(width, height))))
    chosen = on[((np.arange(count) + 0.5) / count * len(on)).astype(int)]
    return [(float(x), float(y)) for x, y in chosen.round(2)]


def points_within(area: Mask, most: int) -> list[Point]:
    """Up to `most` points of an area: the deepest first, each next one deepest in what is left round the others."""
    if not area.area:
        return []
    crop, left, top = area.to_crop()
    free = crop.copy()
    points: list[Point] = []
    radius = 0.0
    while len(points) < most and free.any():
        depth = _depth(free)
        row, column = np.unravel_index(int(depth.argmax()), depth.shape)
        if points and depth[row, column] < radius / 3:
            break
        radius = max(radius, float(depth[row, column]))
        points.append((float(left + column), float(top + row)))
        down, across = np.ogrid[: free.shape[0], : free.shape[1]]
        free &= np.hypot(down - row, across - column) > max(1.0, float(depth[row, column]))
    return points


def deepest_point(mask: Mask) -> Point:
    """The pixel of a mask farthest from its edge, (x, y).

    Raises:
        IndexError: the mask is empty.
    """
    return points_within(mask, 1)[0]


def _depth(inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(h, w) float32: how far each pixel lies from the nearest one outside; beyond the window all is outside."""
    import cv2

    padded = cv2.copyMakeBorder(inside.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    return np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1], np.float32)


def _around(boxes: Sequence[Box], points: Sequence[Point], width: int, height: int) -> Box:
    """The box round boxes and points, xyxy, clipped to the picture."""
    corners = np.array([*np.reshape(boxes, (-1, 2)).tolist(), *points])
    x0, y0 = np.clip(corners.min(axis=0), 0, (width, height)).tolist()
    x1, y1 = np.clip(corners.max(axis=0), 0, (width, height)).tolist()
    return (x0, y0, x1, y1)


def _is_box(region: Region) -> bool:
    assert region.area is not None
    x0, y0, x1, y1 = region.box
    return region.area.area >= _BOXY * (x1 - x0) * (y1 - y0)
