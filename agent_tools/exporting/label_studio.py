"""Label Studio: pre-annotated tasks (https://labelstud.io/guide/predictions) and the labelling configuration.

One region an object: its mask as a brush region, as one polygon, or its box. Brush masks are written in Label Studio's
own encoding, which packs runs of the RGBA values of the mask, row by row, into bits:

    32 bits  how many values there are: height x width x 4
     5 bits  bits a value, minus one: 7
    4 x 4 bits  the four widths that a run's length can be written in, minus one
    then for every run: 1 bit, set for a run of one value; 2 bits, which of the four widths; the length minus one in
    that many bits; the value in eight

after https://github.com/thi-ng/umbrella/tree/develop/packages/rle-pack, which Label Studio uses.

This module does not know folders beyond the one it is given.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from agent_tools.exporting.folders import write_json
from agent_tools.exporting.image_files import file_name, write_images
from agent_tools.exporting.polygons import one_polygon
from agent_tools.exporting.records import Exportable, Job, Sheet, box_of, mask_of
from agent_tools.masks import Mask

_WIDTHS = np.array([4, 8, 12, 16])
"""Bits for the length of a run; a run longer than the last can say is written as several."""


def write_tasks(job: Job) -> None:
    """Write ``tasks.json``, ``label_config.xml`` and ``images/``."""
    write_json(job.folder / "tasks.json", [_task(job, sheet) for sheet in job.sheets])
    (job.folder / "label_config.xml").write_text(_configuration(job.categories), encoding="utf-8")
    write_images(job, job.folder / "images")


def brush_rle(mask: Mask) -> list[int]:
    """A mask in Label Studio's brush encoding: bytes as numbers in 0..255. Inside all four channels are 255."""
    edges = _edges(mask)
    lengths = 4 * np.diff(edges, prepend=0, append=mask.height * mask.width)
    values = np.zeros(len(lengths), np.int64)
    values[1::2] = 255
    lengths, values = lengths[lengths > 0], values[lengths > 0]
    longest = 1 << int(_WIDTHS[-1])
    pieces = -(-lengths // longest)
    values = np.repeat(values, pieces)
    whole = np.full(len(values), longest)
    whole[np.cumsum(pieces) - 1] = lengths - (pieces - 1) * longest
    which = np.searchsorted(_WIDTHS, np.ceil(np.log2(np.maximum(whole, 2))))
    widths = _WIDTHS[which]
    words = (((4 | which) << widths | (whole - 1)) << 8) | values
    header = [(4 * mask.height * mask.width, 32), (7, 5), *((int(width) - 1, 4) for width in _WIDTHS)]
    numbers = np.concatenate([[number for number, _ in header], words])
    bits = np.concatenate([[width for _, width in header], 3 + widths + 8])
    return np.packbits(_bits(numbers, bits)).tolist()


def _edges(mask: Mask) -> NDArray[np.int64]:
    """Where, counted row by row, the mask begins and ends in turn; only its box is looked at."""
    crop, left, top = mask.to_crop()
    framed = np.zeros((crop.shape[0], crop.shape[1] + 2), bool)
    framed[:, 1:-1] = crop
    row, column = np.nonzero(framed[:, 1:] != framed[:, :-1])
    return np.asarray((top + row) * mask.width + left + column, np.int64)


def _bits(numbers: NDArray[np.int64], widths: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Each number in its width of bits, high bits first, one after the other."""
    ends = np.cumsum(widths)
    places = np.repeat(ends, widths) - 1 - np.arange(ends[-1])
    return np.asarray((np.repeat(numbers, widths) >> places) & 1, np.uint8)


def _task(job: Job, sheet: Sheet) -> dict[str, Any]:
    regions = [region for thing in sheet.objects if (region := _region(job, sheet, thing)) is not None]
    scores = [region["score"] for region in regions if "score" in region]
    prediction: dict[str, Any] = {"model_version": "askmask", "result": regions}
    if scores:
        prediction["score"] = sum(scores) / len(scores)
    address = job.options.image_prefix + quote(f"images/{file_name(sheet, job)}")
    return {"data": {"image": address}, "predictions": [prediction]}


def _region(job: Job, sheet: Sheet, thing: Exportable) -> dict[str, Any] | None:
    kind, value = _value(job, sheet, thing)
    if value is None:
        job.leave_out(sheet, thing, "its box has no area within the picture")
        return None
    region: dict[str, Any] = {
        "id": f"{sheet.name}-{thing.handle}",
        "from_name": kind,
        "to_name": "image",
        "type": kind,
        "original_width": sheet.picture.width,
        "original_height": sheet.picture.height,
        "image_rotation": 0,
        "value": {**value, kind: [thing.label]},
        "meta": {"text": [thing.handle]},
    }
    if thing.score is not None:
        region["score"] = thing.score
    return region


def _value(job: Job, sheet: Sheet, thing: Exportable) -> tuple[str, dict[str, Any] | None]:
    """The kind of the region and where it is, in per cent of the picture's sides; None where it is nowhere."""
    mask, sides = mask_of(thing), np.array([sheet.picture.width, sheet.picture.height])
    if mask is None or job.options.outline == "box":
        box = box_of(thing, sheet.picture)
        if box is None:
            return "rectanglelabels", None
        start, end = np.array(box[:2]) / sides, np.array(box[2:]) / sides
        (x, y), (width, height) = (100 * start).tolist(), (100 * (end - start)).tolist()
        return "rectanglelabels", {"x": x, "y": y, "width": width, "height": height, "rotation": 0}
    if job.options.outline == "polygon":
        corners, iou = one_polygon(mask)
        job.approximate(sheet, thing, iou)
        return "polygonlabels", {"points": (100 * (corners + 0.5) / sides).tolist(), "closed": True}
    return "brushlabels", {"format": "rle", "rle": brush_rle(mask)}


def _configuration(categories: tuple[str, ...]) -> str:
    labels = "".join(f"    <Label value={quoteattr(label)}/>\n" for label in categories)
    tags = "".join(
        f'  <{tag} name="{tag.lower()}" toName="image">\n{labels}  </{tag}>\n'
        for tag in ("BrushLabels", "PolygonLabels", "RectangleLabels")
    )
    return f'<View>\n  <Image name="image" value="$image"/>\n{tags}</View>\n'
