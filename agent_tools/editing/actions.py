"""What edits there are, what each may be told, and whether it was told that.

This module does not know pixels, masks or handles.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from agent_tools.errors import ToolInputError, shorten

STRENGTHS = {
    "remove": 1.0,
    "blur": 0.5,
    "pixelate": 0.5,
    "recolour": 1.0,
    "brighten": 0.4,
    "darken": 0.4,
    "cut_out": 1.0,
    "replace_background": 0.5,
    "grayscale": 1.0,
    "highlight": 0.6,
    "outline": 0.5,
    "move": 1.0,
    "duplicate": 1.0,
}
"""Every action, and how strong it is unless told otherwise; 1.0 where it knows no strength."""

PARAMETERS: dict[str, tuple[str, ...]] = {
    "remove": ("feather",),
    "blur": ("strength", "feather"),
    "pixelate": ("strength", "feather"),
    "recolour": ("colour", "strength", "feather"),
    "brighten": ("strength", "feather"),
    "darken": ("strength", "feather"),
    "cut_out": ("feather",),
    "replace_background": ("background", "strength", "feather"),
    "grayscale": ("strength", "feather"),
    "highlight": ("strength", "feather"),
    "outline": ("colour", "strength"),
    "move": ("dx", "dy", "feather"),
    "duplicate": ("dx", "dy", "feather"),
}
"""Action → what it may be told; `strength` of a new background is that of its blur."""
FILLING = ("remove", "move")
"""Actions that fill a hole, and may want an inpainter for it."""
_NEEDED = {
    "recolour": ("colour",),
    "replace_background": ("background",),
    "move": ("dx", "dy"),
    "duplicate": ("dx", "dy"),
}
"""Action → of which it has to be told one."""
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_PICTURE = re.compile(r"p[1-9][0-9]*")
_EXPECTED = {
    "strength": "0 to 1",
    "feather": "pixels, 0 or more",
    "dx": "pixels to the right, negative for left",
    "dy": "pixels down, negative for up",
    "colour": "#rrggbb",
    "background": "#rrggbb, blur or a picture's handle",
}


def check_parameters(action: str, parameters: Mapping[str, object]) -> None:
    """Check what an edit is told.

    Args:
        action: one of `STRENGTHS`.
        parameters: name → value; None counts as not told. ``strength`` in [0, 1]; ``feather``, ``dx`` (right) and
            ``dy`` (down) in pixels; ``colour`` "#rrggbb"; ``background`` "#rrggbb", "blur" or a picture's handle.

    Raises:
        ToolInputError: an unknown action, a parameter that it does not use, lacks, or that is out of range.
    """
    if action not in STRENGTHS:
        raise ToolInputError(
            f"action={shorten(action)} is not possible: expected one of {', '.join(STRENGTHS)}. Use one of them."
        )
    told = {name: value for name, value in parameters.items() if value is not None}
    for name, value in told.items():
        if name not in PARAMETERS[action]:
            raise ToolInputError(
                f"{shorten(name)}={shorten(value)} is not used by {action}: expected only "
                f"{', '.join(PARAMETERS[action])}. Leave it out."
            )
        if not _fits(name, value):
            raise ToolInputError(f"{name}={shorten(value)} is out of range: expected {_EXPECTED[name]}. Correct it.")
    needed = _NEEDED.get(action, ())
    if needed and not any(name in told for name in needed):
        wanted = " or ".join(f"{name} ({_EXPECTED[name]})" for name in needed)
        raise ToolInputError(f"action={action} lacks {needed[0]}: expected {wanted}. Say which.")
    if action == "replace_background" and "strength" in told and told["background"] != "blur":
        raise ToolInputError(
            f"strength={told['strength']} is not used by a background of {told['background']}: expected it only with "
            "blur. Leave it out."
        )


def is_picture(background: object) -> bool:
    """Whether a background is a picture's handle."""
    return isinstance(background, str) and _PICTURE.fullmatch(background) is not None


def _fits(name: str, value: object) -> bool:
    if name == "colour":
        return isinstance(value, str) and _COLOUR.fullmatch(value) is not None
    if name == "background":
        return isinstance(value, str) and (value == "blur" or bool(_COLOUR.fullmatch(value)) or is_picture(value))
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return False
    return name in ("dx", "dy") or 0 <= value <= (1 if name == "strength" else math.inf)
