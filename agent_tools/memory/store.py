"""Reads and writes conversations: the only place where records become rows and rows become records.

Each reading is one snapshot, each writing one transaction. What is written was decided elsewhere: this module does not
know what a turn may do, what undo means, or who waits for whom inside this process.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Row, Table, Text, bindparam, cast, delete, func, insert, inspect, select, update

from agent_tools.errors import ConfigError, ConflictError, MemoryStoreError, shorten
from agent_tools.memory import schema
from agent_tools.memory.calls import names_any
from agent_tools.memory.database import Database
from agent_tools.memory.records import CallRecord, ConversationSummary, TurnRecord
from agent_tools.memory.rows import (
    VERSION_COLUMNS,
    call_of,
    call_row,
    gesture_row,
    node_columns,
    number_of,
    picture_row,
    timeline_of,
    version_row,
)
from agent_tools.memory.staged import Forgotten, Staged
from agent_tools.memory.timeline import Timeline

_log = logging.getLogger(__name__)
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
_ADVANCE = update(schema.conversations).where(
    schema.conversations.c.id == bindparam("of"),
    schema.conversations.c.owner == bindparam("owned_by"),
    schema.conversations.c.revision == bindparam("begun_on"),
)
_VERSION_COLUMNS = [
    cast(column, Text) if column.name in ("prompts", "alternatives") else column
    for column in (schema.versions.c[name] for name in VERSION_COLUMNS)
]
_PARTS = (schema.turns, schema.pictures, schema.openings, schema.gestures, schema.versions, schema.calls)


class Store:
    """The conversations of one owner in one database."""

    def __init__(self, database: Database, owner: str) -> None:
        """Open the store, making its tables where they are missing.

        Raises:
            MemoryStoreError: it cannot be opened, or a newer askmask wrote it.
        """
        self._database, self._owner, self._engine = database, owner, database.engine
        try:
            self._prepare()
        except BaseException:
            self._engine.dispose()
            raise

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _prepare(self) -> None:
        with self._reading() as connection:
            known = _meta(connection) if inspect(connection).has_table("meta") else {}
        if not known:
            with self._writing() as connection:
                self._database.prepare(connection)
                schema.metadata.create_all(connection)
                known = _meta(connection)
                if not known:  # else another process has made the tables since
                    known = {"schema": schema.VERSION, "store": secrets.randbits(31), "pictures": 0, "unscrubbed": 0}
                    rows = [{"key": key, "value": value} for key, value in known.items()]
                    connection.execute(insert(schema.meta), rows)
        if known["schema"] < schema.VERSION:
            known = self._brought_up_to_date()
        if known["schema"] != schema.VERSION:
            raise MemoryStoreError(
                f"store={self._database.name} is of version {known['schema']}: expected {schema.VERSION}, which this "
                f"one reads. Install a newer askmask, or {self._database.elsewhere}."
            )
        self.files = self._database.picture_files(known)
        if known["unscrubbed"]:
            self._scrub()

    def _brought_up_to_date(self) -> dict[str, int]:
        """Change the tables of an older version in place, all of it or nothing; what `meta` says then."""
        with self._writing() as connection:
            self._database.prepare(connection)
            for version in range(_meta(connection)["schema"], schema.VERSION):  # none if another process was first
                for statement in schema.MIGRATIONS[version]:
                    connection.exec_driver_sql(statement)
                own = schema.meta.c.key == "schema"
                connection.execute(update(schema.meta).where(own).values(value=version + 1))
            return _meta(connection)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._database.explained(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def _writing(self, flushed: bool = True) -> Iterator[Connection]:
        with self._database.explained(), self._engine.connect() as connection:
            connection = connection.execution_options(writing=True, flushed=flushed)
            with connection.begin():
                yield connection

    def _mine(self, table: Table, conversation: str) -> Any:
        return (table.c.conversation == conversation) & (table.c.owner == self._owner)

    def create(self) -> str:
        """Begin a conversation; its id."""
        conversation = secrets.token_hex(16)
        with self._writing() as connection:
            connection.execute(
                insert(schema.conversations).values(
                    id=conversation,
                    owner=self._owner,
                    created=time.time(),
                    **dict.fromkeys(
                        ("revision", "turns", "position", "tip", "pictures_used", "gestures_used", "objects_used"), 0
                    ),
                )
            )
        return conversation

    def summaries(self) -> list[ConversationSummary]:
        """The owner's conversations, oldest first."""
        heads, turns = schema.conversations.c, schema.turns.c
        last = (
            select(turns.conversation, func.max(turns.number).label("number"))
            .where(turns.owner == self._owner, turns.forgotten.is_(False))
            .group_by(turns.conversation)
            .subquery()
        )
        query = (
            select(heads.id, heads.created, heads.turns, turns.request)
            .outerjoin(last, last.c.conversation == heads.id)
            .outerjoin(schema.turns, (turns.conversation == last.c.conversation) & (turns.number == last.c.number))
            .where(heads.owner == self._owner)
            .order_by(heads.created, heads.id)
        )
        with self._reading() as connection:
            return [
                ConversationSummary(row.id, row.created, row.turns, row.request or "")
                for row in connection.execute(query)
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
            turns, pictures, openings, gestures, versions = (
                connection.execute(
                    select(*columns).where(self._mine(part, conversation)).order_by(*(part.c[name] for name in order))
                ).all()
                for part, columns, order in (
                    (schema.turns, schema.turns.c, ["number"]),
                    (schema.pictures, schema.pictures.c, ["number"]),
                    (schema.openings, schema.openings.c, ["picture"]),
                    (schema.gestures, schema.gestures.c, ["number"]),
                    (schema.versions, _VERSION_COLUMNS, ["object", "version"]),
                )
            )
        return timeline_of(head, turns, pictures, openings, gestures, versions, self.files.path)

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

    def find_call(self, conversation: str, call_id: str) -> CallRecord | None:
        """The committed call of this id, masks left out."""
        with self._reading() as connection:
            row = connection.execute(_CALL, {"id": conversation, "owner": self._owner, "call": call_id}).one_or_none()
        return None if row is None else call_of(row)

    def commit(self, staged: Staged) -> None:
        """Write a turn: all of it in one transaction.

        Raises:
            ConflictError: another process committed to the conversation after the turn began.
            MemoryStoreError: it cannot be written; nothing of it is.
        """
        conversation = staged.begun_on.conversation
        with self._writing(flushed=not staged.only_takes_in) as connection:
            self._advance(connection, staged)
            if staged.forgotten:
                self._forget(connection, staged, staged.forgotten)
            if staged.originals:
                self._hold_pictures(connection)
                for picture in staged.originals:
                    self.files.save(picture)
            own = {"conversation": conversation, "owner": self._owner}
            for table, rows in _rows(staged):
                if rows:
                    connection.execute(insert(table), [{**own, **row} for row in rows])
        if staged.forgotten:
            self._scrub()

    def _advance(self, connection: Connection, staged: Staged) -> None:
        """Move the conversation's one row on, if it is still where the turn began."""
        before, after = staged.begun_on, staged.timeline
        moved = connection.execute(
            _ADVANCE,
            {
                "of": before.conversation,
                "owned_by": self._owner,
                "begun_on": before.revision,
                "revision": after.revision,
                "turns": after.turns,
                "position": after.position,
                "tip": after.tip,
                "picture": number_of(after.picture),
                "pictures_used": after.used.pictures,
                "gestures_used": after.used.gestures,
                "objects_used": after.used.objects,
            },
        )
        if moved.rowcount != 1:
            found = self._head(connection, before.conversation).revision
            raise ConflictError(
                f"conversation={before.conversation} was changed by another process in the meantime: expected "
                f"revision {before.revision}, found {found}. Ask again; nothing of this turn was kept."
            )

    def _forget(self, connection: Connection, staged: Staged, gone: Forgotten) -> None:
        conversation = staged.begun_on.conversation
        objects = [number for handle in gone.objects if (number := number_of(handle)) is not None]
        pictures = [number for handle in gone.pictures if (number := number_of(handle)) is not None]

        def erase(table: Table, *conditions: Any) -> None:
            connection.execute(delete(table).where(self._mine(table, conversation), *conditions))

        connection.execute(
            update(schema.meta).where(schema.meta.c.key == "unscrubbed").values(value=schema.meta.c.value + 1)
        )
        if gone.everything:
            for table in _PARTS:
                erase(table)
            return
        self._forget_words(connection, staged, gone)
        for some in _portions(objects):
            erase(schema.versions, schema.versions.c.object.in_(some))
        for some in _portions(pictures):
            erase(schema.gestures, schema.gestures.c.picture.in_(some))
            erase(schema.openings, schema.openings.c.picture.in_(some))
            erase(schema.pictures, schema.pictures.c.number.in_(some))
        for number, node in staged.begun_on.nodes.items():
            kept = staged.base.nodes.get(number)
            if kept != node:
                connection.execute(
                    update(schema.turns)
                    .where(self._mine(schema.turns, conversation), schema.turns.c.number == number)
                    .values(node_columns(kept))
                )

    def _forget_words(self, connection: Connection, staged: Staged, gone: Forgotten) -> None:
        """Erase what was said and called about what is forgotten."""
        conversation, turns, calls = staged.begun_on.conversation, schema.turns, schema.calls
        every = [one for versions in staged.begun_on.versions.values() for one in versions]
        silent = {one.turn for one in every if one.handle in gone.objects}
        silent -= {one.turn for one in every if one.handle not in gone.objects}
        for some in _portions([number_of(handle) for handle in gone.pictures]):
            there = self._mine(turns, conversation) & turns.c.picture.in_(some)
            silent.update(connection.execute(select(turns.c.number).where(there)).scalars())
            connection.execute(update(turns).where(there).values(picture=None))
        for some in _portions(sorted(silent)):
            connection.execute(
                update(turns)
                .where(self._mine(turns, conversation), turns.c.number.in_(some))
                .values(request="", answer="", click=None, forgotten=True)
            )
            connection.execute(delete(calls).where(self._mine(calls, conversation), calls.c.turn.in_(some)))
        left = connection.execute(
            select(calls.c.call_id, calls.c.arguments, calls.c.data).where(self._mine(calls, conversation))
        ).all()
        naming = [row.call_id for row in left if names_any(gone.handles, row.arguments, row.data)]
        for names in _portions(naming):
            connection.execute(delete(calls).where(self._mine(calls, conversation), calls.c.call_id.in_(names)))

    def erase(self, conversation: str) -> None:
        """Erase a conversation with all that belongs to it.

        Raises:
            ConfigError: the owner has no such conversation.
        """
        heads = schema.conversations
        with self._writing() as connection:
            self._head(connection, conversation)
            connection.execute(delete(heads).where(heads.c.id == conversation, heads.c.owner == self._owner))
            connection.execute(
                update(schema.meta).where(schema.meta.c.key == "unscrubbed").values(value=schema.meta.c.value + 1)
            )
        self._scrub()

    def _hold_pictures(self, connection: Connection) -> None:
        """Make every other transaction that adds or sweeps picture files wait for this one."""
        connection.execute(
            update(schema.meta).where(schema.meta.c.key == "pictures").values(value=schema.meta.c.value + 1)
        )

    def _scrub(self) -> None:
        """Remove the traces of what was erased: files that nobody refers to, and what the database file still holds.

        The erasing itself is done by then, so a failure here is no failure of it: it is logged, and tried again after
        the next erasing and when the store is next opened.
        """
        meta = schema.meta
        try:
            with self._writing() as connection:
                self._hold_pictures(connection)
                seen = connection.execute(select(meta.c.value).where(meta.c.key == "unscrubbed")).scalar_one()
                self.files.sweep(set(connection.execute(select(schema.pictures.c.digest).distinct()).scalars()))
            self._database.scrub()
            with self._writing() as connection:
                connection.execute(update(meta).where(meta.c.key == "unscrubbed", meta.c.value == seen).values(value=0))
        except MemoryStoreError as error:
            _log.warning("what was forgotten is erased, but its traces are not yet scrubbed from the files: %s", error)


def _meta(connection: Connection) -> dict[str, int]:
    return {row.key: row.value for row in connection.execute(select(schema.meta))}


def unknown(conversation: str) -> ConfigError:
    """The error for an id that names no conversation of this owner."""
    return ConfigError(
        f"conversation={shorten(conversation)} is not here: expected the id of one of your conversations. "
        "Check it, or leave it out to begin a new one."
    )


def _portions(values: Sequence[Any], size: int = 500) -> Iterator[Sequence[Any]]:
    """`values` in pieces that fit the number of parameters a statement may have."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _rows(staged: Staged) -> Iterator[tuple[Table, list[dict[str, Any]]]]:
    """The rows a turn adds, by table."""
    turn = {
        "number": staged.number,
        "committed": time.time(),
        "kind": staged.kind,
        "request": staged.request,
        "answer": staged.answer,
        "click": staged.click,
        "forgotten": False,
        **node_columns(staged.node),
        "picture": number_of(staged.picture),
    }
    opened = staged.node.opened if staged.node else ()
    yield schema.turns, [turn]
    yield schema.pictures, [picture_row(picture) for picture in staged.pictures]
    yield schema.openings, [{"turn": staged.number, "picture": number_of(handle)} for handle in opened]
    yield schema.gestures, [gesture_row(gesture) for gesture in staged.gestures]
    yield schema.versions, [version_row(version) for version in (staged.node.versions if staged.node else ())]
    yield schema.calls, [call_row(call, staged.number, place) for place, call in enumerate(staged.calls)]
