"""Which pictures a run counts: those of folders, globs, text lists and CSV files, local or at any fsspec address.

Of a folder, everything that is a picture is taken, however deep, in natural order ("shelf 2" before "shelf 10"), hidden
ones left out; its store is the folder it lies in, its shelf the name of the file. This module opens no picture.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from glob import has_magic
from pathlib import Path, PurePath, PurePosixPath

from agent_tools.decoding import sniff
from agent_tools.errors import ConfigError, PictureError, shorten
from workflows.shelf_count import addresses
from workflows.shelf_count.results_kept import ShelfPicture
from workflows.shelf_count.store import FoundPicture

PICTURE_COLUMNS = ("picture", "path", "file")
_TABLES, _LISTS = (".csv", ".tsv"), (".txt", ".list", ".lst")
_DELIMITERS = ",;\t|"
_STATES_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Listing:
    """The pictures of a run.

    Attributes:
        pictures: in order, each address once.
        notices: what a person should know about how they were found.
    """

    pictures: tuple[FoundPicture, ...]
    notices: tuple[str, ...] = ()


def list_pictures(named: Sequence[str], leave_out: Path | None = None) -> Listing:
    """Every picture that is named.

    Args:
        named: folders, globs, pictures, ``.txt`` lists and ``.csv`` tables; paths or addresses.
        leave_out: a folder whose pictures are not taken: where the run itself writes.

    Raises:
        PictureError: one of them does not exist or holds no picture.
        ConfigError: a list or table cannot be used, or an address needs a driver that is not installed.
    """
    notices: list[str] = []
    unique: dict[str, FoundPicture] = {}
    again = 0
    for each in named:
        empty = True
        for found in _found(each, leave_out, notices):
            empty = False
            again += found.picture.address in unique
            unique.setdefault(found.picture.address, found)
        if empty:
            raise PictureError(
                f"pictures={shorten(each)} holds no picture: expected JPEG, PNG or the like in it. "
                "Name another folder, or pictures by a glob such as 'shelves/*.jpg'."
            )
    if again:
        notices.append(f"{again} pictures are named more than once: each is counted once")
    return Listing(tuple(unique.values()), tuple(notices))


def _found(named: str, leave_out: Path | None, notices: list[str]) -> Iterator[FoundPicture]:
    address = addresses.local(named)
    ending = PurePosixPath(address).suffix.lower()
    if ending in _TABLES or ending in _LISTS:
        entries = _table(address, notices) if ending in _TABLES else _list(address)
        yield from _with_states(entries)
    elif addresses.is_remote(address):
        yield from _remote(address)
    else:
        yield from _on_this_machine(address, leave_out)


def _on_this_machine(address: str, leave_out: Path | None) -> Iterator[FoundPicture]:
    path = Path(address)
    if path.is_dir():
        root, files = path, list(_below(path, leave_out))
    elif path.exists():
        root, files = path.parent, [path]
    elif has_magic(address):
        wild = next(at for at, part in enumerate(path.parts) if has_magic(part))
        root = Path(*path.parts[:wild])
        matches = [match for match in root.glob("/".join(path.parts[wild:])) if not _hidden(match, root)]
        files = [file for match in matches for file in (_below(match, leave_out) if match.is_dir() else [match])]
        files = [file for file in dict.fromkeys(files) if addresses.looks_like_picture(file)]
    else:
        raise PictureError(
            f"pictures={shorten(address)} does not exist: expected a folder, a glob, a list, a CSV or a picture. "
            "Check the path."
        )
    for file in sorted(files, key=lambda file: _natural(file.relative_to(root))):
        yield FoundPicture(_placed(str(file), file.relative_to(root).as_posix()), addresses.state(str(file)))


def _below(folder: Path, leave_out: Path | None) -> Iterator[Path]:
    left_out = None if leave_out is None else leave_out.resolve()
    for parent, folders, files in os.walk(folder):
        here = Path(parent)
        folders[:] = [name for name in folders if not name.startswith(".") and (here / name).resolve() != left_out]
        for name in files:
            file = here / name
            if not name.startswith(".") and file.is_file() and addresses.looks_like_picture(file):
                yield file


def _remote(address: str) -> Iterator[FoundPicture]:
    files = [(its, PurePosixPath(below), state) for its, below, state in addresses.remote_files(address)]
    pictures = [file for file in files if file[0] == address] or [
        file for file in files if addresses.named_as_picture(file[0]) and not _hidden(file[1], PurePosixPath())
    ]
    for its_address, below, state in sorted(pictures, key=lambda file: _natural(file[1])):
        yield FoundPicture(_placed(its_address, below.as_posix()), state)


def _list(address: str) -> Iterator[ShelfPicture]:
    for line in _text(address).splitlines():
        if (entry := line.strip()) and not entry.startswith("#"):
            yield _placed(_beside(address, entry), entry)


def _table(address: str, notices: list[str]) -> Iterator[ShelfPicture]:
    lines = _text(address).splitlines()
    header = lines[0] if lines else ""
    delimiter = max(_DELIMITERS, key=header.count)
    reader = csv.reader(lines, delimiter=delimiter)
    columns = [name.strip().lower() for name in next(reader, [])]
    column = next((columns.index(name) for name in PICTURE_COLUMNS if name in columns), None)
    if column is None:
        raise ConfigError(
            f"pictures={shorten(address)} has no column for the picture: expected one of {', '.join(PICTURE_COLUMNS)}; "
            f"found {shorten(', '.join(columns) or 'none', 160)}. Name a column picture."
        )
    more = {name: columns.index(name) for name in ("store", "shelf", "time") if name in columns}
    for row in reader:
        entry = row[column].strip() if len(row) > column else ""
        if not entry:
            if any(cell.strip() for cell in row):
                notices.append(f"line {reader.line_num} of {Path(address).name} names no picture: left out")
            continue
        said = {name: row[at].strip() if len(row) > at else "" for name, at in more.items()}
        picture = _placed(_beside(address, entry), entry)
        yield ShelfPicture(
            picture.address, said.get("store", picture.store), said.get("shelf", picture.shelf), said.get("time", "")
        )


def _text(address: str) -> str:
    try:
        data = addresses.read(address)
    except PictureError as error:
        raise ConfigError(f"pictures={shorten(address)} cannot be read: expected a list. {error}") from None
    if sniff(data[:32]) is not None or b"\0" in data:
        raise ConfigError(
            f"pictures={shorten(address)} is no text: expected a list of pictures. Save it as CSV or as plain text."
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _beside(listed_in: str, entry: str) -> str:
    """An entry of a list: an address, an absolute path, or one beside the list."""
    if addresses.is_remote(entry) or Path(entry).expanduser().is_absolute():
        return addresses.local(entry)
    if addresses.is_remote(listed_in):
        return f"{listed_in.rpartition('/')[0]}/{entry}"
    return addresses.local(str(Path(listed_in).parent / entry))


def _with_states(pictures: Iterable[ShelfPicture]) -> Iterator[FoundPicture]:
    listed = list(pictures)
    with ThreadPoolExecutor(_STATES_AT_ONCE) as threads:
        yield from map(FoundPicture, listed, threads.map(addresses.state, [each.address for each in listed]))


def _placed(address: str, below: str) -> ShelfPicture:
    """A picture by its path below what was named; a path that leads elsewhere says nothing of the store."""
    path = PurePosixPath(below.replace("\\", "/"))
    known = not path.is_absolute() and ".." not in path.parts and not addresses.is_remote(below)
    parent = path.parent.as_posix() if known else "."
    return ShelfPicture(address, "" if parent == "." else parent, path.stem)


def _hidden(path: PurePath, root: PurePath) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def _natural(path: PurePath) -> list[list[tuple[int, str]]]:
    return [
        [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name.casefold())]
        for name in path.parts
    ]
