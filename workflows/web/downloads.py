"""What a person takes home: the picture at full size, what was found in it, for eyes and for other programs.

This module does not know HTTP or visitors.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from agent_tools.drawing import draw, encode_jpeg
from agent_tools.errors import ToolInputError, shorten
from agent_tools.exporting import Kind, export
from agent_tools.memory import ObjectVersion
from agent_tools.pictures import Picture
from workflows.web.rooms import Room

KINDS = ("picture", "marked", "cut-outs", "masks", "csv", "coco")


@dataclass(frozen=True)
class Download:
    """A file to take home."""

    name: str
    kind: str
    """Its media type."""
    data: bytes


def download(room: Room, picture: str, kind: str) -> Download:
    """Make a file of what is marked on a picture.

    Args:
        room: of the conversation.
        picture: its handle.
        kind: one of `KINDS`.

    Raises:
        HandleError: there is no such picture.
        ToolInputError: another kind, or nothing is marked.
        AskmaskError: a picture is damaged.
    """
    if kind not in KINDS:
        raise ToolInputError(f"kind={shorten(kind)} is unknown: expected {', '.join(KINDS)}. Choose one of these.")
    original, state = room.picture(picture), room.state
    stem = Path(original.name).stem
    if kind == "picture":
        return Download(f"{stem}-edited.png", "image/png", room.toolkit.edited(picture).png())
    marked = [state.objects[handle] for handle in state.selection if state.objects[handle].picture == picture]
    if kind == "marked":
        return Download(f"{stem}-marked.jpg", "image/jpeg", encode_jpeg(draw(room.toolkit.as_edited(picture), marked)))
    if not marked:
        raise ToolInputError("selection= is empty: expected something marked. Ask for something first.")
    return _exported(original, marked, stem, kind)


def _exported(original: Picture, marked: list[ObjectVersion], stem: str, kind: str) -> Download:
    with tempfile.TemporaryDirectory(prefix="askmask-") as folder:
        files = export({original: marked}, cast("Kind", kind), Path(folder) / stem).files
        if kind == "csv":
            table = next(file for file in files if file.suffix == ".csv")
            return Download(f"{stem}.csv", "text/csv; charset=utf-8", table.read_bytes())
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                archive.write(file, file.relative_to(folder))
        return Download(f"{stem}-{kind}.zip", "application/zip", packed.getvalue())
