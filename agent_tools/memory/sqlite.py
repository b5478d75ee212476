"""All that is particular to SQLite: how the file is opened, what its errors mean, how traces are scrubbed from it.

Write-ahead logging, so that readers never wait and a process killed at any moment leaves whole transactions only.
A turn whose answer or result was shown is flushed to the disk (``synchronous=FULL``), with all before it, so that it
outlasts a power failure too; that costs 4 ms on a virtual disk, little beside the models of that turn. A turn that only
opened pictures or kept gestures is as whole as any other, but waits for that flush (``NORMAL``): a power failure right
after it may lose it, a killed process does not.
``secure_delete``, so that erased rows are overwritten at once.

This module does not know what is stored.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from agent_tools.errors import MemoryStoreError, shorten
from agent_tools.memory.files import PictureFiles


class SqliteDatabase:
    """A file, made with its folder where it is missing, for its owner alone."""

    elsewhere = "set ASKMASK_DATA_DIR to another folder"

    def __init__(self, file: Path, wait_seconds: float) -> None:
        """Get ready to open `file`.

        Args:
            file: the database.
            wait_seconds: how long to wait while another process writes.

        Raises:
            MemoryStoreError: the file or its folder cannot be made.
        """
        self.name, self._file = str(file), file
        with self.explained():
            self.engine = _open_engine(file, wait_seconds)

    def prepare(self, connection: Connection) -> None:
        """Nothing: a writing transaction has the whole file to itself."""

    def picture_files(self, _: Mapping[str, int], /) -> PictureFiles:
        """The folder beside the file."""
        return PictureFiles(self._file.parent / "pictures")

    def scrub(self) -> None:
        """Rewrite the file without what was erased, and empty its journal.

        Raises:
            MemoryStoreError: another process is in the way, or the disk has no room for the rewriting.
        """
        with self.explained():
            _scrub(self.engine)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn what SQLite, SQLAlchemy and the file system raise into a MemoryStoreError with the next step."""
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            cause = getattr(error, "orig", None) or error
            wrong, expected, step = _meaning(cause)
            detail = cause.strerror if isinstance(cause, OSError) and cause.strerror else cause
            raise MemoryStoreError(
                f"store={self.name} {wrong} ({shorten(detail, 160)}): expected {expected}. {step}."
            ) from error


def _open_engine(file: Path, wait_seconds: float) -> Engine:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # SQLite gives its journals the mode of the database, so the mode has to be right before it first opens it.
    os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    engine = create_engine(URL.create("sqlite", database=str(file)), connect_args={"timeout": wait_seconds})

    @event.listens_for(engine, "connect")
    def _set_up(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # no implicit BEGIN: ours is below
        _use_write_ahead_log(connection, wait_seconds)
        for pragma in ("secure_delete=ON", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer takes its place at once: one that read first would find its snapshot outdated and could not wait.
        options = connection.get_execution_options()
        if not options.get("writing"):
            connection.exec_driver_sql("BEGIN")
            return
        connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if options['flushed'] else 'NORMAL'}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _use_write_ahead_log(connection: sqlite3.Connection, wait_seconds: float) -> None:
    """Switch the file over; two processes that both make a new file do not wait for each other here by themselves."""
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _scrub(engine: Engine) -> None:
    pooled = engine.raw_connection()
    try:
        connection: Any = pooled.driver_connection
        with closing(connection.cursor()) as cursor:
            cursor.execute("VACUUM")
            busy, _, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise sqlite3.OperationalError("database is locked: its journal is being read")
    finally:
        pooled.close()


_MEANINGS = (
    (
        ("locked", "busy"),
        "is being written by another process",
        "its turn to end within seconds",
        "Try again; if it stays so, end the other askmask",
    ),
    (
        ("disk is full", "no space", "disk i/o"),
        "cannot be written",
        "free space on its disk",
        "Make room and try again; every finished turn is kept",
    ),
    (
        ("readonly", "unable to open", "permission"),
        "cannot be written",
        "a file and folder that you may write to",
        "Change their permissions, or set ASKMASK_DATA_DIR to another folder",
    ),
    (
        ("not a database", "malformed", "corrupt", "encrypted"),
        "is not readable as a conversation store",
        "an intact SQLite file",
        "Move it aside (keep it: `sqlite3 FILE .recover` may save it) and start again, or set ASKMASK_DATA_DIR",
    ),
)


def _meaning(cause: BaseException) -> tuple[str, str, str]:
    """What is wrong, what was expected, and the next step."""
    said = str(cause).lower()
    for words, wrong, expected, step in _MEANINGS:
        if any(word in said for word in words):
            return wrong, expected, step
    return "cannot be used", "a folder where files can be kept", "Set ASKMASK_DATA_DIR to one"
