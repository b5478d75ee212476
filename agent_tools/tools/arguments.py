"""The arguments that tools share, as pydantic models, and their JSON schema in the short form a language model reads.

A model that writes ``"m3"`` where a list belongs, or ``"m1-m4"`` for four handles, is understood; a field that does not
exist is refused. This module does not know what any tool does, nor which handles exist.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from agent_tools.references import Extreme, Order, Side

Quantity = Literal["all", "one"]
Mode = Literal["instance", "semantic", "panoptic", "everything"]
Combine = Literal["replace", "add", "subtract", "intersect"]


def _listed(value: Any) -> Any:
    """One text as a list of its comma-separated parts; anything else as it is."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def clean_phrases(value: Any) -> Any:
    """Phrases lower case with single spaces, in the order given, each once."""
    value = _listed(value)
    if isinstance(value, (list, tuple)) and all(isinstance(part, str) for part in value):
        return list(dict.fromkeys(text for part in value if (text := re.sub(r"\s+", " ", part).strip(" .").lower())))
    return value


Phrase = Annotated[str, Field(min_length=1, max_length=120)]
Phrases = Annotated[list[Phrase], BeforeValidator(clean_phrases), Field(min_length=1, max_length=50)]
Names = Annotated[list[str], BeforeValidator(_listed), Field(max_length=2000)]
Coordinate = Annotated[float, Field(allow_inf_nan=False)]
BoxCorners = tuple[Coordinate, Coordinate, Coordinate, Coordinate]
PointXY = tuple[Coordinate, Coordinate]
"""x, y in pixels of the upright picture, origin top left."""


def _place(value: Any) -> Any:
    """Four numbers written as text, as the four numbers; anything else as it is."""
    if isinstance(value, str) and len(numbers := re.findall(r"-?\d+(?:\.\d+)?", value)) == 4:
        return [float(number) for number in numbers]
    return value


# Told to a model as text alone: a choice of types costs tokens three times over, and some providers refuse one.
Place = Annotated[str | BoxCorners, BeforeValidator(_place), WithJsonSchema({"type": "string"})]
"""A name (m3, g1) or the corners of a box."""


def _pair(value: Any) -> Any:
    """Two numbers written as text, as the two numbers; anything else as it is."""
    if isinstance(value, str) and re.fullmatch(r"[\[(]?\s*-?\d+(\.\d+)?\s*[,; ]\s*-?\d+(\.\d+)?\s*[\])]?", value):
        return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", value)]
    return value


Spot = Annotated[str | PointXY, BeforeValidator(_pair), WithJsonSchema({"type": "string"})]
"""The name of a gesture, or x, y; told to a model as text, like a place."""


class Arguments(BaseModel):
    """Base of every tool's arguments: nothing that is not named is taken, and null is as good as left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, values: Any) -> Any:
        return {k: v for k, v in values.items() if v is not None} if isinstance(values, dict) else values


class Where(Arguments):
    """Applied in this order."""

    side: Side | None = Field(None, description="Half of the picture; centre: middle third.")
    row: int | None = Field(None, description="1 top, -1 bottom.")
    column: int | None = Field(None, description="1 left, -1 right.")
    colour: str | None = None
    inside: Place | None = Field(None, description="m3, g1 or x0,y0,x1,y1; so up to below.")
    outside: Place | None = None
    near: Place | None = None
    left_of: Place | None = None
    right_of: Place | None = None
    above: Place | None = None
    below: Place | None = None
    label: str | None = None
    turn: int | None = Field(None, description="That found them.")
    min_score: float | None = None
    review: bool | None = Field(None, description="true: doubtful ones.")
    order: Order | None = None
    ordinal: int | None = Field(None, description="In that order: 1 first, -1 last.")
    extreme: Extreme | None = None
    limit: Annotated[int, Field(ge=1)] | None = Field(None, description="How many from there; else 1.")
    exclude: Names | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is asked for."""
        return not self.model_dump(exclude_none=True)

    @property
    def picks(self) -> bool:
        """Whether it picks by position among what is left, rather than filtering one thing at a time."""
        return self.ordinal is not None or self.extreme is not None or self.limit is not None


def expand(names: list[str]) -> list[str]:
    """Names with ranges written out: ``m1-m3`` becomes m1, m2, m3; each once, in order."""
    flat: list[str] = []
    for name in names:
        found = re.fullmatch(r"\s*([megp])(\d{1,6})\s*(?:-|\u2013|\.\.|to)\s*\1?(\d{1,6})\s*", name, re.IGNORECASE)
        first, last = (int(found[2]), int(found[3])) if found else (1, 0)
        if found and first <= last <= first + 10_000:
            flat += [f"{found[1].lower()}{number}" for number in range(first, last + 1)]
        else:
            flat.append(name.strip().lower())
    return list(dict.fromkeys(flat))


def json_schema(arguments: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a tool's arguments, without the titles, references and nulls that only cost tokens."""
    full = arguments.model_json_schema()
    short = _short(full, full.get("$defs", {}))
    return {
        "type": "object",
        "properties": short.get("properties", {}),
        **_required(short),
        "additionalProperties": False,
    }


def _required(schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": schema["required"]} if schema.get("required") else {}


_NOISE = {"title", "additionalProperties", "$defs", "maxLength", "minLength", "maxItems", "minItems"}


def _short(node: Any, definitions: dict[str, Any]) -> Any:
    """One node of a schema, shortened; an argument that may be left out does not also list null."""
    if isinstance(node, list):
        return [_short(each, definitions) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        outer = {key: value for key, value in node.items() if key != "$ref"}
        return _short({**definitions[node["$ref"].rsplit("/", 1)[1]], **outer}, definitions)
    if "anyOf" in node:
        choices = [choice for choice in node["anyOf"] if choice != {"type": "null"}]
        rest = {key: value for key, value in node.items() if key != "anyOf"}
        node = {**choices[0], **rest} if len(choices) == 1 else {**rest, "anyOf": choices}
        if "$ref" in node:
            return _short(node, definitions)
    if "prefixItems" in node:
        node = {
            "type": "array",
            "items": {"type": "number"},
            "minItems": len(node["prefixItems"]),
            **({"description": node["description"]} if "description" in node else {}),
        }
    kept = {key: value for key, value in node.items() if key not in _NOISE and (key, value) != ("default", None)}
    for key, value in kept.items():
        if key == "properties":
            kept[key] = {name: _short(each, definitions) for name, each in value.items()}
        elif key in ("items", "anyOf"):
            kept[key] = _short(value, definitions)
    return kept
