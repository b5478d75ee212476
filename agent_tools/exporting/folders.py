"""Folders that appear whole or not at all.

An export is written into a hidden folder beside its place and then renamed. It carries a small file that says what it
is; only a folder with that file is ever replaced, so that a wrong name cannot cost anyone their photographs.

This module does not know formats, pictures or objects.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent_tools.errors import ConfigError, shorten

MANIFEST = "askmask-export.json"
"""The file that says that a folder is an export."""


@contextmanager
def new_folder(folder: Path, *, replace: bool) -> Iterator[Path]:
    """A folder to write into, which takes the place of `folder` when the block ends without an error.

    Args:
        folder: where the export is to be; its parents are made. It may exist where it is empty.
        replace: put the new one in the place of an earlier export, which stays until the new one is whole. What was
            added to it since goes with it.

    Raises:
        ConfigError: there is something else in that place; or it cannot be written, for want of space or permission.
    """
    try:
        folder = folder.resolve()
        _check_place(folder, replace)
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
        draft.mkdir()
        try:
            yield draft
            _put(draft, folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise ConfigError(
            f"folder={shorten(folder)} cannot be written ({error.strerror or error}): expected a folder with space and "
            "permission. Make room, or name another folder."
        ) from error


def write_json(path: Path, content: object) -> None:
    """Write JSON as UTF-8 text.

    Raises:
        ValueError: a number that JSON cannot hold, such as NaN.
    """
    path.write_text(json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def _check_place(folder: Path, replace: bool) -> None:
    if not folder.exists() or (folder.is_dir() and next(folder.iterdir(), None) is None):
        return
    if not folder.is_dir():
        raise ConfigError(f"folder={shorten(folder)} is a file: expected a folder. Name another one.")
    if not replace:
        raise ConfigError(
            f"folder={shorten(folder)} is not empty: expected a new or empty folder. Name another one, or replace it."
        )
    if not (folder / MANIFEST).is_file():
        raise ConfigError(
            f"folder={shorten(folder)} is not an earlier export (it has no {MANIFEST}): expected one to replace. "
            "Name another folder, or empty this one yourself."
        )


def _put(draft: Path, folder: Path) -> None:
    """Rename `draft` to `folder`; what was there is put back where that fails, and removed where it does not."""
    if not folder.exists():
        draft.rename(folder)
        return
    old = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.old")
    folder.rename(old)
    try:
        draft.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
