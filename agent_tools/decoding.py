"""Bytes of an untrusted picture file → upright 8-bit RGB.

The format is decided by the content and must be on the list below; the size is checked from the header, before a
single pixel is decoded. Only the plugin that belongs to the format sees the bytes.

This module does not know files, folders, addresses, settings or conversations.
"""

from __future__ import annotations

import importlib
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageFile

from agent_tools.errors import PictureError

ALLOWED = "JPEG, PNG, WebP, GIF, BMP, TIFF, PPM, HEIF or AVIF"

_SIGNATURES: tuple[tuple[str, int, bytes], ...] = (
    ("JPEG", 0, b"\xff\xd8\xff"),
    ("PNG", 0, b"\x89PNG\r\n\x1a\n"),
    ("WebP", 8, b"WEBP"),
    ("GIF", 0, b"GIF87a"),
    ("GIF", 0, b"GIF89a"),
    ("BMP", 0, b"BM"),
    ("TIFF", 0, b"II*\x00"),
    ("TIFF", 0, b"MM\x00*"),
    ("TIFF", 0, b"II+\x00"),
    ("TIFF", 0, b"MM\x00+"),
    *(("PPM", 0, b"P" + kind) for kind in (b"1", b"2", b"3", b"4", b"5", b"6", b"F", b"f")),
    *(("AVIF", 4, b"ftyp" + brand) for brand in (b"avif", b"avis")),
    *(("HEIF", 4, b"ftyp" + brand) for brand in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")),
)
_PLUGINS = {
    "JPEG": ("PIL.JpegImagePlugin", "JpegImageFile"),
    "PNG": ("PIL.PngImagePlugin", "PngImageFile"),
    "WebP": ("PIL.WebPImagePlugin", "WebPImageFile"),
    "GIF": ("PIL.GifImagePlugin", "GifImageFile"),
    "BMP": ("PIL.BmpImagePlugin", "BmpImageFile"),
    "TIFF": ("PIL.TiffImagePlugin", "TiffImageFile"),
    "PPM": ("PIL.PpmImagePlugin", "PpmImageFile"),
    "AVIF": ("PIL.AvifImagePlugin", "AvifImageFile"),
    "HEIF": ("pillow_heif", "HeifImageFile"),
}
# Recognised only to say what the file is instead.
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a zip archive"),
    (b"8BPS", "a Photoshop file"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "XML"),
    (b"<html", "a web page"),
    (b"<!DOCTYPE", "a web page"),
)
# Orientation tag of EXIF → what turns the picture upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ORIENTATION_TAG = 0x0112
# What the plugins are known to raise on damaged bytes; anything else is a defect of ours and shall be seen.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    EOFError,
    ArithmeticError,
    RuntimeError,
    AssertionError,
    struct.error,
    Image.DecompressionBombError,
)
_PILLOW = threading.Lock()


@dataclass(frozen=True, slots=True)
class Header:
    """What the file says before its pixels are decoded: the size is upright, in pixels."""

    format: str
    width: int
    height: int
    orientation: int
    notices: tuple[str, ...]


@contextmanager
def _pillow_quiet(pixels: int = 0) -> Iterator[None]:
    """Pillow without its warnings, and without its own limit where our larger one let `pixels` through.

    Both are process-wide, so two threads must not change them at once.
    """
    with _PILLOW, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit = Image.MAX_IMAGE_PIXELS
        if limit is not None and pixels > limit:
            Image.MAX_IMAGE_PIXELS = None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def sniff(start: bytes) -> str | None:
    """The format that the first bytes (32 are enough) announce, or None when it is none of those allowed."""
    for name, offset, signature in _SIGNATURES:
        if start[offset : offset + len(signature)] == signature and (name != "WebP" or start[:4] == b"RIFF"):
            return name
    return None


def read_header(data: bytes, name: str, max_megapixels: float) -> Header:
    """Check format and size, without decoding.

    Args:
        data: the whole file.
        name: what errors call the picture.
        max_megapixels: the largest picture accepted, in millions of pixels.

    Raises:
        PictureError: empty, not a picture of an allowed format, damaged in its header, or larger than allowed.
    """
    image, kind = _open(data, name)
    width, height = image.size
    if width < 1 or height < 1:
        raise _damaged(data, name, kind)
    megapixels = width * height / 1e6
    if megapixels > max_megapixels:
        raise PictureError(
            f"picture={name} has {width} x {height} pixels ({megapixels:.0f} megapixels): expected at most "
            f"{max_megapixels:g} megapixels. Scale it down, or raise ASKMASK_MAX_MEGAPIXELS."
        )
    try:
        with _pillow_quiet():
            orientation = _orientation(image, kind, data)
            notices = _header_notices(image, kind, data)
    except _DAMAGE as error:
        raise _damaged(data, name, kind) from error
    if orientation != 1:
        notices = (*notices, "turned upright (EXIF)")
    if kind == "TIFF":
        orientation = 1  # Pillow turns these by itself, their size included
    if orientation >= 5:
        width, height = height, width
    return Header(kind, width, height, orientation, notices)


def decode(data: bytes, name: str, orientation: int) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Decode a file whose header has been checked.

    Args:
        data: the whole file.
        name: what errors call the picture.
        orientation: as `read_header` gave it, 1 to 8.

    Returns:
        (H, W, 3) uint8 RGB, upright; and what a person should know about how it came to be.

    Raises:
        PictureError: the pixels are cut off or damaged.
    """
    image, kind = _open(data, name)
    try:
        pixels = image.size[0] * image.size[1]
        # Small pictures are decoded side by side; one beyond Pillow's limit waits for its turn.
        with _pillow_quiet(pixels) if pixels > (Image.MAX_IMAGE_PIXELS or pixels) else nullcontext():
            image.load()
        rgb, notices = to_rgb(image)
    except _DAMAGE as error:
        raise _damaged(data, name, kind) from error
    if orientation in _UPRIGHT:
        rgb = rgb.transpose(_UPRIGHT[orientation])
    return np.array(rgb, np.uint8), notices


def to_rgb(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """Any mode that Pillow has, as 8-bit RGB: alpha on white, colours in sRGB.

    Returns:
        the RGB image, and notices for the person.
    """
    notices: list[str] = []
    if image.mode.startswith(("I", "F")):
        image, notice = _numbers_to_grey(image)
        notices.append(notice)
    elif image.mode in ("P", "PA"):
        image = image.convert("RGBA" if image.mode == "PA" or "transparency" in image.info else "RGB")
    elif "transparency" in image.info and image.mode in ("1", "L", "RGB"):
        image = image.convert("RGBA")
    alpha = None
    if image.mode in ("LA", "La", "RGBA", "RGBa"):
        image = image.convert({"La": "LA", "RGBa": "RGBA"}.get(image.mode, image.mode))
        alpha = image.getchannel("A")
        image = _without_alpha(image)
    rgb, said = _to_srgb(image)
    if said:
        notices.append(said)
    if alpha is not None and alpha.getextrema()[0] < 255:  # type: ignore[operator]
        white = Image.new("RGB", rgb.size, "white")
        white.paste(rgb, mask=alpha)
        rgb = white
        notices.append("transparent: shown on white")
    return rgb, tuple(notices)


def _open(data: bytes, name: str) -> tuple[ImageFile.ImageFile, str]:
    if not data:
        raise PictureError(f"picture={name} is empty (0 bytes): expected {ALLOWED}. Pass another file.")
    kind = sniff(data[:32])
    if kind is None:
        raise PictureError(f"picture={name} is {_what(data)}: expected {ALLOWED}. Pass or convert to one of these.")
    module, plugin = _PLUGINS[kind]
    try:
        factory: Any = getattr(importlib.import_module(module), plugin)
    except ImportError as error:
        raise PictureError(
            f"picture={name} is {kind}, which needs a library that is not here: expected pillow-heif. "
            "Run pip install 'askmask[heif]', or convert the picture to JPEG."
        ) from error
    try:
        # Straight to the format's own plugin: Image.open has a process-wide pixel limit and tries the others as well.
        with _pillow_quiet():
            return factory(BytesIO(data)), kind
    except _DAMAGE as error:
        raise _damaged(data, name, kind) from error


def _what(data: bytes) -> str:
    start = data[:256].lstrip()
    for signature, what in _OTHERS:
        if start.lower().startswith(signature.lower()):
            return f"{what}, not a picture this program opens"
    if b"\x00" not in start:
        try:
            data[:4096].decode("utf-8", "strict" if len(data) <= 4096 else "ignore")
            return "text, not a picture"
        except UnicodeDecodeError:
            pass
    return "not a picture of a known format"


def _damaged(data: bytes, name: str, kind: str) -> PictureError:
    tail = data[-64:]
    ends = {"JPEG": b"\xff\xd9", "PNG": b"IEND", "GIF": b";"}
    whole = ends[kind] in tail if kind in ends else not _shorter_than_announced(data, kind)
    fault = "is damaged and cannot be decoded" if whole else "is cut off: its end is missing"
    return PictureError(f"picture={name} {fault}: expected a whole {kind} file. Copy or download it again.")


def _shorter_than_announced(data: bytes, kind: str) -> bool:
    """Whether the length that the format writes in its first bytes is more than there is."""
    if kind == "WebP" and len(data) >= 8:
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    if kind == "BMP" and len(data) >= 6:
        return int.from_bytes(data[2:6], "little") > len(data)
    return kind in ("PPM", "TIFF")


def _orientation(image: ImageFile.ImageFile, kind: str, data: bytes) -> int:
    # Pillow decodes a whole PNG to look for EXIF behind the pixels; most have none.
    if kind == "PNG" and b"eXIf" not in data and b"Raw profile type exif" not in data:
        return 1
    try:
        value = image.getexif().get(ORIENTATION_TAG, 1)
    except _DAMAGE:
        return 1
    return value if value in _UPRIGHT else 1


def _header_notices(image: ImageFile.ImageFile, kind: str, data: bytes) -> tuple[str, ...]:
    notices = []
    frames = getattr(image, "n_frames", 1) if kind != "PNG" or b"acTL" in data[:4096] else 1
    if frames > 1:
        notices.append(f"{'several pages' if kind == 'TIFF' else 'animated'}: first of {frames}")
    deep_png = kind == "PNG" and len(data) > 24 and data[24] == 16 and not image.mode.startswith("I")
    bits = image.tag_v2.get(258, (8,)) if kind == "TIFF" else (8,)  # type: ignore[attr-defined]
    deep_tiff = isinstance(bits, tuple) and max(bits) > 8 and not image.mode.startswith(("I", "F"))
    if deep_png or deep_tiff:
        notices.append("16-bit: shown as 8-bit")
    return tuple(notices)


def _without_alpha(image: Image.Image) -> Image.Image:
    return Image.merge("RGB", image.split()[:3]) if image.mode == "RGBA" else image.getchannel("L")


def _numbers_to_grey(image: Image.Image) -> tuple[Image.Image, str]:
    """Grey of more than 8 bits, scaled to 8. Cameras of 12 bits write their numbers unscaled into 16."""
    values = np.nan_to_num(np.asarray(image).astype(np.float32), posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if image.mode == "F":
        span, said = ((0.0, 1.0), "0 to 1") if low >= 0 and high <= 1 else ((low, high), f"{low:g} to {high:g}")
        notice = f"floating point: {said} shown as black to white"
    elif low >= 0 and high <= 65535:
        span = (0.0, 65535.0) if high > 4095 else (0.0, 4095.0)
        notice = "16-bit: shown as 8-bit" if high > 4095 else "16-bit with values of 12 bits: shown as 8-bit"
    else:
        span, notice = (low, high), f"32-bit: {low:g} to {high:g} shown as black to white"
    scaled = (values - span[0]) * (255.0 / max(span[1] - span[0], 1e-30))
    return Image.fromarray(np.rint(scaled).clip(0, 255).astype(np.uint8)), notice


def _to_srgb(image: Image.Image) -> tuple[Image.Image, str | None]:
    """Grey, RGB, CMYK, Lab and the rest to sRGB by the picture's own profile, where it has one that fits."""
    profile: Any = image.info.get("icc_profile")
    if image.mode == "LAB":
        source: Any = ImageCms.createProfile("LAB")
    elif not profile or image.mode not in ("L", "RGB", "CMYK") or b"sRGB" in profile:
        return image.convert("RGB"), None
    else:
        source = BytesIO(profile)
    try:
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image.convert("RGB"), "colour profile is broken: ignored"
    assert converted is not None  # only inPlace=True returns None
    return converted, "colours converted from the picture's profile to sRGB"


def decode_whole(data: bytes, name: str) -> tuple[NDArray[Any], bytes | None]:
    """Decode a file whose header has been checked, keeping what an edit shall not lose.

    Grey and RGB with or without transparency keep their depth, alpha and colour profile. What no PNG of that kind can
    hold (CMYK, Lab, floating point, grey with a profile of its own) becomes 8-bit sRGB, as `decode` gives it.

    Args:
        data: the whole file.
        name: what errors call the picture.

    Returns:
        (H, W, 3) RGB or (H, W, 4) RGBA, upright, uint8 or uint16; and its ICC profile, or None for sRGB.

    Raises:
        PictureError: the pixels are cut off or damaged.
    """
    image, kind = _open(data, name)
    try:
        with _pillow_quiet(image.size[0] * image.size[1]):
            orientation = _orientation(image, kind, data)
            deep = "16-bit: shown as 8-bit" in _header_notices(image, kind, data) or image.mode.startswith("I;16")
            image.load()
        profile: bytes | None = image.info.get("icc_profile")
        if deep and kind in ("PNG", "TIFF"):
            pixels = _sixteen_bits(data)
            if pixels is not None:
                # OpenCV turns a TIFF by itself, as Pillow does.
                upright = pixels if kind == "TIFF" else _turned(pixels, orientation)
                return upright, profile if image.mode in ("RGB", "RGBA") else None
    except _DAMAGE as error:
        raise _damaged(data, name, kind) from error
    plain = image.mode in ("RGB", "RGBA", "P", "PA") or (image.mode in ("1", "L", "LA") and not profile)
    if not plain:
        return decode(data, name, 1 if kind == "TIFF" else orientation)[0], None
    clear = "A" in image.mode or "transparency" in image.info
    turned = image.convert("RGBA" if clear else "RGB")
    if orientation in _UPRIGHT and kind != "TIFF":
        turned = turned.transpose(_UPRIGHT[orientation])
    return np.array(turned, np.uint8), profile


def exif_of(data: bytes, name: str) -> bytes:
    """What the file tells of camera, place and time, as EXIF for an upright copy; empty where it tells nothing.

    Raises:
        PictureError: the file is damaged.
    """
    image, kind = _open(data, name)
    try:
        with _pillow_quiet():
            if kind == "PNG" and b"eXIf" not in data and b"Raw profile type exif" not in data:
                return b""
            exif = image.getexif()
            exif.pop(ORIENTATION_TAG, None)
            return exif.tobytes().removeprefix(b"Exif\0\0") if exif else b""
    except _DAMAGE as error:
        raise _damaged(data, name, kind) from error


def _sixteen_bits(data: bytes) -> NDArray[np.uint16] | None:
    """A PNG or TIFF of 16 bits a channel as RGB or RGBA, as it is stored; None for what OpenCV reads as less."""
    import cv2

    stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if stored is None or stored.dtype != np.uint16:
        return None
    channels = 1 if stored.ndim == 2 else stored.shape[2]
    codes = {1: cv2.COLOR_GRAY2RGB, 3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}
    return cv2.cvtColor(stored, codes[channels]) if channels in codes else None


def _turned(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Pixels as stored, turned upright; `orientation` as EXIF has it."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    flips = {2: (False, True), 3: (True, True), 4: (True, False), 6: (False, True), 7: (True, True), 8: (True, False)}
    down, across = flips.get(orientation, (False, False))
    return np.ascontiguousarray(pixels[:: -1 if down else 1, :: -1 if across else 1])
