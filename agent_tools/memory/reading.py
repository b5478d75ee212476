"""Reads conversations from the store: rows become records here. Each reading is one snapshot, and what a timeline reads
later fits the one it began with, or is refused.

This module does not know how anything is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, Table, Text, bindparam, cast, exists, func, null, select

from agent_tools.errors import ConfigError, ConflictError, shorten
from agent_tools.memory import schema
from agent_tools.memory.database import Database
from agent_tools.memory.files import PictureFiles
from agent_tools.memory.records import CallRecord, ConversationSummary, ObjectVersion, TurnRecord
from agent_tools.memory.rows import VERSION_COLUMNS, call_of, selection_of, timeline_of, versions_of
from agent_tools.memory.timeline import Timeline

_HEAD = select(schema.conversations).where(
    schema.conversations.c.id == bindparam("id"), schema.conversations.c.owner == bindparam("owner")
)
_SAID = (
    select(schema.turns.c.request, schema.turns.c.answer)
    .where(
        schema.turns.c.conversation == bindparam("id"),
        schema.turns.c.owner == bindparam("owner"),
        schema.turns.c.forgotten.is_(False),
        schema.turns.c.answer != "",
    )
    .order_by(schema.turns.c.number.desc())
    .limit(bindparam("last"))
)
_CALL = select(schema.calls).where(
    schema.calls.c.conversation == bindparam("id"),
    schema.calls.c.owner == bindparam("owner"),
    schema.calls.c.call_id == bindparam("call"),
)
_NODE_COLUMNS = [
    *(schema.turns.c.number, schema.turns.c.before, schema.turns.c.picture, schema.turns.c.edits),
    schema.turns.c.selection.is_not(null()).label("selects"),
    exists()
    .where(
        schema.versions.c.conversation == schema.turns.c.conversation, schema.versions.c.turn == schema.turns.c.number
    )
    .label("makes"),
]
_VERSION_COLUMNS = [
    cast(column, Text) if column.name in ("prompts", "alternatives") else column
    for column in (schema.versions.c[name] for name in VERSION_COLUMNS)
]


class Reader:
    """What can be read of the conversations of one owner in one database."""

    files: PictureFiles
    """Where the pictures of the store are."""

    def __init__(self, database: Database, owner: str) -> None:
        """Get ready to read; nothing is asked of the database yet."""
        self._database, self._owner, self._engine = database, owner, database.engine
        self._closed = False

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._database.explained(), self._engine.connect() as connection, connection.begin():
                yield connection
        finally:
            if self._closed:  # a state from before is read on: nobody else would close this connection
                self._engine.dispose()

    def _mine(self, table: Table, conversation: str) -> Any:
        return (table.c.conversation == conversation) & (table.c.owner == self._owner)

    def summaries(self) -> list[ConversationSummary]:
        """The owner's conversations, oldest first."""
        heads, turns, pictures = schema.conversations.c, schema.turns.c, schema.pictures.c
        last = (
            select(turns.conversation, func.max(turns.number).label("number"))
            .where(turns.owner == self._owner, turns.forgotten.is_(False))
            .group_by(turns.conversation)
            .subquery()
        )
        used = (
            select(turns.conversation, func.max(turns.committed).label("at"))
            .where(turns.owner == self._owner)
            .group_by(turns.conversation)
            .subquery()
        )
        query = (
            select(heads.id, heads.created, heads.turns, turns.request, used.c.at)
            .outerjoin(used, used.c.conversation == heads.id)
            .outerjoin(last, last.c.conversation == heads.id)
            .outerjoin(schema.turns, (turns.conversation == last.c.conversation) & (turns.number == last.c.number))
            .where(heads.owner == self._owner)
            .order_by(heads.created, heads.id)
        )
        with self._reading() as connection:
            rows = connection.execute(query).all()
            shown = connection.execute(
                select(pictures.conversation, pictures.digest).where(pictures.owner == self._owner)
            ).all()
        sizes: dict[str, list[int]] = {}
        for conversation, digest in shown:
            sizes.setdefault(conversation, []).append(self.files.size(digest))
        return [
            ConversationSummary(
                id=row.id,
                created=row.created,
                turns=row.turns,
                last_request=row.request or "",
                last_used=max(row.created, row.at or 0.0),
                pictures=len(sizes.get(row.id, ())),
                picture_bytes=sum(sizes.get(row.id, ())),
            )
            for row in rows
        ]

    def _head(self, connection: Connection, conversation: str) -> Row[Any]:
        head = connection.execute(_HEAD, {"id": conversation, "owner": self._owner}).one_or_none()
        if head is None:
            raise unknown(conversation)
        return head

    def revision(self, conversation: str) -> int:
        """How often the conversation was committed.

        Raises:
            ConfigError: the owner has no such conversation.
        """
        with self._reading() as connection:
            return int(self._head(connection, conversation).revision)

    def timeline(self, conversation: str) -> Timeline:
        """Everything the conversation's states are made of; masks and selections are read when they are asked for.

        Raises:
            ConfigError: the owner has no such conversation.
        """
        with self._reading() as connection:
            head = self._head(connection, conversation)
            nodes, pictures, openings, gestures, edits = (
                connection.execute(select(*columns).where(self._mine(part, conversation)).order_by(part.c[order])).all()
                for part, columns, order in (
                    (schema.turns, _NODE_COLUMNS, "number"),
                    (schema.pictures, schema.pictures.c, "number"),
                    (schema.openings, schema.openings.c, "picture"),
                    (schema.gestures, schema.gestures.c, "number"),
                    (schema.edits, schema.edits.c, "number"),
                )
            )
        return timeline_of(
            head,
            (row for row in nodes if row.before is not None),
            pictures,
            openings,
            gestures,
            edits,
            self.files.path,
            partial(self._versions, head),
            partial(self._selection, head),
        )

    def _versions(self, begun_on: Row[Any], objects: range, turns: int) -> list[ObjectVersion]:
        """The versions of some objects, by their numbers, made up to a turn."""
        versions = schema.versions
        query = (
            select(*_VERSION_COLUMNS)
            .where(self._mine(versions, begun_on.id))
            .where(versions.c.object.between(objects[0], objects[-1]), versions.c.turn <= turns)
            .order_by(versions.c.object, versions.c.version)
        )
        with self._reading() as connection:
            self._check_whole(connection, begun_on, turns)
            return versions_of(connection.execute(query))

    def _selection(self, begun_on: Row[Any], turn: int) -> tuple[str, ...]:
        """The selection when a turn ended."""
        turns = schema.turns
        query = select(turns.c.selection).where(self._mine(turns, begun_on.id), turns.c.number == turn)
        with self._reading() as connection:
            self._check_whole(connection, begun_on, begun_on.turns)
            return selection_of(connection.execute(query).scalar_one())

    def _check_whole(self, connection: Connection, begun_on: Row[Any], turns: int) -> None:
        """Raise ConflictError where something was forgotten after a timeline, begun on a row, had these turns.

        Every turn raises the revision by one, so the two stay as far apart as they are, but where another conversation
        was taken in under the id of an erased one.
        """
        head = self._head(connection, begun_on.id)
        same = head.revision - head.turns == begun_on.revision - begun_on.turns
        forgot = select(schema.turns.c.number).where(
            self._mine(schema.turns, begun_on.id), schema.turns.c.number > turns, schema.turns.c.kind == "forget"
        )
        if not same or (head.turns > turns and connection.execute(forgot.limit(1)).first()):
            raise ConflictError(
                f"conversation={begun_on.id} has forgotten something since turn {turns}: expected all that was there "
                "then. Ask again."
            )

    def history(self, conversation: str) -> list[TurnRecord]:
        """What was said and called, oldest first, masks left out.

        Raises:
            ConfigError: the owner has no such conversation.
        """
        turns, calls = schema.turns, schema.calls
        with self._reading() as connection:
            self._head(connection, conversation)
            said = connection.execute(
                select(turns)
                .where(self._mine(turns, conversation), turns.c.forgotten.is_(False))
                .order_by(turns.c.number)
            ).all()
            called = connection.execute(
                select(calls).where(self._mine(calls, conversation)).order_by(calls.c.turn, calls.c.place)
            ).all()
        made: dict[int, list[CallRecord]] = {}
        for row in called:
            made.setdefault(row.turn, []).append(call_of(row))
        return [
            TurnRecord(
                number=row.number,
                kind=row.kind,
                request=row.request,
                answer=row.answer,
                click=None if row.click is None else (row.click[0], row.click[1]),
                calls=tuple(made.get(row.number, ())),
                seconds_since_epoch=row.committed,
            )
            for row in said
        ]

    def said(self, conversation: str, last: int) -> list[tuple[str, str]]:
        """The requests and answers of the `last` turns that had an answer, oldest first.

        Raises:
            ConfigError: the owner has no such conversation.
        """
        with self._reading() as connection:
            self._head(connection, conversation)
            rows = connection.execute(_SAID, {"id": conversation, "owner": self._owner, "last": last})
            return [(row.request, row.answer) for row in rows][::-1]

    def requests(self, conversation: str, numbers: Sequence[int]) -> dict[int, str]:
        """The words of committed turns by their number, but for turns without any."""
        turns, wanted = schema.turns, set(numbers)
        query = select(turns.c.number, turns.c.request).where(
            self._mine(turns, conversation), turns.c.number.between(min(wanted), max(wanted)), turns.c.request != ""
        )
        with self._reading() as connection:
            return {row.number: row.request for row in connection.execute(query) if row.number in wanted}

    def find_call(self, conversation: str, call_id: str) -> CallRecord | None:
        """The committed call of this id, masks left out."""
        with self._reading() as connection:
            row = connection.execute(_CALL, {"id": conversation, "owner": self._owner, "call": call_id}).one_or_none()
        return None if row is None else call_of(row)

    def rows(self, conversation: str) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
        """Everything kept of a conversation, as it stands: its own row, and its rows by table, in order.

        Raises:
            ConfigError: the owner has no such conversation.
        """
        with self._reading() as connection:
            head = self._head(connection, conversation)
            parts = {
                table.name: connection.execute(
                    select(table).where(self._mine(table, conversation)).order_by(*table.primary_key)
                )
                .mappings()
                .all()
                for table in schema.PARTS
            }
        return dict(head._mapping), {name: [dict(row) for row in rows] for name, rows in parts.items()}


def unknown(conversation: str) -> ConfigError:
    """The error for an id that names no conversation of this owner."""
    return ConfigError(
        f"conversation={shorten(conversation)} is not here: expected the id of one of your conversations. "
        "Check it, or leave it out to begin a new one."
    )
