"""YOLO, as Ultralytics reads it: ``data.yaml``, ``images/`` and ``labels/``, a line an object.

Detection lines are ``class x y width height``, segmentation lines ``class x1 y1 x2 y2 ...``, all as parts of the
picture's sides. A line holds one polygon, so holes and parts are joined to one by lines; what that changes is reported.
``val`` names the same pictures as ``train``: Ultralytics asks for both, and dividing them is not an export's business.

This module does not know folders beyond the one it is given.
"""

from __future__ import annotations

import numpy as np
import yaml

from agent_tools.exporting.image_files import write_images
from agent_tools.exporting.polygons import one_polygon
from agent_tools.exporting.records import Exportable, Job, Sheet, box_of, mask_of

_INTO_THE_PIXEL = 0.25
"""Where in its pixel a corner is written: Ultralytics cuts to whole pixels, supervision rounds; both arrive there."""


def write_detections(job: Job) -> None:
    """Write boxes."""
    _write(job, segments=False)


def write_segments(job: Job) -> None:
    """Write polygons; objects without a mask are left out, since a line of another form would spoil the file."""
    _write(job, segments=True)


def _write(job: Job, *, segments: bool) -> None:
    labels = job.folder / "labels"
    labels.mkdir()
    for sheet in job.sheets:
        numbers = [_polygon(job, sheet, thing) if segments else _box(job, sheet, thing) for thing in sheet.objects]
        lines = [
            " ".join([str(job.categories.index(thing.label)), *(f"{number:.7g}" for number in found)]) + "\n"
            for thing, found in zip(sheet.objects, numbers, strict=True)
            if found
        ]
        (labels / f"{sheet.name}.txt").write_text("".join(lines), encoding="utf-8")
    # No "path": Ultralytics takes the folder of this file then, and the export can be moved.
    content = {"train": "images", "val": "images", "names": dict(enumerate(job.categories))}
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    (job.folder / "data.yaml").write_text(text, encoding="utf-8")
    write_images(job, job.folder / "images")


def _box(job: Job, sheet: Sheet, thing: Exportable) -> list[float]:
    box = box_of(thing, sheet.picture)
    if box is None:
        job.leave_out(sheet, thing, "its box has no area within the picture")
        return []
    x0, y0, x1, y1 = box
    width, height = sheet.picture.width, sheet.picture.height
    return [(x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width, (y1 - y0) / height]


def _polygon(job: Job, sheet: Sheet, thing: Exportable) -> list[float]:
    mask = mask_of(thing)
    if mask is None:
        job.leave_out(sheet, thing, "it has no mask, and this format holds only polygons")
        return []
    corners, iou = one_polygon(mask)
    job.approximate(sheet, thing, iou)
    sides = np.array([sheet.picture.width, sheet.picture.height])
    return [float(number) for number in ((corners + _INTO_THE_PIXEL) / sides).ravel()]
