"""What colour a thing is, and what people call colours."""

import numpy as np
import pytest

from agent_tools.colours import COLOURS, basic_colour, colour_code, colour_of, name_colour
from agent_tools.errors import ToolInputError
from agent_tools.masks import Mask

PAINT = {
    "red": (204, 28, 31),
    "orange": (242, 122, 18),
    "yellow": (242, 207, 33),
    "green": (51, 143, 51),
    "blue": (36, 82, 194),
    "purple": (120, 51, 158),
    "pink": (245, 143, 181),
    "brown": (112, 69, 36),
    "white": (238, 238, 232),
    "grey": (128, 130, 135),
    "black": (23, 23, 26),
}


def test_colours_of_plain_paint_are_named() -> None:
    assert {name: name_colour(np.array([paint], np.uint8)) for name, paint in PAINT.items()} == {n: n for n in COLOURS}


@pytest.mark.parametrize("name", ["red", "orange", "yellow", "green", "blue", "purple"])
def test_colour_of_a_shaded_ball_is_that_of_its_lit_side(name: str) -> None:
    side = np.linspace(-1, 1, 40)
    light = np.clip(0.55 - 0.35 * side[None, :] - 0.35 * side[:, None], 0.15, 1.0)
    array = (np.array(PAINT[name]) * light[..., None]).astype(np.uint8)
    assert colour_of(array, None, (0, 0, 40, 40)) == name


def test_colour_of_a_red_can_with_a_white_label_is_red() -> None:
    array = np.full((20, 20, 3), PAINT["red"], np.uint8)
    array[6:14, 2:18] = PAINT["white"]
    assert colour_of(array, Mask.from_array(np.ones((20, 20))), (0, 0, 20, 20)) == "red"


def test_colour_of_a_white_mug_with_a_red_print_is_white() -> None:
    array = np.full((20, 20, 3), PAINT["white"], np.uint8)
    array[8:13, 5:15] = PAINT["red"]
    assert colour_of(array, Mask.from_array(np.ones((20, 20))), (0, 0, 20, 20)) == "white"


def test_colour_of_a_mask_leaves_out_rim_and_background() -> None:
    array = np.full((20, 20, 3), PAINT["green"], np.uint8)
    array[4:16, 4:16] = PAINT["yellow"]
    mask = np.zeros((20, 20), bool)
    mask[3:17, 3:17] = True
    assert colour_of(array, Mask.from_array(mask), (0, 0, 20, 20)) == "yellow"


def test_colour_of_one_pixel_and_of_a_box_at_the_edge_is_named() -> None:
    array = np.full((4, 4, 3), PAINT["blue"], np.uint8)
    single = np.zeros((4, 4), bool)
    single[3, 3] = True
    assert colour_of(array, Mask.from_array(single), (3, 3, 4, 4)) == "blue"
    assert colour_of(array, None, (3.6, 3.6, 4, 4)) == "blue"


@pytest.mark.parametrize(
    ("words", "basic"),
    [
        ("Dark Blue", "blue"),
        ("navy", "blue"),
        ("gray", "grey"),
        ("light green", "green"),
        ("reddish", "red"),
        ("blueish", "blue"),
        ("bluish", "blue"),
        ("crimson", "red"),
        ("bright red ones", "red"),
    ],
)
def test_basic_colour_of_what_people_say(words: str, basic: str) -> None:
    assert basic_colour(words) == basic


def test_basic_colour_of_no_colour_names_those_there_are() -> None:
    with pytest.raises(ToolInputError, match=r"^colour='shiny' is not a colour known here: expected red, .* Name one"):
        basic_colour("shiny")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("red", "#ff0000"),
        ("#FA0", "#ffaa00"),
        (" #12abEF ", "#12abef"),
        ("dark red", "#8b0000"),
        ("Light Blue", "#add8e6"),
        ("light-grey", "#d3d3d3"),
        ("the colour gray", None),
        ("navy", "#000080"),
        ("burgundy", "#800020"),
    ],
)
def test_colour_code_of_a_name_or_code_is_its_code(words: str, code: str | None) -> None:
    if code is None:
        with pytest.raises(ToolInputError, match="is not a colour known here"):
            colour_code(words.replace("gray", "loud"))
    else:
        assert colour_code(words) == code


@pytest.mark.parametrize("name", sorted(COLOURS))
def test_colour_code_shades_keep_the_hue_and_change_the_light(name: str) -> None:
    def light(words: str) -> float:
        code = colour_code(words)
        return sum(int(code[place : place + 2], 16) * share for place, share in ((1, 0.3), (3, 0.59), (5, 0.11)))

    assert light(f"dark {name}") < light(name) or name == "black"
    assert light(name) < light(f"light {name}") or name == "white"
    assert colour_code(f"{name}ish") == colour_code(name)


def test_colour_code_of_what_is_no_colour_is_refused() -> None:
    for words in ("", "#12345", "loud", "7"):
        with pytest.raises(ToolInputError, match="is not a colour known here: expected red, "):
            colour_code(words)
