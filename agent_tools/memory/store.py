"""Opens the store and writes conversations: records become rows here. Each writing is one transaction.

What is written was decided elsewhere: this module does not know what a turn may do, what undo means, or who waits for
whom inside this process.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, insert, inspect, select, update

from agent_tools.errors import ConflictError, MemoryStoreError
from agent_tools.memory import schema
from agent_tools.memory.database import Database
from agent_tools.memory.forgetting import forget
from agent_tools.memory.reading import Reader
from agent_tools.memory.rows import (
    call_row,
    edit_row,
    gesture_row,
    node_columns,
    number_of,
    picture_row,
    version_row,
)
from agent_tools.memory.staged import Staged
from agent_tools.pictures import Picture

_log = logging.getLogger(__name__)
_ADVANCE = update(schema.conversations).where(
    schema.conversations.c.id == bindparam("of"),
    schema.conversations.c.owner == bindparam("owned_by"),
    schema.conversations.c.revision == bindparam("begun_on"),
)
_NOTE_TRACES = update(schema.meta).where(schema.meta.c.key == "unscrubbed").values(value=schema.meta.c.value + 1)
"""Says that there are traces to scrub."""


class Store(Reader):
    """The conversations of one owner in one database."""

    def __init__(self, database: Database, owner: str) -> None:
        """Open the store, making its tables where they are missing.

        Raises:
            MemoryStoreError: it cannot be opened, or a newer askmask wrote it.
        """
        super().__init__(database, owner)
        try:
            self._prepare()
        except BaseException:
            self._engine.dispose()
            raise

    def owned_by(self, owner: str) -> Store:
        """The conversations of another owner in the same database, with the same connections."""
        other = copy(self)
        other._owner = owner
        return other

    def close(self) -> None:
        """Close every connection."""
        self._closed = True
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
    def _writing(self, flushed: bool = True) -> Iterator[Connection]:
        with self._database.explained(), self._engine.connect() as connection:
            connection = connection.execution_options(writing=True, flushed=flushed)
            with connection.begin():
                yield connection

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
                        (
                            *("revision", "turns", "position", "tip"),
                            *("pictures_used", "gestures_used", "objects_used", "edits_used"),
                        ),
                        0,
                    ),
                )
            )
        return conversation

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
                connection.execute(_NOTE_TRACES)
                forget(connection, lambda table: self._mine(table, conversation), staged, staged.forgotten)
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
                "edits_used": after.used.edits,
            },
        )
        if moved.rowcount != 1:
            found = self._head(connection, before.conversation).revision
            raise ConflictError(
                f"conversation={before.conversation} was changed by another process in the meantime: expected "
                f"revision {before.revision}, found {found}. Ask again; nothing of this turn was kept."
            )

    def erase(self, conversation: str) -> None:
        """Erase a conversation with all that belongs to it.

        Raises:
            ConfigError: the owner has no such conversation.
        """
        heads = schema.conversations
        with self._writing() as connection:
            self._head(connection, conversation)
            connection.execute(delete(heads).where(heads.c.id == conversation, heads.c.owner == self._owner))
            connection.execute(_NOTE_TRACES)
        self._scrub()

    def take_in(
        self, head: Mapping[str, Any], parts: Mapping[str, list[dict[str, Any]]], pictures: Iterable[Picture]
    ) -> str:
        """Write a whole conversation, checked before, in one transaction; its id, which is a new one where its own is
        taken.

        Raises:
            MemoryStoreError: it cannot be written; nothing of it is.
        """
        meta, heads = schema.meta.c, schema.conversations
        with self._writing() as connection:
            # Should this end in the middle, the pictures written by then are swept when the store is next opened.
            connection.execute(_NOTE_TRACES)
            noted = connection.execute(select(meta.value).where(meta.key == "unscrubbed")).scalar_one()
        try:
            with self._writing() as connection:
                self._hold_pictures(connection)
                taken = connection.execute(select(heads.c.id).where(heads.c.id == head["id"])).one_or_none()
                own = {"conversation": secrets.token_hex(16) if taken else head["id"], "owner": self._owner}
                for picture in pictures:
                    self.files.save(picture)
                # A process that knew an erased conversation of this id must not take this one for it.
                revision = head["revision"] + 1 + secrets.randbits(16)
                placed = {**head, "id": own["conversation"], "owner": self._owner, "revision": revision}
                connection.execute(insert(heads).values(placed))
                for table in schema.PARTS:
                    if rows := parts[table.name]:
                        connection.execute(insert(table), [{**own, **row} for row in rows])
                connection.execute(
                    update(schema.meta).where(meta.key == "unscrubbed", meta.value == noted).values(value=noted - 1)
                )
        except BaseException:
            self._scrub()
            raise
        return str(own["conversation"])

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
        **node_columns(staged.node, staged.selection),
        "picture": number_of(staged.picture),
    }
    opened = staged.node.opened if staged.node else ()
    yield schema.turns, [turn]
    yield schema.pictures, [picture_row(picture) for picture in staged.pictures]
    yield schema.openings, [{"turn": staged.number, "picture": number_of(handle)} for handle in opened]
    yield schema.gestures, [gesture_row(gesture) for gesture in staged.gestures]
    yield schema.versions, [version_row(version) for version in staged.versions]
    yield schema.edits, [edit_row(edit) for edit in staged.edits]
    yield schema.calls, [call_row(call, staged.number, place) for place, call in enumerate(staged.calls)]
