"""COCO: instances (https://cocodataset.org/#format-data) and panoptic segmentation.

Masks are compressed run-length encoding, which pycocotools reads back to the pixel, holes and parts included; each
object is one instance, so ``iscrowd`` is 0. Of an object without a mask there is a ``bbox`` and no ``segmentation``.
What COCO has no field for (handle, model, turn, review) is in ``attributes``.

This module does not know folders beyond the one it is given.
"""

from __future__ import annotations

from typing import Any

from agent_tools.exporting.folders import write_json
from agent_tools.exporting.image_files import file_name, write_image, write_images
from agent_tools.exporting.records import Exportable, Job, Sheet, box_of, mask_of
from agent_tools.label_maps import coco_segments, ids_to_rgb, panoptic_map


def write_instances(job: Job) -> None:
    """Write ``annotations.json`` and ``images/``."""
    annotations: list[dict[str, Any]] = []
    for sheet in job.sheets:
        for thing in sheet.objects:
            annotation = _annotation(job, sheet, thing)
            if annotation is not None:
                annotations.append({"id": len(annotations) + 1, "image_id": sheet.id, **annotation})
    _write(job, "annotations.json", annotations)


def write_panoptic(job: Job) -> None:
    """Write ``panoptic.json``, the label maps as RGB in ``panoptic/``, and ``images/``."""
    maps = job.folder / "panoptic"
    maps.mkdir()
    annotations = []
    for sheet in job.sheets:
        height, width = sheet.picture.height, sheet.picture.width
        made = panoptic_map(sheet.objects, height, width, job.categories, job.options.stuff)
        write_image(maps / f"{sheet.name}.png", ids_to_rgb(made.ids), flat=True)
        annotations.append(
            {"image_id": sheet.id, "file_name": f"{sheet.name}.png", "segments_info": coco_segments(made)}
        )
        visible = {handle for segment in made.segments if segment.area for handle in segment.handles}
        for thing in sheet.objects:
            if mask_of(thing) is None:
                job.leave_out(sheet, thing, "it has no mask, and a panoptic picture holds only masks")
            elif thing.handle not in visible:
                job.leave_out(sheet, thing, "other objects cover all of it, and a pixel can belong to one only")
    _write(job, "panoptic.json", annotations)


def _write(job: Job, name: str, annotations: list[dict[str, Any]]) -> None:
    """The annotations with what both forms say besides, and ``images/``."""
    images = [
        {
            "id": sheet.id,
            "file_name": file_name(sheet, job),
            "width": sheet.picture.width,
            "height": sheet.picture.height,
        }
        for sheet in job.sheets
    ]
    categories = [
        {"id": number, "name": label, "supercategory": "", "isthing": int(label not in job.options.stuff)}
        for number, label in enumerate(job.categories, start=1)
    ]
    content = {
        "info": {"description": "Exported by askmask", "version": "1.0"},
        "licenses": [],
        "images": images,
        "annotations": annotations,
        "categories": categories,
    }
    write_json(job.folder / name, content)
    write_images(job, job.folder / "images")


def _annotation(job: Job, sheet: Sheet, thing: Exportable) -> dict[str, Any] | None:
    """One annotation without its ids, or None where it is left out."""
    box, mask = box_of(thing, sheet.picture), mask_of(thing)
    if box is None:
        job.leave_out(sheet, thing, "its box has no area within the picture")
        return None
    x0, y0, x1, y1 = box
    annotation: dict[str, Any] = {
        "category_id": job.categories.index(thing.label) + 1,
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": (x1 - x0) * (y1 - y0) if mask is None else mask.area,
        "iscrowd": 0,
        "attributes": {"handle": thing.handle, "model": thing.model, "turn": thing.turn, "review": thing.review},
    }
    if mask is not None:
        annotation["segmentation"] = mask.to_coco()
    if thing.score is not None:
        annotation["score"] = thing.score
    return annotation
