"""The kinds of database a store can lie in, and the one place that chooses between them.

This module does not know SQL, tables or drivers: each kind is imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from agent_tools.memory.files import PictureFiles

DATABASE = "conversations.sqlite3"
"""Name of the SQLite file in the data folder."""


class Database(Protocol):
    """What the store asks of a kind of database.

    A transaction begun with the execution option ``writing`` sees what is committed and makes other writers of the
    same rows wait; with ``flushed`` false besides, a power failure may lose it, whole. One begun without is a snapshot.
    """

    @property
    def name(self) -> str:
        """What errors call it; never a password."""

    @property
    def engine(self) -> Engine:
        """Its connections."""

    @property
    def elsewhere(self) -> str:
        """The setting that leads to another store, as the last words of an error: ``set ASKMASK_... to ...``."""

    def explained(self) -> AbstractContextManager[None]:
        """Turns what the driver, SQLAlchemy and the file system raise into a MemoryStoreError with the next step."""

    def prepare(self, connection: Connection) -> None:
        """Make ready for tables to be made in this transaction, which others that want to make them wait for."""

    def picture_files(self, meta: Mapping[str, int], /) -> PictureFiles:
        """Where the store keeps its pictures, given its table `meta`; no other store has its pictures there."""

    def scrub(self) -> None:
        """Remove what is left in the database's files of rows that were deleted, as far as that is ours to do."""


def open_database(address: str | None, data_dir: Path, wait_seconds: float) -> Database:
    """The database at `address`.

    Args:
        address: ``postgresql://...``, or None for the SQLite file in `data_dir`.
        data_dir: folder for the files of the store.
        wait_seconds: how long to wait while another process writes.

    Raises:
        ConfigError: the address is not one of PostgreSQL, or its driver is not installed.
        MemoryStoreError: the file cannot be made.
    """
    if address is None:
        from agent_tools.memory.sqlite import SqliteDatabase

        return SqliteDatabase(data_dir / DATABASE, wait_seconds)
    from agent_tools.memory.postgres import PostgresDatabase

    return PostgresDatabase(address, data_dir, wait_seconds)
