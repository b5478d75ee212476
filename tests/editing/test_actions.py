"""What each edit may be told."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from agent_tools.editing import FILLING, PARAMETERS, STRENGTHS, apply, check_parameters, is_picture
from agent_tools.errors import ToolInputError
from agent_tools.masks import Mask
from tests.editing.shapes import box, noise


def test_actions_are_those_that_are_promised() -> None:
    promised = (
        "remove blur pixelate recolour brighten darken cut_out replace_background grayscale highlight outline move"
    )
    assert list(STRENGTHS) == list(PARAMETERS) == [*promised.split(), "duplicate"]
    assert set(FILLING) <= set(STRENGTHS)


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ("blur", {"strength": 0, "feather": 3.5}),
        ("recolour", {"colour": "#A0b0C0", "strength": None}),
        ("replace_background", {"background": "blur", "strength": 1}),
        ("replace_background", {"background": "p12"}),
        ("replace_background", {"background": "#ffffff", "feather": 0}),
        ("move", {"dx": -3}),
        ("duplicate", {"dy": 40.5, "feather": 2}),
        ("outline", {}),
        ("remove", {"feather": 9}),
    ],
)
def test_parameters_that_fit_are_let_through(action: str, told: dict[str, Any]) -> None:
    check_parameters(action, told)


@pytest.mark.parametrize(
    ("action", "told", "message"),
    [
        ("erase", {}, r"^action=erase is not possible: expected one of remove, blur, .*\. Use one"),
        ("blur", {"strength": 1.5}, r"^strength=1\.5 is out of range: expected 0 to 1\. Correct it\."),
        ("blur", {"strength": float("nan")}, r"^strength=nan is out of range"),
        ("blur", {"strength": True}, r"^strength=True is out of range"),
        ("blur", {"strength": "much"}, r"^strength=much is out of range"),
        ("blur", {"feather": -1}, r"^feather=-1 is out of range: expected pixels, 0 or more\."),
        ("move", {"dx": float("inf")}, r"^dx=inf is out of range: expected pixels to the right"),
        ("blur", {"colour": "#ffffff"}, r"^colour=#ffffff is not used by blur: expected only strength, feather\."),
        ("blur", {"sigma": 3}, r"^sigma=3 is not used by blur"),
        ("outline", {"feather": 3}, r"^feather=3 is not used by outline: expected only colour, strength\."),
        ("recolour", {"colour": "red"}, r"^colour=red is out of range: expected #rrggbb\."),
        ("recolour", {"colour": "#fff"}, r"^colour=#fff is out of range"),
        ("recolour", {}, r"^action=recolour lacks colour: expected colour \(#rrggbb\)\. Say which\."),
        ("move", {}, r"^action=move lacks dx: expected dx \(pixels to the right.*\) or dy"),
        ("replace_background", {}, r"^action=replace_background lacks background"),
        ("replace_background", {"background": "photo.jpg"}, r"^background=photo\.jpg is out of range"),
        (
            "replace_background",
            {"background": "#ffffff", "strength": 0.5},
            r"^strength=0\.5 is not used by a background",
        ),
    ],
)
def test_parameters_that_do_not_fit_are_refused(action: str, told: dict[str, Any], message: str) -> None:
    for check in (check_parameters, lambda action, told: apply(noise(), action, [box(1, 1, 9, 9)], **told)):
        with pytest.raises(ToolInputError, match=message):
            check(action, told)


def test_mask_of_another_size_is_refused() -> None:
    with pytest.raises(ToolInputError, match=r"^mask size=\[3, 3\] does not fit the picture: expected \[48, 64\]"):
        apply(noise(), "blur", [Mask.from_array(np.ones((3, 3)))])


def test_background_of_a_picture_nobody_gives_is_refused() -> None:
    with pytest.raises(ToolInputError, match=r"^background=p2 is not known here"):
        apply(noise(), "replace_background", [box(1, 1, 9, 9)], background="p2")


def test_handles_of_pictures_are_told_from_colours() -> None:
    assert [is_picture(each) for each in ("p1", "p27", "p0", "blur", "#ffffff", "p", 3, None)] == [
        True,
        True,
        *[False] * 6,
    ]


def test_knowing_the_actions_loads_nothing_heavy() -> None:
    heavy = "{'numpy', 'cv2', 'PIL', 'torch'}"
    code = f"import sys, agent_tools.editing as e; e.check_parameters('blur', {{}}); print({heavy} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "set()"
