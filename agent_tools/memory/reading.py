"""Reads conversations from the store: rows become records here. Each reading is one snapshot.

This module does not know how anything is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Row, Table, Text, bindparam, cast, func, select

from agent_tools.errors import ConfigError, shorten
from agent_tools.memory import schema
from agent_tools.memory.database import Database
from agent_tools.memory.files import PictureFiles
from agent_tools.memory.records import CallRecord, ConversationSummary, TurnRecord
from agent_tools.memory.rows import VERSION_COLUMNS, call_of, timeline_of
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

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._database.explained(), self._engine.connect() as connection, connection.begin():
            yield connection

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
        """Everything the conversation's states are made of.

        Raises:
            ConfigError: the owner has no such conversation.
        """
        with self._reading() as connection:
            head = self._head(connection, conversation)
            turns, pictures, openings, gestures, versions, edits = (
                connection.execute(
                    select(*columns).where(self._mine(part, conversation)).order_by(*(part.c[name] for name in order))
                ).all()
                for part, columns, order in (
                    (schema.turns, schema.turns.c, ["number"]),
                    (schema.pictures, schema.pictures.c, ["number"]),
                    (schema.openings, schema.openings.c, ["picture"]),
                    (schema.gestures, schema.gestures.c, ["number"]),
                    (schema.versions, _VERSION_COLUMNS, ["object", "version"]),
                    (schema.edits, schema.edits.c, ["number"]),
                )
            )
        return timeline_of(head, turns, pictures, openings, gestures, versions, edits, self.files.path)

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
