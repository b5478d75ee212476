"""Which files an agent may read: those below the folders that the person has set, and what was uploaded.

This module does not know what is in a file.
"""

from __future__ import annotations

from pathlib import Path

from agent_tools.settings import Settings

UPLOADS = "uploads"
"""Folder below the data folder into which a server puts what people upload."""


def allowed_folders(rules: Settings) -> list[Path]:
    """The folders below which an agent may read, links resolved."""
    return [root.expanduser().resolve() for root in (*rules.picture_folders, rules.data_dir / UPLOADS)]


def allowed_file(source: str | Path, rules: Settings) -> Path | None:
    """Where a file lies that an agent may read; None for any other, be it there or not.

    Args:
        source: a path, relative to one of the folders or absolute.
        rules: name the folders.
    """
    for root in allowed_folders(rules):
        # A link is followed first: what counts is where the file lies, not what it is called.
        path = _file(root / source)
        if path is not None and path.is_relative_to(root):
            return path
    return None


def _file(path: Path) -> Path | None:
    """Where a file lies once all links are followed; None for anything else, impossible names included."""
    try:
        resolved = path.resolve()
        return resolved if resolved.is_file() else None
    except (OSError, ValueError, RuntimeError):
        return None
