"""Files by path or by any fsspec address (``s3://``, ``gs://``, ``sftp://``, ``zip://*::...``): what is there, and its
bytes, never more than allowed.

This module does not know which files are wanted, nor what a run is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from agent_tools.errors import ConfigError, PictureError, shorten
from agent_tools.pictures import begins_as_picture, read_file
from agent_tools.settings import settings

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+(://|::)", re.IGNORECASE)
_WEB = re.compile(r"https?://", re.IGNORECASE)
_PICTURE = re.compile(r"\.(jpe?g|jpe|jfif|png|webp|gif|bmp|tiff?|p[pgbn]m|hei[cf]|avif)", re.IGNORECASE)
_CHANGES = (
    *("etag", "checksum", "md5", "md5hash", "content_md5", "crc"),
    *("mtime", "lastmodified", "last_modified", "updated", "modified", "created"),
)
"""Names by which file systems call what changes with a file's content, lower case."""


def is_remote(address: str) -> bool:
    """Whether an address is more than a path of this machine."""
    return _ADDRESS.match(address) is not None


def local(address: str) -> str:
    """A path as it is known everywhere on this machine; other addresses as they are."""
    if address.lower().startswith("file://"):
        from fsspec.implementations.local import LocalFileSystem

        return str(LocalFileSystem._strip_protocol(address))
    return address if is_remote(address) else os.path.abspath(Path(address).expanduser())  # noqa: PTH100


def named_as_picture(address: str) -> bool:
    """Whether its ending is a picture's."""
    return _PICTURE.fullmatch(PurePosixPath(address.partition("::")[0]).suffix) is not None


def looks_like_picture(file: Path) -> bool:
    """Whether a local file is a picture by its content, or says so by its ending: then it is one that is damaged."""
    return named_as_picture(file.name) or begins_as_picture(file)


def read(address: str) -> bytes:
    """The bytes of a file, at most ``ASKMASK_MAX_FILE_MEGABYTES``.

    Raises:
        PictureError: missing, not readable, or too large.
        ConfigError: the driver for such addresses is missing.
    """
    if not is_remote(address):
        return read_file(address)
    if _WEB.match(address):
        return _from_web(address)
    limit = settings().max_file_megabytes
    files, path = file_system(address)
    try:
        with files.open(path, "rb") as file:
            data: bytes = file.read(int(limit * 1e6) + 1)
    except Exception as error:  # every driver has errors of its own
        raise _unreadable(address, error) from error
    if len(data) > limit * 1e6:
        raise PictureError(
            f"picture={shorten(address)} is larger than {limit:g} MB: expected less. "
            "Make it smaller, or raise ASKMASK_MAX_FILE_MEGABYTES."
        )
    return data


def state(address: str) -> str:
    """What changes when the content of a file may have changed; empty where nothing is known of that."""
    if _WEB.match(address):
        return ""
    try:
        if is_remote(address):
            files, path = file_system(address)
            return _state_of(files.info(path))
        found = Path(address).stat()
    except Exception:  # noqa: BLE001 (whatever is wrong shows when it is read, as an error of this one picture)
        return ""
    return f"{found.st_size} {found.st_mtime_ns}"


def remote_files(address: str) -> Iterator[tuple[str, str, str]]:
    """Every file below an address, or that a glob names; or the file itself.

    Yields:
        its address, its path below the fixed part of what was asked, and its state.

    Raises:
        PictureError: there is nothing, or it cannot be reached.
        ConfigError: the driver for such addresses is missing.
    """
    if _WEB.match(address):
        yield address, PurePosixPath(address.partition("?")[0]).name, ""
        return
    pattern, link, archive = address.partition("::")  # zip://folder/*.jpg::s3://bucket/pictures.zip
    wild = re.search(r"[*?\[]", pattern)
    base = pattern[: pattern.rindex("/", 0, wild.start()) + 1] if wild else pattern
    files, base_path = file_system(base + link + archive)
    try:
        found = _listed(files, base_path, file_system(address)[1] if wild else None)
    except Exception as error:
        raise _unreadable(address, error) from error
    slash = "" if base.endswith("/") else "/"
    for path, entry in found.items():
        if entry.get("type") == "directory":
            continue
        # The address keeps what was typed: a host or a query is not in the paths that drivers list.
        below = path.removeprefix(base_path).lstrip("/")
        whole = f"{base}{slash}{below}" if below else base
        yield whole + link + archive, below or PurePosixPath(path).name, _state_of(entry)


def file_system(address: str) -> tuple[Any, str]:
    """The driver for an address, and the path by which it knows it.

    Raises:
        ConfigError: there is no such driver, or it is not installed.
    """
    import fsspec

    try:
        files, path = fsspec.core.url_to_fs(address)
    except ImportError as error:
        wanted = re.search(r"install (?:the )?[\"'`]?([\w-]+)", str(error), re.IGNORECASE)
        package = wanted[1] if wanted else "fsspec[full]"
        raise ConfigError(
            f"picture={shorten(address)} needs a driver that is not installed: expected the package {package}. "
            f"Run: pip install {package}"
        ) from None
    except Exception as error:
        raise ConfigError(
            f"picture={shorten(address)} is no address that can be opened ({shorten(error, 120)}): expected a path, or "
            "an address such as s3://bucket/folder. Correct it."
        ) from error
    return files, str(path)


def _listed(files: Any, base: str, pattern: str | None) -> Mapping[str, dict[str, Any]]:
    if pattern is not None:
        found: Mapping[str, dict[str, Any]] = files.glob(pattern, detail=True)
        return found
    entry = files.info(base)
    return files.find(base, detail=True) if entry.get("type") == "directory" else {base: entry}


def _state_of(entry: Mapping[str, Any]) -> str:
    known = {name.lower(): value for name, value in entry.items()}
    changes = [f"{name}={known[name]}" for name in _CHANGES if known.get(name) is not None]
    return f"{known.get('size')} {' '.join(changes)}" if changes else ""


def _from_web(address: str) -> bytes:
    from agent_tools.fetching import fetch

    if not settings().allow_urls:
        raise PictureError(
            f"picture={shorten(address)} is on the web: expected a file, as fetching is off. "
            "Download it, or set ASKMASK_ALLOW_URLS=true."
        )
    return fetch(address, settings().max_file_megabytes)[0]


def _unreadable(address: str, error: Exception) -> PictureError:
    reason = "there is no such file" if isinstance(error, FileNotFoundError) else f"{type(error).__name__}: {error}"
    return PictureError(
        f"picture={shorten(address)} cannot be read ({shorten(reason, 120)}): expected a file that may be read. "
        "Check the address and the right to read it."
    )
