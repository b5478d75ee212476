"""What edits give: pixels with their colour profile, and the PNG of them.

This module does not know edits.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import cv2

from agent_tools.editing.regions import Pixels

_HEADER = 33
"""Bytes that a PNG's signature and header always take."""


@dataclass(frozen=True)
class Edited:
    """An edited picture.

    Attributes:
        pixels: (H, W, 3) RGB or (H, W, 4) RGBA, upright, uint8 or uint16 as the original; read-only where it is kept
            for the next edit.
        profile: the ICC profile of its colours; None for sRGB.
    """

    pixels: Pixels
    profile: bytes | None

    def png(self, exif: bytes = b"") -> bytes:
        """The picture as PNG: exact, with its profile, and nothing else that the original's file told but `exif`."""
        code = cv2.COLOR_RGB2BGR if self.pixels.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
        done, encoded = cv2.imencode(".png", cv2.cvtColor(self.pixels, code), [cv2.IMWRITE_PNG_COMPRESSION, 3])
        assert done  # cv2 refuses only shapes and types that cannot come here
        data = memoryview(encoded.data)
        profile = b"" if self.profile is None else _chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(self.profile))
        told = _chunk(b"eXIf", exif) if exif else b""
        return b"".join((data[:_HEADER], profile, told, data[_HEADER:]))


def _chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
