"""Takes what a conversation found to other programs: COCO, YOLO, Label Studio, CSV, PNG, supervision.

    from agent_tools.exporting import export

    result = export({picture: state.objects.values()}, "coco", "found")
    result.files, result.left_out

An export appears whole or not at all. What a format cannot hold is never dropped in silence: `ExportResult.left_out`
and the file ``askmask-export.json`` of every export name it. No format gets private metadata of a photograph.

This package does not know memory, tools or conversations: it takes pictures and things with a handle, a label and a
box.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal, get_args

from agent_tools.errors import ToolInputError, shorten
from agent_tools.exporting import coco, label_studio, mask_files, table, yolo
from agent_tools.exporting.folders import MANIFEST, new_folder, write_json
from agent_tools.exporting.for_supervision import to_supervision
from agent_tools.exporting.records import (
    Approximation,
    Exportable,
    ExportResult,
    Job,
    Kind,
    LeftOut,
    ObjectsByPicture,
    Options,
    Outline,
    sheets_of,
)
from agent_tools.label_maps import categories_of

__all__ = [
    "KINDS",
    "Approximation",
    "Exportable",
    "ExportResult",
    "Kind",
    "LeftOut",
    "ObjectsByPicture",
    "Outline",
    "export",
    "to_supervision",
]

KINDS: tuple[Kind, ...] = get_args(Kind)
_WRITERS: dict[Kind, Callable[[Job], None]] = {
    "coco": coco.write_instances,
    "coco-panoptic": coco.write_panoptic,
    "yolo-detect": yolo.write_detections,
    "yolo-segment": yolo.write_segments,
    "label-studio": label_studio.write_tasks,
    "csv": table.write_table,
    "masks": mask_files.write_masks,
    "label-maps": mask_files.write_label_maps,
    "edges": mask_files.write_edges,
    "cut-outs": mask_files.write_cut_outs,
}


def export(
    objects_by_picture: ObjectsByPicture,
    kind: Kind,
    folder: str | Path,
    *,
    replace: bool = False,
    categories: Sequence[str] | None = None,
    images: Literal["png", "jpeg"] | None = "png",
    outline: Outline = "mask",
    stuff: Sequence[str] = (),
    margin: int = 0,
    image_prefix: str = "/data/local-files/?d=",
) -> ExportResult:
    """Write pictures and their objects in the form that another program reads.

    Args:
        objects_by_picture: the objects found on each picture; pairs instead of a mapping where one picture comes twice.
        kind: "coco" (instances), "coco-panoptic", "yolo-detect", "yolo-segment", "label-studio", "csv", "masks" (a PNG
            an object), "label-maps" (instance and semantic, 16-bit PNG), "edges" (where masks end, the surer the
            brighter) or "cut-outs" (RGBA).
        folder: where to; it must be new or empty.
        replace: put the export in the place of an earlier one, with all that is in it. A folder that is none is never
            replaced.
        categories: the labels in the order of their ids; None: as they first occur.
        images: how the pictures are written beside COCO, YOLO and Label Studio annotations: "png" to the pixel, "jpeg"
            smaller; None: not at all, the annotations then name the files that were opened.
        outline: of Label Studio's regions: "mask" (brush), "polygon" (one an object) or "box".
        stuff: labels that coco-panoptic does not count: sky, grass.
        margin: transparent pixels round a cut-out.
        image_prefix: what Label Studio puts before ``images/<file>`` to reach a picture; as it stands, local storage
            whose root is the export.

    Raises:
        ToolInputError: an unknown kind or choice; objects that are not of their picture; a label that is not among the
            categories.
        ConfigError: the folder is taken, or cannot be written.
        PictureError: a picture is damaged.
    """
    _check_choices(kind, images, outline, margin)
    sheets = sheets_of(objects_by_picture)
    names = categories_of([thing for sheet in sheets for thing in sheet.objects], categories)
    options = Options(images, outline, tuple(stuff), margin, image_prefix)
    target = Path(folder).expanduser()
    with new_folder(target, replace=replace) as draft:
        job = Job(draft, sheets, names, options)
        _WRITERS[kind](job)
        said = {"left_out": [asdict(each) for each in job.left_out]}
        said["approximated"] = [asdict(each) for each in job.approximated]
        write_json(draft / MANIFEST, {"kind": kind, "categories": list(names), **said})
        written = sorted(path.relative_to(draft) for path in draft.rglob("*") if path.is_file())
    files = tuple(target / path for path in written)
    return ExportResult(target, files, tuple(job.left_out), tuple(job.approximated))


def _check_choices(kind: str, images: str | None, outline: str, margin: int) -> None:
    for name, value, allowed in (
        ("kind", kind, KINDS),
        ("images", images, ("png", "jpeg", None)),
        ("outline", outline, get_args(Outline)),
    ):
        if value not in allowed:
            raise ToolInputError(
                f"{name}={shorten(value)!r} is unknown: expected {', '.join(map(str, allowed))}. Choose one of these."
            )
    if margin < 0:
        raise ToolInputError(f"margin={margin} is negative: expected 0 pixels or more. Leave it out.")
