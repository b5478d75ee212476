"""What a conversation accepts: values that are checked before they are kept. This module does not know turns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agent_tools.errors import HandleError, ToolInputError, shorten
from agent_tools.masks import Mask
from agent_tools.memory.records import Box, ObjectVersion, OpenedPicture

_NEAREST = 5
_IN_WORDS = ("colour", "background")
"""Parameters of an edit that are said in words."""
_LONGEST_WORDS = 64
_LARGEST = 1e15
"""Of a number: no pixel is beyond it."""
_CORNERS: dict[str, tuple[int, float]] = {
    "point": (1, 1),
    "box": (2, 2),
    "polygon": (3, math.inf),
    "stroke": (1, math.inf),
}


def check_handle(handle: str, present: Mapping[str, Any], ever: Mapping[str, Any], what: str) -> None:
    """Raise HandleError unless `handle` is in `present`; `ever` holds the undone ones too."""
    if handle in present:
        return
    if handle in ever:
        raise HandleError(
            f"{what}={handle} was undone: expected one that is there. Bring it back with redo, or find it again."
        )
    if not present:
        raise HandleError(f"{what}={shorten(handle)} names nothing: there are none yet. Open or find something first.")
    wanted = int(handle[1:]) if handle[1:].isascii() and handle[1:].isdigit() and len(handle) < 12 else 0
    nearest = sorted(present, key=lambda name: (abs(int(name[1:]) - wanted), int(name[1:])))[:_NEAREST]
    listed = ", ".join(sorted(nearest, key=lambda name: int(name[1:])))
    raise HandleError(
        f"{what}={shorten(handle)} names nothing in this conversation: expected one of the {len(present)} there, "
        f"for example {listed}. Use one of those."
    )


def gesture_points(kind: str, coordinates: Iterable[Sequence[float]]) -> tuple[tuple[float, float], ...]:
    """The (x, y) pairs of a gesture, pixels.

    Raises:
        ToolInputError: another kind, or coordinates that do not make one.
    """
    if kind not in _CORNERS:
        raise ToolInputError(f"kind={shorten(kind)} is no gesture: expected {', '.join(_CORNERS)}. Use one of them.")
    least, most = _CORNERS[kind]
    given = list(coordinates)
    try:
        points = tuple((float(x), float(y)) for x, y in given)
    except (TypeError, ValueError):
        points = ()
    if not least <= len(points) <= most or not all(math.isfinite(value) for point in points for value in point):
        raise ToolInputError(
            f"coordinates={shorten(given)} make no {kind}: expected {least}{'' if least == most else ' or more'} "
            "finite (x, y) pairs. Correct them."
        )
    return points


def finite(name: str, value: float | None) -> float | None:
    """`value` as a Python float.

    Raises:
        ToolInputError: nan or infinity.
    """
    if value is not None and not math.isfinite(value):
        raise ToolInputError(f"{name}={value} is no number: expected a finite one or None. Correct it.")
    return None if value is None else float(value)


def object_box(box: Sequence[float] | None, mask: Mask | None) -> Box:
    """`box`, or the mask's where it is None.

    Raises:
        ToolInputError: neither, or not four finite numbers.
    """
    if box is None:
        if mask is None:
            raise ToolInputError("box=None, mask=None: expected at least one of them. Give a box or a mask.")
        return mask.box
    sides = tuple(float(value) for value in box)
    if len(sides) != 4 or not all(math.isfinite(value) for value in sides):
        raise ToolInputError(f"box={shorten(sides)} is no box: expected x0, y0, x1, y1 in pixels. Correct it.")
    return sides


def edit_masks(objects: Iterable[ObjectVersion], picture: str) -> tuple[Mask, ...]:
    """The masks of objects that an edit of a picture is made of.

    Raises:
        ToolInputError: one of them has none, or is on another picture.
    """
    masks = []
    for one in objects:
        if one.mask is None or one.picture != picture:
            wrong = "has no mask" if one.mask is None else f"is on {one.picture}"
            raise ToolInputError(
                f"handle={one.handle} {wrong}: expected objects on {picture} with masks. "
                "Call segment with handles first, or name others."
            )
        masks.append(one.mask)
    return tuple(masks)


def edit_parameters(given: Mapping[str, Any]) -> dict[str, float | str]:
    """How an edit is done: a few words for those that are said in words, a finite number for every other.

    Raises:
        ToolInputError: a value of the other kind; words that are none, too long or not printable.
    """
    kept: dict[str, float | str] = {}
    for name, value in given.items():
        if name in _IN_WORDS:
            fits = isinstance(value, str) and 0 < len(value) <= _LONGEST_WORDS and value.isprintable()
            expected = f"printable text of at most {_LONGEST_WORDS} characters"
        else:
            fits = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _LARGEST
            expected = "a finite number"
        if not fits:
            raise ToolInputError(f"{name}={shorten(repr(value))} cannot be kept: expected {expected}. Correct it.")
        kept[name] = value if isinstance(value, str) else float(value)
    return kept


def check_mask(mask: Mask | None, picture: OpenedPicture) -> None:
    """Raise ToolInputError unless the mask is as large as its picture."""
    if mask is not None and (mask.height, mask.width) != (picture.height, picture.width):
        raise ToolInputError(
            f"mask size={[mask.height, mask.width]} does not fit {picture.handle}: "
            f"expected {[picture.height, picture.width]}. Make the mask at picture size."
        )
