"""Edits by pixels: exact outside the masks, whatever the depth, alpha, orientation and profile of the original."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from agent_tools import editing
from agent_tools.editing import STRENGTHS, apply, edited
from agent_tools.errors import PictureError, ServiceError, ToolInputError
from agent_tools.masks import Mask
from agent_tools.pictures import Picture

H, W = 48, 64


@dataclass(frozen=True)
class Step:
    action: str
    masks: Sequence[Mask]
    invert: bool = False
    parameters: Mapping[str, float] = field(default_factory=dict)


def noise(seed: int = 0, channels: int = 3, dtype: Any = np.uint8) -> Any:
    rng = np.random.default_rng(seed)
    return rng.integers(0, np.iinfo(dtype).max, (H, W, channels), dtype, endpoint=True)


def box(x0: int, y0: int, x1: int, y1: int) -> Mask:
    inside = np.zeros((H, W), bool)
    inside[y0:y1, x0:x1] = True
    return Mask.from_array(inside)


def region(masks: Sequence[Mask], invert: bool) -> Any:
    inside = np.zeros((H, W), bool)
    for mask in masks:
        inside |= mask.to_array()
    return inside ^ invert


def png(pixels: Any) -> bytes:
    codes = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    return cv2.imencode(".png", cv2.cvtColor(pixels, codes[pixels.shape[2]]))[1].tobytes()


def unpng(data: bytes) -> Any:
    stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return cv2.cvtColor(stored, {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}[stored.shape[2]])


# --- exact outside ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("feather", [None, 0, 5])
@pytest.mark.parametrize("action", ["blur", "pixelate", "grayscale", "highlight"])
def test_edit_outside_its_region_changes_nothing_and_inside_something(
    action: str, feather: float | None, invert: bool, channels: int, dtype: Any
) -> None:
    before = noise(1, channels, dtype)
    kept = before.copy()
    masks = [box(4, 6, 30, 33), box(26, 20, 64, 48)]
    after = apply(before, action, masks, invert=invert, feather=feather)
    changing = region(masks, invert != (action == "highlight"))
    assert (after.dtype, after.shape) == (dtype, before.shape)
    assert np.array_equal(after[~changing], before[~changing])
    assert (after != before).any(2)[changing].mean() > 0.5
    assert channels == 3 or np.array_equal(after[..., 3], before[..., 3])
    assert np.array_equal(before, kept), "what it was given is left as it is"


@settings(max_examples=40, deadline=None)
@given(
    action=st.sampled_from(sorted(STRENGTHS)),
    invert=st.booleans(),
    strength=st.floats(0, 1),
    feather=st.floats(0, 40),
    corners=st.lists(st.tuples(st.integers(0, W - 1), st.integers(0, H - 1)), max_size=3),
)
def test_edit_of_any_masks_is_exact(
    action: str, invert: bool, strength: float, feather: float, corners: list[tuple[int, int]]
) -> None:
    before = noise(2)
    masks = [box(x, y, min(W, x + 9), min(H, y + 7)) for x, y in corners]
    after = apply(before, action, masks, invert=invert, strength=strength, feather=feather)
    inside = region(masks, invert)
    if action == "cut_out":
        assert not after[~inside].any()
        assert np.array_equal(after[inside][:, :3], before[inside])
    else:
        untouched = ~inside ^ (action == "highlight")
        assert np.array_equal(after[untouched], before[untouched])


def test_edit_that_changed_a_pixel_outside_is_refused() -> None:
    before = noise(3)
    after = before.copy()
    after[0, 0, 1] ^= 1
    with pytest.raises(ServiceError, match="edit=inexact changed pixels outside its region"):
        editing._check_exact(before, after, region([box(1, 1, 5, 5)], False))


# --- what each does --------------------------------------------------------------------------------------


def test_blur_does_not_let_colours_from_outside_in() -> None:
    pixels = np.full((H, W, 3), (255, 0, 0), np.uint8)
    pixels[10:30, 10:30] = (0, 0, 255)
    for invert in (False, True):
        assert np.array_equal(apply(pixels, "blur", [box(10, 10, 30, 30)], invert=invert, strength=1), pixels)


def test_blur_of_a_larger_thing_is_wider() -> None:
    pixels = np.zeros((H, W, 3), np.uint8)
    pixels[:, 10:] = 255
    near = [int(apply(pixels, "blur", [box(4, 4, 4 + side, 4 + side)])[10, 12, 0]) for side in (12, 40)]
    assert near[0] > near[1] + 20, "two pixels from an edge"


@pytest.mark.parametrize(("scale", "side"), [(1, 3), (4, 13)])
def test_blocks_grow_with_the_resolution(scale: int, side: int) -> None:
    pixels = noise(4).repeat(scale, 0).repeat(scale, 1)
    inside = box(8, 8, 40, 40).to_array().repeat(scale, 0).repeat(scale, 1)
    after = apply(pixels, "pixelate", [Mask.from_array(inside)])[8 * scale, 8 * scale : 40 * scale].astype(int)
    assert np.flatnonzero(np.abs(np.diff(after, axis=0)).any(1))[0] + 1 == side


def test_pixelate_gives_each_block_the_mean_of_what_is_inside() -> None:
    pixels = noise(5)
    after = apply(pixels, "pixelate", [box(10, 10, 30, 30)], strength=1)
    assert (after[10:14, 10:14] == after[10, 10]).all()
    assert np.allclose(after[10, 10], pixels[10:14, 10:14].mean((0, 1)), atol=0.51)


def test_grayscale_has_equal_channels_and_its_strength_is_a_share() -> None:
    pixels = np.full((H, W, 3), (200, 100, 50), np.uint8)
    grey = round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)
    assert (apply(pixels, "grayscale", [], invert=True) == grey).all()
    half = apply(pixels, "grayscale", [], invert=True, strength=0.5)[0, 0]
    assert np.allclose(half, [(200 + grey) / 2, (100 + grey) / 2, (50 + grey) / 2], atol=1)


def test_highlight_dims_the_rest_by_its_strength() -> None:
    pixels = np.full((H, W, 3), 100, np.uint8)
    after = apply(pixels, "highlight", [box(8, 8, 20, 20)], strength=0.75)
    assert after[10, 10, 0] == 100
    assert after[40, 40, 0] == 25


def test_cut_out_is_transparent_outside_and_keeps_no_colour_there() -> None:
    before = noise(6)
    after = apply(before, "cut_out", [box(8, 8, 24, 24)])
    inside = region([box(8, 8, 24, 24)], False)
    assert after.shape == (H, W, 4)
    assert not after[~inside].any()
    assert np.array_equal(after[inside][:, :3], before[inside])
    assert (after[10:22, 10:22, 3] == 255).all()
    assert 0 < after[8, 16, 3] < 255, "its edge is soft, inwards"
    assert (apply(before, "cut_out", [box(8, 8, 24, 24)], feather=0)[8:24, 8:24, 3] == 255).all()


def test_cut_out_keeps_what_was_transparent_before() -> None:
    before = noise(7, 4)
    after = apply(before, "cut_out", [box(8, 8, 24, 24)], feather=0)
    assert np.array_equal(after[8:24, 8:24], before[8:24, 8:24])


def test_feather_at_the_edge_of_the_picture_is_none() -> None:
    pixels = np.full((H, W, 3), 100, np.uint8)
    after = apply(pixels, "highlight", [box(32, 0, 64, 48)], feather=8, strength=1)
    assert (after[:, 0] == 0).all(), "the region goes on beyond the picture"
    steps = after[20, 24:32, 0].astype(int)
    assert (np.diff(steps) > 0).all(), "soft towards what stays"


def test_edit_with_empty_masks_changes_nothing() -> None:
    before = noise(8)
    for masks in ([], [Mask.from_array(np.zeros((H, W)))]):
        assert np.array_equal(apply(before, "blur", masks), before)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"action": "remove"}, r"^action=remove is not possible: expected one of blur, .*\. Use one"),
        ({"strength": 1.5}, r"^strength=1\.5 is out of range: expected 0 to 1\."),
        ({"strength": float("nan")}, r"^strength=nan is out of range"),
        ({"feather": -1}, r"^feather=-1 is out of range: expected pixels, 0 or more\."),
        ({"masks": [Mask.from_array(np.ones((3, 3)))]}, r"^mask size=\[3, 3\] does not fit the picture"),
    ],
)
def test_edit_that_cannot_be_is_refused(given: dict[str, Any], message: str) -> None:
    whole = {"action": "blur", "masks": [box(1, 1, 9, 9)], **given}
    with pytest.raises(ToolInputError, match=message):
        apply(noise(), whole.pop("action"), whole.pop("masks"), **whole)


# --- stacks over the original ----------------------------------------------------------------------------


def test_edits_are_done_in_order_over_the_original() -> None:
    picture = Picture.from_array(noise(9))
    gray = Step("grayscale", [box(0, 0, 32, 48)])
    dim = Step("highlight", [box(16, 0, 64, 48)], parameters={"strength": 0.5})
    after = edited(picture, [gray, dim]).pixels
    by_hand = apply(apply(picture.array, "grayscale", gray.masks), "highlight", dim.masks, strength=0.5)
    assert np.array_equal(after, by_hand)
    assert np.array_equal(edited(picture, []).pixels, picture.array)


@pytest.mark.parametrize("channels", [3, 4])
def test_edited_picture_of_16_bits_keeps_them_all(channels: int) -> None:
    before = noise(10, channels, np.uint16)
    picture = Picture.from_bytes(png(before))
    after = unpng(edited(picture, [Step("blur", [box(4, 4, 20, 20)])]).png())
    outside = region([box(4, 4, 20, 20)], True)
    assert after.dtype == np.uint16
    assert np.array_equal(after[outside], before[outside])
    assert len(np.unique(after[4:20, 4:20])) > 256 or not np.array_equal(after, before)


def test_edited_grey_picture_of_16_bits_keeps_them_all() -> None:
    grey = noise(11, 1, np.uint16)[..., 0]
    picture = Picture.from_bytes(cv2.imencode(".png", grey)[1].tobytes())
    after = edited(picture, [Step("blur", [box(4, 4, 20, 20)])]).pixels
    assert np.array_equal(after[30:, :, 1], grey[30:])


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_edited_picture_stands_upright(kind: str, orientation: int) -> None:
    stored = np.zeros((H, W, 3), np.uint8)
    stored[:24, :32] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = BytesIO()
    Image.fromarray(stored).save(file, kind, exif=exif)
    picture = Picture.from_bytes(file.getvalue())
    assert np.array_equal(edited(picture, []).pixels, picture.array)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_edited_deep_picture_stands_upright(kind: str, orientation: int) -> None:
    deep = np.zeros((H, W), np.uint16)
    deep[:24, :32] = 65535
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = BytesIO()
    Image.fromarray(deep).save(file, kind, exif=exif)
    picture = Picture.from_bytes(file.getvalue())
    after = edited(picture, []).pixels
    assert after.dtype == np.uint16
    assert np.array_equal(after >> 8, picture.array)


def test_edited_picture_keeps_the_numbers_and_the_profile_of_its_colours() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()  # any profile that is not sRGB
    stored, file = noise(12), BytesIO()
    Image.fromarray(stored).save(file, "PNG", icc_profile=profile)
    result = edited(Picture.from_bytes(file.getvalue()), [Step("blur", [box(4, 4, 20, 20)])])
    assert np.array_equal(result.pixels[30:], stored[30:])
    again = Image.open(BytesIO(result.png()))
    assert again.info["icc_profile"] == profile
    assert np.array_equal(np.asarray(again)[30:], stored[30:])


def test_edited_picture_carries_no_private_metadata() -> None:
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    exif.get_ifd(0x8825)[1] = "N"
    file = BytesIO()
    Image.fromarray(noise(13)).save(file, "JPEG", exif=exif, comment=b"at home")
    data = edited(Picture.from_bytes(file.getvalue()), []).png()
    assert not dict(Image.open(BytesIO(data)).getexif())
    assert b"home" not in data
    assert b"camera" not in data


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I", "F"])
def test_edited_picture_of_any_mode_is_the_one_that_is_shown(mode: str) -> None:
    image = Image.fromarray(noise(14)).convert("L" if mode in ("LA", "I", "F") else "RGB").convert(mode)
    file = BytesIO()
    image.save(file, "TIFF" if mode in ("CMYK", "I", "F") else "PNG")
    picture = Picture.from_bytes(file.getvalue())
    result = edited(picture, [])
    assert result.pixels.shape[2] == (4 if mode in ("LA", "RGBA") else 3)
    if result.pixels.dtype == np.uint8:
        assert np.array_equal(result.pixels[..., :3], picture.array)


def test_edited_damaged_picture_says_so() -> None:
    picture = Picture.from_bytes(png(noise(15))[:600])
    with pytest.raises(PictureError, match=r"cut off|damaged"):
        edited(picture, [])
