"""`askmask export`: what a conversation found, in the form that another program reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, cast

from agent_tools.errors import ToolInputError
from workflows.commands.terminal import note, result, result_json

if TYPE_CHECKING:
    from agent_tools.exporting import ExportResult, Kind
    from agent_tools.memory import Memory, ObjectVersion
    from agent_tools.pictures import Picture

SHOWN = 20
"""Most lines of each kind that a person is shown; ``askmask-export.json`` has them all."""


def export(conversation: str, kind: str, folder: Path, *, everything: bool, replace: bool, as_json: bool) -> None:
    """Write the selected objects of a conversation, or all of them, and say what the format could not take.

    Raises:
        ConfigError: no such conversation; or the folder is taken or cannot be written.
        ToolInputError: an unknown format, or nothing to write.
        MemoryStoreError: a picture cannot be read back.
    """
    from agent_tools import exporting
    from agent_tools.memory import Memory

    with Memory() as memory:
        objects = _objects(memory, conversation, everything)
        done = exporting.export(objects, cast("Kind", kind), folder, replace=replace)
    if as_json:
        result_json(
            {
                "folder": str(done.folder.absolute()),
                "files": [str(path.absolute()) for path in done.files],
                "objects": sum(map(len, objects.values())),
                "left_out": [asdict(each) for each in done.left_out],
                "approximated": [asdict(each) for each in done.approximated],
            }
        )
        return
    count = sum(map(len, objects.values()))
    result(f"Written: {count} object{'' if count == 1 else 's'} as {kind}, {len(done.files)} files in {done.folder}")
    _say_what_is_missing(done)


def _objects(memory: Memory, conversation: str, everything: bool) -> Mapping[Picture, Sequence[ObjectVersion]]:
    """The objects meant, by their picture, in the order of their handles."""
    state = memory.state(conversation)
    wanted = set(state.objects if everything else state.selection)
    if not wanted:
        missing = "nothing was found in it" if everything else "nothing is selected in it"
        step = "Ask for something first" if everything else "Select something first, or export all with --all"
        raise ToolInputError(f"conversation={conversation} has nothing to export: {missing}: expected objects. {step}.")
    handles = dict.fromkeys(one.picture for handle, one in state.objects.items() if handle in wanted)
    return {
        memory.picture(state.pictures[picture]): [
            one for handle, one in state.objects.items() if handle in wanted and one.picture == picture
        ]
        for picture in handles
    }


def _say_what_is_missing(done: ExportResult) -> None:
    """What is not in the files, or not quite, is part of the result."""
    for each in done.left_out[:SHOWN]:
        result(f"Left out: {each.handle} of {each.picture}: {each.reason}")
    if len(done.left_out) > SHOWN:
        result(f"Left out: {len(done.left_out) - SHOWN} more, listed in askmask-export.json")
    if done.approximated:
        worst = min(each.iou for each in done.approximated)
        note(f"{len(done.approximated)} masks are polygons now that are not quite the mask (IoU {worst:.3f} or more)")
