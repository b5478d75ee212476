"""What is kept of a tool call: its arguments and result as plain JSON, each mask only once.

A result that lists objects carries their masks, and those are kept already, as versions. So a call is kept with the
version's number in place of the mask, and gets the mask back when it is read. This module does not know tools or
databases.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from agent_tools.errors import ToolInputError, shorten
from agent_tools.memory.records import CallRecord, ObjectVersion

_HANDLE = re.compile(r"\b[pgm][1-9][0-9]*\b")


def plain(name: str, value: Any) -> Any:
    """A copy of `value` made of nothing but JSON's types; numpy's numbers and arrays become plain ones.

    Raises:
        ToolInputError: something in it is neither.
    """
    try:
        return json.loads(json.dumps(value, allow_nan=False, default=_from_numpy))
    except (TypeError, ValueError) as error:
        raise ToolInputError(
            f"{name}={shorten(value)} cannot be kept ({error}): expected text, finite numbers, lists and mappings. "
            "Convert it first."
        ) from error


def _from_numpy(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not JSON")


def without_masks(call: CallRecord, objects: Mapping[str, ObjectVersion]) -> CallRecord:
    """`call` as plain JSON, the masks of current versions of `objects` replaced by their version's number.

    Raises:
        ToolInputError: arguments or data that are not JSON.
    """
    data = plain("data", call.data)
    for entry in listed_objects(data):
        version = objects.get(str(entry.get("handle")))
        if version is not None and version.mask is not None and entry.get("mask") == version.mask.to_coco():
            entry["mask"] = {"version": version.version}
    return replace(call, arguments=plain("arguments", call.arguments), data=data)


def with_masks(call: CallRecord, versions_of: Callable[[str], Sequence[ObjectVersion]]) -> CallRecord:
    """`call` with the masks that `without_masks` took out, as far as `versions_of` a handle still has them."""
    data = plain("data", call.data)
    for entry in listed_objects(data):
        mask = entry.get("mask")
        if isinstance(mask, dict) and mask.keys() == {"version"}:
            made = {one.version: one.mask for one in versions_of(str(entry.get("handle")))}
            found = made.get(mask["version"])
            entry["mask"] = None if found is None else found.to_coco()
    return replace(call, data=data)


def listed_objects(data: Any) -> list[dict[str, Any]]:
    """The objects that the result of a call lists."""
    listed = data.get("objects") if isinstance(data, dict) else None
    return [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []


def names_any(handles: Container[str], *values: Any) -> bool:
    """Whether one of `handles` is named anywhere in `values`, which are JSON."""
    return any(found in handles for value in values for found in _HANDLE.findall(json.dumps(value)))
