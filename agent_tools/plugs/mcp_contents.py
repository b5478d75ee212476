"""What an MCP server says and serves: short results, and pictures and masks as resources with an address.

A result that a model may read never holds pixels and is bounded, however large the picture and however many the
objects. Pixels are fetched by address, of which `KINDS` lists the forms: a small drawn preview of a picture, a mask, an
object with its mask in COCO run-length encoding. This module does not know the protocol, nor any tool.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from agent_tools.errors import HandleError, shorten
from agent_tools.memory import Memory, ObjectVersion, OpenedPicture, State
from agent_tools.tools.wording import record

TEXT_BYTES = 4000
"""Longest text of a result, UTF-8."""
FIELD_BYTES = 8000
"""Longest list or table of a result's data, as JSON; what does not fit is counted under "left_out"."""
LONGEST_SIDE = 768
"""Pixels of a preview's longer side."""
JPEG, PNG, JSON = "image/jpeg", "image/png", "application/json"

_ADDRESS = re.compile(r"askmask://(?P<conversation>[0-9a-f]{32})/(?P<name>[a-z]+\d*)\.(?P<ending>jpg|png|json)")


@dataclass(frozen=True, slots=True)
class Described:
    """A resource by its address.

    Attributes:
        address: of one, or with ``{conversation}``, ``{picture}`` and ``{object}`` of all of a kind.
        name: short, for a list.
        kind: MIME type.
        description: what it is; empty where the name says it.
    """

    address: str
    name: str
    kind: str
    description: str = ""


KINDS = (
    Described(
        "askmask://{conversation}/{picture}.jpg", "preview", JPEG, "A picture, small, with what was found drawn on it."
    ),
    Described("askmask://{conversation}/{object}.png", "mask", PNG, "A mask at the picture's size, white inside."),
    Described(
        "askmask://{conversation}/{object}.json", "object", JSON, "An object, its mask in COCO run-length encoding."
    ),
    Described("askmask://{conversation}/objects.json", "objects", JSON, "Every object of a conversation."),
)


def address(conversation: str, name: str, ending: str) -> str:
    """Where something of a conversation is read from."""
    return f"askmask://{conversation}/{name}.{ending}"


def bounded(text: str) -> str:
    """A text, cut where it is longer than `TEXT_BYTES`."""
    raw = text.encode()
    if len(raw) <= TEXT_BYTES:
        return text
    return raw[: TEXT_BYTES - 30].decode(errors="ignore").rsplit(" ", 1)[0] + " ... (cut)"


def data_of(conversation: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """A tool's data for programs: addresses in place of masks, and no list or table beyond `FIELD_BYTES`."""
    small: dict[str, Any] = {"conversation": conversation}
    left_out = {}
    for key, value in data.items():
        if key == "objects":
            value = [_addressed(conversation, thing) for thing in value]
        small[key], lost = _fitting(value, FIELD_BYTES)
        if lost:
            left_out[key] = lost
    return {**small, "left_out": left_out} if left_out else small


def _addressed(conversation: str, thing: Mapping[str, Any]) -> dict[str, Any]:
    """An object with the address of its mask in the mask's place."""
    return {**thing, "mask": address(conversation, thing["handle"], "png")} if thing.get("mask") else dict(thing)


def _fitting(value: Any, room: int) -> tuple[Any, int]:
    """As much of a list or table, from its beginning, as fits into so many characters; how many entries do not."""
    if not isinstance(value, (list, dict)):
        return value, 0
    kept: list[Any] = []
    lost, size = 0, 0
    for number, (name, each) in enumerate(value.items() if isinstance(value, dict) else enumerate(value)):
        # Half is for what lies deeper, so that a long list within a table does not cost the table.
        short, lost_within = _fitting(each, room // 2)
        size += len(json.dumps([name, short] if isinstance(value, dict) else short)) + 2
        if size > room:
            lost += len(value) - number
            break
        kept.append((name, short))
        lost += lost_within
    return (dict(kept) if isinstance(value, dict) else [short for _, short in kept]), lost


def resources_of(state: State) -> Iterator[Described]:
    """Everything that can be read of a conversation: its pictures, then its objects."""
    for opened in state.pictures.values():
        yield Described(address(state.conversation, opened.handle, "jpg"), f"{opened.handle} {opened.name}", JPEG)
    if state.objects:
        yield Described(address(state.conversation, "objects", "json"), "objects", JSON)
    for thing in state.objects.values():
        name = f"{thing.handle} {thing.label}"
        if thing.mask is not None:
            yield Described(address(state.conversation, thing.handle, "png"), name, PNG)
        yield Described(address(state.conversation, thing.handle, "json"), name, JSON)


def read(memory: Memory, typed: str) -> tuple[str, str | bytes]:
    """What lies at an address: its MIME type, and text or bytes.

    Raises:
        HandleError: nothing lies there.
        ConfigError: no such conversation.
        MemoryStoreError: the picture or the conversation cannot be read.
    """
    found = _ADDRESS.fullmatch(typed)
    if found is None:
        forms = ", ".join(kind.address for kind in KINDS)
        raise HandleError(f"uri={shorten(typed)} is no address of askmask: expected {forms}. Correct it.")
    state, name, ending = memory.state(found["conversation"]), found["name"], found["ending"]
    if (name, ending) == ("objects", "json"):
        return JSON, json.dumps([record(thing) for thing in state.objects.values()])
    if ending == "jpg" and name in state.pictures:
        return JPEG, _preview(memory, state, state.pictures[name])
    thing = None if ending == "jpg" else state.objects.get(name)
    if thing is not None and ending == "json":
        return JSON, json.dumps(record(thing))
    if thing is not None and thing.mask is not None:
        return PNG, _mask_png(thing)
    raise HandleError(
        f"uri={shorten(typed)} holds nothing: expected a picture as .jpg, or an object as .json, or as .png where it "
        "has a mask. List the resources."
    )


def _preview(memory: Memory, state: State, opened: OpenedPicture) -> bytes:
    """The picture with its objects drawn on it, those that are not selected with a thin line."""
    from agent_tools.drawing import draw, encode_jpeg

    things = [thing for thing in state.objects.values() if thing.picture == opened.handle]
    picture = memory.picture(opened)
    drawn = draw(picture, things, numbers="handles", selection=state.selection, longest_side=LONGEST_SIDE)
    return encode_jpeg(drawn, quality=85)


def _mask_png(thing: ObjectVersion) -> bytes:
    from PIL import Image

    assert thing.mask is not None
    file = BytesIO()
    Image.fromarray(thing.mask.to_array()).save(file, "PNG")
    return file.getvalue()
