"""Pictures: every kind of input that opens, and every kind that is refused with one clear line."""

from __future__ import annotations

import contextlib
import http.server
import os
import pickle
import random
import struct
import threading
import time
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from agent_tools import pictures
from agent_tools.errors import PictureError
from agent_tools.fetching import fetch
from agent_tools.pictures import Picture, open_picture, open_pictures
from agent_tools.settings import Settings

SIZE = (64, 48)  # width, height of the pictures made here


def scene() -> Image.Image:
    """A smooth colour gradient, so that lossy formats keep it within a few grey levels."""
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    return Image.fromarray(np.stack([x * 3, y * 4, 255 - x * 2], -1).astype(np.uint8))


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    target = BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_bomb(side: int = 20_000) -> bytes:
    """A valid PNG of side x side black pixels in a few dozen kilobytes."""
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    packer = zlib.compressobj(9)
    row = bytes(1 + side // 8)
    body = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", body) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize(
    ("kind", "options", "tolerance"),
    [
        ("JPEG", {"quality": 95}, 8),
        ("JPEG", {"quality": 95, "progressive": True}, 8),
        ("PNG", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("BMP", {}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("PPM", {}, 0),
        ("AVIF", {"quality": 100}, 8),
        ("GIF", {}, 40),
    ],
)
def test_from_bytes_of_an_allowed_format_gives_its_pixels(kind: str, options: dict, tolerance: int) -> None:
    picture = Picture.from_bytes(saved(scene(), kind, **options), "scene")
    assert (picture.width, picture.height) == SIZE
    assert picture.array.shape == (SIZE[1], SIZE[0], 3)
    assert picture.array.dtype == np.uint8
    assert np.abs(picture.array.astype(int) - np.asarray(scene()).astype(int)).max() <= tolerance
    assert picture.notices == ()


def test_from_bytes_of_heic_gives_its_pixels_without_touching_pillow() -> None:
    heif = pytest.importorskip("pillow_heif")
    target = BytesIO()
    heif.from_pillow(scene()).save(target, quality=95)
    before = dict(Image.OPEN)
    picture = Picture.from_bytes(target.getvalue(), "phone.heic")
    assert np.abs(picture.array.astype(int) - np.asarray(scene()).astype(int)).mean() < 4
    assert before == Image.OPEN


def test_heic_without_its_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    with pytest.raises(PictureError, match=r"pip install 'askmask\[heif\]'"):
        Picture.from_bytes(b"\x00\x00\x00\x18ftypheic" + bytes(40), "phone.heic")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_orientation_turns_the_picture_upright(kind: str, orientation: int) -> None:
    upright = np.zeros((32, 48, 3), np.uint8)
    upright[:16, :16] = (255, 0, 0)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = Image.fromarray(upright)
    if orientation in undo:
        stored = stored.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Picture.from_bytes(saved(stored, kind, exif=exif), "turned")
    assert (picture.width, picture.height) == (48, 32)
    assert picture.array.shape == (32, 48, 3)
    assert picture.array[4, 4, 0] > 200
    assert picture.array[28, 44, 0] < 50
    assert picture.notices == (("turned upright (EXIF)",) if orientation > 1 else ())


def test_nonsense_orientation_is_ignored() -> None:
    exif = Image.Exif()
    exif[0x0112] = 77
    assert Picture.from_bytes(saved(scene(), "JPEG", exif=exif)).notices == ()


def deep_grey(kind: str) -> bytes:
    return saved(Image.fromarray(np.linspace(0, 65535, 48 * 64).reshape(48, 64).astype(np.uint16)), kind)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_sixteen_bit_grey_is_scaled_not_clipped(kind: str) -> None:
    picture = Picture.from_bytes(deep_grey(kind))
    wanted = np.rint(np.linspace(0, 255, 48 * 64).reshape(48, 64))
    assert np.abs(picture.array[..., 0] - wanted).max() <= 1
    assert picture.notices == ("16-bit: shown as 8-bit",)


def test_twelve_bit_values_in_sixteen_bits_are_shown_bright() -> None:
    picture = Picture.from_array(np.linspace(0, 4095, 48 * 64).reshape(48, 64).astype(np.uint16))
    assert picture.array.max() == 255
    assert picture.notices == ("16-bit with values of 12 bits: shown as 8-bit",)


def test_sixteen_bit_colour_says_that_eight_are_shown() -> None:
    array = np.random.default_rng(0).integers(0, 65536, (20, 30, 3), dtype=np.uint16)
    picture = Picture.from_array(array)
    assert np.abs(picture.array - array / 257).max() <= 1
    assert picture.notices == ("16-bit: shown as 8-bit",)
    kept = cv2.imdecode(np.frombuffer(picture.original, np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(kept[..., ::-1], array), "the original keeps all sixteen bits"


def test_floating_point_tiff_is_stretched_and_says_so() -> None:
    values = np.linspace(-3, 9, 48 * 64, dtype=np.float32).reshape(48, 64)
    values[0, 0] = np.nan
    picture = Picture.from_bytes(saved(Image.fromarray(values), "TIFF"))
    assert (picture.array.min(), picture.array.max()) == (0, 255)
    assert "floating point" in picture.notices[0]


@pytest.mark.parametrize(
    ("mode", "kind", "notices"),
    [
        ("1", "PNG", ()),
        ("L", "PNG", ()),
        ("P", "PNG", ()),
        ("CMYK", "JPEG", ()),
        ("CMYK", "TIFF", ()),
        ("LA", "PNG", ("transparent: shown on white",)),
        ("RGBA", "PNG", ("transparent: shown on white",)),
        ("RGBA", "WEBP", ("transparent: shown on white",)),
        ("LAB", "TIFF", ("colours converted from the picture's profile to sRGB",)),
    ],
)
def test_every_mode_becomes_rgb(mode: str, kind: str, notices: tuple[str, ...]) -> None:
    if mode == "LAB":
        image = Image.fromarray(np.full((48, 64, 3), 128, np.uint8)).convert("RGB")
        lab = ImageCms.profileToProfile(
            image, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        )
        assert lab is not None
        image = lab
    else:
        image = scene().convert(mode)
    if mode in ("LA", "RGBA"):
        image.putalpha(Image.new("L", SIZE, 0))
    picture = Picture.from_bytes(saved(image, kind))
    assert picture.array.shape == (48, 64, 3)
    assert picture.notices == notices
    if mode in ("LA", "RGBA"):
        assert (picture.array == 255).all()
    if mode == "LAB":
        assert np.abs(picture.array.astype(int) - 128).max() <= 3


def test_opaque_alpha_needs_no_notice() -> None:
    assert Picture.from_bytes(saved(scene().convert("RGBA"), "PNG")).notices == ()


@pytest.mark.parametrize("mode", ["P", "L", "RGB", "1"])
def test_transparent_colour_is_shown_on_white(mode: str) -> None:
    image = Image.new("RGB", SIZE, (0, 0, 0)).convert(mode)
    transparent = (0, 0, 0) if mode == "RGB" else 0
    picture = Picture.from_bytes(saved(image, "PNG", transparency=transparent))
    assert (picture.array == 255).all()
    assert picture.notices == ("transparent: shown on white",)


@pytest.mark.parametrize(("kind", "what"), [("GIF", "animated"), ("WEBP", "animated"), ("TIFF", "several pages")])
def test_animation_gives_its_first_frame_and_says_so(kind: str, what: str) -> None:
    frames = [Image.new("RGB", SIZE, colour) for colour in ("red", "lime", "blue")]
    picture = Picture.from_bytes(saved(frames[0], kind, save_all=True, append_images=frames[1:]))
    assert picture.array[10, 10].tolist() == pytest.approx([255, 0, 0], abs=3)
    assert picture.notices == (f"{what}: first of 3",)


def test_foreign_profile_is_converted_to_srgb() -> None:
    swapped = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes().replace(b"sRGB", b"mine"))
    red, green = swapped.index(b"rXYZ"), swapped.index(b"gXYZ")
    swapped[red : red + 4], swapped[green : green + 4] = b"gXYZ", b"rXYZ"
    picture = Picture.from_bytes(saved(Image.new("RGB", SIZE, "red"), "PNG", icc_profile=bytes(swapped)))
    assert picture.array[5, 5].tolist() == pytest.approx([0, 255, 0], abs=8)
    assert picture.notices == ("colours converted from the picture's profile to sRGB",)


def test_broken_profile_is_ignored_with_a_notice() -> None:
    picture = Picture.from_bytes(saved(scene(), "JPEG", icc_profile=b"not a profile", quality=95))
    assert picture.notices == ("colour profile is broken: ignored",)
    assert np.abs(picture.array.astype(int) - np.asarray(scene()).astype(int)).max() <= 8


@pytest.mark.parametrize(
    ("array", "first"),
    [
        (np.full((5, 7), 200, np.uint8), 200),
        (np.full((5, 7, 1), 200, np.uint8), 200),
        (np.full((5, 7, 3), 200, np.uint8), 200),
        (np.full((5, 7, 4), 255, np.uint8), 255),
        (np.full((5, 7), 51400, np.uint16), 200),
        (np.ones((5, 7), bool), 255),
        (np.full((5, 7, 3), 0.5), 128),
        (np.full((5, 7), 1.0, np.float32), 255),
        (np.full((10, 7, 3), 9, np.uint8)[::2], 9),
    ],
)
def test_from_array_takes_the_shapes_and_types_it_names(array: np.ndarray, first: int) -> None:
    picture = Picture.from_array(array)
    assert picture.array.shape == (5, 7, 3)
    assert picture.array[0, 0, 0] == first
    assert Picture.from_bytes(picture.original).digest == picture.digest


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((0, 7), np.uint8), "shape"),
        (np.zeros((3, 5, 7), np.uint8), "channels last"),
        (np.zeros((5,), np.uint8), "shape"),
        (np.full((5, 7), 2.0), r"2\.\.2 are out of range: expected floats in 0\.\.1"),
        (np.full((5, 7), np.nan), "out of range"),
        (np.zeros((5, 7), np.int32), "dtype=int32"),
        (np.zeros((5, 7), complex), "dtype=complex128"),
        (np.zeros((5, 7), object), "dtype=object"),
    ],
)
def test_from_array_refuses_the_rest(array: np.ndarray, message: str) -> None:
    with pytest.raises(PictureError, match=message):
        Picture.from_array(array)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I;16", "F", "I"])
def test_from_pil_takes_any_mode(mode: str) -> None:
    image = Image.new(mode, SIZE)
    assert Picture.from_pil(image).array.shape == (48, 64, 3)


def test_from_pil_applies_the_orientation_it_carries(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "turned.jpg"
    scene().save(path, exif=exif)
    with Image.open(path) as image:
        picture = Picture.from_pil(image)
    assert (picture.width, picture.height) == (48, 64)
    assert picture.name == "turned.jpg"


def test_picture_is_immutable_lazy_and_equal_by_content() -> None:
    data = saved(scene(), "PNG")
    picture, same = Picture.from_bytes(data, "/home/me/a.png"), Picture.from_bytes(data, "C:\\photos\\b.png")
    assert (picture.name, same.name) == ("a.png", "b.png")
    assert picture == same
    assert len({picture, same}) == 1
    assert picture.array is picture.array
    assert picture.original == data
    with pytest.raises(ValueError, match="read-only"):
        picture.array[0, 0] = 1
    with pytest.raises(AttributeError, match="immutable"):
        picture.width = 3
    assert pickle.loads(pickle.dumps(picture)) == picture


def test_picture_of_four_plain_values_is_enough_for_a_fake() -> None:
    picture = Picture("abc", 7, 5, np.zeros((5, 7, 3), np.uint8))
    assert Picture.from_bytes(picture.original).array.shape == (5, 7, 3)
    with pytest.raises(PictureError, match="does not fit"):
        Picture("abc", 5, 7, np.zeros((5, 7, 3), np.uint8))


def test_name_holds_nothing_that_a_terminal_would_act_on() -> None:
    assert Picture.from_bytes(saved(scene(), "PNG"), "a\x1b[31m\n.png").name == "a[31m.png"


# What is refused: how the file comes to be, and what the one line must say.
REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: path, "does not exist.*Check the path"),
    "folder": (lambda path: path.mkdir(), "is a folder.*Name a picture in it"),
    "empty": (lambda path: path.write_bytes(b""), r"is empty \(0 bytes\)"),
    "text": (lambda path: path.write_text("hello, world\n" * 50), "is text, not a picture"),
    "web page": (lambda path: path.write_text("<!doctype html><html></html>"), "a web page"),
    "svg": (lambda path: path.write_text("<svg xmlns='x'/>"), "an SVG drawing"),
    "pdf": (lambda path: path.write_bytes(b"%PDF-1.7\n\x00"), "a PDF"),
    "noise": (lambda path: path.write_bytes(random.Random(1).randbytes(999)), "not a picture of a known format"),
    "format not allowed": (lambda path: path.write_bytes(saved(scene(), "ICO")), "expected JPEG, PNG"),
    "cut JPEG": (lambda path: path.write_bytes(saved(scene(), "JPEG")[:500]), "is cut off: its end is missing"),
    "cut JPEG header": (lambda path: path.write_bytes(saved(scene(), "JPEG")[:30]), "is cut off"),
    "cut PNG": (lambda path: path.write_bytes(saved(scene(), "PNG")[:100]), "is cut off"),
    "cut WebP": (lambda path: path.write_bytes(saved(scene(), "WEBP")[:200]), "is cut off"),
    "cut BMP": (lambda path: path.write_bytes(saved(scene(), "BMP")[:2000]), "is cut off"),
    "cut TIFF": (lambda path: path.write_bytes(saved(scene(), "TIFF")[:2000]), "is cut off"),
    "cut PPM": (lambda path: path.write_bytes(saved(scene(), "PPM")[:2000]), "is cut off"),
    "fifo": (lambda path: os.mkfifo(path), "is a pipe or device"),
    "bomb": (
        lambda path: path.write_bytes(png_bomb()),
        r"has 20000 x 20000 pixels \(400 megapixels\): expected at most 120.*ASKMASK_MAX_MEGAPIXELS",
    ),
    "dangling link": (lambda path: path.symlink_to("nowhere"), "does not exist"),
    "link to itself": (lambda path: path.symlink_to(path), "cannot be read"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_open_picture_refuses_in_one_line_that_names_the_next_step(name: str, tmp_path: Path) -> None:
    make, message = REFUSED[name]
    path = tmp_path / "photo.jpg"
    make(path)
    began = time.perf_counter()
    with pytest.raises(PictureError, match=message) as caught:
        open_picture(path)
    assert time.perf_counter() - began < 0.5
    text = str(caught.value)
    assert "photo.jpg" in text
    assert "\n" not in text
    assert "expected" in text
    assert text.endswith(".")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser reads everything")
def test_open_picture_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    scene().save(path)
    path.chmod(0)
    with pytest.raises(PictureError, match="may not be read"):
        open_picture(path)


def test_permission_error_from_the_system_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "photo.png"
    scene().save(path)

    def refuse(self: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PictureError, match=r"may not be read.*Change its permissions"):
        open_picture(path)


def test_open_picture_follows_links_and_ignores_extensions(tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_bytes(saved(scene(), "PNG"))
    (tmp_path / "link.jpg").symlink_to("real.txt")
    assert open_picture(str(tmp_path / "link.jpg")).width == 64


def test_own_limits_hold_where_pillow_has_smaller_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for kind in ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "PPM"):
        assert Picture.from_bytes(saved(scene(), kind)).array.shape == (48, 64, 3)


def test_size_limits_are_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pictures, "settings", lambda: Settings(max_megapixels=0.001, max_file_megabytes=0.02))
    with pytest.raises(PictureError, match="ASKMASK_MAX_MEGAPIXELS"):
        Picture.from_bytes(saved(scene(), "PNG"))
    with pytest.raises(PictureError, match="ASKMASK_MAX_MEGAPIXELS"):
        Picture.from_array(np.zeros((48, 64), np.uint8))
    with pytest.raises(PictureError, match="ASKMASK_MAX_MEGAPIXELS"):
        Picture.from_pil(scene())
    (tmp_path / "big.png").write_bytes(saved(scene(), "PNG") + bytes(20_000))
    with pytest.raises(PictureError, match="ASKMASK_MAX_FILE_MEGABYTES"):
        open_picture(tmp_path / "big.png")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF"])
def test_damaged_bytes_open_or_are_refused_but_never_crash(kind: str) -> None:
    whole = saved(scene(), kind)
    noise = random.Random(kind)
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(noise.randint(1, 8)):
            data[noise.randrange(len(data))] = noise.randrange(256)
        cut = bytes(data[: noise.randint(1, len(data))])
        with contextlib.suppress(PictureError):
            _ = Picture.from_bytes(cut).notices


def test_open_pictures_takes_a_folder_in_natural_order_and_skips_the_rest(tmp_path: Path) -> None:
    for name in ("shelf 10.png", "shelf 2.png", "Shelf 1.jpg", ".hidden.png"):
        (tmp_path / name).write_bytes(saved(scene(), "PNG"))
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "more").mkdir()
    os.mkfifo(tmp_path / "pipe")
    assert [picture.name for picture in open_pictures(tmp_path)] == ["Shelf 1.jpg", "shelf 2.png", "shelf 10.png"]
    assert len(open_pictures([tmp_path, np.zeros((3, 3), np.uint8), saved(scene(), "PNG")])) == 5


def test_open_pictures_of_a_folder_without_pictures_says_so(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="holds no picture"):
        open_pictures(tmp_path)


def test_address_is_refused_while_fetching_is_off() -> None:
    with pytest.raises(PictureError, match="ASKMASK_ALLOW_URLS"):
        open_picture("https://example.org/a.png")


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/a.png", "http://[::1]:9/a.png"])
def test_fetch_of_an_address_that_does_not_answer_is_one_line(address: str) -> None:
    with pytest.raises(PictureError, match="cannot be fetched"):
        fetch(address, 1)


def test_fetch_refuses_machines_that_are_not_public() -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as server:
        answering = threading.Thread(target=server.handle_request)
        answering.start()
        with pytest.raises(PictureError, match=r"127\.0\.0\.1 is not a public address"):
            fetch(f"http://127.0.0.1:{server.server_port}/a.png", 1)
        answering.join()


def test_fetch_reads_no_more_than_allowed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "shelf 1.png").write_bytes(saved(scene(), "PNG"))
    monkeypatch.setattr("agent_tools.fetching._refuse_private", id)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(tmp_path))

        def log_message(self, *arguments: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/shelf%201.png"
        assert Picture.from_bytes(*fetch(address, 1)).name == "shelf 1.png"
        with pytest.raises(PictureError, match="larger than 1e-05 MB"):
            fetch(address, 1e-5)
        with pytest.raises(PictureError, match="404"):
            fetch(address + "x", 1)
        server.shutdown()
