"""One contract: what uses `store` or `memory` runs on SQLite and on a real PostgreSQL server."""

import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest

from agent_tools.masks import Mask
from agent_tools.memory import Memory, Turn
from agent_tools.memory.database import DATABASE
from agent_tools.pictures import Picture

SIDE = 8
TABLES = ("meta", "conversations", "turns", "pictures", "openings", "gestures", "versions", "edits", "calls")
INSTALL = "apt-get install postgresql, and pip install 'askmask[postgres]'"


class SqliteStore:
    """An empty place for a store in a file.

    Attributes:
        folder: data folder.
        address: what `Memory` takes for ``store``.
        name: what errors call it.
    """

    address: str | None = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = str(folder / DATABASE)

    def open(self, owner: str | None = None, wait_seconds: float = 15.0) -> Memory:
        return Memory(self.folder, owner, wait_seconds, self.address)

    @property
    def program_arguments(self) -> tuple[str, str]:
        """`folder` and `address` for another process."""
        return str(self.folder), self.address or ""

    def execute(self, statement: str) -> None:
        with closing(sqlite3.connect(self.folder / DATABASE)) as connection, connection:
            connection.execute(statement)

    @contextmanager
    def being_written(self, conversation: str) -> Iterator[None]:
        """Somebody else is in the middle of writing to the conversation."""
        with closing(sqlite3.connect(self.folder / DATABASE, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield

    def traces(self) -> bytes:
        """All that can still be found: here every byte of every file."""
        files = (file for file in sorted(self.folder.rglob("*")) if file.is_file())
        return b"".join(file.read_bytes() + file.name.encode() for file in files)

    def size(self) -> int:
        """Bytes of the database."""
        return (self.folder / DATABASE).stat().st_size

    def settle(self) -> None:
        """Wait until killed processes have no transaction left."""


class PostgresStore(SqliteStore):
    """An empty place for a store on a PostgreSQL server."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder, self.address = folder, address
        self.name = address
        self.execute("DROP SCHEMA IF EXISTS askmask CASCADE")

    @contextmanager
    def connected(self):
        import psycopg

        with psycopg.connect(self.address, options="-c search_path=askmask -c lock_timeout=30s") as connection:
            yield connection

    def execute(self, statement: str) -> None:
        with self.connected() as connection:
            connection.execute(statement)

    @contextmanager
    def being_written(self, conversation: str) -> Iterator[None]:
        with self.connected() as connection:
            connection.execute("SELECT * FROM conversations WHERE id = %s FOR UPDATE", [conversation])
            yield

    def traces(self) -> bytes:
        """Every value of every row that a query finds, and every byte of every picture file."""
        found = [super().traces()]
        with self.connected() as connection:
            for table in TABLES:
                for row in connection.execute(f"SELECT * FROM {table}"):
                    found += [value if isinstance(value, bytes) else repr(value).encode() for value in row]
        return b"\n".join(found)

    def size(self) -> int:
        sizes = " + ".join(f"pg_total_relation_size('{table}')" for table in TABLES)
        with self.connected() as connection:
            return connection.execute(f"SELECT {sizes}").fetchone()[0]

    def settle(self) -> None:
        busy = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND xact_start IS NOT NULL"
        until = time.monotonic() + 30
        with self.connected() as connection:
            connection.autocommit = True
            while connection.execute(busy + " AND pid <> pg_backend_pid()").fetchone()[0]:
                assert time.monotonic() < until, "a transaction of a killed process does not end"
                time.sleep(0.01)


def postgres_programs() -> Path | None:
    """The folder of initdb and postgres, the newest where there are several."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    program = str(found[-1]) if found else shutil.which("initdb")
    return None if program is None else Path(program).resolve().parent


@pytest.fixture(scope="session")
def postgres_address() -> Iterator[str]:
    """A PostgreSQL server of this test run alone, reached by a socket in a folder of its own; its address."""
    programs = postgres_programs()
    try:
        import psycopg
    except ImportError:
        programs = None
    if programs is None or not shutil.which("setpriv"):
        missing = f"PostgreSQL, its driver or setpriv is not here: {INSTALL}"
        pytest.fail(missing) if os.environ.get("POSTGRES_REQUIRED") else pytest.skip(missing)
    with tempfile.TemporaryDirectory(prefix="askmask-pg-", dir="/tmp") as name:  # a socket's path has to be short
        folder = Path(name)
        user = ["setpriv", "--pdeathsig=INT"]  # the server goes with the tests, however they end
        if os.geteuid() == 0:  # which PostgreSQL refuses to run as
            user += ["--reuid=postgres", "--regid=postgres", "--clear-groups"]
            shutil.chown(folder, "postgres", "postgres")
        initdb = [programs / "initdb", "--no-sync", "-U", "postgres", "-E", "UTF8", "--locale=C", "-D", folder / "data"]
        subprocess.run([*user, *initdb], check=True, cwd=folder, stdout=subprocess.DEVNULL)
        (folder / "hba").write_text("local all stranger scram-sha-256\nlocal all all trust\n")
        rules = {"listen_addresses": "", "unix_socket_directories": folder, "hba_file": folder / "hba", "fsync": "off"}
        options = [part for key, value in rules.items() for part in ("-c", f"{key}={value}")]
        with (folder / "log").open("w") as log:
            server = subprocess.Popen(
                [*user, programs / "postgres", "-D", folder / "data", *options], cwd=folder, stdout=log, stderr=log
            )
        address = f"postgresql://postgres@/postgres?host={quote(name, safe='')}"
        try:
            wait_until_it_answers(psycopg, address, folder / "log")
            yield address
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(60)


def wait_until_it_answers(psycopg, address: str, log: Path) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(address).close()
            return
        except psycopg.OperationalError:
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.02)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "askmask"


@pytest.fixture
def sqlite_store(folder: Path) -> SqliteStore:
    return SqliteStore(folder)


@pytest.fixture
def postgres_store(folder: Path, postgres_address: str) -> PostgresStore:
    return PostgresStore(folder, postgres_address)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> SqliteStore:
    return request.getfixturevalue(f"{request.param}_store")


@pytest.fixture
def memory(store: SqliteStore) -> Iterator[Memory]:
    with store.open() as opened:
        yield opened


def make_picture(shade: int) -> Picture:
    return Picture.from_array(np.full((SIDE, SIDE, 3), shade, np.uint8), f"shade-{shade}.png")


@pytest.fixture
def picture() -> Callable[[int], Picture]:
    return make_picture


def make_mask(seed: int) -> Mask:
    return Mask.from_array(np.random.default_rng(seed).random((SIDE, SIDE)) < 0.5)


@pytest.fixture
def mask() -> Callable[[int], Mask]:
    return make_mask


@pytest.fixture
def add() -> Callable[..., str]:
    """Adds an object of a label to the current picture, opening one where there is none."""

    def adding(turn: Turn, label: str = "orange", seed: int = 0) -> str:
        if turn.state.picture is None:
            turn.open_picture(make_picture(100))
        assert turn.state.picture is not None
        return turn.add_object(picture=turn.state.picture, label=label, score=0.5, mask=make_mask(seed), model="test")

    return adding
