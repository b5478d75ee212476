"""What a hand did on a picture, as text: how the command line and a line of a chat point at things.

    320,200                     a click
    20,20,120,90                a box, by two corners
    stroke:20,30;40,35;60,30    a stroke along these places
    polygon:10,10;90,10;50,80   an outline
    not:300,180                 what does not belong: `not:` before any of them

This module does not know pictures, requests or what comes of a gesture.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent_tools.errors import shorten

if TYPE_CHECKING:
    from agent_tools.memory.records import GestureKind

_FORMS = {
    "point": ("X,Y", "320,200"),
    "box": ("X0,Y0,X1,Y1", "20,20,120,90"),
    "stroke": ("X,Y X,Y ...", "'20,30 40,35 60,30'"),
    "polygon": ("X,Y X,Y X,Y ...", "'10,10 90,10 50,80'"),
}
_KINDS: dict[str, GestureKind] = {"click": "point", "box": "box", "stroke": "stroke", "polygon": "polygon"}
_LEAST = {"point": 1, "box": 2, "stroke": 1, "polygon": 3}
_NUMBER = r"-?\d+(?:\.\d+)?"
_TYPED = re.compile(
    rf"@\s*(?P<not>not:)?\s*(?:(?P<kind>click|box|stroke|polygon):)?\s*"
    rf"(?P<places>{_NUMBER}(?:\s*[,;]\s*{_NUMBER})+)(?:\s+|$)"
)


@dataclass(frozen=True, slots=True)
class HandGesture:
    """A gesture that came with a request.

    Attributes:
        kind: point, box, polygon or stroke.
        coordinates: (x, y) pairs in pixels of the upright picture.
        include: whether it points at the thing; False: at what does not belong to it.
    """

    kind: GestureKind
    coordinates: tuple[tuple[float, float], ...]
    include: bool = True


def read_gesture(text: str, kind: GestureKind) -> HandGesture:
    """A gesture of a kind, ``not:`` before it where it says what does not belong; pairs lie between spaces or ``;``.

    Raises:
        ValueError: it is something else; says what was expected and gives an example.
    """
    bare = text.strip()
    include = not bare.startswith("not:")
    try:
        numbers = [float(part) for part in re.split(r"[,;\s]+", bare.removeprefix("not:").strip())]
    except ValueError:
        numbers = []
    pairs = tuple(zip(numbers[::2], numbers[1::2], strict=False))
    fits = len(numbers) % 2 == 0 and all(math.isfinite(number) for number in numbers) and len(pairs) >= _LEAST[kind]
    if not fits or (kind in ("point", "box") and len(pairs) > _LEAST[kind]):
        form, example = _FORMS[kind]
        option = "click" if kind == "point" else kind
        raise ValueError(
            f"--{option}={text} is not a {kind}: expected {form} in pixels, or not:{form.split()[0]} for what does not "
            f"belong. Try --{option} {example}."
        )
    return HandGesture(kind, pairs, include)


def typed_gestures(line: str) -> tuple[str, tuple[HandGesture, ...]]:
    """The words of a chat line and the gestures before them, each after its own ``@``: ``@10,20 @not:30,40 words``.

    Raises:
        ValueError: something after an ``@`` is no gesture.
    """
    gestures: list[HandGesture] = []
    rest = line
    while rest.startswith("@"):
        found = _TYPED.match(rest)
        gesture = _typed(found) if found else None
        if found is None or gesture is None:
            raise ValueError(
                f"{shorten(rest)} is not a gesture: expected @x,y words, @x0,y0,x1,y1 for a box, @stroke:x,y;x,y or "
                "@polygon:x,y;x,y;x,y, with not: after the @ for what does not belong. Try @320,200 remove this one."
            )
        gestures.append(gesture)
        rest = rest[found.end() :]
    return rest.strip(), tuple(gestures)


def _typed(found: re.Match[str]) -> HandGesture | None:
    """The gesture of one ``@``; None where its numbers do not make one."""
    four = len(re.findall(_NUMBER, found["places"])) == 4
    kind = _KINDS[found["kind"] or ("box" if four else "click")]
    try:
        return read_gesture((found["not"] or "") + found["places"], kind)
    except ValueError:
        return None
