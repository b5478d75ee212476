"""What a run knows, in one SQLite file: its pictures, counts, errors, corrections, products and models.

Counts lie under the key of what they depend on (see `work_keys`) and not under the picture: a run with other products
in the same folder mixes nothing and loses nothing, pictures of the same bytes share one, and going back to the earlier
products finds their counts again. A process killed at any moment leaves whole transactions only. Safe to use from
several threads. This module does not know how anything is counted, and nothing of tables or reports.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError

from agent_tools.errors import ConfigError, shorten
from agent_tools.shelves.products import ProductList
from agent_tools.shelves.results import Correction, ShelfCount
from workflows.shelf_count.results_kept import PictureResult, ShelfPicture
from workflows.shelf_count.work_keys import WorkKeys

FILE = "run.sqlite"
LOCK = "run.lock"
_FORMAT = 1
_PAGE = 200
_WAIT_SECONDS = 30.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS run (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pictures (
    address TEXT PRIMARY KEY, place INTEGER, store TEXT NOT NULL, shelf TEXT NOT NULL, time TEXT NOT NULL,
    state TEXT NOT NULL, digest TEXT, work TEXT, error TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS in_order ON pictures (place);
CREATE INDEX IF NOT EXISTS same_bytes ON pictures (digest, place);
CREATE TABLE IF NOT EXISTS counts (work TEXT PRIMARY KEY, count TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS corrections (
    address TEXT PRIMARY KEY, digest TEXT NOT NULL, correction TEXT NOT NULL
) WITHOUT ROWID;
"""
_ROWS = """
SELECT p.place, p.address, p.store, p.shelf, p.time, p.error, c.count, k.correction,
    (SELECT f.address FROM pictures f WHERE f.digest = p.digest AND f.place < p.place ORDER BY f.place LIMIT 1)
FROM pictures p LEFT JOIN counts c ON c.work = p.work
    LEFT JOIN corrections k ON k.address = p.address AND k.digest = coalesce(p.digest, '')
WHERE p.place IS NOT NULL AND (c.count IS NOT NULL OR p.error != '')
"""

COUNTS = TypeAdapter(ShelfCount)
"""How counts become JSON, and are checked when they are read back."""
_CORRECTIONS = TypeAdapter(Correction)
_PRODUCTS = TypeAdapter(ProductList)
_MODELS = TypeAdapter(dict[str, str])


@dataclass(frozen=True, slots=True)
class FoundPicture:
    """A picture that a run is asked to count.

    Attributes:
        picture: which.
        state: changes when its content may have; empty: nothing is known of that, so it is read again.
    """

    picture: ShelfPicture
    state: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """What counting one picture came to, on its way into the store.

    Attributes:
        picture: which.
        digest: sha256 of its bytes, hex; empty where they could not be read.
        count: JSON of a `ShelfCount`; None: the count of that content is kept already, or there is an error.
        error: why there is no count, one line.
    """

    picture: ShelfPicture
    digest: str = ""
    count: bytes | None = None
    error: str = ""


class RunStore:
    """One run's folder. Counting goes through `lock`, `begin` and `keep`; reading and correcting is for anybody."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        """For `open` and `create`, which are the ways in."""
        self.folder, self._connection = folder, connection
        self._guard = RLock()
        self._lock: sqlite3.Connection | None = None
        self._keys: WorkKeys | None = None

    @classmethod
    def open(cls, folder: str | Path) -> RunStore:
        """An existing run.

        Raises:
            ConfigError: there is none, or it cannot be read.
        """
        folder = Path(folder)
        if not (folder / FILE).is_file():
            raise ConfigError(
                f"out={shorten(folder)} holds no run: expected {FILE} in it. "
                "Make one first: askmask count-shelves FOLDER --products FILE --out DIR"
            )
        return cls._opened(folder)

    @classmethod
    def create(cls, folder: str | Path) -> RunStore:
        """The run in a folder, begun where there is none; for this process alone to count into, until it ends.

        Raises:
            ConfigError: another process counts there, or the folder cannot be written.
        """
        folder = Path(folder)
        with _explained(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = _locked(folder)
        try:
            store = cls._opened(folder)
        except BaseException:
            lock.close()
            raise
        store._lock = lock
        return store

    @classmethod
    def _opened(cls, folder: Path) -> RunStore:
        file = folder / FILE
        with _explained(folder):
            _make_private(file)
            connection = sqlite3.connect(file, _WAIT_SECONDS, isolation_level=None, check_same_thread=False)
            try:
                _prepare(connection, folder)
            except BaseException:
                connection.close()
                raise
        return cls(folder, connection)

    # What was counted, for tables, reports and reviews.

    @property
    def products(self) -> ProductList:
        """What the run looks for.

        Raises:
            ConfigError: the file is damaged, or the run never began.
        """
        products: ProductList = self._setting("products", _PRODUCTS)
        return products

    @property
    def models(self) -> dict[str, str]:
        """What looks: preset, detector, and the version of askmask.

        Raises:
            ConfigError: as for `products`.
        """
        models: dict[str, str] = self._setting("models", _MODELS)
        return models

    def results(self) -> Iterator[PictureResult]:
        """What came of every picture that was dealt with, in the order of the pictures, a few in memory at a time.

        Raises:
            ConfigError: the file is damaged.
        """
        after = -1
        while rows := self._rows(f"{_ROWS} AND p.place > ? ORDER BY p.place LIMIT {_PAGE}", (after,)):
            yield from map(self._result, rows)
            after = rows[-1][0]

    def result(self, address: str) -> PictureResult:
        """What came of one picture.

        Raises:
            ConfigError: it is not in the run, or not counted yet.
        """
        rows = self._rows(f"{_ROWS} AND p.address = ?", (address,))
        if not rows:
            raise ConfigError(
                f"picture={shorten(address)} has no result: expected a picture of the run in {shorten(self.folder)}. "
                "Name one of its table, or count it first."
            )
        return self._result(rows[0])

    def correct(self, address: str, correction: Correction | None) -> None:
        """Keep what a person put right on a picture, or None: forget it. On the disk when this returns.

        It holds for the bytes that the person saw: when the picture changes it no longer applies, and is back when the
        picture is.

        Raises:
            ConfigError: the picture is not in the run, or the disk cannot be written.
        """
        self.result(address)
        with self._writing() as connection:
            connection.execute("DELETE FROM corrections WHERE address = ?", (address,))
            if correction is not None:
                connection.execute(
                    "INSERT INTO corrections SELECT address, coalesce(digest, ''), ? FROM pictures WHERE address = ?",
                    (_CORRECTIONS.dump_json(correction).decode(), address),
                )

    # What counting needs.

    def begin(self, products: ProductList, models: Mapping[str, str], found: Sequence[FoundPicture]) -> list[int]:
        """Make these pictures, products and models the run's; what was counted before and still holds is taken over.

        Args:
            products: what is looked for.
            models: what looks, by role.
            found: the pictures in order, each address once.

        Returns:
            which of `found` are left to count: the new and the changed, and those that ended with an error.

        Raises:
            ConfigError: the disk cannot be written.
        """
        keys = self._keys = WorkKeys(products, models)
        left = []
        with self._writing() as connection:
            for name, value in (
                ("products", _PRODUCTS.dump_json(products)),
                ("models", _MODELS.dump_json(dict(models))),
                ("fingerprint", keys.fingerprint.encode()),
            ):
                connection.execute("INSERT OR REPLACE INTO run VALUES (?, ?)", (name, value.decode()))
            connection.execute("UPDATE pictures SET place = NULL")
            for place, each in enumerate(found):
                picture = each.picture
                known = connection.execute(
                    "SELECT state, digest FROM pictures WHERE address = ?", (picture.address,)
                ).fetchone()
                same = known is not None and each.state != "" and known[0] == each.state
                digest: str | None = known[1] if same else None
                work = None if digest is None else keys.key(digest, picture)
                if not _has_count(connection, work):
                    left.append(place)
                    work = None
                connection.execute(
                    "INSERT OR REPLACE INTO pictures VALUES (?, ?, ?, ?, ?, ?, ?, ?, '')",
                    (picture.address, place, picture.store, picture.shelf, picture.time, each.state, digest, work),
                )
        return left

    @property
    def fingerprint(self) -> str:
        """Of the products and models of the last run in this folder; empty where there was none."""
        rows = self._rows("SELECT value FROM run WHERE name = 'fingerprint'")
        return str(rows[0][0]) if rows else ""

    @property
    def keys(self) -> WorkKeys:
        """What counts are kept under, from `begin` on."""
        assert self._keys is not None, "begin comes first"
        return self._keys

    def work(self, digest: str, picture: ShelfPicture) -> str:
        """What the count of these bytes is kept under; pictures for which it is equal have equal counts."""
        return self.keys.key(digest, picture)

    def works(self) -> set[str]:
        """All that is counted."""
        return {row[0] for row in self._rows("SELECT work FROM counts")}

    def has(self, work: str) -> bool:
        """Whether that count is kept already."""
        return bool(self._rows("SELECT 1 FROM counts WHERE work = ?", (work,)))

    def keep(self, counted: Iterable[Counted]) -> None:
        """Write results, all or none.

        Raises:
            ConfigError: the disk cannot be written; what was kept before stays.
        """
        with self._writing() as connection:
            for one in counted:
                work = None if one.error else self.work(one.digest, one.picture)
                if one.count is not None:
                    connection.execute("INSERT OR REPLACE INTO counts VALUES (?, ?)", (work, one.count.decode()))
                connection.execute(
                    "UPDATE pictures SET digest = ?, work = ?, error = ? WHERE address = ?",
                    (one.digest or None, work, one.error, one.picture.address),
                )

    def drop_counts(self) -> None:
        """Have every picture counted again; corrections stay.

        Raises:
            ConfigError: the disk cannot be written.
        """
        with self._writing() as connection:
            connection.execute("DELETE FROM counts")

    def close(self) -> None:
        """Let go of the file, and of the right to count into it. A store that is closed already stays closed."""
        with self._guard:
            self._connection.close()
            if self._lock is not None:
                self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _rows(self, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
        with self._guard, _explained(self.folder):
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._guard, _explained(self.folder):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk has rolled back by itself
                    self._connection.execute("ROLLBACK")
                raise

    def _setting(self, name: str, adapter: TypeAdapter[Any]) -> Any:
        rows = self._rows("SELECT value FROM run WHERE name = ?", (name,))
        return self._checked(adapter, rows[0][0] if rows else "", name)

    def _result(self, row: tuple[Any, ...]) -> PictureResult:
        _, address, store, shelf, time, error, count, correction, same_as = row
        result = PictureResult(ShelfPicture(address, store, shelf, time), error=error, same_as=same_as or "")
        if count is not None:
            result = replace(result, count=self._checked(COUNTS, count, address))
        if correction is not None:
            result = replace(result, correction=self._checked(_CORRECTIONS, correction, address))
        return result

    def _checked(self, adapter: TypeAdapter[Any], text: str, what: str) -> Any:
        try:
            return adapter.validate_json(text)
        except ValidationError as error:
            raise ConfigError(
                f"{FILE}={shorten(self.folder / FILE)} is damaged at {shorten(what)} ({error.error_count()} errors): "
                "expected what askmask wrote. Move it aside and count again."
            ) from error


def _make_private(file: Path) -> None:
    """An empty file for its owner alone, where there is none; SQLite gives its journals the same mode.

    One that is there is not opened: closing it again would drop the locks that this process has on it.
    """
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _has_count(connection: sqlite3.Connection, work: str | None) -> bool:
    return (
        work is not None and connection.execute("SELECT 1 FROM counts WHERE work = ?", (work,)).fetchone() is not None
    )


def _prepare(connection: sqlite3.Connection, folder: Path) -> None:
    """Set the connection up, and make the tables in a file that has none."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > _FORMAT:
        raise ConfigError(
            f"{FILE}={shorten(folder / FILE)} is of format {version}: expected at most {_FORMAT}. Update askmask."
        )
    if version < _FORMAT:
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version={_FORMAT}; COMMIT;")


def _locked(folder: Path) -> sqlite3.Connection:
    """The right to count into a folder. The system takes it back when the process ends, however it does."""
    file = folder / LOCK
    _make_private(file)
    lock = sqlite3.connect(file, 0, isolation_level=None, check_same_thread=False)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        lock.close()
        if "locked" not in str(error):
            raise
        raise ConfigError(
            f"out={shorten(folder)} is being counted into by another askmask: expected one run a folder. "
            "Wait for it, or name another folder with --out DIR."
        ) from None
    return lock


_MEANINGS = (
    (("locked", "busy"), "is being written by another process", "its turn to end. Run the same command again"),
    (
        ("full", "no space", "disk i/o", "quota", "too large"),
        "cannot be written",
        "free space on its disk. Make room and run the same command again; all that was counted is kept",
    ),
    (
        ("not a database", "malformed", "corrupt", "encrypted", "no such column"),
        "is not readable",
        "an intact SQLite file. Move it aside and count again",
    ),
)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turn what SQLite and the file system raise into a ConfigError with the next step."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        said = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        wrong, step = "cannot be used", "a folder of yours. Name another with --out DIR"
        for words, its_wrong, its_step in _MEANINGS:
            if any(word in said.lower() for word in words):
                wrong, step = its_wrong, its_step
                break
        raise ConfigError(f"out={shorten(folder)} {wrong} ({shorten(said, 120)}): expected {step}.") from error
