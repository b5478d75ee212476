"""A conversation that comes from elsewhere, checked as a whole before anything of it is used.

Each value fits its column already; here is checked what rows have to be together, so that no later turn stumbles over
them: that turns, handles and versions refer to what is there at that point of the timeline, that masks fill their
pictures, and that pictures are what they are said to be. What a forgetting leaves behind is whole too: a parent or a
gesture that a prompt names may be gone.

This module does not know files, databases or what turns do. What does not fit is a `ValueError`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from sqlalchemy import Table

from agent_tools.errors import PictureError, ToolInputError, shorten
from agent_tools.masks import Mask
from agent_tools.memory import schema
from agent_tools.memory.archives import Archive
from agent_tools.memory.calls import listed_objects
from agent_tools.memory.checks import edit_parameters, gesture_points
from agent_tools.memory.json_rows import LARGEST, MOST, from_json
from agent_tools.memory.records import TurnKind
from agent_tools.pictures import Picture
from agent_tools.settings import settings

Rows = dict[str, list[dict[str, Any]]]


def arrived(archive: Archive) -> tuple[dict[str, Any], Rows]:
    """The conversation's own row and its rows by table, all of them checked.

    Raises:
        ValueError: something does not fit; the message says what.
    """
    head = from_json(schema.conversations, archive.head)
    parts = {table.name: [from_json(table, row) for row in archive.rows(table.name)] for table in schema.PARTS}
    for table in schema.PARTS:
        _check_keys(table, parts[table.name])
    _check_head(head, parts)
    _check_pictures(parts["pictures"], head["pictures_used"], archive.digests)
    for picture in parts["pictures"]:
        opened = picture_of(archive, picture)
        _need((opened.width, opened.height) == (picture["width"], picture["height"]), f"p{picture['number']}: its size")
        picture["name"] = opened.name  # as every name to show: never a path, never long
    _check_words(head, parts)
    _check_gestures(head, parts)
    made = {(row["object"], row["version"]) for row in parts["versions"]}
    for version in parts["versions"]:
        _check_version(head, version, made)
    _check_masks(parts)
    _check_edits(head, parts)
    _Walk(head, parts).check()
    return head, parts


def picture_of(archive: Archive, row: Mapping[str, Any]) -> Picture:
    """The picture of a row of `pictures`, its pixels not decoded.

    Raises:
        ValueError: it is missing, damaged, too large or no picture.
    """
    data = archive.picture(row["digest"], int(settings().max_file_megabytes * 1e6))
    try:
        return Picture.from_bytes(data, row["name"])
    except PictureError as error:
        raise ValueError(str(error)) from error


def _need(fits: bool, what: str) -> None:
    if not fits:
        raise ValueError(f"{what} does not fit")


def _check_keys(table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    names = [column.name for column in table.primary_key if column.name != "conversation"]
    keys = [tuple(row[name] for name in names) for row in rows]
    _need(len(set(keys)) == len(keys), f"{table.name}: a key that comes twice")
    _need(len({frozenset(row) for row in rows}) <= 1, f"{table.name}: a column that only some rows have")


def _check_head(head: Mapping[str, Any], parts: Rows) -> None:
    _need(re.fullmatch("[0-9a-f]{32}", head["id"]) is not None, "the conversation's id")
    _need(head["revision"] <= LARGEST // 2, "the conversation's revision")
    _need(all(1 <= row["number"] <= head["turns"] for row in parts["turns"]), "a turn's number")


def _check_pictures(pictures: Iterable[Mapping[str, Any]], used: int, there: set[str]) -> None:
    digests: list[str] = []
    for row in pictures:
        digests.append(row["digest"])
        _need(1 <= row["number"] <= used, f"p{row['number']}: its number")
    _need(len(set(digests)) == len(digests), "a picture that comes twice")
    _need(set(digests) == there, "a picture without its row, or a row without its picture,")


def _check_words(head: Mapping[str, Any], parts: Rows) -> None:
    """What was said and called."""
    opened = {row["number"] for row in parts["pictures"]} | {None}
    turns = {row["number"] for row in parts["turns"]}
    _need(head["picture"] in opened, "the current picture")
    for row in parts["turns"]:
        name = f"turn {row['number']}"
        _need(row["kind"] in get_args(TurnKind), f"{name}: its kind")
        _need(row["click"] is None or _numbers(row["click"], 2), f"{name}: its click")
        _need(row["picture"] in opened, f"{name}: its picture")
    for row in parts["calls"]:
        name = f"call {shorten(row['call_id'], 40)}"
        _need(bool(row["call_id"]) and row["turn"] in turns, f"{name}: its turn")
        _need(isinstance(row["arguments"], dict) and isinstance(row["data"], dict), f"{name}: what it says")
        _need(row["seconds"] >= 0, f"{name}: its time")
        for thing in listed_objects(row["data"]):
            mask = thing.get("mask")
            if isinstance(mask, dict) and mask.keys() == {"version"}:
                _need(type(mask["version"]) is int, f"{name}: a mask")
            elif mask is not None:
                _mask(name, mask)


def _check_gestures(head: Mapping[str, Any], parts: Rows) -> None:
    opened, turns = {row["number"] for row in parts["pictures"]}, {row["number"] for row in parts["turns"]}
    for row in parts["gestures"]:
        name = f"g{row['number']}"
        _need(1 <= row["number"] <= head["gestures_used"] and row["turn"] in turns, f"{name}: its number or turn")
        _need(row["picture"] in opened, f"{name}: its picture")
        try:
            points = row["coordinates"]
            _need(isinstance(points, list) and all(_numbers(point, 2) for point in points), f"{name}: its coordinates")
            gesture_points(row["kind"], points)
        except ToolInputError as error:
            raise ValueError(str(error)) from error


def _check_version(head: Mapping[str, Any], row: Mapping[str, Any], made: set[tuple[int, int]]) -> None:
    name, used = f"m{row['object']} version {row['version']}", head["objects_used"]
    _need(1 <= row["object"] <= used and row["version"] >= 1, f"{name}: its number")
    parent = (row["parent_object"], row["parent_version"])
    fits = None not in parent and 1 <= parent[0] <= used and parent[1] >= 1
    _need(fits or parent == (None, None), f"{name}: its parent")
    # Whoever follows an object back to its first version has to arrive there.
    of_itself = parent[0] == row["object"]
    _need(not of_itself or (parent in made and parent[1] < row["version"]), f"{name}: its parent")
    _need(isinstance(row["prompts"], list) and all(map(_is_prompt, row["prompts"])), f"{name}: its prompts")


def _check_masks(parts: Rows) -> None:
    """That masks fill their pictures; the same one, which versions often share, is looked at once."""
    sizes = {row["number"]: (row["height"], row["width"]) for row in parts["pictures"]}
    areas: dict[tuple[int, int, bytes], int] = {}
    for row in parts["versions"]:
        name = f"m{row['object']} version {row['version']}"
        mask = (row["mask_height"], row["mask_width"], row["mask_counts"])
        others = row["alternatives"] or []
        _need(
            isinstance(others, list) and all(isinstance(one, list) and len(one) == 3 for one in others),
            f"{name}: its alternatives",
        )
        if mask == (None, None, None):
            _need(row["area"] == 0 and not others, f"{name}: its area")
            continue
        _need(mask[:2] == sizes.get(row["picture"]) and mask[2] is not None, f"{name}: its mask's size")
        if mask not in areas:
            areas[mask] = _mask(name, {"size": list(mask[:2]), "counts": mask[2]}).area
        _need(row["area"] == areas[mask], f"{name}: its area")
        for counts, iou, stability in others:
            _need(isinstance(counts, str) and _numbers([iou, stability], 2), f"{name}: its alternatives")
            _mask(name, {"size": list(mask[:2]), "counts": counts})


def _check_edits(head: Mapping[str, Any], parts: Rows) -> None:
    masked = {(row["object"], row["version"]): row["picture"] for row in parts["versions"] if row["mask_counts"]}
    opened, turns = {row["number"] for row in parts["pictures"]}, {row["number"] for row in parts["turns"]}
    for row in parts["edits"]:
        name, objects, parameters = f"e{row['number']}", row["objects"], row["parameters"]
        _need(1 <= row["number"] <= head.get("edits_used", 0) and row["turn"] in turns, f"{name}: its number or turn")
        _need(row["picture"] in opened, f"{name}: its picture")
        pairs = isinstance(objects, list) and all(_numbers(one, 2) and set(map(type, one)) == {int} for one in objects)
        _need(pairs and all(masked.get(tuple(one)) == row["picture"] for one in objects), f"{name}: its objects")
        _need(isinstance(parameters, dict), f"{name}: its parameters")
        try:
            edit_parameters(parameters)
        except ToolInputError as error:
            raise ValueError(f"{name}: its parameters: {error}") from error


def _mask(name: str, encoded: Any) -> Mask:
    _need(isinstance(encoded, dict), f"{name}: a mask")
    try:
        return Mask.from_coco(encoded)
    except ToolInputError as error:
        raise ValueError(f"{name}: {error}") from error


def _is_prompt(prompt: Any) -> bool:
    """Whether it is one as tools write and read it; what they do not know may stand beside it."""
    if not isinstance(prompt, dict):
        return False
    points, labels, chance = prompt.get("points", []), prompt.get("labels", []), prompt.get("chance", 1)
    like, row, rows = prompt.get("like", []), prompt.get("shelf_row", 1), prompt.get("shelf_rows", 1)
    texts = (prompt.get(name, "") for name in ("phrase", "gesture", "products"))
    return (
        isinstance(points, list)
        and all(_numbers(point, 2) for point in points)
        and isinstance(labels, list)
        and len(labels) == len(points)
        and all(type(label) is int and label in (0, 1) for label in labels)
        and _numbers([chance], 1)
        and 0 <= chance <= 1
        and ("box" not in prompt or _numbers(prompt["box"], 4))
        and _numbers([prompt.get("threshold", 0)], 1)
        and isinstance(like, list)
        and all(isinstance(text, str) for text in (*like, *texts))
        and ("shelf_row" in prompt) == ("shelf_rows" in prompt)
        and type(row) is type(rows) is int
        and 0 <= row <= rows
    )


def _numbers(value: Any, count: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) == count
        and all(type(each) in (int, float) and abs(each) <= MOST for each in value)
    )


_Added = tuple[set[int], set[int]]
"""Pictures and objects that a turn was the first to bring."""


class _Walk:
    """Goes along every branch of the timeline, and checks each turn against what is there at that point."""

    def __init__(self, head: Mapping[str, Any], parts: Rows) -> None:
        self._head = head
        self._nodes = {row["number"]: row for row in parts["turns"] if row["before"] is not None}
        self._opened: dict[int, list[int]] = {}
        self._made: dict[int, list[dict[str, Any]]] = {}
        self._pictures = {row["number"] for row in parts["pictures"]}
        self._edits = {row["number"]: row for row in parts["edits"]}
        for row in parts["openings"]:
            self._opened.setdefault(row["turn"], []).append(row["picture"])
        for row in sorted(parts["versions"], key=lambda row: (row["object"], row["version"])):
            self._made.setdefault(row["turn"], []).append(row)
        self._open: set[int] = set()
        self._objects: dict[int, int] = {}
        """Object → its picture."""

    def check(self) -> None:
        """Raise `ValueError` where something does not fit."""
        _need(not (self._opened.keys() | self._made.keys()) - self._nodes.keys(), "a turn that changed nothing")
        self._check_position()
        after: dict[int, list[int]] = {}
        for number, row in self._nodes.items():
            before = row["before"]
            _need(before < number and (before == 0 or before in self._nodes), f"turn {number}: what it is on top of")
            after.setdefault(before, []).append(number)
        # Depth first, without recursion: a turn is entered, then those on top of it, then it is left.
        steps: list[tuple[int, _Added | None]] = [(number, None) for number in after.get(0, ())]
        while steps:
            number, added = steps.pop()
            if added is None:
                steps.append((number, self._enter(number)))
                steps += [(above, None) for above in after.get(number, ())]
            else:
                self._open -= added[0]
                for thing in added[1]:
                    del self._objects[thing]

    def _check_position(self) -> None:
        """The conversation stands on the way to the tip that redo leads to."""
        there, seen = self._head["tip"], {0}
        while there:
            _need(there in self._nodes and self._nodes[there]["before"] < there, "the tip of the timeline")
            seen.add(there)
            there = self._nodes[there]["before"]
        _need(self._head["position"] in seen, "the position in the timeline")

    def _enter(self, number: int) -> _Added:
        opened = set(self._opened.get(number, ())) - self._open
        _need(opened <= self._pictures, f"turn {number}: a picture it opened")
        self._open |= opened
        made: set[int] = set()
        for row in self._made.get(number, ()):
            thing, picture = row["object"], row["picture"]
            first = thing not in self._objects
            name = f"m{thing} version {row['version']}"
            _need(first == (row["version"] == 1), f"{name}: what it follows")
            _need(picture in self._open and (first or self._objects[thing] == picture), f"{name}: its picture")
            if first:
                self._objects[thing] = picture
                made.add(thing)
        selection = self._nodes[number]["selection"]
        if selection is not None:
            numbers = selection if isinstance(selection, list) and all(type(one) is int for one in selection) else [0]
            _need(len(set(numbers)) == len(numbers), f"turn {number}: its selection")
            _need(all(one in self._objects for one in numbers), f"turn {number}: its selection")
        self._check_stack(number, self._nodes[number]["edits"])
        return opened, made

    def _check_stack(self, number: int, stack: Any) -> None:
        """The edits in force when a turn ended are made of what is there."""
        if stack is None:
            return
        numbers = stack if isinstance(stack, list) and all(type(one) is int for one in stack) else [0]
        _need(
            len(set(numbers)) == len(numbers) and all(one in self._edits for one in numbers),
            f"turn {number}: its edits",
        )
        for row in map(self._edits.__getitem__, numbers):
            there = row["picture"] in self._open and all(thing in self._objects for thing, _ in row["objects"])
            _need(there, f"turn {number}: what its edits are made of")
