"""Rows of the store as JSON, and JSON as rows again, each value checked against its column.

A column that a row does not have is NULL, or what the database fills in, so that rows of an older askmask fit newer
tables. This module does not know what rows mean together, nor files and databases.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Float, Integer, LargeBinary, String, Table

LARGEST = 2**31 - 1
"""Of a whole number, in every kind of database."""
MOST = 1e15
"""Of any other number: no pixel, second or score is beyond it."""
_NOT_CARRIED = ("conversation", "owner")


def columns(table: Table) -> list[Column[Any]]:
    """Those that a row takes with it: all but whose it is."""
    return [column for column in table.columns if column.name not in _NOT_CARRIED]


def to_json(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of `table` as JSON; bytes, which are run-length encoded masks, as text."""
    values = {column.name: row[column.name] for column in columns(table)}
    return {name: value.decode("ascii") if isinstance(value, bytes) else value for name, value in values.items()}


def from_json(table: Table, value: Any) -> dict[str, Any]:
    """The row of `table` in `value`, which may hold anything.

    Raises:
        ValueError: it is no such row; the message says why.
    """
    if not isinstance(value, dict):
        raise ValueError(f"{table.name}: a line is no row")
    known = {column.name: column for column in columns(table)}
    if foreign := sorted(value.keys() - known.keys()):
        raise ValueError(f"{table.name}: {', '.join(foreign)[:80]} is unknown; a newer askmask may have written it")
    row: dict[str, Any] = {}
    for name, column in known.items():
        if name in value:
            row[name] = _value(column, value[name])
        elif column.server_default is None:
            if not column.nullable:
                raise ValueError(f"{table.name}: {name} is missing")
            row[name] = None
    return row


def _value(column: Column[Any], value: Any) -> Any:
    kind = column.type
    if value is None:
        fits = bool(column.nullable)
    elif isinstance(kind, Boolean):
        fits = isinstance(value, bool)
    elif isinstance(kind, Integer):
        fits = type(value) is int and 0 <= value <= LARGEST
    elif isinstance(kind, Float):
        fits = type(value) in (int, float) and abs(value) <= MOST
    elif isinstance(kind, LargeBinary):
        fits = isinstance(value, str) and value.isascii()
        value = value.encode() if fits else value
    elif isinstance(kind, String):
        fits = isinstance(value, str) and _storable(value) and len(value) <= (kind.length or len(value))
    else:
        fits = isinstance(kind, JSON)
    if not fits:
        raise ValueError(f"{column.table.name}: {column.name} is not of its kind")
    return value


def _storable(text: str) -> bool:
    """Whether every kind of database takes it: no half of a surrogate pair, no NUL."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
