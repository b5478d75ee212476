"""Another colour: hue and lightness of the new one, light and shade of the thing."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from PIL import ImageCms
from scipy import stats

from agent_tools.colours import name_colour
from agent_tools.editing import apply
from agent_tools.editing.light import colours_of, lab_of, light_of, light_of_lab
from agent_tools.editing.profiles import colour_in, pixels_in
from tests.editing.shapes import H, W, disc

NAMED = {
    "#ff0000": "red",
    "#ffa500": "orange",
    "#ffff00": "yellow",
    "#008000": "green",
    "#0000ff": "blue",
    "#ffffff": "white",
    "#000000": "black",
    "#808080": "grey",
}


def ball(colour: tuple[int, int, int], label: int | None = None) -> tuple[Any, Any, Any]:
    """A lit ball of a colour on grey, how it is lit (H, W), and where it is; perhaps with a grey label."""
    rows, columns = np.mgrid[:H, :W]
    lit = np.clip(1.05 - np.hypot(rows - 16, columns - 24) / 34, 0.25, 1)
    mask = disc(32, 24, 18)
    pixels = np.full((H, W, 3), 90, np.uint8)
    pixels[mask.to_array()] = (np.array(colour) * lit[..., None])[mask.to_array()].astype(np.uint8)
    if label is not None:
        pixels[28:36, 26:38] = label
    return pixels, lit, mask


@pytest.mark.parametrize("wanted", NAMED)
@pytest.mark.parametrize("colour", [(210, 30, 30), (30, 60, 200), (240, 240, 240), (35, 35, 35), (230, 200, 40)])
def test_recoloured_thing_is_called_by_its_new_colour_and_keeps_its_shading(
    colour: tuple[int, int, int], wanted: str
) -> None:
    pixels, lit, mask = ball(colour)
    made = apply(pixels, "recolour", [mask], colour=wanted)
    inside = mask.to_array()
    assert name_colour(made[inside]) == NAMED[wanted]
    light = lab_of(light_of(made, 255))[..., 0][inside]
    assert stats.spearmanr(light, lit[inside]).statistic > 0.95, "what was lighter is lighter"
    assert np.ptp(light) > 12, "it still has a shape"


@pytest.mark.parametrize("label", [245, 120, 30])
@pytest.mark.parametrize("wanted", ["#0000ff", "#ffffff"])
def test_what_of_a_colourful_thing_has_no_colour_stays(wanted: str, label: int) -> None:
    pixels, _, mask = ball((210, 30, 30), label)
    made = apply(pixels, "recolour", [mask], colour=wanted)
    assert np.abs(made[31:33, 30:34].astype(int) - label).max() <= 12
    assert made[24, 44, 2] > pixels[24, 44, 2] + 60


def test_strength_is_how_far_the_colour_goes() -> None:
    pixels, _, mask = ball((210, 30, 30))
    blue = [
        int(apply(pixels, "recolour", [mask], colour="#0000ff", strength=share)[20, 30, 2]) for share in (0, 0.5, 1)
    ]
    assert blue[0] == pixels[20, 30, 2]
    assert blue[0] < blue[1] < blue[2]


def test_colours_that_no_screen_shows_keep_their_lightness() -> None:
    lab = np.array([[60.0, 120.0, 10.0], [40.0, -120.0, 80.0], [90.0, 20.0, 120.0]], np.float32)
    shown = colours_of(light_of_lab(lab), 1)
    assert (shown >= 0).all()
    assert (shown <= 1).all()
    assert np.allclose(lab_of(light_of(np.rint(shown * 65535).astype(np.uint16), 65535))[:, 0], lab[:, 0], atol=0.1)


def test_lab_is_the_one_of_the_textbook_and_goes_back() -> None:
    colours = np.random.default_rng(0).integers(0, 65536, (500, 3)).astype(np.uint16)
    lab = lab_of(light_of(colours, 65535))
    theirs = cv2.cvtColor((colours / np.float32(65535))[None], cv2.COLOR_RGB2Lab)[0]
    assert np.abs(lab - theirs).max() < 0.5
    assert np.abs(colours_of(light_of_lab(lab), 65535) - colours).max() < 8


def test_colour_is_meant_as_srgb_whatever_the_picture_is_in() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    assert colour_in("#20c040", None) == (0x20, 0xC0, 0x40)
    assert colour_in("#20c040", profile.tobytes()) == (0x20, 0xC0, 0x40)
    wide = _linear_profile()
    there = pixels_in(np.full((1, 1, 3), 128, np.uint8), wide)
    assert there[0, 0].tolist() == pytest.approx([55, 55, 55], abs=2), "half of sRGB is a fifth of the light"
    assert pixels_in(there, b"broken") is there


def _linear_profile() -> bytes:
    """An RGB profile with the primaries of sRGB whose numbers are light itself."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes().replace(b"sRGB", b"line"))
    start = profile.index(b"para", 128 + 4 + 12 * int.from_bytes(profile[128:132], "big") - 1)
    kind = int.from_bytes(profile[start + 8 : start + 10], "big")
    count = (1, 3, 4, 5, 7)[kind]
    values = (1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0)[:count]
    for place, value in enumerate(values):
        profile[start + 12 + 4 * place : start + 16 + 4 * place] = round(value * 65536).to_bytes(4, "big")
    return bytes(profile)
