"""Pictures as a browser gets them: small enough to come quickly, with their edits, known by a key that says all of it.

Edits of a large picture are shown on a smaller copy, with their masks and lengths scaled; what is downloaded is made
from the original. This module does not know HTTP, conversations or visitors.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from agent_tools.drawing import encode_jpeg
from agent_tools.editing import EditedPictures, Step
from agent_tools.inpainting import Inpainter
from agent_tools.masks import Mask
from agent_tools.pictures import Picture

LONGEST = 2048
"""Pixels of the longer side that a browser gets."""
THUMBNAIL = 160
"""Pixels of the longer side in the list of pictures."""
_LENGTHS = ("feather", "dx", "dy")
"""Parameters of edits that are pixels."""
_KEPT_BYTES = 256_000_000


@dataclass(frozen=True)
class Preview:
    """An encoded picture.

    Attributes:
        data: of the file.
        kind: its media type; PNG where the picture has transparent parts.
    """

    data: bytes
    kind: str


@dataclass(frozen=True)
class _Scaled:
    """An edit on a smaller copy."""

    action: str
    masks: Sequence[Mask]
    invert: bool
    parameters: Mapping[str, float | str]


class Previews:
    """Makes them, and keeps the last ones."""

    def __init__(self) -> None:
        self._made: OrderedDict[str, Preview] = OrderedDict()
        self._edited = EditedPictures(_KEPT_BYTES)
        self._small: OrderedDict[str, Picture] = OrderedDict()
        self._lock = threading.Lock()

    def preview(
        self,
        picture: Picture,
        edits: Sequence[Step],
        pictures: Callable[[str], Picture],
        longest: int = LONGEST,
        inpainter: Inpainter | None = None,
    ) -> Preview:
        """A picture with its edits.

        Args:
            picture: the original.
            edits: in the order in which they are done.
            pictures: gives the other pictures that edits name.
            longest: pixels of the longer side, at most.
            inpainter: what fills holes, the same for all previews; None: patches of the picture itself.

        Raises:
            AskmaskError: the picture is damaged, or an edit cannot be done.
        """
        key = f"{picture.digest}:{edits_key(edits)}:{longest}"
        with self._lock:
            if (known := self._made.get(key)) is not None:
                self._made.move_to_end(key)
                return known
        made = self._encoded(self._drawn(picture, edits, pictures, longest, inpainter))
        with self._lock:
            self._made[key] = made
            while len(self._made) > 1 and sum(len(each.data) for each in self._made.values()) > _KEPT_BYTES:
                self._made.popitem(last=False)
        return made

    def _drawn(
        self,
        picture: Picture,
        edits: Sequence[Step],
        pictures: Callable[[str], Picture],
        longest: int,
        inpainter: Inpainter | None,
    ) -> NDArray[Any]:
        if not edits:
            return _shrunk(picture.array, longest)
        scale = min(1.0, longest / max(picture.width, picture.height))
        if scale == 1:
            pixels = self._edited.edited(picture, edits, pictures, inpainter=inpainter).pixels
        else:
            small = self._smaller(picture, longest)
            width, height = small.width, small.height
            steps = [
                _Scaled(
                    one.action,
                    [_resized(mask, width, height) for mask in one.masks],
                    one.invert,
                    {
                        name: float(value) * scale if name in _LENGTHS else value
                        for name, value in one.parameters.items()
                    },
                )
                for one in edits
            ]
            pixels = self._edited.edited(small, steps, pictures, inpainter=inpainter).pixels
        return pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8)

    def _smaller(self, picture: Picture, longest: int) -> Picture:
        with self._lock:
            known = self._small.get(picture.digest)
        if known is None:
            known = Picture.from_array(_shrunk(picture.array, longest), picture.name)
            with self._lock:
                self._small[picture.digest] = known
                while len(self._small) > 4:
                    self._small.popitem(last=False)
        return known

    @staticmethod
    def _encoded(pixels: NDArray[Any]) -> Preview:
        if pixels.shape[2] == 3:
            return Preview(encode_jpeg(pixels, 90), "image/jpeg")
        done, data = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA), [cv2.IMWRITE_PNG_COMPRESSION, 1])
        assert done  # cv2 refuses only shapes and types that cannot come here
        return Preview(data.tobytes(), "image/png")


def edits_key(edits: Sequence[Step]) -> str:
    """The same for the same edits in the same order, and for no other."""
    told = hashlib.sha256()
    for one in edits:
        told.update(repr((one.action, one.invert, sorted(one.parameters.items()))).encode())
        for mask in one.masks:
            told.update(repr(sorted(mask.to_coco().items())).encode())
    return told.hexdigest()[:16] if edits else "original"


def _shrunk(pixels: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return pixels
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _resized(mask: Mask, width: int, height: int) -> Mask:
    crop, left, top = mask.to_crop()
    across, down = width / mask.width, height / mask.height
    x0, y0 = round(left * across), round(top * down)
    x1 = min(width, max(x0 + 1, round((left + crop.shape[1]) * across)))
    y1 = min(height, max(y0 + 1, round((top + crop.shape[0]) * down)))
    share = cv2.resize(crop.astype(np.uint8) * 255, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
    return Mask.from_crop(share > 127, x0, y0, height, width)
