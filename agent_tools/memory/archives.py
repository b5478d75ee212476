"""A conversation as one file: a zip of its rows as lines of JSON, and its pictures named by their content.

    conversation.json        what this is, in which format, and the conversation's own row
    <table>.jsonl            its rows, a line each
    pictures/<SHA-256>       the original bytes, stored as they are

A file is written whole or not at all, for its owner alone. A file that is read may come from anybody: no name in it is
ever used as a path, what it may unfold to is bounded before anything is unfolded, and a picture has to be what its name
says. This module does not know what rows mean, nor databases.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from agent_tools.errors import ConfigError, shorten

FORMAT = 2
"""Of the file. One with a higher number was written by a newer askmask."""
KIND = "askmask conversation"
HEADER, LINES, PICTURES = "conversation.json", ".jsonl", "pictures/"
MOST_TEXT = 256 * 2**20
"""Bytes that all JSON of one conversation may unfold to: a hundred thousand masks take about a fifth of it."""
MOST_VALUES = 10_000_000
"""Values in it. A list of nothing takes three bytes of text and a hundred of memory."""
_MOST_LINE = 32 * 2**20
_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The time every member carries, so that the same conversation gives the same file."""


class Budget:
    """What is left of `MOST_TEXT` and `MOST_VALUES`."""

    def __init__(self) -> None:
        self._text, self._values = MOST_TEXT, MOST_VALUES

    def spend(self, line: bytes) -> None:
        """Take a line's share.

        Raises:
            ValueError: there is not as much left.
        """
        self._text -= len(line)
        self._values -= sum(map(line.count, (b",", b"[", b"{"))) + 1
        if self._text < 0 or self._values < 0 or len(line) > _MOST_LINE:
            raise ValueError(f"it says more than {MOST_TEXT // 2**20} MB or {MOST_VALUES} values")


def write(
    path: Path,
    head: Mapping[str, Any],
    parts: Mapping[str, Iterable[Mapping[str, Any]]],
    pictures: Iterable[tuple[str, bytes]],
) -> None:
    """Write a conversation.

    Args:
        path: a file that is not there yet.
        head: the conversation's own row, JSON-able.
        parts: its rows by table, JSON-able.
        pictures: SHA-256 in hex, and the original bytes.

    Raises:
        ConfigError: there is such a file already; it cannot be written; or there is more in it than could be read back.
    """
    with _new_file(path) as file, zipfile.ZipFile(file, "w") as archive:
        budget = Budget()

        def put(name: str, lines: Iterable[Any]) -> None:
            with archive.open(_member(name, zipfile.ZIP_DEFLATED), "w", force_zip64=True) as member:
                for value in lines:
                    line = json.dumps(value, allow_nan=False).encode() + b"\n"
                    budget.spend(line)
                    member.write(line)

        try:
            put(HEADER, [{"kind": KIND, "format": FORMAT, "conversation": dict(head)}])
            for table, rows in parts.items():
                put(table + LINES, rows)
        except ValueError as error:
            raise ConfigError(
                f"conversation={shorten(head.get('id'))} is too large for one file ({error}): expected less. "
                "Forget what is no longer needed in it, and export it again."
            ) from error
        for digest, data in pictures:
            archive.writestr(_member(PICTURES + digest, zipfile.ZIP_STORED), data)


def _member(name: str, compression: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _EARLIEST)
    info.compress_type = compression
    info.external_attr = 0o600 << 16
    return info


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which is at `path` once the block has ended without an error."""
    draft = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        if path.exists():
            raise FileExistsError
        try:
            with os.fdopen(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            _put(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError:
        raise ConfigError(
            f"file={shorten(path)} is there already: expected a new file. Name another one, or move that one away."
        ) from None
    except OSError as error:
        raise ConfigError(
            f"file={shorten(path)} cannot be written ({error.strerror or error}): expected a place with room where you "
            "may write. Make room, or name another file."
        ) from error


def _put(draft: Path, path: Path) -> None:
    """Give the draft its name, unless somebody else has taken it since."""
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:  # a disk without links, such as a memory stick
        if path.exists():
            raise FileExistsError from None
        draft.rename(path)


class Archive:
    """A file that `write` may have written, and that may be anything.

    Attributes:
        head: the conversation's own row; JSON, and nothing more is known of it.
    """

    def __init__(self, archive: zipfile.ZipFile, tables: Iterable[str], added: Iterable[str] = ()) -> None:
        """Look at what it says it holds; `ValueError` where that is not what a conversation holds."""
        self._archive, self._budget = archive, Budget()
        self._members = {info.filename: info for info in archive.infolist()}
        named = {HEADER, *(table + LINES for table in tables)}
        self.digests = {
            name.removeprefix(PICTURES) for name in self._members if re.fullmatch(PICTURES + "[0-9a-f]{64}", name)
        }
        """Of the pictures in it."""
        if HEADER not in self._members:
            raise ValueError(f"it has no {HEADER}")
        self.head = self._opening()
        may_lack = {table + LINES for table in added} if self._older else set()
        if missing := named - may_lack - self._members.keys():
            raise ValueError(f"{min(missing)} is missing")
        if foreign := self._members.keys() - named - {PICTURES + digest for digest in self.digests}:
            raise ValueError(f"{shorten(min(foreign))} does not belong in it")
        if len(self._members) != len(archive.infolist()):
            raise ValueError("a name comes twice")
        if sum(self._members[name].file_size for name in named & self._members.keys()) > MOST_TEXT:
            raise ValueError(f"its text unfolds to more than {MOST_TEXT // 2**20} MB")
        for digest in self.digests:
            info = self._members[PICTURES + digest]
            if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
                raise ValueError(f"picture {digest[:8]} is squeezed")

    def _opening(self) -> Any:
        try:
            (said,) = self._lines(HEADER)
        except ValueError as error:
            raise ValueError(f"{HEADER} is not one line of JSON") from error
        if not isinstance(said, dict) or said.get("kind") != KIND or type(said.get("format")) is not int:
            raise ValueError(f"{HEADER} is not that of a conversation")
        if said["format"] > FORMAT:
            raise NewerFormatError(said["format"])
        self._older = said["format"] < FORMAT
        return said.get("conversation")

    def rows(self, table: str) -> Iterator[Any]:
        """The lines of a table as JSON; none of a table that the file lacks.

        Raises:
            ValueError: a line is no JSON, or there is too much.
        """
        return self._lines(table + LINES) if table + LINES in self._members else iter(())

    def _lines(self, name: str) -> Iterator[Any]:
        with self._archive.open(self._members[name]) as member:
            while line := member.readline(_MOST_LINE + 1):
                self._budget.spend(line)
                yield json.loads(line, parse_constant=_refuse)

    def picture(self, digest: str, most: int) -> bytes:
        """The original bytes of a picture.

        Raises:
            ValueError: it is not there, has more than `most` bytes, or other content than its name says.
        """
        info = self._members.get(PICTURES + digest)
        if info is None or info.file_size > most:
            raise ValueError(f"picture {digest[:8]} is {'missing' if info is None else 'too large'}")
        data = self._archive.read(info)
        if hashlib.sha256(data).hexdigest() != digest:
            raise ValueError(f"picture {digest[:8]} is damaged")
        return data


class NewerFormatError(ValueError):
    """The file is of a format that is newer than `FORMAT`; its number is the argument."""


@contextmanager
def reading(path: Path, tables: Iterable[str], added: Iterable[str] = ()) -> Iterator[Archive]:
    """A file to take a conversation from; a `ValueError` in the block says that it is none.

    Args:
        path: the file.
        tables: all that a conversation has.
        added: those of them that a file of an older format may lack.

    Raises:
        ConfigError: it cannot be read, is no conversation, or a newer askmask wrote it.
    """
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            yield Archive(archive, tables, added)
    except OSError as error:
        raise ConfigError(
            f"file={shorten(path)} cannot be read ({error.strerror or error}): expected a file that askmask exported. "
            "Check its name."
        ) from error
    except NewerFormatError as error:
        raise ConfigError(
            f"file={shorten(path)} is of format {shorten(error)}: expected {FORMAT} or less, which this askmask reads. "
            "Install a newer askmask."
        ) from error
    except _BROKEN as error:
        raise ConfigError(
            f"file={shorten(path)} cannot be imported ({shorten(error, 160)}): expected a whole file that askmask "
            "exported. Export the conversation again."
        ) from error


_BROKEN = (ValueError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError)
"""What zipfile and JSON raise on a file that is cut, damaged, encrypted or made to harm (RecursionError is a
RuntimeError)."""


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")
