"""All that is particular to PostgreSQL: how it is reached, what its errors mean, what erasing means there.

For several processes that share one store. The tables lie in a schema of their own, ``askmask``, so that the database
can hold other things too. A reading is one snapshot (REPEATABLE READ); a writing sees what is committed (READ
COMMITTED), so that of two turns on one revision the second waits for the first and then finds that the revision has
moved. A finished turn is as safe as the server makes it: its ``synchronous_commit`` is left alone, but for turns that
only took in pictures and gestures, which do not wait for the disk.

What is forgotten is deleted, and no query finds it again. The pages of its rows are the server's: VACUUM, which
autovacuum runs by and by, frees them for other rows, and the write-ahead log and backups keep their copies as long as
the server is set up to.

Pictures stay files, in a folder below the data folder that carries the store's own number: every process of a store
needs the same data folder, so processes on several machines need one on a shared disk.

This module does not know what is stored, and the driver, psycopg, is imported with the first engine.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from agent_tools.errors import ConfigError, MemoryStoreError, shorten
from agent_tools.memory.files import PictureFiles

SCHEMA = "askmask"
DRIVER = "postgresql+psycopg"
_SCHEMES = ("postgresql", "postgres", DRIVER)
_WHERE = ("host", "port", "dbname")
_MAKING = 0x61736B6D
"""Key of the advisory lock under which tables are made."""
_LONGEST_PAUSE = "60s"
"""A process whose machine is gone in the middle of a transaction keeps its locks no longer than this."""


class PostgresDatabase:
    """A database of a PostgreSQL server."""

    elsewhere = "set ASKMASK_STORE to another database"

    def __init__(self, address: str, data_dir: Path, wait_seconds: float) -> None:
        """Get ready to connect; nothing is asked of the server yet.

        Args:
            address: ``postgresql://USER:PASSWORD@HOST:PORT/DATABASE``; what it leaves out libpq takes from PGHOST,
                ~/.pgpass and the like.
            data_dir: the folder that all processes of the store share.
            wait_seconds: how long to wait while another process writes, and for the server to answer at first.

        Raises:
            ConfigError: not an address of PostgreSQL, or its driver is not installed.
        """
        url = _parsed(address)
        self.name = _shown(url)
        self._data_dir = data_dir
        self._secrets = [str(secret) for secret in (url.password, url.query.get("password")) if secret]
        try:
            self.engine = _open_engine(url, wait_seconds)
        except ImportError as error:
            raise ConfigError(
                f"store={self.name} needs a driver that cannot be imported ({shorten(error)}): expected psycopg 3. "
                "Install it with: pip install 'askmask[postgres]'."
            ) from error

    def prepare(self, connection: Connection) -> None:
        """Take the lock under which tables are made, and make their schema."""
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MAKING})
        # IF NOT EXISTS would want the right to make schemas even where somebody has made this one for us.
        if connection.execute(text("SELECT to_regnamespace(:name)"), {"name": SCHEMA}).scalar_one() is None:
            connection.exec_driver_sql(f"CREATE SCHEMA {SCHEMA}")

    def picture_files(self, meta: Mapping[str, int], /) -> PictureFiles:
        """A folder by the number of the store, since sweeping it must not reach the files of another one."""
        return PictureFiles(self._data_dir / f"pictures-{meta['store']:08x}", shared=True)

    def scrub(self) -> None:
        """Nothing: see above, what is left of deleted rows is the server's to overwrite."""

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn what PostgreSQL, SQLAlchemy and the file system raise into a MemoryStoreError with the next step."""
        try:
            yield
        except OSError as error:
            raise MemoryStoreError(
                f"store={self.name} cannot keep its pictures in {self._data_dir} "
                f"({shorten(error.strerror or error, 160)}): expected a folder that you may write to, with free space. "
                "Correct that, or set ASKMASK_DATA_DIR to another folder that all processes of the store share."
            ) from error
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            wrong, expected, step = _meaning(cause)
            detail = " ".join(str(cause).split())
            for secret in self._secrets:
                detail = detail.replace(secret, "***")
            # Not chained: the errors below quote the statement with what was to be kept, and may quote the address.
            raise MemoryStoreError(
                f"store={self.name} {wrong} ({shorten(detail, 160)}): expected {expected}. {step}."
            ) from None


def _parsed(address: str) -> URL:
    try:
        url = make_url(address)
    except (SQLAlchemyError, ValueError):
        url = None
    if url is None or url.drivername not in _SCHEMES:
        raise ConfigError(
            "store=(not shown, it may hold a password) is no address of PostgreSQL: expected "
            "postgresql://USER:PASSWORD@HOST:PORT/DATABASE. Correct ASKMASK_STORE, or unset it to keep conversations "
            "in a file."
        ) from None
    return url.set(drivername=DRIVER)


def _shown(url: URL) -> str:
    """The address without password and options."""
    where = {key: url.query[key] for key in _WHERE if key in url.query}
    shown = URL.create("postgresql", url.username, None, url.host, url.port, url.database, where)
    return shown.render_as_string()


def _open_engine(url: URL, wait_seconds: float) -> Engine:
    arguments = {} if "connect_timeout" in url.query else {"connect_timeout": max(2, math.ceil(wait_seconds))}
    # A connection that a restarted server has dropped is noticed before it is used.
    engine = create_engine(url, connect_args=arguments, isolation_level="READ COMMITTED", pool_pre_ping=True)

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET search_path TO {SCHEMA}")
            cursor.execute(f"SET lock_timeout TO {max(1, round(1e3 * wait_seconds))}")
            cursor.execute(f"SET idle_in_transaction_session_timeout TO '{_LONGEST_PAUSE}'")
        connection.commit()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if not options.get("writing"):
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        elif not options["flushed"]:
            connection.exec_driver_sql("SET LOCAL synchronous_commit TO OFF")

    return engine


_MEANINGS = (
    (
        ("55P03", "40001", "40P01"),
        (),
        "is being written by another process",
        "its turn to end within seconds",
        "Try again; if it stays so, end the other askmask",
    ),
    (
        ("53100",),
        (),
        "cannot be written",
        "free space on the server's disk",
        "Make room and try again; every finished turn is kept",
    ),
    (
        ("53300",),
        ("too many connections", "too many clients", "remaining connection slots"),
        "has no connection left",
        "a server with room for one more",
        "Try again, or raise its max_connections",
    ),
    (
        ("28000", "28P01"),
        ("authentication failed", "no password supplied", "no pg_hba.conf entry"),
        "does not let this user in",
        "a user and password that it knows",
        "Correct ASKMASK_STORE, or keep the password in ~/.pgpass",
    ),
    (
        ("42501", "25006"),
        (),
        "cannot be written",
        f"the right to make and use the schema {SCHEMA} on a server that takes writings",
        f"GRANT CREATE ON DATABASE, or ALL on the schema {SCHEMA} and its tables, to this user",
    ),
    (
        ("3D000",),
        ("does not exist",),
        "names something that is not on the server",
        "an existing database and role",
        "Make it with createdb or createuser, or correct ASKMASK_STORE",
    ),
    (
        ("22021",),
        ("nul (0x00)",),
        "cannot keep this text",
        "text without NUL characters",
        "Leave them out and try again",
    ),
    (
        ("08000", "08003", "08006", "57P01", "57P02", "57P03", "25P03"),
        ("refused", "closed", "failed", "timeout", "timed out", "terminat", "starting up", "is lost"),
        "cannot be reached",
        "a running PostgreSQL server",
        "Start it and try again, or correct ASKMASK_STORE; every finished turn is kept",
    ),
)
"""SQLSTATEs, words for errors that come without one (those of connecting), and what to say."""


def _meaning(cause: BaseException) -> tuple[str, str, str]:
    """What is wrong, what was expected, and the next step."""
    state, said = getattr(cause, "sqlstate", None), str(cause).lower()
    for states, words, wrong, expected, step in _MEANINGS:
        if state in states or (state is None and any(word in said for word in words)):
            return wrong, expected, step
    return "cannot be used", "a PostgreSQL server of version 12 or newer", "Correct ASKMASK_STORE"
