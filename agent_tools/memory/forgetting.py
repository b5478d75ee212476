"""What a forgetting takes out of the tables. This module does not know transactions, files, or why a turn forgot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Table, delete, select, update

from agent_tools.memory import schema
from agent_tools.memory.calls import names_any
from agent_tools.memory.rows import node_columns, number_of
from agent_tools.memory.staged import Forgotten, Staged

Mine = Callable[[Table], Any]
"""The condition that picks, of a table, the rows of the conversation."""


def forget(connection: Connection, mine: Mine, staged: Staged, gone: Forgotten) -> None:
    """Delete what a turn forgot, and correct what it was part of."""
    objects = [number for handle in gone.objects if (number := number_of(handle)) is not None]
    pictures = [number for handle in gone.pictures if (number := number_of(handle)) is not None]

    def erase(table: Table, *conditions: Any) -> None:
        connection.execute(delete(table).where(mine(table), *conditions))

    if gone.everything:
        for table in schema.PARTS:
            erase(table)
        return
    _forget_words(connection, mine, staged, gone)
    for some in _portions(objects):
        erase(schema.versions, schema.versions.c.object.in_(some))
    for some in _portions(pictures):
        erase(schema.gestures, schema.gestures.c.picture.in_(some))
        erase(schema.openings, schema.openings.c.picture.in_(some))
        erase(schema.pictures, schema.pictures.c.number.in_(some))
    for some in _portions([number_of(handle) for handle in staged.begun_on.edits.keys() - staged.base.edits.keys()]):
        erase(schema.edits, schema.edits.c.number.in_(some))
    before, after = staged.begun_on, staged.base
    for number, node in before.nodes.items():
        kept = after.nodes.get(number)
        selection = after.selections[number] if kept and kept.selects else None
        if kept != node or (node.selects and selection != before.selections[number]):
            connection.execute(
                update(schema.turns)
                .where(mine(schema.turns), schema.turns.c.number == number)
                .values(node_columns(kept, selection))
            )


def _forget_words(connection: Connection, mine: Mine, staged: Staged, gone: Forgotten) -> None:
    """Erase what was said and called about what is forgotten."""
    turns, calls = schema.turns, schema.calls
    every = [one for versions in staged.begun_on.versions.whole().values() for one in versions]
    silent = {one.turn for one in every if one.handle in gone.objects}
    silent -= {one.turn for one in every if one.handle not in gone.objects}
    for some in _portions([number_of(handle) for handle in gone.pictures]):
        there = mine(turns) & turns.c.picture.in_(some)
        silent.update(connection.execute(select(turns.c.number).where(there)).scalars())
        connection.execute(update(turns).where(there).values(picture=None))
    for some in _portions(sorted(silent)):
        connection.execute(
            update(turns)
            .where(mine(turns), turns.c.number.in_(some))
            .values(request="", answer="", click=None, forgotten=True)
        )
        connection.execute(delete(calls).where(mine(calls), calls.c.turn.in_(some)))
    left = connection.execute(select(calls.c.call_id, calls.c.arguments, calls.c.data).where(mine(calls))).all()
    naming = [row.call_id for row in left if names_any(gone.handles, row.arguments, row.data)]
    for names in _portions(naming):
        connection.execute(delete(calls).where(mine(calls), calls.c.call_id.in_(names)))


def _portions(values: Sequence[Any], size: int = 500) -> Iterator[Sequence[Any]]:
    """`values` in pieces that fit the number of parameters a statement may have."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
