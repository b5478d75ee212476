"""Opens any picture safely: a path, bytes, an array, a Pillow image, an address, a folder, a list of them.

A `Picture` is immutable and identified by its content. Its pixels are decoded at first use and then kept; its original
bytes stay beside them, so that an edit can reach bit depth, transparency and profile.

This module does not know handles, conversations, models or phrases, and it writes nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import threading
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from agent_tools.decoding import ALLOWED, ORIENTATION_TAG, decode, read_header, sniff, to_rgb
from agent_tools.errors import PictureError, shorten
from agent_tools.settings import settings

Source = str | Path | bytes | NDArray[Any] | Image.Image
Decoded = tuple[NDArray[np.uint8], tuple[str, ...]]

_PNG_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "I;16")


class Picture:
    """One upright picture, immutable; two pictures of the same bytes are equal.

    Attributes:
        digest: sha256 of the original bytes, hex.
        width: columns of the upright picture.
        height: rows of the upright picture.
        name: a short name to show, never a path.
    """

    __slots__ = ("_decode", "_decoded", "_lock", "_notices", "_original", "digest", "height", "name", "width")

    digest: str
    width: int
    height: int
    name: str
    _notices: tuple[str, ...]
    _original: bytes | None
    _lock: threading.Lock
    _decode: Callable[[], Decoded] | None
    _decoded: Decoded | None

    def __init__(
        self,
        digest: str,
        width: int,
        height: int,
        array: NDArray[np.uint8] | Callable[[], Decoded],
        *,
        original: bytes | None = None,
        name: str = "picture",
        notices: Sequence[str] = (),
    ) -> None:
        """Put a picture together; `Picture.from_bytes`, `from_array` and `from_pil` are the usual ways.

        Args:
            digest: what identifies the content.
            width: columns, upright.
            height: rows, upright.
            array: (height, width, 3) uint8 RGB, or what makes it (with further notices) when it is first needed.
            original: the bytes it came from; None: the array as PNG.
            name: a short name to show.
            notices: what a person should know, as far as it is known before decoding.
        """
        put = object.__setattr__
        put(self, "digest", digest)
        put(self, "width", width)
        put(self, "height", height)
        put(self, "name", _display_name(name))
        put(self, "_notices", tuple(notices))
        put(self, "_original", original)
        put(self, "_lock", threading.Lock())
        put(self, "_decode", array if callable(array) else None)
        put(self, "_decoded", None if callable(array) else (self._checked(array), ()))

    @classmethod
    def from_bytes(cls, data: bytes, name: str = "picture") -> Picture:
        """A picture from the bytes of its file; checked from the header, decoded when first needed.

        Raises:
            PictureError: empty, not a picture, of a format not allowed, or too large.
        """
        name = _display_name(name)
        limit = settings().max_file_megabytes
        if len(data) > limit * 1e6:
            raise _file_too_large(name, len(data), limit)
        header = read_header(data, name, settings().max_megapixels)

        def pixels() -> Decoded:
            return decode(data, name, header.orientation)

        digest = hashlib.sha256(data).hexdigest()
        return cls(digest, header.width, header.height, pixels, original=data, name=name, notices=header.notices)

    @classmethod
    def from_array(cls, array: NDArray[Any], name: str = "picture") -> Picture:
        """A picture from an array, which is copied.

        Args:
            array: (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA; uint8, uint16, bool, or float in 0..1.
            name: a short name to show.

        Raises:
            PictureError: another shape, type or range of values; or too large.
        """
        pixels = _eight_or_sixteen_bits(np.asarray(array))
        height, width = pixels.shape[:2]
        _check_megapixels(name, width, height)
        return cls.from_bytes(_png(pixels), name)

    @classmethod
    def from_pil(cls, image: Image.Image, name: str | None = None) -> Picture:
        """A picture from a Pillow image of any mode; an orientation it carries is applied.

        Raises:
            PictureError: damaged, or too large.
        """
        name = name or Path(str(getattr(image, "filename", ""))).name or "picture"
        _check_megapixels(name, *image.size)
        try:
            orientation = image.getexif().get(ORIENTATION_TAG, 1)
            fits = image if image.mode in _PNG_MODES else to_rgb(image)[0]
            exif = Image.Exif()
            exif[ORIENTATION_TAG] = orientation
            profile = image.info.get("icc_profile") if fits is image else None
            target = BytesIO()
            fits.save(target, "PNG", compress_level=1, exif=exif if orientation != 1 else b"", icc_profile=profile)
        except (OSError, SyntaxError, ValueError) as error:
            raise PictureError(
                f"picture={_display_name(name)} cannot be decoded ({shorten(error)}): expected a whole image. "
                "Pass another one."
            ) from error
        return cls.from_bytes(target.getvalue(), name)

    @property
    def array(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB, upright, read-only; decoded at first use.

        Raises:
            PictureError: the file is cut off or damaged behind its header.
        """
        return self._pixels()[0]

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should know about how the picture is shown; decodes it, as some of that is in the pixels."""
        return tuple(dict.fromkeys((*self._notices, *self._pixels()[1])))

    @property
    def original(self) -> bytes:
        """The bytes it came from; what came from an array or a Pillow image is a PNG."""
        if self._original is None:
            object.__setattr__(self, "_original", _png(self.array))
        assert self._original is not None
        return self._original

    def _pixels(self) -> Decoded:
        with self._lock:
            if self._decode is not None:
                array, notices = self._decode()
                object.__setattr__(self, "_decoded", (self._checked(array), notices))
                object.__setattr__(self, "_decode", None)
            assert self._decoded is not None
            return self._decoded

    def _checked(self, array: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if array.shape != (self.height, self.width, 3) or array.dtype != np.uint8:
            raise PictureError(
                f"picture={self.name} array shape={array.shape} dtype={array.dtype} does not fit: expected "
                f"{(self.height, self.width, 3)} uint8. Use Picture.from_array."
            )
        view = array.view()
        view.flags.writeable = False
        return view

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Picture.{name} cannot be set: pictures are immutable. Make another one.")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Picture) and other.digest == self.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"<Picture {self.name} {self.width}x{self.height} {self.digest[:8]}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return Picture.from_bytes, (self.original, self.name)


def open_picture(source: Source | Picture) -> Picture:
    """Open one picture and decode it, so that damage shows here and not later.

    Args:
        source: a path, an http(s) address where ``ASKMASK_ALLOW_URLS`` is on, the bytes of a file, an array, a Pillow
            image, or a Picture.

    Raises:
        PictureError: it cannot be opened; the message says why and what to do.
    """
    picture = _opened(source)
    _ = picture.array
    return picture


def open_pictures(source: Source | Picture | Sequence[Source | Picture]) -> list[Picture]:
    """Open several pictures, or all those directly in a folder; their pixels are decoded when first needed.

    Args:
        source: whatever `open_picture` takes, a list of that, or a folder. Of a folder, the files that are pictures by
            content are taken, in natural order ("shelf 2" before "shelf 10"), hidden ones left out.

    Raises:
        PictureError: one of them cannot be opened, or the folder holds no picture.
    """
    return [_opened(each) for each in sources_in(source)]


def sources_in(source: Source | Picture | Sequence[Source | Picture]) -> list[Source | Picture]:
    """What `open_pictures` would open, one source a picture, nothing opened yet.

    Raises:
        PictureError: a folder holds no picture.
    """
    if isinstance(source, (list, tuple)):
        return [one for each in source for one in sources_in(each)]
    if isinstance(source, (str, Path)) and not _is_address(source) and _stat_mode(source, stat.S_ISDIR):
        files = sorted((path for path in Path(source).iterdir() if _looks_like_a_picture(path)), key=_natural)
        if not files:
            raise PictureError(f"folder={_shown(source)} holds no picture: expected {ALLOWED}. Name another folder.")
        return list[Source | Picture](files)
    return [source]  # type: ignore[list-item]


def _opened(source: Source | Picture) -> Picture:
    match source:
        case Picture():
            return source
        case bytes():
            return Picture.from_bytes(source)
        case Image.Image():
            return Picture.from_pil(source)
        case np.ndarray():
            return Picture.from_array(source)
        case str() if _is_address(source):
            return _fetched(source)
        case str() | os.PathLike():
            return Picture.from_bytes(read_file(source), Path(source).name)
        case _:
            raise PictureError(
                f"picture={type(source).__name__} is not a source: expected a path, bytes, an array or a Pillow image. "
                "Pass one of these."
            )


def read_file(source: str | Path) -> bytes:
    """The bytes of a regular file of an allowed size; a pipe or device is refused before it could block.

    Raises:
        PictureError: there is no such file, it may not be read, or it is too large.
    """
    limit = settings().max_file_megabytes
    try:
        mode, size = (found := os.stat(source)).st_mode, found.st_size  # noqa: PTH116 (Path.stat cannot take "")
        if stat.S_ISDIR(mode):
            raise PictureError(f"picture={_shown(source)} is a folder: expected a file. Name a picture in it.")
        if not stat.S_ISREG(mode):
            raise PictureError(f"picture={_shown(source)} is a pipe or device: expected a file. Save it to a file.")
        if size > limit * 1e6:
            raise _file_too_large(_shown(source), size, limit)
        with Path(source).open("rb") as file:
            return file.read(int(limit * 1e6) + 1)
    except FileNotFoundError:
        raise PictureError(f"picture={_shown(source)} does not exist: expected a file. Check the path.") from None
    except PermissionError:
        raise PictureError(
            f"picture={_shown(source)} may not be read: expected a readable file. Change its permissions."
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PictureError(
            f"picture={_shown(source)} cannot be read ({reason}): expected a file. Check the path."
        ) from None


def _fetched(address: str) -> Picture:
    if not settings().allow_urls:
        raise PictureError(
            f"picture={_shown(address)} is an address: expected a file, as fetching is off. "
            "Download it, or set ASKMASK_ALLOW_URLS=true."
        )
    from agent_tools.fetching import fetch

    return Picture.from_bytes(*fetch(address, settings().max_file_megabytes))


def _is_address(source: object) -> bool:
    return isinstance(source, str) and re.match(r"https?://", source, re.IGNORECASE) is not None


def _stat_mode(source: str | Path, test: Callable[[int], bool]) -> bool:
    try:
        return test(os.stat(source).st_mode)  # noqa: PTH116
    except (OSError, ValueError):
        return False


def _looks_like_a_picture(path: Path) -> bool:
    return not path.name.startswith(".") and _stat_mode(path, stat.S_ISREG) and begins_as_picture(path)


def begins_as_picture(path: Path) -> bool:
    """Whether a local file begins as a picture of an allowed format does; not if it cannot be read."""
    try:
        with path.open("rb") as file:
            return sniff(file.read(32)) is not None
    except OSError:
        return False


def _natural(path: Path) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", path.name.casefold())]


def _display_name(name: str) -> str:
    """The last part of a path, fit for a terminal: nothing that does not print."""
    last = re.split(r"[/\\]", name.rstrip("/\\"))[-1]
    return shorten("".join(character for character in last if character.isprintable())) or "picture"


def _shown(source: str | Path) -> str:
    return shorten("".join(c if c.isprintable() else "?" for c in str(source))) or "''"


def _file_too_large(name: str, size: int, limit: float) -> PictureError:
    return PictureError(
        f"picture={name} is a file of {size / 1e6:.0f} MB: expected at most {limit:g} MB. "
        "Make it smaller, or raise ASKMASK_MAX_FILE_MEGABYTES."
    )


def _check_megapixels(name: str, width: int, height: int) -> None:
    limit = settings().max_megapixels
    if width * height > limit * 1e6:
        raise PictureError(
            f"picture={_display_name(name)} has {width} x {height} pixels: expected at most {limit:g} megapixels. "
            "Scale it down, or raise ASKMASK_MAX_MEGAPIXELS."
        )


def _eight_or_sixteen_bits(array: NDArray[Any]) -> NDArray[Any]:
    """Any accepted array as uint8 or uint16, (H, W) or (H, W, 3 or 4)."""
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or 0 in array.shape or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise PictureError(
            f"array shape={array.shape} is not a picture: expected (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA. "
            "Move the channels last."
        )
    if array.dtype in (np.uint8, np.uint16):
        return array
    if array.dtype == bool:
        return array.astype(np.uint8) * np.uint8(255)
    if np.issubdtype(array.dtype, np.floating):
        low, high = float(array.min()), float(array.max())
        if not (low >= 0 and high <= 1):
            raise PictureError(
                f"array values={low:g}..{high:g} are out of range: expected floats in 0..1. "
                "Divide by the largest value, or pass uint8."
            )
        return np.asarray(np.rint(array * 255), np.uint8)
    raise PictureError(
        f"array dtype={array.dtype} is not a picture's: expected uint8, uint16, bool or float in 0..1. Convert it."
    )


def _png(pixels: NDArray[Any]) -> bytes:
    """Encode (H, W), (H, W, 3) RGB or (H, W, 4) RGBA of uint8 or uint16, quickly."""
    import cv2

    codes = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    ordered = cv2.cvtColor(pixels, codes[pixels.shape[2]]) if pixels.ndim == 3 else np.ascontiguousarray(pixels)
    done, encoded = cv2.imencode(".png", ordered, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    assert done  # cv2 refuses only shapes and types that the callers have excluded
    return encoded.tobytes()
