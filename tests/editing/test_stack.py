"""A stack of edits over the original: order, depth, alpha, orientation and profile."""

from __future__ import annotations

from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from agent_tools.editing import apply, edited
from agent_tools.errors import PictureError
from agent_tools.pictures import Picture
from tests.editing.shapes import H, Step, W, box, noise, png, region, unpng


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
