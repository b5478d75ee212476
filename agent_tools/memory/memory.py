"""The memory of conversations: what the rest of askmask sees of it.

One turn of a conversation at a time: within this process a second one waits, between processes the later commit finds
that the revision has moved and is refused. This module does not know tables, and SQLAlchemy is only imported when a
`Memory` is made.
"""

from __future__ import annotations

import re
import tempfile
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from agent_tools.errors import ConfigError, MemoryStoreError, shorten
from agent_tools.memory.calls import with_masks
from agent_tools.memory.database import open_database
from agent_tools.memory.records import ConversationSummary, ObjectVersion, OpenedPicture, State, TurnRecord
from agent_tools.memory.turn import Turn
from agent_tools.pictures import Picture
from agent_tools.settings import settings

if TYPE_CHECKING:
    from agent_tools.memory.timeline import Timeline

_KEPT = 16


class Memory:
    """The conversations of one owner in one store.

    It holds database connections: use it as a context manager, or call `close`.
    """

    def __init__(
        self,
        data_dir: Path | str | None = None,
        owner: str | None = None,
        wait_seconds: float = 15.0,
        store: str | None = None,
    ) -> None:
        """Open the store, making it where it is missing.

        Args:
            data_dir: folder of the store's files; None: the setting ``data_dir``.
            owner: whose conversations; those of others are as if they did not exist. None: the setting ``owner``.
            wait_seconds: how long to wait while another process writes.
            store: ``postgresql://...`` for a store that several processes share; all of them need the same `data_dir`,
                where the pictures are. None: an SQLite file in `data_dir` where that is given, else the setting
                ``store``.

        Raises:
            ConfigError: the store's address is wrong, or the driver it needs is not installed.
            MemoryStoreError: the store cannot be opened, or a newer askmask wrote it.
        """
        from agent_tools.memory.store import Store

        if store is None and data_dir is None and (address := settings().store) is not None:
            store = address.get_secret_value()
        folder = Path(settings().data_dir if data_dir is None else data_dir).expanduser().absolute()
        self.data_dir = folder
        self.owner = settings().owner if owner is None else owner
        database = open_database(store, folder, wait_seconds)
        self._store_name = database.name
        self._store = Store(database, self.owner)
        self._files = self._store.files
        self._known: OrderedDict[str, Timeline] = OrderedDict()
        self._known_lock = threading.Lock()
        self._finalizer = weakref.finalize(self, self._store.close)

    @classmethod
    def temporary(cls, owner: str = "local") -> Self:
        """A memory in a file that is deleted when it is closed, whatever the setting ``store`` says."""
        folder = tempfile.TemporaryDirectory(prefix="askmask-", ignore_cleanup_errors=True)
        try:
            memory = cls(folder.name, owner)
        except BaseException:
            folder.cleanup()
            raise
        store = memory._store

        def finish() -> None:
            store.close()
            folder.cleanup()

        memory._finalizer.detach()
        memory._finalizer = weakref.finalize(memory, finish)
        return memory

    def owned_by(self, owner: str) -> Memory:
        """The conversations of another owner in the same store; it is open as long as this one is."""
        other = copy(self)
        other.owner, other._store = owner, self._store.owned_by(owner)
        other._known, other._known_lock = OrderedDict(), threading.Lock()
        return other

    def close(self) -> None:
        """Close the store; closing twice does nothing."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def name(self) -> str:
        """What errors call the store; never a password."""
        return self._store_name

    @property
    def picture_folder(self) -> Path:
        """Where the pictures of all conversations are; it is made with the first one."""
        return self._files.folder

    def picture_bytes(self) -> int:
        """Bytes that the pictures of all conversations take, those of other owners too.

        Raises:
            OSError: the folder cannot be read.
        """
        return self._files.total()

    def create(self) -> str:
        """Begin a conversation; its id, 32 random hex digits.

        Raises:
            MemoryStoreError: the store cannot be written.
        """
        return self._store.create()

    def conversations(self) -> list[ConversationSummary]:
        """This owner's conversations, oldest first.

        Raises:
            MemoryStoreError: the store cannot be read.
        """
        return self._store.summaries()

    def state(self, conversation: str) -> State:
        """A conversation as last committed.

        Raises:
            ConfigError: this owner has no conversation of that id.
            MemoryStoreError: the store cannot be read.
        """
        return self._timeline(conversation).state

    def picture(self, opened: OpenedPicture) -> Picture:
        """A picture that a conversation opened, with its pixels.

        Raises:
            MemoryStoreError: its file is missing or damaged.
        """
        return self._files.load(opened.digest, opened.name)

    def history(self, conversation: str) -> list[TurnRecord]:
        """What was said and called, oldest first, but for what was forgotten.

        Raises:
            ConfigError: this owner has no conversation of that id.
            MemoryStoreError: the store cannot be read.
        """
        _check_id(conversation)
        turns = self._store.history(conversation)
        versions = self._timeline(conversation).versions  # read later: it has every version that those turns name

        def versions_of(handle: str) -> tuple[ObjectVersion, ...]:
            return versions.get(handle, ())

        return [replace(turn, calls=tuple(with_masks(call, versions_of) for call in turn.calls)) for turn in turns]

    def said(self, conversation: str, last: int) -> list[tuple[str, str]]:
        """The requests and answers of the `last` turns that had an answer, oldest first; cheaper than `history`.

        Raises:
            ConfigError: this owner has no conversation of that id.
            MemoryStoreError: the store cannot be read.
        """
        return self._store.said(conversation, last)

    def erase(self, conversation: str) -> None:
        """Erase a conversation with all that belongs to it, and pictures that no other one shows.

        Raises:
            ConfigError: this owner has no conversation of that id.
            MemoryStoreError: the store cannot be written.
        """
        _check_id(conversation)
        with self._alone(conversation):
            self._store.erase(conversation)
            self._keep(conversation, None)

    def export_conversation(self, conversation: str, path: Path | str) -> Path:
        """Write everything kept of a conversation to one file, for another machine or another kind of store.

        What is in it: messages, calls and results, the original bytes of pictures, gestures, every version of every
        object, and what undo and redo lead to. The file is for its owner alone (mode 0600), and not encrypted.

        Args:
            conversation: its id.
            path: a file that is not there yet; it is written whole or not at all.

        Returns:
            The path.

        Raises:
            ConfigError: this owner has no conversation of that id; or the file is there already, or cannot be written.
            MemoryStoreError: the store, or one of the pictures, cannot be read.
        """
        from agent_tools.memory import archives, json_rows, schema

        _check_id(conversation)
        target = Path(path).expanduser()
        head, parts = self._store.rows(conversation)
        lines = {table.name: [json_rows.to_json(table, row) for row in parts[table.name]] for table in schema.PARTS}
        pictures = ((row["digest"], self._files.read(row["digest"], row["name"])) for row in parts["pictures"])
        archives.write(target, json_rows.to_json(schema.conversations, head), lines, pictures)
        return target

    def import_conversation(self, path: Path | str) -> str:
        """Take in a conversation that was exported, by whomever; everything in the file is checked before it is used.

        It becomes this owner's, with the same handles, and undo and redo go on where they stood.

        Args:
            path: the file; it is left as it is.

        Returns:
            The conversation's id: its own, or a new one where a conversation of that id is here already.

        Raises:
            ConfigError: the file cannot be read, is no conversation, holds something that no conversation holds, or a
                newer askmask wrote it.
            MemoryStoreError: the store cannot be written. Nothing of the conversation is kept.
        """
        from agent_tools.memory import archives, arrivals, schema

        tables, added = ([table.name for table in some] for some in (schema.PARTS, schema.ADDED))
        with archives.reading(Path(path).expanduser(), tables, added) as archive:
            head, parts = arrivals.arrived(archive)
            pictures = (arrivals.picture_of(archive, row) for row in parts["pictures"])
            return self._store.take_in(head, parts, pictures)

    @contextmanager
    def turn(self, conversation: str, request: str = "", click: tuple[float, float] | None = None) -> Iterator[Turn]:
        """One turn as a unit of work: leaving the block commits all of it, an exception in it drops all of it.

        A turn in which nothing happened, not even an answer, leaves no trace.

        Args:
            conversation: its id.
            request: the person's words.
            click: (x, y) in pixels of the upright picture that came with them, or None.

        Raises:
            ConfigError: this owner has no conversation of that id.
            ConflictError: another process committed to it in the meantime; nothing of this turn was kept.
            MemoryStoreError: the store cannot be read or written, or this thread is in a turn of it already.
        """
        _check_id(conversation)
        with self._alone(conversation):
            timeline = self._timeline(conversation)
            turn = Turn(
                timeline,
                self._files,
                lambda call: self._store.find_call(conversation, call),
                request,
                click,
                lambda turns: self._store.requests(conversation, turns),
            )
            try:
                yield turn
            except BaseException:
                turn.finish()
                raise
            staged = turn.finish()
            if staged is not None:
                self._keep(conversation, None)
                self._store.commit(staged)
                self._keep(conversation, staged.timeline)
                for picture in staged.originals:
                    self._files.remember(picture)

    def _timeline(self, conversation: str) -> Timeline:
        """The timeline as last committed, by this process or by another."""
        _check_id(conversation)
        revision = self._store.revision(conversation)
        with self._known_lock:
            known = self._known.get(conversation)
        if known is None or known.revision != revision:
            known = self._store.timeline(conversation)
        self._keep(conversation, known)
        return known

    def _keep(self, conversation: str, timeline: Timeline | None) -> None:
        with self._known_lock:
            self._known.pop(conversation, None)
            if timeline is not None:
                self._known[conversation] = timeline
                while len(self._known) > _KEPT:
                    self._known.popitem(last=False)

    @contextmanager
    def _alone(self, conversation: str) -> Iterator[None]:
        """Wait until no other turn of this conversation is in progress in this process."""
        key = (self._store_name, conversation)
        with _places_lock:
            place = _places.setdefault(key, _Place())
        if place.holder == threading.get_ident():
            raise MemoryStoreError(
                f"conversation={conversation} is in a turn already: expected one turn at a time. "
                "Use the turn that is in progress."
            )
        with place.lock:
            place.holder = threading.get_ident()
            try:
                yield
            finally:
                place.holder = None


class _Place:
    """Who is in a turn of a conversation; shared by every `Memory` of this process on the same store."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.holder: int | None = None


_places: weakref.WeakValueDictionary[tuple[str, str], _Place] = weakref.WeakValueDictionary()
_places_lock = threading.Lock()


def _check_id(conversation: str) -> None:
    if not isinstance(conversation, str) or not re.fullmatch(r"[0-9a-f]{32}", conversation):
        raise ConfigError(
            f"conversation={shorten(conversation)} is no id: expected 32 hex digits. "
            "Check it, or leave it out to begin a new one."
        )
