"""Masks, label maps and cut-outs as PNG.

This module does not know folders beyond the one it is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from agent_tools.errors import ToolInputError
from agent_tools.exporting.folders import write_json
from agent_tools.exporting.image_files import write_image
from agent_tools.exporting.records import Job, Sheet, mask_of
from agent_tools.label_maps import LabelMap, edge_map, instance_map, semantic_map
from agent_tools.masks import Mask

_LARGEST = 65_535
"""The largest id that a PNG of one channel holds."""


def write_masks(job: Job) -> None:
    """Write ``<picture>/<handle>.png`` for every mask: (H, W) uint8 of the picture's size, 0 or 255."""
    for _, path, mask in _masks(job, "it has no mask"):
        crop, left, top = mask.to_crop()
        pixels = np.zeros((mask.height, mask.width), np.uint8)
        pixels[top : top + crop.shape[0], left : left + crop.shape[1]] = crop * np.uint8(255)
        write_image(path, pixels, flat=True)


def write_label_maps(job: Job) -> None:
    """Write ``instance/`` and ``semantic/``, a PNG of ids (uint16, 0 for none) a picture, and ``segments.json``."""
    for kind in ("instance", "semantic"):
        (job.folder / kind).mkdir()
    table = {}
    for sheet in job.sheets:
        size = sheet.picture.height, sheet.picture.width
        maps = {
            "instance": instance_map(sheet.objects, *size, job.categories),
            "semantic": semantic_map(sheet.objects, *size, job.categories),
        }
        for kind, made in maps.items():
            write_image(job.folder / kind / f"{sheet.name}.png", _sixteen_bits(sheet, made), flat=True)
        table[sheet.name] = {kind: _rows(made) for kind, made in maps.items()}
        hidden = {segment.handles[0] for segment in maps["instance"].segments if segment.hidden}
        for thing in sheet.objects:
            if mask_of(thing) is None:
                job.leave_out(sheet, thing, "it has no mask; it is only in the table")
            elif thing.handle in hidden:
                job.leave_out(sheet, thing, "other objects cover all of it; it is only in the table")
    write_json(job.folder / "segments.json", {"categories": list(job.categories), "pictures": table})


def write_edges(job: Job) -> None:
    """Write ``<picture>-edges.png``, (H, W) uint8; see `edge_map`."""
    for sheet in job.sheets:
        for thing in sheet.objects:
            if mask_of(thing) is None:
                job.leave_out(sheet, thing, "it has no mask, so nobody knows where it ends")
        pixels = edge_map(sheet.objects, sheet.picture.height, sheet.picture.width)
        write_image(job.folder / f"{sheet.name}-edges.png", pixels)


def write_cut_outs(job: Job) -> None:
    """Write ``<picture>/<handle>.png`` for every mask: RGBA, as large as its box and a margin, 0 outside the mask.

    The colours outside are 0 as well: what was cut away cannot be brought back by dropping the transparency.
    """
    margin = job.options.margin
    for sheet, path, mask in _masks(job, "it has no mask to cut along"):
        inside, left, top = mask.to_crop()
        height, width = inside.shape
        pixels = np.zeros((height, width, 4), np.uint8)
        pixels[inside, :3] = sheet.picture.array[top : top + height, left : left + width][inside]
        pixels[inside, 3] = 255
        write_image(path, np.pad(pixels, ((margin, margin), (margin, margin), (0, 0))))


def _masks(job: Job, otherwise: str) -> Iterator[tuple[Sheet, Path, Mask]]:
    """Every mask with its picture and its file, in a folder a picture; things without one are left out, `otherwise`."""
    for sheet in job.sheets:
        folder = job.folder / sheet.name
        folder.mkdir()
        for thing in sheet.objects:
            if mask := mask_of(thing):
                yield sheet, folder / f"{thing.handle}.png", mask
            else:
                job.leave_out(sheet, thing, otherwise)


def _sixteen_bits(sheet: Sheet, made: LabelMap) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
    largest = max((segment.id for segment in made.segments), default=0)
    if largest > _LARGEST:
        raise ToolInputError(
            f"picture={sheet.name} has an object numbered {largest}: expected at most {_LARGEST} in a label map. "
            "Export coco-panoptic, whose ids have three bytes."
        )
    return made.ids.astype(np.uint16)


def _rows(made: LabelMap) -> list[dict[str, object]]:
    return [
        {
            "id": segment.id,
            "label": segment.label,
            "category_id": segment.category_id,
            "handles": list(segment.handles),
            "score": segment.score,
            "area": segment.area,
            "mask_area": segment.mask_area,
            "box": list(segment.box),
            "hidden": segment.hidden,
        }
        for segment in made.segments
    ]
