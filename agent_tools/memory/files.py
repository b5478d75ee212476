"""The pictures of all conversations as files, named by their content.

A picture is kept as the original bytes, under its digest in one folder, once whatever the number of conversations that
show it. Files are written whole or not at all.

Together they take no more than the setting ``max_pictures_gigabytes``. A picture beyond that is refused, and the error
says how to make room. Nothing is ever erased to make room by itself: a count that somebody relies on cannot be made
again from a conversation that is gone, and which one is no longer needed only a person knows.

This module does not know which pictures are still wanted, nor owners, handles or databases: whoever calls `save` and
`sweep` keeps the two apart.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Container
from pathlib import Path

from agent_tools.errors import MemoryStoreError, ToolInputError, shorten
from agent_tools.pictures import Picture
from agent_tools.settings import settings

_KEPT_BYTES = 600_000_000
"""Pixels of the pictures last used that stay decoded: four of the largest, or those of many visitors' phones."""


class PictureFiles:
    """A folder of pictures, and the few last loaded from it."""

    def __init__(self, folder: Path, shared: bool = False) -> None:
        """Use `folder`; it is made with the first picture.

        Args:
            folder: for the files, and nothing else.
            shared: whether other machines may save pictures to it too, so that it may be them whose files are missing.
        """
        self.folder = folder
        self._step = "Open the picture again, or forget it"
        if shared:
            self._step += "; or set ASKMASK_DATA_DIR to the folder that every process of this store shares"
        self._loaded: OrderedDict[str, Picture] = OrderedDict()
        self._lock = threading.Lock()

    def path(self, digest: str) -> Path:
        """Where the picture of this SHA-256 is or would be.

        Raises:
            ToolInputError: not a SHA-256 in hex.
        """
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise ToolInputError(
                f"picture digest={shorten(digest)} is not SHA-256: expected 64 hex digits. "
                "Open the picture with open_picture or Picture.from_bytes."
            )
        return self.folder / digest

    def save(self, picture: Picture) -> None:
        """Keep the original bytes, unless they are kept already.

        Raises:
            MemoryStoreError: the pictures would take more room than they may.
            OSError: the folder cannot be written.
        """
        target = self.path(picture.digest)
        if target.exists():
            return
        self._check_room(picture)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = target.with_name(f".{picture.digest}.part")
        temporary.unlink(missing_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(picture.original)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        _sync(self.folder)

    def size(self, digest: str) -> int:
        """Bytes that a picture takes; 0 where it is not here."""
        try:
            return self.path(digest).stat().st_size
        except OSError:
            return 0

    def total(self) -> int:
        """Bytes that all pictures take, those of others and half-written ones too.

        Raises:
            OSError: the folder cannot be read.
        """
        try:
            with os.scandir(self.folder) as entries:
                return sum(entry.stat().st_size for entry in entries)
        except FileNotFoundError:
            return 0

    def _check_room(self, picture: Picture) -> None:
        most = settings().max_pictures_gigabytes
        needed = self.total() + len(picture.original)
        if needed > most * 1e9:
            raise MemoryStoreError(
                f"picture={picture.name} would bring the pictures of all conversations to {needed / 1e9:.3g} GB: "
                f"expected at most {most:g} GB. Erase conversations that are no longer needed (askmask conversations "
                "lists them, askmask conversations forget erases), or raise ASKMASK_MAX_PICTURES_GIGABYTES."
            )

    def remember(self, picture: Picture) -> None:
        """Have `load` answer with this very picture for a while, its pixels already decoded."""
        with self._lock:
            self._loaded[picture.digest] = picture
            self._loaded.move_to_end(picture.digest)
            while len(self._loaded) > 1 and sum(map(_decoded_bytes, self._loaded.values())) > _KEPT_BYTES:
                self._loaded.popitem(last=False)

    def load(self, digest: str, name: str) -> Picture:
        """The picture of this SHA-256, from its file where it is not among the last ones.

        Raises:
            MemoryStoreError: the file is missing or damaged.
        """
        with self._lock:
            if digest in self._loaded:
                self._loaded.move_to_end(digest)
                return self._loaded[digest]
        picture = Picture.from_bytes(self.read(digest, name), name)
        self.remember(picture)
        return picture

    def read(self, digest: str, name: str) -> bytes:
        """The original bytes of the picture of this SHA-256.

        Raises:
            MemoryStoreError: the file is missing or damaged.
        """
        path = self.path(digest)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise MemoryStoreError(
                f"picture={name} cannot be read back ({error.strerror or error}): expected its file {path}. "
                f"{self._step}."
            ) from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise MemoryStoreError(
                f"picture={name} is damaged: expected the content of {path} to match its name. "
                "Remove that file and open the picture again."
            )
        return data

    def sweep(self, wanted: Container[str]) -> None:
        """Remove every file but the wanted digests, half-written ones too.

        Raises:
            OSError: the folder cannot be changed.
        """
        with self._lock:
            for digest in [digest for digest in self._loaded if digest not in wanted]:
                del self._loaded[digest]
        for file in self.folder.glob("*"):
            if file.name not in wanted:
                file.unlink(missing_ok=True)


def _decoded_bytes(picture: Picture) -> int:
    return 3 * picture.width * picture.height


def _sync(folder: Path) -> None:
    """Make a renaming in `folder` outlast a power failure, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
